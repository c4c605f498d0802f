// What replaying a letter sends: the same request, as plain JSON, under a new id that follows from letter and number.
import type { Outgoing } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import { requestMessage } from '../broker/request-message.ts'
import { ascii } from '../transfer/ascii.ts'
import { rfc3339Ms } from '../transfer/deadline.ts'
import { copiedProperties, type Flat } from '../transfer/letter.ts'
import { decode } from '../transfer/message.ts'
import { uuidV5 } from '../transfer/uuid.ts'
import type { WholeLetter } from './desk.ts'

/** Id of the request that the `n`th replay of a letter sends; n begins at 1. */
export function replayId(letter: string, n: number): string {
  return uuidV5(`${letter}/replay/${n}`)
}

export interface ReplayOptions {
  readonly names: Pick<Names, 'requests'>
  /** Ms since 1970 by the clock that deadlines are compared with. */
  readonly nowMs: number
  /** Largest request that workers read. */
  readonly bytesMax: number
  /** A new deadline (RFC 3339), or null: one that has passed is dropped. */
  readonly notAfter: string | null
  readonly by: string
  /** Names the command that replays, so that all its requests can be found. */
  readonly operation: string
}

export type Replay =
  | { readonly kind: 'message'; readonly request: string; readonly message: Outgoing }
  | { readonly kind: 'refused'; readonly why: string }

/** The message of the `n`th replay. Refused where the letter's bytes hold no request, or the new one is too large. */
export function replayOf(letter: WholeLetter, n: number, options: ReplayOptions): Replay {
  const old = decode({ body: letter.body, headers: letter.headers }, { bytesMax: Infinity })
  if (old.kind === 'invalid') return { kind: 'refused', why: `its body is no request: ${old.outcome.message}` }
  const request = replayId(letter.id, n)
  const fields = { ...plainOf(letter.body), id: request, replayOf: old.request.id }
  const body = Buffer.from(JSON.stringify(withDeadline(fields, options)))
  const tried = decode({ body, headers: {} }, { bytesMax: options.bytesMax })
  if (tried.kind === 'invalid')
    return { kind: 'refused', why: `the new request would be refused: ${tried.outcome.message}` }
  const headers = { 'replay-of': old.request.id, 'replay-by': ascii(options.by), 'replay-operation': options.operation }
  return {
    kind: 'message',
    request,
    message: requestMessage(
      {
        id: request,
        operation: old.request.operation,
        body,
        sentAtMs: options.nowMs,
        headers: copiedProperties({ headers: senders(letter.headers) }, headers).headers,
      },
      options.names,
    ),
  }
}

/** The request as it was sent, out of its envelope. It has been read before: it is JSON, and its shape is known. */
function plainOf(body: Buffer): Record<string, unknown> {
  const outer = JSON.parse(body.toString('utf8')) as Record<string, unknown>
  return Object.hasOwn(outer, 'specversion') ? (outer['data'] as Record<string, unknown>) : outer
}

function withDeadline(fields: Record<string, unknown>, { notAfter, nowMs }: ReplayOptions): Record<string, unknown> {
  if (notAfter !== null) return { ...fields, notAfter }
  const { notAfter: old, ...rest } = fields
  const atMs = typeof old === 'string' ? rfc3339Ms(old) : null
  return atMs !== null && atMs < nowMs ? rest : fields
}

/** The sender's headers but those of an envelope, which the new request does not have. */
function senders(headers: Flat): Flat {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^cloudEvents[_:]/i.test(name)))
}
