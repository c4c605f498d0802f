#!/usr/bin/env node
// The process: arguments, signals, streams and the exit code. The only file that touches the process object.
import { hostname } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { run } from './cli/program.ts'
import { EXIT } from './cli/exit.ts'
import type { Io } from './cli/output.ts'
import { systemClock } from './clock/system-clock.ts'
import type { Log } from './telemetry/log.ts'
import { reasonOf } from './telemetry/scrub.ts'
import { openParts } from './wire/parts.ts'
import { openWorker } from './wire/open-worker.ts'

const stopping = new AbortController()
const forcing = new AbortController()
let log: Log | null = null

/** The first signal asks to stop, the second to stop at once, a third ends the process where it stands. */
function onSignal(): void {
  if (!stopping.signal.aborted) stopping.abort(new Error('stopped by a signal'))
  else if (!forcing.signal.aborted) forcing.abort(new Error('stopped by a second signal'))
  else end(EXIT.handedBack)
}

/** A bug: nothing is acknowledged any more, so that what was in hand comes back elsewhere. */
function onCrash(failure: unknown): void {
  const stack = failure instanceof Error ? (failure.stack ?? '') : ''
  if (log === null) process.stderr.write(`ferryman: internal error: ${reasonOf(failure)}\n`)
  else log.write('fatal', `internal error: ${reasonOf(failure)}`, { stack })
  end(EXIT.internal)
}

function end(code: number): void {
  log?.flush()
  process.exit(code)
}

/** On standard error, so that standard output stays the command's answer. */
async function ask(question: string): Promise<string> {
  const dialogue = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await dialogue.question(question, { signal: stopping.signal })
  } catch {
    return ''
  } finally {
    dialogue.close()
  }
}

process.on('SIGTERM', onSignal)
process.on('SIGINT', onSignal)
process.on('uncaughtException', onCrash)
process.on('unhandledRejection', onCrash)
// A reader that has gone (as with `| head`) ends a command quietly; a worker's log goes on without it.
process.stdout.on('error', () => {
  stopping.abort(new Error('nobody reads standard output'))
})
process.stderr.on('error', () => {
  /* nobody reads it */
})

const io: Io = {
  out: (text) => {
    process.stdout.write(text)
  },
  err: (text) => {
    process.stderr.write(text)
  },
  input: async () => {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  },
  env: process.env,
  nodeVersion: process.version,
  isTerminal: process.stderr.isTTY,
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  signal: stopping.signal,
}

const code = await run(process.argv.slice(2), io, {
  clock: systemClock,
  instance: `${hostname()}:${process.pid}`,
  openParts,
  openWorker,
  forced: forcing.signal,
  onLog: (opened) => {
    log = opened
  },
})
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) =>
      new Promise<void>((resolve) => {
        stream.write('', () => {
          resolve()
        })
      }),
  ),
)
end(code)
