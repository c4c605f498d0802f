// What may have been sent is settled before anything else is looked at: proven done, or its door closed, never guessed.
import type { Intent } from '../journal/journal.ts'
import { noteOf } from '../journal/note.ts'
import type { Attempt } from '../ledger/ledger.ts'
import { holdsNothing } from '../transfer/allocations.ts'
import { viewsOf } from '../transfer/event.ts'
import { outcome, type Outcome } from '../transfer/outcome.ts'
import { untouched } from './decision.ts'
import type { Begun, Deps, Ending, Job } from './job.ts'
import { repeat } from './repeat.ts'

/** What an earlier processing of the request may have sent. Null: nothing of it is in the way any more. */
export async function settleIntent(job: Job, begun: Begun, deps: Deps): Promise<Ending | null> {
  if (begun.noted === null) return null
  if (!begun.noted.marked) return settleUnmarked(job, begun, begun.noted, deps)
  const door = await closeDoor(begun, deps)
  return door.kind === 'closed' ? null : door
}

/**
 * After it no send of the attempt can commit. Where one had: if the ledger decides, its decision stands, and the
 * delivery that comes back is answered from there; else it is decided now, as it was noted.
 */
export async function closeDoor(
  begun: Begun,
  deps: Deps,
): Promise<{ readonly kind: 'closed' } | Extract<Ending, { kind: 'stopped' | 'found' }>> {
  if (!deps.ledger.decides && begun.noted === null && !begun.reserved) return { kind: 'closed' } // nothing was sent
  if (begun.noted?.marked === false) {
    return { kind: 'stopped', begun, why: 'no marker proves what became of the release; the next delivery settles it' }
  }
  const standing = await repeat(deps.effects.close, attemptOf(begun), null, deps)
  switch (standing) {
    case 'applied':
      if (begun.noted !== null) return { kind: 'found', begun, intent: begun.noted }
      return { kind: 'stopped', begun, why: 'the write was found done; the next delivery tells its decision' }
    case 'stale':
      return { kind: 'stopped', begun, why: 'another worker has begun the request' }
    case 'closed':
      begun.attempt += 1
      begun.noted = null
      begun.reserved = false
      return { kind: 'closed' }
  }
}

/**
 * A send that no marker proves: what holds nothing was released. That something is still held proves nothing, since a
 * slow server may act yet.
 */
export async function settleUnmarked(
  job: Job,
  begun: Begun,
  intent: Intent,
  deps: Deps,
): Promise<Extract<Ending, { kind: 'found' | 'ended' }>> {
  const { consumers } = await repeat(
    deps.effects.read,
    { consumers: intent.consumers, providers: [], held: false },
    job,
    deps,
  )
  if (Object.values(consumers).every(holdsNothing)) return { kind: 'found', begun, intent }
  const views = viewsOf(consumers)
  const result = outcome(
    'outcome_unknown',
    `The forced release of request ${job.request.id} was sent and not answered; ` +
      `consumer ${intent.consumers.join(', ')} still holds something, which proves nothing: the release may come yet.`,
  )
  return { kind: 'ended', begun, outcome: result, ...untouched(job.request), before: views, after: views }
}

/**
 * Before a request is told as one that did not happen: a journal that has lost its record may have begun it anew, and
 * the ledger still knows what it did. Null: nothing was carried out.
 */
export async function doneBefore(
  job: Job,
  { begun, outcome: told }: Extract<Ending, { kind: 'ended' }>,
  deps: Deps,
): Promise<Outcome | null> {
  const { request } = job
  // n.b. A cancel writes to the journal alone.
  if (deps.ledger.decides || told.effect !== 'did_not_happen' || request.operation === 'cancel') return null
  for (let attempt = attemptOf(begun); ; attempt = { ...attempt, number: attempt.number + 1 }) {
    const standing = await repeat(deps.effects.find, attempt, job, deps)
    if (standing === 'absent') return null
    if (standing === 'closed') continue
    return carriedOutBefore(request.id)
  }
}

export function carriedOutBefore(request: string): Outcome {
  return outcome(
    'already_applied',
    `The ledger shows that request ${request} was carried out before; the journal has lost its record.`,
  )
}

/** Where the journal is not the ledger, a send whose note is lost with the master would be nobody's. */
export async function keepNote({ processing }: Begun, intent: Intent, deps: Deps): Promise<void> {
  const standing = { request: processing.request, what: 'intent', value: noteOf(intent) } as const
  await repeat(deps.effects.kept, standing, null, deps)
}

export function attemptOf(begun: Begun): Attempt {
  return { request: begun.processing.request, token: begun.processing.token, ticket: begun.held, number: begun.attempt }
}
