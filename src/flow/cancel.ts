// What stands in for apply in a cancel: it writes to the journal only, and waits until the request it names is decided.
import { cancelOutcome } from '../transfer/deadline.ts'
import { untouched } from './decision.ts'
import type { Begun, Deps, Ending, Job } from './job.ts'
import { repeat } from './repeat.ts'

export async function cancel(job: Job, begun: Begun, deps: Deps): Promise<Ending> {
  const { id, request: target } = job.request
  if (target === null) throw new Error('a cancel that names no request was not refused')
  const stands = await repeat(deps.effects.cancel, { target, by: id }, job, deps)
  if (stands.kind === 'waits') return { kind: 'aside', begun, reason: 'undecided' }
  const code = stands.kind === 'decided' ? stands.code : null
  return { kind: 'ended', begun, outcome: cancelOutcome(target, stands.kind, code), ...untouched(job.request) }
}
