// The exit codes, closed: what each means, and which failure ends with which.
import { ConfigError } from '../config.ts'
import { Refused, Unanswered, Unavailable } from '../retry/failures.ts'
import { reasonOf } from '../telemetry/scrub.ts'

export const EXIT = {
  ok: 0,
  /** The answer is no: refused, not found, something is open. */
  no: 1,
  usage: 64,
  /** A dependency is unavailable. */
  unavailable: 69,
  internal: 70,
  /** The drain deadline was hit and work was handed back. */
  handedBack: 75,
  /** Permission refused: password, rights, vhost. */
  refused: 77,
  /** Bad configuration or unsafe topology. */
  config: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command with a code and a sentence for standard error. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: ExitCode

  constructor(code: ExitCode, sentence: string) {
    super(sentence)
    this.code = code
  }
}

/** The end of a command that prints many: what a signal has cut is no answer. */
export function wholeOrCut(io: { readonly signal: AbortSignal; err(text: string): void }, what: string): ExitCode {
  if (!io.signal.aborted) return EXIT.ok
  io.err(`ferryman: stopped by a signal: the ${what} is not whole\n`)
  return EXIT.no
}

/** Exit code and sentences for what a command threw. Only a bug is internal. */
export function exitOf(failure: unknown): { readonly code: ExitCode; readonly sentences: readonly string[] } {
  if (failure instanceof Exit) return { code: failure.code, sentences: failure.message === '' ? [] : [failure.message] }
  if (failure instanceof ConfigError) return { code: EXIT.config, sentences: failure.problems }
  if (failure instanceof Refused) return { code: EXIT.refused, sentences: [reasonOf(failure)] }
  if (failure instanceof Unavailable || failure instanceof Unanswered) {
    return { code: EXIT.unavailable, sentences: [reasonOf(failure)] }
  }
  return { code: EXIT.internal, sentences: [`internal error: ${reasonOf(failure)}`] }
}
