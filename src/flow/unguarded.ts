// The forced release that no guard and no marker covers: one DELETE, sent once, by one worker.
import type { Intent } from '../journal/journal.ts'
import { LockLost, type Lock } from '../locks/lock.ts'
import { Refused, Unanswered, Unavailable } from '../retry/failures.ts'
import type { Effect } from '../retry/effect.ts'
import { outcome } from '../transfer/outcome.ts'
import type { Plan, Write } from '../transfer/plan.ts'
import type { Request } from '../transfer/request.ts'
import { fenced, type Attempted } from './attempted.ts'
import { decide, plannedStory } from './decision.ts'
import { keepNote, settleUnmarked } from './intent.ts'
import type { Begun, Deps, Job } from './job.ts'
import { repeat } from './repeat.ts'

type Delete = Effect<string, 'deleted' | 'absent', 'once'>

/** How a write is carried out without a guard, or null where it is a write like any other. */
export function unguardedBy(request: Request, write: Write, deps: Deps): Delete | null {
  const alone = request.force && write.moves.put.length === 0 && write.changes.length === 1
  return request.operation === 'release' && alone ? deps.effects.deleteUnguarded : null
}

export async function releaseUnguarded(
  job: Job,
  begun: Begun,
  held: Lock,
  planned: Extract<Plan, { kind: 'write' }>,
  remove: Delete,
  deps: Deps,
): Promise<Attempted> {
  const { write } = planned
  const story = plannedStory(planned)
  const decision = decide(job, begun, planned.outcome, story, deps)
  const consumers = write.changes.map(({ before }) => before.id)
  const intent: Intent = { decision, moves: write.moves, consumers, marked: false }
  if ((await note(begun, intent, deps)) === 'stale') return fenced(begun, deps)
  await keepNote(begun, intent, deps)
  if (!held.trusted()) {
    await note(begun, null, deps)
    throw new LockLost('the lock was no longer trusted right before the write')
  }
  const answer = await sendOnce(remove, consumers[0]!)
  if (answer instanceof Unanswered) return settleUnmarked(job, begun, intent, deps)
  if (answer instanceof Unavailable || answer instanceof Refused) {
    await note(begun, null, deps) // it was not carried out, so that it may be sent once more
    if (answer instanceof Refused) throw answer
    return { kind: 'transient', begun, reason: 'ledger_unavailable' }
  }
  if (answer === 'absent') {
    const nothing = outcome('nothing_to_do', `Consumer ${consumers[0]} held nothing any more when it was released.`)
    return { kind: 'refused', refusal: { outcome: nothing, ...story, before: story.after } }
  }
  // n.b. It is carried out: where that cannot be read back now, the note stays, and whoever comes next settles it.
  const { consumers: after } = await repeat(deps.effects.read, { consumers, providers: [], held: false }, job, deps)
  return { kind: 'applied', write, outcome: planned.outcome, story, decision, after, decided: false }
}

type Sent = 'deleted' | 'absent' | Unanswered | Unavailable | Refused

/** What the DELETE itself came to: a failure of anything else says nothing of it. */
async function sendOnce(remove: Delete, consumer: string): Promise<Sent> {
  try {
    return await remove.once(consumer)
  } catch (failure) {
    if (failure instanceof Unanswered || failure instanceof Unavailable || failure instanceof Refused) return failure
    throw failure
  }
}

function note(begun: Begun, intent: Intent | null, deps: Deps): Promise<'noted' | 'stale'> {
  begun.noted = intent
  const sending = { attempt: begun.attempt, once: intent !== null, intent }
  return repeat(deps.effects.sending, { processing: begun.processing, sending }, null, deps)
}
