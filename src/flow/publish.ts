// Stage 6 of 7: write the decision down, then tell it, confirmed by the broker, under an id that a redelivery repeats.
import type { Delay } from '../broker/names.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import type { Decision } from '../transfer/event.ts'
import { classOf } from '../transfer/outcome.ts'
import type { MoveChange } from '../transfer/plan.ts'
import { afterTransient } from '../transfer/settlement.ts'
import { decide, eventMessage, letterMessage, recalled, unroutableLetter, untouched } from './decision.ts'
import { doneBefore } from './intent.ts'
import type { Deps, Ending, InvalidJob, Job } from './job.ts'
import { repeat } from './repeat.ts'

type Ended = Extract<Ending, { kind: 'ended' }>
type Found = Extract<Ending, { kind: 'found' }>
type Decided = Extract<Ending, { kind: 'decided' }>
type Transient = Extract<Ending, { kind: 'transient' }>

/** A copy must wait in the queue of `delay`; what was begun is given up first. */
export interface Later {
  readonly kind: 'later'
  readonly ending: Extract<Ending, { kind: 'transient' | 'aside' }>
  readonly rung: number
  readonly delay: Delay
}

/** What is left to do with the delivery. */
export type Published =
  /** `note`: the decision whose telling is still to be noted in the journal, or null. */
  | { readonly kind: 'told'; readonly note: Decision | null }
  | Later
  | { readonly kind: 'stopped'; readonly ending: Ending; readonly why: string }

export async function publish(job: Job | InvalidJob, ending: Ending, deps: Deps): Promise<Published> {
  try {
    switch (ending.kind) {
      case 'decided':
        return await tell(job, ending, deps)
      case 'ended':
        return await record(job as Job, ending, deps)
      case 'found':
        return await writeDown(job as Job, ending, recalled(job as Job, ending, deps), ending.intent.moves, deps)
      case 'transient':
        return await later(job as Job, ending, deps)
      case 'aside':
        return { kind: 'later', ending, rung: ending.begun?.processing.rung ?? 0, delay: '1s' }
      case 'stopped':
        return { kind: 'stopped', ending, why: ending.why }
    }
  } catch (failure) {
    if (failure instanceof Unanswered || failure instanceof Unavailable)
      return { kind: 'stopped', ending, why: failure.message }
    throw failure
  }
}

async function record(job: Job, ending: Ended, deps: Deps): Promise<Published> {
  const outcome = (await doneBefore(job, ending, deps)) ?? ending.outcome
  const decision = decide(job, ending.begun, outcome, ending, deps)
  return writeDown(job, ending, decision, { put: ending.moves }, deps)
}

/** The first decision stands, so a worker that comes too late tells nothing. */
async function writeDown(
  job: Job,
  ending: Ended | Found,
  decision: Decision,
  moves: MoveChange,
  deps: Deps,
): Promise<Published> {
  const { begun } = ending
  deps.locks.forget(begun.held)
  const input = { processing: begun.processing, decision, moves }
  if ((await repeat(deps.effects.decide, input, job, deps)) === 'stale') {
    return { kind: 'stopped', ending, why: 'another worker has begun or decided the request' }
  }
  return tell(job, { kind: 'decided', decision, again: false, recorded: true }, deps)
}

/** Event and, for a failure, dead letter; both confirmed before anything is acknowledged. */
async function tell(job: Job | InvalidJob, ending: Decided, deps: Deps): Promise<Published> {
  const { decision } = ending
  if (ending.recorded) {
    const standing = { request: decision.request, what: 'decision', value: decision.event } as const
    await repeat(deps.effects.kept, standing, null, deps)
  }
  const letter = decision.letter === null ? [] : [letterMessage(decision.letter, decision, job.delivery, deps)]
  const event = eventMessage(decision, deps)
  const [routed, ...others] = await Promise.all(
    [event, ...letter].map((message) => repeat(deps.effects.publish, message, null, deps)),
  )
  if (others.includes('unroutable')) throw new Unavailable('no queue is bound that would receive the dead letter')
  if (routed === 'unroutable') return await keepForLater(job, ending, deps)
  deps.telemetry.emit('request.told', {
    request: decision.request,
    operation: decision.operation,
    code: decision.code,
    class: classOf(decision.code),
    again: ending.again,
    durationMs: deps.clock.monotonicMs() - job.arrivedMs,
  })
  return { kind: 'told', note: ending.recorded ? decision : null }
}

/**
 * No queue would receive the event: the decision stands, a letter says so, and since it is not marked as told the sweep
 * tells it again until a route exists.
 */
async function keepForLater(job: Job | InvalidJob, { decision }: Decided, deps: Deps): Promise<Published> {
  deps.telemetry.emit('event.unroutable', { request: decision.request })
  const message = letterMessage(unroutableLetter(decision, job.delivery, deps), decision, job.delivery, deps)
  const routed = await repeat(deps.effects.publish, message, null, deps)
  if (routed === 'unroutable')
    throw new Unavailable('no queue is bound that would receive the event or its dead letter')
  return { kind: 'told', note: null }
}

/** n.b. A mark that could not be set only means that the sweep tells the event again, under the same id. */
export async function markTold(decision: Decision, deps: Deps): Promise<void> {
  try {
    await repeat(deps.effects.told, decision.request, null, deps)
  } catch (failure) {
    if (!(failure instanceof Unanswered || failure instanceof Unavailable)) throw failure
  }
}

/** The next rung of the ladder, or the end of it. */
async function later(job: Job, ending: Transient, deps: Deps): Promise<Published> {
  const { processing } = ending.begun
  const next = afterTransient(ending.reason, processing.rung, deps.settings.ladder, job.request, processing.nowMs)
  if (next.kind === 'later') return { kind: 'later', ending, rung: next.rung, delay: next.delay }
  return record(job, { kind: 'ended', begun: ending.begun, outcome: next.outcome, ...untouched(job.request) }, deps)
}
