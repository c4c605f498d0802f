// Stage 5 of 7: what was read back equals the plan, or the difference is told.
import { verify as compare } from '../transfer/conservation.ts'
import type { Written } from './attempted.ts'
import { viewsOf } from '../transfer/event.ts'
import type { Begun, Deps, Ending, Job } from './job.ts'

export function verify(job: Job, begun: Begun, written: Written, deps: Deps): Ending {
  const compared = written.after === null ? written.outcome : compare(written.write, written.after)
  const exact = compared.code === 'applied' || written.after === null
  if (written.decided) {
    // n.b. The ledger decides only where its own reading back equals the target: this is the other half of a pair
    // assertion.
    if (!exact)
      deps.telemetry.emit('warning', {
        what: `request ${job.request.id} was decided, yet: ${compared.message}`,
        fix: 'ferryman ledger dump',
      })
    return { kind: 'decided', decision: written.decision, again: false, recorded: true }
  }
  const after = written.after === null ? written.story.after : { ...written.story.after, ...viewsOf(written.after) }
  return { kind: 'ended', begun, ...written.story, outcome: exact ? written.outcome : compared, after }
}
