// Stage 4 of 7: read, plan, and write once under the lock; an answer that did not come is settled, never guessed.
import type { Attempt } from '../ledger/ledger.ts'
import { LockLost, type Lock } from '../locks/lock.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import { refusedBefore } from '../transfer/deadline.ts'
import type { Decision } from '../transfer/event.ts'
import type { Outcome } from '../transfer/outcome.ts'
import { plan, scopeOf, type Facts, type Write } from '../transfer/plan.ts'
import type { Consumer } from '../transfer/snapshot.ts'
import { decide, plannedStory, untouched, untouchedStory } from './decision.ts'
import type { Begun, Deps, Ending, Job, Story } from './job.ts'
import { repeat } from './repeat.ts'

/** A write that was carried out, and what reading it back gave (null: found done, so reading back is moot). */
export interface Written {
  readonly kind: 'applied'
  readonly write: Write
  readonly outcome: Outcome
  readonly story: Story
  readonly decision: Decision
  /** Whether the ledger wrote the decision down in the same step. */
  readonly decided: boolean
  readonly after: Readonly<Record<string, Consumer>> | null
}

export interface Refusal extends Story {
  readonly outcome: Outcome
}

export type Attempted =
  | Written
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | Extract<Ending, { kind: 'stopped' }>

/** An attempt that leaves its door open: nothing else may be done before `closeDoor`. */
export interface OpenDoor {
  readonly kind: 'conflict' | 'unclear'
}

export function leavesDoorOpen(attempted: Attempted | OpenDoor): attempted is OpenDoor {
  return attempted.kind === 'conflict' || attempted.kind === 'unclear'
}

export async function apply(
  job: Job,
  begun: Begun,
  held: Lock,
  destination: string | null,
  deps: Deps,
): Promise<Attempted | OpenDoor> {
  const { request } = job
  const late = refusedBefore(request, { ...begun.processing, nowMs: nowMs(begun, deps) })
  if (late !== null) return { kind: 'refused', refusal: { outcome: late, ...untouched(request) } }
  const facts = await factsOf(job, begun, destination, deps)
  const planned = plan(request, facts)
  if (planned.kind === 'decided')
    return { kind: 'refused', refusal: { outcome: planned.outcome, ...untouchedStory(planned, facts) } }
  const { write, outcome } = planned
  const story = plannedStory(planned)
  const decision = decide(job, begun, outcome, story, deps)
  if (!request.idempotent && (await noteSending(begun, deps)) === 'stale') return fenced(begun, deps)
  if (!held.trusted()) throw new LockLost('the lock was no longer trusted right before the write')
  try {
    const answer = await repeat(
      deps.effects.apply,
      { write, attempt: attemptOf(begun), decision },
      job,
      deps,
      request.idempotent,
    )
    switch (answer.kind) {
      case 'applied':
        if (answer.decided) deps.locks.forget(begun.held) // the same step released it
        return { kind: 'applied', write, outcome, story, decision, after: answer.after, decided: answer.decided }
      case 'conflict':
        return { kind: 'conflict' }
      case 'stale':
        return fenced(begun, deps)
    }
  } catch (failure) {
    if (failure instanceof Unanswered || failure instanceof Unavailable) return { kind: 'unclear' }
    throw failure
  }
}

/** A write whose sender forbids repeating is noted first: should this process die now, no other sends it again. */
function noteSending(begun: Begun, deps: Deps): Promise<'noted' | 'stale'> {
  return repeat(deps.effects.sending, { processing: begun.processing, attempt: begun.attempt }, null, deps)
}

/**
 * After it no send of the attempt can commit. Where one had, the write stands in the books and its decision with it,
 * and
 * the delivery that comes back is answered from there.
 */
export async function closeDoor(
  begun: Begun,
  deps: Deps,
): Promise<{ readonly kind: 'closed' } | Extract<Ending, { kind: 'stopped' }>> {
  const standing = await repeat(deps.effects.close, attemptOf(begun), null, deps)
  switch (standing) {
    case 'applied':
      return { kind: 'stopped', begun, why: 'the write was found done; the next delivery tells its decision' }
    case 'stale':
      return { kind: 'stopped', begun, why: 'another worker has begun the request' }
    case 'closed':
      begun.attempt += 1
      return { kind: 'closed' }
  }
}

/** What was read when the request was begun, while no time was spent waiting since; else what the ledger says now. */
async function factsOf(job: Job, begun: Begun, destination: string | null, deps: Deps): Promise<Facts> {
  const given = begun.snapshot
  begun.snapshot = null
  if (given !== null) return { snapshot: given, moves: begun.moves, destination }
  const scope = scopeOf(job.request, destination)
  const [moves, snapshot] = await Promise.all([deps.journal.moves(scope.consumers), deps.ledger.snapshot(scope)])
  return { snapshot, moves, destination }
}

/** Redis time (ms), as far as the monotonic clock can tell since the request was begun. */
function nowMs(begun: Begun, deps: Deps): number {
  return begun.processing.nowMs + deps.clock.monotonicMs() - begun.begunAtMs
}

function attemptOf(begun: Begun): Attempt {
  return { request: begun.processing.request, token: begun.processing.token, ticket: begun.held, number: begun.attempt }
}

function fenced(begun: Begun, deps: Deps): Attempted {
  deps.telemetry.emit('fence.rejected', { request: begun.processing.request })
  return { kind: 'stopped', begun, why: 'the ledger refused a processing that is no longer current' }
}
