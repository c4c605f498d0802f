// The outcome events as other systems see them, version 1: bodies, names, headers, and what follows a decision.
import { holdsNothing, NOTHING } from './allocations.ts'
import { dictionary } from './dictionary.ts'
import { isRecord } from './fields.ts'
import type { Identity } from './message.ts'
import { CODES, succeeded, type Class, type Code, type Effect, type Outcome, type Violation } from './outcome.ts'
import type { Parties, Write } from './plan.ts'
import type { Request } from './request.ts'
import type { Consumer, Move, Snapshot, Target, View } from './snapshot.ts'
import { isUuid } from './uuid.ts'

/** AMQP type of the messages in the journal of events that are none: a reader marks where it began, to know the end. */
export const JOURNAL_MARK = 'ferryman.journal.mark'

type Views = Readonly<Record<string, View>>

/** Body of an outcome event. Every key is always there, in this order; what is not known is null. */
export interface EventBody {
  readonly version: 1
  readonly id: string
  readonly type: 'ferryman.transfer.succeeded' | 'ferryman.transfer.failed' | 'ferryman.transfer.followed'
  readonly time: string
  readonly request: string
  readonly replayOf: string | null
  readonly operation: string
  readonly consumer: string | null
  readonly migration: string | null
  readonly source: string | null
  readonly destination: string | null
  readonly outcome: { readonly code: Code; readonly class: Class; readonly effect: Effect; readonly message: string }
  readonly violations: readonly Violation[]
  readonly before: Views | null
  readonly after: Views | null
  readonly open: { readonly migration: string | null; readonly confirm: Views; readonly revert: Views } | null
  readonly origin: string
  readonly context: Readonly<Record<string, unknown>> | null
  readonly mappings: Readonly<Record<string, readonly string[]>>
  readonly attempts: number
  readonly worker: string
  readonly durationMs: number
}

/**
 * A decision as it is written down before it is told: the event's exact bytes and, for a failure, the letter's
 * headers.
 */
export interface Decision {
  readonly request: string
  readonly code: Code
  readonly operation: string
  readonly origin: string
  /** Exact JSON of the event, told again byte for byte. */
  readonly event: string
  /** Headers of the dead letter, flat and ASCII; null for a success. */
  readonly letter: Readonly<Record<string, string | number>> | null
  /** The event itself, where it was just composed: spares parsing what was just written. */
  readonly body?: EventBody
}

/** All that an event tells. */
export interface Occurrence {
  readonly identity: Identity
  readonly outcome: Outcome
  /** SHA-256 (hex) of the bytes that were received; given for class `invalid`, whose events answer the bytes. */
  readonly bytesDigest?: string
  readonly before?: Views | null
  readonly after?: Views | null
  /** Moves that the write puts on record; the open one is told. */
  readonly moves?: readonly Move[]
  readonly mappings?: Readonly<Record<string, readonly string[]>>
  /** ISO 8601. */
  readonly time: string
  readonly attempts: number
  readonly worker: string
  readonly durationMs: number
}

/** The body of an outcome event. */
export function eventOf(occurrence: Occurrence): EventBody {
  const { identity, outcome } = occurrence
  return {
    version: 1,
    id: eventId(identity.id, outcome, occurrence.bytesDigest),
    type: succeeded(outcome) ? 'ferryman.transfer.succeeded' : 'ferryman.transfer.failed',
    time: occurrence.time,
    request: identity.id,
    replayOf: identity.replayOf,
    operation: identity.operation,
    consumer: identity.consumer,
    migration: identity.migration,
    source: identity.source,
    destination: identity.destination,
    outcome: { code: outcome.code, class: outcome.class, effect: outcome.effect, message: outcome.message },
    violations: outcome.violations,
    before: occurrence.before ?? null,
    after: occurrence.after ?? null,
    open: openOf(occurrence.moves ?? []),
    origin: identity.origin,
    context: identity.context,
    mappings: occurrence.mappings ?? {},
    attempts: occurrence.attempts,
    worker: occurrence.worker,
    durationMs: Math.max(0, Math.round(occurrence.durationMs)),
  }
}

/** `<request>/<code>`; for class `invalid` also the first 12 hex digits of the digest of the bytes. */
export function eventId(request: string, outcome: Pick<Outcome, 'code' | 'class'>, bytesDigest?: string): string {
  const id = `${request}/${outcome.code}`
  return outcome.class === 'invalid' && bytesDigest !== undefined ? `${id}/${bytesDigest.slice(0, 12)}` : id
}

/**
 * The event in a message of the journal of events; null for what is none. Whoever may publish to their exchange gets
 * into that journal, and one such message must not keep a reader from all the others.
 */
export function eventIn(body: Buffer): EventBody | null {
  try {
    const event: unknown = JSON.parse(body.toString('utf8'))
    if (!isRecord(event) || event['version'] !== 1 || !isUuid(event['request'])) return null
    const { time, outcome } = event
    if (typeof time !== 'string' || Number.isNaN(Date.parse(time)) || !isRecord(outcome)) return null
    return CODES.some((code) => code === outcome['code']) ? (event as unknown as EventBody) : null
  } catch {
    return null
  }
}

/** Exact JSON of an event. */
export function serialize(event: EventBody): string {
  return JSON.stringify(event)
}

/** Names of a request for its event; `used` tells who was really concerned. */
export function identityOf(request: Request, used: Parties): Identity {
  return {
    id: request.id,
    operation: request.operation,
    consumer: used.consumer,
    migration: used.migration,
    source: used.source,
    destination: used.destination,
    origin: request.origin,
    context: request.context,
    replayOf: request.replayOf,
  }
}

/** Parties as the request names them, for a request that was never planned. */
export function partiesGiven(request: Request): Parties {
  return {
    consumer: request.consumer,
    migration: request.migration,
    source: request.source,
    destination: request.destination,
  }
}

/** A consumer as events tell it. */
export function viewOf(consumer: Consumer | Target): View {
  return holdsNothing(consumer)
    ? NOTHING
    : { generation: consumer.generation, type: consumer.type, allocations: consumer.allocations }
}

/** Consumers of a write, guards included, before it and as it leaves them. */
export function viewsOfWrite(write: Pick<Write, 'changes' | 'guards'>): {
  readonly before: Views
  readonly after: Views
} {
  const before = dictionary<View>()
  const after = dictionary<View>()
  for (const change of write.changes) {
    before[change.before.id] = viewOf(change.before)
    after[change.before.id] = viewOf(change.after)
  }
  for (const guard of write.guards) before[guard.id] = after[guard.id] = viewOf(guard)
  return { before, after }
}

/** Consumers of a snapshot, or as they were read back. Where nothing happened this is `before` and `after`. */
export function viewsOf(consumers: Snapshot['consumers']): Views {
  const views = dictionary<View>()
  for (const id of Object.keys(consumers)) views[id] = viewOf(consumers[id]!)
  return views
}

/** The open move among those put on record, with the states that end it; null when there is none. */
export function openOf(moves: readonly Move[]): EventBody['open'] {
  const open = moves.find((move) => move.state === 'open')
  return open === undefined ? null : { migration: open.migration, confirm: open.confirm, revert: open.revert }
}

/** Routing key of an outcome event. */
export function routingKeyOf(event: Pick<EventBody, 'operation' | 'outcome' | 'origin'>): string {
  const { code, class: ofClass } = event.outcome
  return `transfer.${event.operation}.${ofClass === 'done' ? 'succeeded' : 'failed'}.${code}.${event.origin}`
}

/** CloudEvents 1.0 attributes as AMQP headers; `prefix` is the installation's. */
export function cloudEventHeaders(
  event: Pick<EventBody, 'id' | 'type' | 'time' | 'consumer'>,
  prefix: string,
): Readonly<Record<string, string>> {
  return {
    cloudEvents_specversion: '1.0',
    cloudEvents_id: event.id,
    cloudEvents_source: `/ferryman/${prefix}`,
    cloudEvents_type: event.type,
    cloudEvents_time: event.time,
    ...(event.consumer === null ? {} : { cloudEvents_subject: event.consumer }),
  }
}

/** AMQP properties of an event, those of CloudEvents among its headers. */
export function eventProperties(
  event: Pick<EventBody, 'id' | 'request' | 'type' | 'time' | 'consumer'>,
  prefix: string,
): {
  readonly messageId: string
  readonly correlationId: string
  readonly contentType: string
  readonly type: string
  readonly appId: string
  readonly headers: Readonly<Record<string, string>>
} {
  return {
    messageId: event.id,
    correlationId: event.request,
    contentType: 'application/json',
    type: event.type,
    appId: 'ferryman',
    headers: cloudEventHeaders(event, prefix),
  }
}

/** The decision that an event and, for a failure, its letter's headers make. */
export function decisionOf(event: EventBody, letter: Decision['letter']): Decision {
  return {
    request: event.request,
    code: event.outcome.code,
    operation: event.operation,
    origin: event.origin,
    event: serialize(event),
    letter,
    body: event,
  }
}

/** What was done after a decision, by whom and why. */
export interface Followed {
  readonly what: 'reconciled' | 'discarded' | 'restored' | 'replayed'
  readonly by: string
  readonly why: string | null
  /** The new request of a replay, else null. */
  readonly request: string | null
  /** What is known of the effect by now. */
  readonly effect: Effect
}

/**
 * A follow-up of a decision: the same body under its own id, type and time, and the key `followed`. `n` never repeats
 * (ms).
 */
export function followUpOf(
  event: EventBody,
  followed: Followed,
  n: number,
  time: string,
): { readonly body: EventBody & { readonly followed: Followed }; readonly routingKey: string } {
  const body = {
    ...event,
    id: `${event.request}/${followed.what}/${n}`,
    type: 'ferryman.transfer.followed' as const,
    time,
    followed,
  }
  return { body, routingKey: `transfer.${event.operation}.followed.${followed.what}.${event.origin}` }
}
