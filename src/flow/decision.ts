// Outcomes become decisions: the exact event and, for a failure, the letter's headers, before they are written down.
import type { Delivery, Outgoing } from '../broker/broker.ts'
import {
  decisionOf as decisionFrom,
  eventOf,
  eventProperties,
  identityOf,
  partiesGiven,
  routingKeyOf,
  viewsOf,
  viewsOfWrite,
  type Decision,
  type EventBody,
  type Occurrence,
} from '../transfer/event.ts'
import {
  copiedProperties,
  letterHeaders,
  letterRoutingKey,
  unroutableHeaders,
  type Circumstances,
} from '../transfer/letter.ts'
import type { Invalid } from '../transfer/message.ts'
import { sha256Hex } from '../transfer/digest.ts'
import { outcome, succeeded, type Outcome } from '../transfer/outcome.ts'
import { packedDecisionOf, packedEventOf, type Packed } from '../transfer/packed.ts'
import type { Facts, Plan } from '../transfer/plan.ts'
import type { Request } from '../transfer/request.ts'
import type { Begun, Deps, Ending, Job, Story } from './job.ts'

/** The story of a request of which nothing was read. */
export function untouched(request: Request): Story {
  return { ...partiesGiven(request), before: null, after: null, moves: [] }
}

/** The story of a plan that writes nothing: after is as before. */
export function untouchedStory(planned: Extract<Plan, { kind: 'decided' }>, facts: Facts): Story {
  const views = viewsOf(facts.snapshot.consumers)
  return { ...planned.used, before: views, after: views, moves: planned.moves.put }
}

/** The story of a write that goes as planned. */
export function plannedStory(planned: Extract<Plan, { kind: 'write' }>): Story {
  return { ...planned.used, ...viewsOfWrite(planned.write), moves: planned.write.moves.put }
}

/** The decision that `result` and `story` make of a begun request. */
export function decide(job: Job, begun: Begun, result: Outcome, story: Story, deps: Deps): Decision {
  const { attempts, firstFailedAtMs } = begun.processing
  const occurrence = {
    outcome: result,
    identity: identityOf(job.request, story),
    before: story.before,
    after: story.after,
    moves: story.moves,
  }
  return compose(
    job.delivery,
    { ...occurrence, ...circumstances(job.arrivedMs, attempts, deps) },
    firstFailedAtMs,
    deps,
  )
}

/** The decision that was noted before a send, of which it is now known that it was carried out. */
export function recalled(job: Job, { begun, intent }: Extract<Ending, { kind: 'found' }>, deps: Deps): Decision {
  const now = circumstances(job.arrivedMs, begun.processing.attempts, deps)
  return decisionFrom({ ...bodyOf(intent.decision), ...now }, intent.decision.letter)
}

/** The answer to bytes that are no request. It answers the message, so its event id carries their digest. */
export function invalidDecision(delivery: Delivery, invalid: Invalid, arrivedMs: number, deps: Deps): Decision {
  const { identity, bytesDigest } = invalid
  return compose(
    delivery,
    { outcome: invalid.outcome, identity, bytesDigest, ...circumstances(arrivedMs, 1, deps) },
    null,
    deps,
  )
}

/** The answer to other content under an id that is taken. The id's own decision stands untouched. */
export function reusedDecision(job: Job, deps: Deps): Decision {
  const { request, delivery } = job
  const result = idReused(request)
  const identity = identityOf(request, partiesGiven(request))
  const bytesDigest = sha256Hex(delivery.body)
  return compose(
    delivery,
    { outcome: result, identity, bytesDigest, ...circumstances(job.arrivedMs, 1, deps) },
    null,
    deps,
  )
}

/** What was decided long ago, as far as the request and its tombstone tell it. */
export function packedDecision(job: Job, packed: Packed, deps: Deps): Decision {
  const event = packedEventOf(job.request, packed)
  if (event.outcome.class === 'done') return packedDecisionOf(event, null)
  const time = packed.time ?? new Date(deps.clock.nowMs()).toISOString()
  const message = `Request ${event.request} ended as ${packed.code}; how it came to that is no longer recorded.`
  const told = { ...event, outcome: { ...event.outcome, message } }
  return packedDecisionOf(event, letterHeaders(told, originOf(job.delivery, time, time, deps)))
}

/** A bug in Ferryman, told as such. Only for a request of which no write is in the books or can still get there. */
export function bugEnding(failure: unknown, job: Job, begun: Begun): Ending {
  const what = failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure)
  const result = outcome(
    'internal_error',
    `Request ${job.request.id} met a bug in Ferryman (${what}); nothing was written.`,
  )
  return { kind: 'ended', begun, outcome: result, ...untouched(job.request) }
}

export function idReused({ id }: Request): Outcome {
  return outcome('id_reused', `Request id ${id} belongs to a request with other content; send this one under a new id.`)
}

function bodyOf(decision: Decision): EventBody {
  return decision.body ?? (JSON.parse(decision.event) as EventBody)
}

/** The event as a message. */
export function eventMessage(decision: Decision, deps: Deps): Outgoing {
  const event = bodyOf(decision)
  return {
    exchange: deps.names.events,
    routingKey: routingKeyOf(event),
    body: Buffer.from(decision.event),
    properties: eventProperties(event, deps.settings.prefix),
  }
}

/** The dead letter as a message: the original bytes, and why they came to rest. */
export function letterMessage(
  letter: NonNullable<Decision['letter']>,
  decision: Decision,
  delivery: Delivery,
  deps: Deps,
): Outgoing {
  const copied = copiedProperties(delivery.properties, letter)
  return {
    exchange: deps.names.deadLetters,
    routingKey: letterRoutingKey(letter),
    body: delivery.body,
    properties: { ...copied, messageId: String(letter['dl-id']), correlationId: decision.request },
  }
}

/** Headers of the letter that tells of an event which nobody could receive. */
export function unroutableLetter(decision: Decision, delivery: Delivery, deps: Deps): NonNullable<Decision['letter']> {
  const event = bodyOf(decision)
  // n.b. An event told from a tombstone may have no time.
  const time = (event.time as string | null) ?? new Date(deps.clock.nowMs()).toISOString()
  return unroutableHeaders(event, originOf(delivery, time, time, deps))
}

function circumstances(
  arrivedMs: number,
  attempts: number,
  deps: Deps,
): Pick<Occurrence, 'time' | 'attempts' | 'worker' | 'durationMs'> {
  const time = new Date(deps.clock.nowMs()).toISOString()
  return { time, attempts, worker: deps.settings.worker, durationMs: deps.clock.monotonicMs() - arrivedMs }
}

function compose(delivery: Delivery, occurrence: Occurrence, firstFailedAtMs: number | null, deps: Deps): Decision {
  const event = eventOf(occurrence)
  if (succeeded(occurrence.outcome)) return decisionFrom(event, null)
  const firstFailedAt = firstFailedAtMs === null ? event.time : new Date(firstFailedAtMs).toISOString()
  return decisionFrom(event, letterHeaders(event, originOf(delivery, firstFailedAt, event.time, deps)))
}

function originOf(delivery: Delivery, firstFailedAt: string, lastFailedAt: string, deps: Deps): Circumstances {
  const { exchange, routingKey } = delivery
  const { worker, workerVersion } = deps.settings
  return { firstFailedAt, lastFailedAt, exchange, routingKey, worker, workerVersion }
}
