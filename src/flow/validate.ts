// Stage 2 of 7: ask the journal what stands; begin, or repeat what was decided; refuse what no lock could help.
import type { Begun as Stands, Entry, Processing } from '../journal/journal.ts'
import { resourcesOf } from '../locks/locks.ts'
import { candidatesOf, refusedBefore, scopeOf, type Scope } from '../transfer/plan.ts'
import { copiedProperties } from '../transfer/letter.ts'
import { packedDecision, reusedDecision, untouched } from './decision.ts'
import { outcome, type Outcome } from '../transfer/outcome.ts'
import type { Request } from '../transfer/request.ts'
import type { Begun, Deps, Ending, Job, Turn } from './job.ts'
import { Unanswered } from '../retry/failures.ts'
import { repeat } from './repeat.ts'

export async function validate(job: Job, deps: Deps, signal: AbortSignal, turn: Turn): Promise<Begun | Ending> {
  const { request } = job
  const scope = scopeOf(request, candidatesOf(request)[0] ?? null)
  if (deps.locks.crowded(resourcesOf(scope))) return { kind: 'aside', begun: null, reason: 'crowded' }
  const stands = await beginBesideOrAlone(job, scope, deps, signal, turn)
  switch (stands.kind) {
    case 'decided':
      return { kind: 'decided', decision: stands.decision, again: true, recorded: true }
    case 'packed':
      return { kind: 'decided', decision: packedDecision(job, stands.packed, deps), again: true, recorded: false }
    case 'reused':
      return { kind: 'decided', decision: reusedDecision(job, deps), again: false, recorded: false }
    case 'duplicate':
      return { kind: 'aside', begun: null, reason: 'duplicate' }
    case 'suspect':
      return { kind: 'stopped', begun: null, why: 'the process stops before the request could be begun alone' }
    case 'stale':
      return { kind: 'stopped', begun: null, why: 'the lease of this process is over' }
    case 'begun':
      break
  }
  const { ticket, moves, snapshot } = stands
  const processing = tried(stands.processing)
  const begun: Begun = {
    kind: 'begun',
    processing,
    ticket,
    moves,
    snapshot,
    begunAtMs: deps.clock.monotonicMs(),
    attempt: processing.attempt,
    held: ticket.number,
    noted: processing.intent,
    reserved: false,
    wary: false,
  }
  deps.telemetry.emit('request.begun', {
    request: request.id,
    operation: request.operation,
    attempts: processing.attempts,
  })
  return begun
}

/** What no lock could help, looked at once nothing of the request can be under way any more. */
export function refusedAtOnce({ request }: Job, begun: Begun): Ending | null {
  const refusal = settledBefore(request, begun.processing) ?? refusedBefore(request, begun.processing)
  return refusal === null ? null : { kind: 'ended', begun, outcome: refusal, ...untouched(request) }
}

/** A processing that died with a write under way was a try, which the journal is not told otherwise. */
function tried(processing: Processing): Processing {
  if (processing.intent === null) return processing
  return { ...processing, lastReason: processing.lastReason ?? 'ledger_unavailable' }
}

/** What the journal keeps, so that the sweep can publish the request again. */
function entryOf(job: Job): Entry {
  const { delivery, request, digest } = job
  return {
    id: request.id,
    digest,
    operation: request.operation,
    body: delivery.body,
    properties: JSON.stringify(copiedProperties(delivery.properties)),
    exchange: delivery.exchange,
    routingKey: delivery.routingKey,
  }
}

/** A request that was in hand when a process died is begun alone: should it kill again, it kills nobody else's work. */
async function beginBesideOrAlone(
  job: Job,
  scope: Scope,
  deps: Deps,
  signal: AbortSignal,
  turn: Turn,
): Promise<Stands> {
  const stands = await begin(job, scope, false, deps)
  if (stands.kind !== 'suspect') return stands
  deps.telemetry.emit('request.suspected', { request: job.request.id })
  return (await turn.alone(signal)) ? begin(job, scope, true, deps) : stands
}

/**
 * Where no answer comes the processing may have been begun all the same: it is given up, so that nobody waits for it.
 */
async function begin(job: Job, scope: Scope, alone: boolean, deps: Deps): Promise<Stands> {
  const token = deps.nextToken()
  try {
    return await repeat(deps.effects.begin, { entry: entryOf(job), scope, token, mine: job.mine, alone }, job, deps)
  } catch (failure) {
    if (failure instanceof Unanswered) deps.giveUpLater({ request: job.request.id, token })
    throw failure
  }
}

/** What an earlier processing left that must be told before anything else is looked at, or null. */
function settledBefore(request: Request, { written, sent }: Processing): Outcome | null {
  if (written) {
    return outcome(
      'postcondition_failed',
      `The write of request ${request.id} was carried out, but reading it back gave something else than was planned.`,
    )
  }
  if (!sent) return null
  return outcome(
    'ledger_unavailable',
    `The write of request ${request.id} was sent and did not happen; "idempotent": false forbids sending it again.`,
  )
}
