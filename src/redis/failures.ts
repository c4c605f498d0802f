// What went wrong with Redis, as one of the three failures: not known, known not to have happened, or never as asked.
import { Refused, Unanswered, Unavailable } from '../retry/failures.ts'

/** Replies by which the server says that it carried out nothing, and that this may pass. */
const PASSING = [
  'LOADING',
  'BUSY',
  'READONLY',
  'OOM',
  'MISCONF',
  'NOREPLICAS',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'UNKILLABLE',
  'MOVED',
  'ASK',
]

/** Replies that name the script cache, which the caller answers by sending the text. */
export class NoScript extends Error {
  override readonly name = 'NoScript'
}

/** Maps a rejection of the client. `what` is the command, never its arguments: they may be large or secret. */
export function failureOf(failure: unknown, what: string): Error {
  const message = failure instanceof Error ? failure.message : String(failure)
  if (isReply(failure)) return ofReply(message, what, failure)
  if (message.includes("isn't writeable")) {
    return new Unavailable(`Redis is not connected: ${what} was not sent`, { cause: failure })
  }
  return new Unanswered(`Redis did not answer ${what}: ${message}`, { cause: failure })
}

/** The failure of a connection attempt: `Refused` for wrong credentials, else `Unavailable`. */
export function connectFailureOf(failure: unknown, where: string): Error {
  const message = failure instanceof Error ? failure.message : String(failure)
  if (isReply(failure)) {
    const mapped = ofReply(message, 'the connection', failure)
    if (mapped instanceof Refused) return mapped
  }
  return new Unavailable(`Redis at ${where} cannot be reached: ${message}`, { cause: failure })
}

function isReply(failure: unknown): boolean {
  return failure instanceof Error && failure.name === 'ReplyError'
}

function ofReply(message: string, what: string, cause: unknown): Error {
  const word = /^[A-Z]+/.exec(message)?.[0] ?? ''
  if (word === 'NOSCRIPT') return new NoScript(message, { cause })
  if (PASSING.includes(word)) return new Unavailable(`Redis refused ${what} for now: ${message}`, { cause })
  return new Refused(`Redis refused ${what}: ${message}`, { cause })
}
