// Stage 2 of 7: ask the journal what stands; begin, or repeat what was decided, or refuse what no lock could help.
import type { Entry } from '../journal/journal.ts'
import { resourcesOf } from '../locks/locks.ts'
import { candidatesOf, refusedBefore, scopeOf } from '../transfer/plan.ts'
import { copiedProperties } from '../transfer/letter.ts'
import { reusedDecision, untouched } from './decision.ts'
import { outcome, type Outcome } from '../transfer/outcome.ts'
import type { Request } from '../transfer/request.ts'
import type { Begun, Deps, Ending, Job } from './job.ts'
import { repeat } from './repeat.ts'

export async function validate(job: Job, deps: Deps): Promise<Begun | Ending> {
  const { request } = job
  const scope = scopeOf(request, candidatesOf(request)[0] ?? null)
  if (deps.locks.crowded(resourcesOf(scope))) return { kind: 'aside', begun: null, reason: 'crowded' }
  const stands = await repeat(deps.effects.begin, { entry: entryOf(job), scope, token: deps.nextToken(), mine: true }, job, deps)
  switch (stands.kind) {
    case 'decided': return { kind: 'decided', decision: stands.decision, again: true, recorded: true }
    case 'reused': return { kind: 'decided', decision: reusedDecision(job, deps), again: false, recorded: false }
    case 'duplicate': return { kind: 'aside', begun: null, reason: 'duplicate' }
    case 'stale': return { kind: 'stopped', begun: null, why: 'the lease of this process is over' }
    case 'begun': break
  }
  const { processing, ticket, moves, snapshot } = stands
  const begun: Begun = {
    kind: 'begun', processing, ticket, moves, snapshot,
    begunAtMs: deps.clock.monotonicMs(), attempt: processing.attempt, held: ticket.number,
  }
  deps.telemetry.emit('request.begun', { request: request.id, operation: request.operation, attempts: processing.attempts })
  if (processing.written) return { kind: 'ended', begun, outcome: notAsPlanned(request), ...untouched(request) }
  const refusal = refusedBefore(request, processing)
  return refusal === null ? begun : { kind: 'ended', begun, outcome: refusal, ...untouched(request) }
}

/** What the journal keeps, so that the sweep can publish the request again. */
function entryOf(job: Job): Entry {
  const { delivery, request, digest } = job
  return {
    id: request.id, digest, operation: request.operation, body: delivery.body,
    properties: JSON.stringify(copiedProperties(delivery.properties)),
    exchange: delivery.exchange, routingKey: delivery.routingKey,
  }
}

/** An earlier processing wrote, found on reading back something else than planned, and did not live to tell it. */
function notAsPlanned(request: Request): Outcome {
  return outcome('postcondition_failed',
    `The write of request ${request.id} was carried out, but reading it back in the same step gave something else than was planned.`)
}
