// Stage 3 of 7: the consumers and providers of the request, all or none, in order of arrival, with a lease and a fence.
import { resourcesOf } from '../locks/locks.ts'
import type { InVain, Lock } from '../locks/lock.ts'
import { scopeOf } from '../transfer/plan.ts'
import type { Begun, Deps, Ending, Job } from './job.ts'

export type Held = { readonly kind: 'held'; readonly lock: Lock } | Ending

/** Waits for the ticket that was taken when the request was begun. */
export async function lock(job: Job, begun: Begun, deps: Deps, signal: AbortSignal): Promise<Held> {
  const resources = resourcesOf(scopeOf(job.request, job.request.destination))
  const startedMs = deps.clock.monotonicMs()
  const held = await deps.locks.hold(begun.ticket, resources, signal, begun.processing.session)
  return heldOrNot(job, begun, held, startedMs, deps)
}

/** Gives the lock of one candidate up for that of the next; the consumers stay in it. */
export async function changeLock(
  job: Job,
  begun: Begun,
  from: Lock,
  destination: string | null,
  deps: Deps,
  signal: AbortSignal,
): Promise<Held> {
  const resources = resourcesOf(scopeOf(job.request, destination))
  const startedMs = deps.clock.monotonicMs()
  const held = await deps.locks.change(from, begun.processing.token, resources, signal)
  begun.snapshot = null
  return heldOrNot(job, begun, held, startedMs, deps)
}

function heldOrNot(job: Job, begun: Begun, held: Lock | InVain, startedMs: number, deps: Deps): Held {
  begun.held = held.ticket
  if ('inVain' in held) {
    return held.moved ? { kind: 'aside', begun, reason: 'crowded' } : { kind: 'transient', begun, reason: 'contended' }
  }
  const waited = begun.ticket.state === 'waiting'
  deps.telemetry.emit('lock.granted', { request: job.request.id, waitMs: deps.clock.monotonicMs() - startedMs, waited })
  return { kind: 'held', lock: held }
}
