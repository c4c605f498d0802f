// Workers of an installation as processes of their own, with what they log and what their probes answer.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { systemClock } from '../../src/clock/system-clock.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js')

/** One line of a worker's log. */
export interface LogLine {
  readonly event?: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface WorkerUnderTest {
  readonly pid: number
  /** What it has logged so far under the event `name`. */
  said(name: string): LogLine[]
  /** All that it wrote, for a message. */
  readonly text: string
  /** Resolves once it consumes for the first time, or has ended. */
  readonly up: Promise<void>
  readonly isUp: boolean
  readonly isOver: boolean
  /** Status and reasons of `/readyz`; status 0 while nothing answers. */
  readyz(): Promise<{ readonly status: number; readonly body: string }>
  signal(name: NodeJS.Signals): void
  /** Its exit code, once it has ended; null after a SIGKILL. */
  readonly ended: Promise<number | null>
}

/** Something that it needs may be down for a while when it starts. */
const UP_MS = 180_000

/** Starts a worker with `env` and what a process needs; `main` is the program of this or of another build. */
export function spawnWorker(env: Readonly<Record<string, string>>, main = MAIN): WorkerUnderTest {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [main, 'worker'], {
    env: { PATH, HOME, FERRYMAN_HTTP_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = readLog(child.stdout)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8')
  })
  let over = false
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      over = true
      resolve(code)
    })
  })
  let isUp = false
  const up = Promise.race([
    ended,
    until('a worker consumes', () => log.said('broker.consuming').some(isRequests), UP_MS),
  ]).then(() => {
    isUp = true
  })
  up.catch(() => undefined)
  return {
    pid: child.pid ?? 0,
    said: log.said,
    get text() {
      return log.text() + errors
    },
    up,
    get isUp() {
      return isUp
    },
    get isOver() {
      return over
    },
    readyz: () => askReadiness(log.said('http.listening')[0]?.['port']),
    signal: (name) => {
      child.kill(name)
    },
    ended,
  }
}

const isRequests = ({ queue }: LogLine): boolean => String(queue).endsWith('.requests')

function readLog(stream: NodeJS.ReadableStream): { said: (name: string) => LogLine[]; text: () => string } {
  const lines: LogLine[] = []
  let text = ''
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) lines.push(JSON.parse(part) as LogLine)
  })
  return { said: (name) => lines.filter(({ event }) => event === name), text: () => text }
}

async function askReadiness(port: unknown): Promise<{ status: number; body: string }> {
  if (typeof port !== 'number') return { status: 0, body: '' }
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) })
    return { status: answer.status, body: await answer.text() }
  } catch {
    return { status: 0, body: '' }
  }
}

/** Asks every 20 ms; rejects, naming what was waited for, after `limitMs`. */
export async function until(what: string, holds: () => unknown, limitMs = 60_000): Promise<void> {
  const endsMs = systemClock.monotonicMs() + limitMs
  while (!(await holds())) {
    if (systemClock.monotonicMs() > endsMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await systemClock.sleep(20)
  }
}
