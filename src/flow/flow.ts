// The sentence: receive, validate, lock, apply, verify, publish, settle. All branching of the flow is here.
import type { Delivery } from '../broker/broker.ts'
import { receive } from './receive.ts'
import { refusedAtOnce, validate } from './validate.ts'
import { closeDoor, settleIntent } from './intent.ts'
import { changeLock, lock } from './lock.ts'
import { apply } from './apply.ts'
import { leavesDoorOpen, type Attempted } from './attempted.ts'
import { verify } from './verify.ts'
import { publish } from './publish.ts'
import { settle, type Settlement } from './settle.ts'
import { cancel } from './cancel.ts'
import { isPoison, poison } from './poison.ts'
import { bugEnding } from './decision.ts'
import type { Begun, Deps, Ending, Job, Turn } from './job.ts'
import { LockLost, type Lock } from '../locks/lock.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import { tryCandidates } from '../transfer/candidates.ts'

/**
 * Carries one delivery from arrival to settlement. Rejects only for a bug in telling or settling; nothing is
 * acknowledged then.
 */
export async function flow(delivery: Delivery, deps: Deps, signal: AbortSignal, turn: Turn): Promise<Settlement> {
  const job = receive(delivery, deps)
  if ('ending' in job) return settle(delivery, await publish(job, job.ending, deps), deps)
  if (job.mine) deps.active.add(job.request.id)
  try {
    const ending = await endingOf(job, deps, signal, turn)
    const published = await publish(job, ending, deps) // written down and confirmed before anything is acknowledged
    return await settle(delivery, published, deps) // acknowledge, delay or hand back; nothing else acknowledges
  } finally {
    if (job.mine) deps.active.delete(job.request.id)
  }
}

async function endingOf(job: Job, deps: Deps, signal: AbortSignal, turn: Turn): Promise<Ending> {
  let begun: Begun | null = null
  try {
    const standing = await validate(job, deps, signal, turn)
    if (standing.kind !== 'begun') return standing // decided before, a duplicate, or not ours to begin
    begun = standing
    const settled = (await settleIntent(job, begun, deps)) ?? refusedAtOnce(job, begun)
    if (settled !== null) return settled
    const held = await lock(job, begun, deps, signal)
    if (held.kind !== 'held') return held // waited in vain
    if (job.request.operation === 'cancel') return await cancel(job, begun, deps)
    if (isPoison(begun, deps)) return await poison(job, begun, deps)
    return await tryEach(job, begun, held.lock, deps, signal)
  } catch (failure) {
    return afterFailure(failure, job, begun, deps)
  }
}

/** The lock follows the destination: that of a candidate is given up for that of the next. */
async function tryEach(job: Job, begun: Begun, first: Lock, deps: Deps, signal: AbortSignal): Promise<Ending> {
  let held = first
  const { attempt, refusal } = await tryCandidates<Attempted | Ending>(
    job.request,
    async (destination, isFirst) => {
      if (!isFirst) {
        const changed = await changeLock(job, begun, held, destination, deps, signal)
        if (changed.kind !== 'held') return changed
        held = changed.lock
      }
      return tryOne(job, begun, held, destination, deps)
    },
    (attempted) => (attempted.kind === 'refused' ? attempted.refusal.outcome : null),
  )
  if (attempt.kind === 'applied') return verify(job, begun, attempt, deps)
  if (attempt.kind !== 'refused') return attempt
  return { kind: 'ended', begun, ...attempt.refusal, ...refusal }
}

/**
 * Reads, plans and writes anew while others win the race, each time only after the door of the last attempt is closed.
 */
async function tryOne(job: Job, begun: Begun, held: Lock, destination: string | null, deps: Deps): Promise<Attempted> {
  for (let lost = 0; lost < deps.settings.conflictsMax; lost++) {
    const attempted = await apply(job, begun, held, destination, deps)
    if (!leavesDoorOpen(attempted)) return attempted
    const door = await closeDoor(begun, deps)
    if (door.kind !== 'closed') return door
    if (attempted.kind === 'unclear') return { kind: 'transient', begun, reason: 'ledger_unavailable' }
  }
  return { kind: 'transient', begun, reason: 'contended' }
}

/**
 * A lost lock or a silent dependency ends this worker's part; anything else is a bug, told as such once its door is
 * closed.
 */
async function afterFailure(failure: unknown, job: Job, begun: Begun | null, deps: Deps): Promise<Ending> {
  if (failure instanceof LockLost && failure.why !== 'abort')
    deps.telemetry.emit('lock.lost', { request: job.request.id, why: failure.why })
  const gone = failure instanceof LockLost || failure instanceof Unanswered || failure instanceof Unavailable
  if (gone) return { kind: 'stopped', begun, why: failure.message }
  if (begun === null) throw failure
  try {
    const door = await closeDoor(begun, deps)
    return door.kind === 'closed' ? bugEnding(failure, job, begun) : door
  } catch {
    return { kind: 'stopped', begun, why: String(failure) }
  }
}
