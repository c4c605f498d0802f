// Stage 5 of 7: what was read back equals the plan, or the difference is told.
import { sameAllocations } from '../transfer/allocations.ts'
import { verify as compare } from '../transfer/conservation.ts'
import type { Written } from './attempted.ts'
import { viewsOf } from '../transfer/event.ts'
import type { View } from '../transfer/snapshot.ts'
import type { Begun, Deps, Ending, Job, Story } from './job.ts'

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
  if (!exact) return { kind: 'ended', begun, ...written.story, outcome: compared, after: readBack(written, () => true) }
  // n.b. What is written as planned and yet stands otherwise was written again since: for somebody else to tell.
  const after = readBack(written, (planned, found) => sameAllocations(planned.allocations, found.allocations))
  return { kind: 'ended', begun, ...written.story, outcome: written.outcome, after }
}

/** What is told of each consumer: what was read back, where `telling` takes it, else what was planned. */
function readBack({ story, after }: Written, telling: (planned: View, found: View) => boolean): Story['after'] {
  if (after === null) return story.after
  const found = Object.entries(viewsOf(after)).filter(([id, view]) => telling(story.after?.[id] ?? view, view))
  return { ...story.after, ...Object.fromEntries(found) }
}
