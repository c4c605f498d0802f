// Dead letters: their headers, and what a copy of a message carries of its sender's properties; flat, ASCII, bounded.
import { ascii, asciiCut } from './ascii.ts'
import type { EventBody } from './event.ts'
import type { Effect } from './outcome.ts'
import { uuidV5 } from './uuid.ts'

/** All headers of a message together, as AMQP encodes them (bytes). */
export const HEADERS_BYTES_MAX = 16 * 1024
const DESCRIPTION_MAX = 1024
const NAME_MAX = 128
const SCHEMA = 1

export type Flat = Readonly<Record<string, string | number | boolean>>

/** What of a letter does not stand in its event. Times are ISO 8601. */
export interface Circumstances {
  readonly firstFailedAt: string
  readonly lastFailedAt: string
  readonly exchange: string
  readonly routingKey: string
  readonly worker: string
  readonly workerVersion: string
}

/** Headers `dl-*` of the letter that tells a failed event. */
export function letterHeaders(
  event: Pick<EventBody, 'id' | 'request' | 'operation' | 'outcome' | 'attempts'>,
  at: Circumstances,
): Readonly<Record<string, string | number>> {
  const { code, class: ofClass, effect, message } = event.outcome
  return {
    'dl-schema': SCHEMA,
    'dl-attempts': event.attempts,
    'dl-id': letterId(event.id),
    'dl-reason': code,
    'dl-class': ofClass,
    'dl-effect': effect,
    'dl-description': asciiCut(message, DESCRIPTION_MAX),
    'dl-request-id': event.request,
    'dl-operation': event.operation,
    'dl-first-failed-at': at.firstFailedAt,
    'dl-last-failed-at': at.lastFailedAt,
    'dl-original-exchange': asciiCut(at.exchange, DESCRIPTION_MAX),
    'dl-original-routing-key': asciiCut(at.routingKey, DESCRIPTION_MAX),
    'dl-worker': asciiCut(at.worker, DESCRIPTION_MAX),
    'dl-worker-version': asciiCut(at.workerVersion, DESCRIPTION_MAX),
  }
}

/** The effect that the header `dl-effect` tells; what it does not tell is not known. */
export function effectIn(header: unknown): Effect {
  return header === 'happened' || header === 'did_not_happen' ? header : 'unknown'
}

/**
 * Headers of the letter that tells of an event which nobody could receive. The decision and its effect stand.
 * Says nothing of how it came to the decision, which an event told from a tombstone does not know.
 */
export function unroutableHeaders(
  event: Pick<EventBody, 'id' | 'request' | 'operation' | 'outcome' | 'attempts'>,
  at: Circumstances,
): Readonly<Record<string, string | number>> {
  const message = `No queue could receive event ${event.id}; the decision stands, nothing is to be applied again.`
  return {
    ...letterHeaders({ ...event, outcome: { ...event.outcome, message } }, at),
    'dl-id': letterId(`${event.id}/event_unroutable`),
    'dl-reason': 'event_unroutable',
    'dl-class': 'operator',
  }
}

/** `dl-id` of the letter that belongs to an event. */
export function letterId(eventIdOfLetter: string): string {
  return uuidV5(eventIdOfLetter)
}

/** Routing key of a letter, from its headers. */
export function letterRoutingKey(headers: Readonly<Record<string, unknown>>): string {
  return `${String(headers['dl-class'])}.${String(headers['dl-reason'])}`
}

/** Properties of a message as received. */
export interface SentProperties {
  readonly contentType?: string
  readonly type?: string
  readonly appId?: string
  readonly userId?: string
  readonly timestamp?: number
  readonly headers: Readonly<Record<string, unknown>>
}

/** Properties that a copy carries. */
export interface CopiedProperties {
  readonly contentType?: string
  readonly type?: string
  readonly appId?: string
  readonly timestamp?: number
  readonly headers: Flat
}

/**
 * What a ladder copy or a letter carries of its sender's properties and headers, after `ours`. Everything that could
 * lose, redirect or multiply it stays behind, as do headers that would make all of them larger than 16 KiB together.
 */
export function copiedProperties(sent: SentProperties, ours: Flat = {}): CopiedProperties {
  const headers: Record<string, string | number | boolean> = { ...ours }
  if (sent.userId !== undefined) headers['original-user-id'] = ascii(sent.userId)
  let bytes = Object.entries(headers).reduce((sum, [name, value]) => sum + bytesOf(name, value), 0)
  for (const [name, value] of Object.entries(sent.headers)) {
    if (Object.hasOwn(headers, name) || !mayBeCarried(name)) continue
    const flat = flatOf(value)
    if (flat === null || bytes + bytesOf(name, flat) > HEADERS_BYTES_MAX) continue
    bytes += bytesOf(name, flat)
    headers[name] = flat
  }
  const { contentType, type, appId, timestamp } = sent
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(type === undefined ? {} : { type }),
    ...(appId === undefined ? {} : { appId }),
    ...(timestamp === undefined ? {} : { timestamp }),
    headers,
  }
}

function mayBeCarried(name: string): boolean {
  const lower = name.toLowerCase()
  if (name.length === 0 || name.length > NAME_MAX || ascii(name) !== name || name === '__proto__') return false
  return lower !== 'cc' && lower !== 'bcc' && !lower.startsWith('x-') && !lower.startsWith('dl-')
}

function flatOf(value: unknown): string | number | boolean | null {
  if (typeof value === 'string') return ascii(value)
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value
  return null
}

/** Bytes of one header as AMQP encodes it: length and name, type, length and value. */
function bytesOf(name: string, value: string | number | boolean): number {
  return 1 + name.length + 1 + (typeof value === 'string' ? 4 + value.length : 8)
}
