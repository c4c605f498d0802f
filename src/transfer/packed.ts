// What is told again of a request whose record is gone: what the request itself says, its code, and null for the rest.
import { identityOf, partiesGiven, type Decision, type EventBody } from './event.ts'
import { classOf, effectOf, type Code } from './outcome.ts'
import type { Request } from './request.ts'

/** What a tombstone keeps of a decision. `time`: of its event, ISO 8601, or null. */
export interface Packed {
  readonly code: Code
  readonly time: string | null
  readonly attempts: number
}

/** Keys of an event of which a tombstone knows nothing. */
type Unknown = 'violations' | 'before' | 'after' | 'open' | 'mappings' | 'worker' | 'durationMs'

/** An event told again from a tombstone: its id and all that is known are as they were, the rest is null. */
export type PackedEvent = Omit<EventBody, Unknown | 'outcome' | 'time'> & { readonly [Key in Unknown]: null } & {
  readonly time: string | null
  readonly outcome: Omit<EventBody['outcome'], 'message'> & { readonly message: null }
}

/** The event of `request`, decided as `packed`. Which of several destinations it was is no longer known. */
export function packedEventOf(request: Request, { code, time, attempts }: Packed): PackedEvent {
  const given = partiesGiven(request)
  const identity = identityOf(request, request.alternates.length > 0 ? { ...given, destination: null } : given)
  const ofClass = classOf(code)
  return {
    version: 1,
    id: `${request.id}/${code}`,
    type: ofClass === 'done' ? 'ferryman.transfer.succeeded' : 'ferryman.transfer.failed',
    time,
    request: request.id,
    replayOf: identity.replayOf,
    operation: identity.operation,
    consumer: identity.consumer,
    migration: identity.migration,
    source: identity.source,
    destination: identity.destination,
    outcome: { code, class: ofClass, effect: effectOf(code), message: null },
    violations: null,
    before: null,
    after: null,
    open: null,
    origin: identity.origin,
    context: identity.context,
    mappings: null,
    attempts,
    worker: null,
    durationMs: null,
  }
}

/** The decision as far as it is known, with the letter's headers for a failure. */
export function packedDecisionOf(event: PackedEvent, letter: Decision['letter']): Decision {
  const { request, outcome, operation, origin } = event
  return { request, code: outcome.code, operation, origin, event: JSON.stringify(event), letter }
}
