// What a private server offers to its user, and how one knows that it is ready.
import { connect } from 'node:net'
import { systemClock } from '../clock/system-clock.ts'
import { tailOf, type KeptProcess } from './kept-process.ts'

/** A server process under our hand. */
export interface Server {
  /** Where clients connect. */
  readonly url: string
  readonly port: number
  /** Folder of its data and of `server.log`. */
  readonly dir: string
  readonly running: () => boolean
  /** SIGTERM, then SIGKILL when it takes too long. The data stays until this process ends, so `restart` may follow. */
  readonly stop: () => Promise<void>
  /** SIGKILL to the whole process group: a crash. `restart` may follow. */
  readonly kill: () => Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Stops it if it runs, and starts it again on the same port and data. */
  readonly restart: () => Promise<void>
}

/** Resolves when `test` says yes; throws with the end of the log when the process ends first or `timeoutMs` pass. */
export async function ready(
  what: string,
  log: string,
  timeoutMs: number,
  server: KeptProcess,
  test: () => Promise<boolean>,
): Promise<void> {
  const until = systemClock.monotonicMs() + timeoutMs
  for (;;) {
    if (await test()) return
    if (!server.running()) throw new Error(`${what} ended while it started. Its last words:\n${tailOf(log)}`)
    if (systemClock.monotonicMs() > until) {
      await server.kill()
      throw new Error(`${what} did not answer within ${timeoutMs} ms. Its last words:\n${tailOf(log)}`)
    }
    await systemClock.sleep(20)
  }
}

/** Whether a server on this port answers `question` with something that begins with `answer`. */
export function answers(port: number, question: string, answer: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (yes: boolean): void => {
      cancel()
      socket.destroy()
      resolve(yes)
    }
    const cancel = systemClock.timer(1_000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('connect', () => socket.write(question, 'latin1'))
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith(answer)))
  })
}
