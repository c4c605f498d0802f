// The program as a process of its own: run to its end, or a worker that is told to stop.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Run } from '../support/program.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js')

export type { Run }

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Runs one command line with only `env` and what a process needs. */
export function ferryman(words: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = start(words, options.env ?? {})
  child.stdin?.end(options.input ?? '')
  const said = collect(child)
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, out: said.out, err: said.err })
    })
  })
}

export interface WorkerProcess {
  readonly said: { readonly out: string; readonly err: string }
  /** Port of its probes and metrics. */
  readonly port: number
  signal(name: NodeJS.Signals): void
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>
}

/** Starts a worker; resolves once `/readyz` says yes. */
export async function workerProcess(env: Readonly<Record<string, string>>): Promise<WorkerProcess> {
  const child = start(['worker'], { FERRYMAN_HTTP_PORT: '0', ...env })
  const said = collect(child)
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  const port = await new Promise<number>((resolve, reject) => {
    const look = (): void => {
      const line = said.out.split('\n').find((candidate) => candidate.includes('"msg":"http listening"'))
      if (line !== undefined) resolve((JSON.parse(line) as { port: number }).port)
    }
    child.stdout?.on('data', look)
    void ended.then((code) => {
      reject(new Error(`the worker ended with ${code}: ${said.err}${said.out}`))
    })
  })
  await ready(port, said)
  return {
    said,
    port,
    signal: (name) => {
      child.kill(name)
    },
    ended,
  }
}

const READY_MS = 30_000

/** Fails with the reasons and the log when it takes too long. */
async function ready(port: number, said: { readonly out: string }): Promise<void> {
  const untilMs = systemClock.monotonicMs() + READY_MS
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`)
    const body = await response.text()
    if (response.status === 200) return
    if (systemClock.monotonicMs() > untilMs) throw new Error(`the worker is not ready: ${body}${said.out}`)
    await systemClock.sleep(20)
  }
}

function start(words: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const { PATH, HOME } = process.env
  return spawn(process.execPath, [MAIN, ...words], { env: { PATH, HOME, ...env }, stdio: 'pipe' })
}

function collect(child: ChildProcess): { out: string; err: string } {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    said.out += chunk.toString('utf8')
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    said.err += chunk.toString('utf8')
  })
  return said
}
