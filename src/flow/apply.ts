// Stage 4 of 7: read, plan, and write once under the lock; an answer that did not come is settled, never guessed.
import type { Journal } from '../journal/journal.ts'
import type { Ledger, NotApplied } from '../ledger/ledger.ts'
import { LockLost, type Lock } from '../locks/lock.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import { refusedBefore } from '../transfer/deadline.ts'
import { viewsOf, type Decision } from '../transfer/event.ts'
import { plan, scopeOf, type Facts, type Plan, type Write } from '../transfer/plan.ts'
import type { Request } from '../transfer/request.ts'
import { fenced, type Attempted, type OpenDoor } from './attempted.ts'
import { decide, plannedStory, untouched, untouchedStory } from './decision.ts'
import { attemptOf, carriedOutBefore, keepNote } from './intent.ts'
import type { Begun, Deps, Job } from './job.ts'
import { readerOf, Silent } from './read.ts'
import { repeat } from './repeat.ts'
import { releaseUnguarded, unguardedBy } from './unguarded.ts'

export async function apply(
  job: Job,
  begun: Begun,
  held: Lock,
  destination: string | null,
  deps: Deps,
): Promise<Attempted | OpenDoor> {
  const { request } = job
  const late = refusedBefore(request, { ...begun.processing, nowMs: nowMs(begun, deps) })
  if (late !== null) return { kind: 'refused', refusal: { outcome: late, ...untouched(request) } }
  if (await isUnsettled(job, destination, deps)) return { kind: 'aside', begun, reason: 'undecided' }
  const made = await planFor(job, begun, destination, deps)
  if (made === null) return { kind: 'transient', begun, reason: 'ledger_unavailable' }
  const { facts, planned } = made
  if (planned.kind === 'decided') {
    return { kind: 'refused', refusal: { outcome: planned.outcome, ...untouchedStory(planned, facts) } }
  }
  const remove = unguardedBy(request, planned.write, deps)
  if (remove !== null) return releaseUnguarded(job, begun, held, planned, remove, deps)
  const sent = await send(job, begun, held, planned, deps)
  if (sent.kind !== 'known') return sent
  const views = viewsOf(facts.snapshot.consumers)
  const outcome = carriedOutBefore(request.id)
  return { kind: 'ended', begun, outcome, ...planned.used, before: views, after: views, moves: [] }
}

/** Makes ready and notes where it must, and sends, again and again while no answer comes. */
async function send(
  job: Job,
  begun: Begun,
  held: Lock,
  planned: Extract<Plan, { kind: 'write' }>,
  deps: Deps,
): Promise<Attempted | OpenDoor | { readonly kind: 'known' }> {
  const { request } = job
  const { write, outcome } = planned
  const story = plannedStory(planned)
  const decision = decide(job, begun, outcome, story, deps)
  const made = await answerOf(makeReady(job, begun, deps))
  if (made !== null) return endOf(made, begun, deps)
  if ((await noteSending(job, begun, write, decision, deps)) === 'stale') return fenced(begun, deps)
  if (!held.trusted()) throw new LockLost('the lock was no longer trusted right before the write')
  const input = { write, attempt: attemptOf(begun), decision }
  const answer = await answerOf(repeat(deps.effects.apply, input, job, deps, request.idempotent))
  if (answer.kind !== 'applied') return endOf(answer, begun, deps)
  if (answer.decided) deps.locks.forget(begun.held) // the same step released it
  return { kind: 'applied', write, outcome, story, decision, after: answer.after, decided: answer.decided }
}

/** Null: nothing is in the way of noting and sending the attempt. */
async function makeReady(job: Job, begun: Begun, deps: Deps): Promise<NotApplied | null> {
  if (deps.effects.reserve === null) return null
  begun.reserved = true
  return repeat(deps.effects.reserve, attemptOf(begun), job, deps)
}

async function answerOf<Answer>(asked: Promise<Answer>): Promise<Answer | { readonly kind: 'unclear' }> {
  try {
    return await asked
  } catch (failure) {
    if (failure instanceof Unanswered || failure instanceof Unavailable) return { kind: 'unclear' }
    throw failure
  }
}

/** What is left to do where an attempt was not carried out, or nobody knows. */
function endOf(
  answer: NotApplied | { readonly kind: 'unclear' },
  begun: Begun,
  deps: Deps,
): Attempted | OpenDoor | { readonly kind: 'known' } {
  if (answer.kind === 'stale') return fenced(begun, deps)
  if (answer.kind !== 'conflict') return answer
  begun.wary = true
  return { kind: 'conflict' }
}

/**
 * A write whose sender forbids repeating is noted first: should this process die now, no other sends it again. So is
 * every write to a ledger that does not decide, for whoever comes next to settle.
 */
async function noteSending(
  { request }: Job,
  begun: Begun,
  write: Write,
  decision: Decision,
  deps: Deps,
): Promise<'noted' | 'stale'> {
  if (deps.ledger.decides && request.idempotent) return 'noted'
  const consumers = [...write.changes.map(({ before }) => before.id), ...write.guards.map(({ id }) => id)]
  const intent = deps.ledger.decides ? null : { decision, moves: write.moves, consumers, marked: true }
  begun.noted = intent
  const sending = { attempt: begun.attempt, once: !request.idempotent, intent }
  const noted = await repeat(deps.effects.sending, { processing: begun.processing, sending }, null, deps)
  if (noted === 'noted' && intent !== null) await keepNote(begun, intent, deps)
  return noted
}

/** Whether another request may have changed a consumer of this one, and nobody has settled that yet. */
async function isUnsettled({ request }: Job, destination: string | null, deps: Deps): Promise<boolean> {
  if (deps.ledger.decides) return false
  const requests = Object.values(await deps.journal.unsettled(scopeOf(request, destination).consumers))
  return requests.some((id) => id !== request.id)
}

interface Planned {
  readonly facts: Facts
  readonly planned: Plan
}

/** Null: what the request concerns cannot be read. */
async function planFor(job: Job, begun: Begun, destination: string | null, deps: Deps): Promise<Planned | null> {
  try {
    return await planOn(job, begun, destination, readerOf(job, deps), deps)
  } catch (failure) {
    if (failure instanceof Silent) return null
    throw failure
  }
}

type Reader = ReturnType<typeof readerOf>

/** A plan that refuses is made again on all that can be read, unless it was made on that. */
async function planOn(
  job: Job,
  begun: Begun,
  destination: string | null,
  ledger: Reader,
  deps: Deps,
): Promise<Planned> {
  const { assumed, ...facts } = await factsOf(job, begun, destination, ledger, deps)
  const planned = plan(job.request, facts)
  if (planned.kind === 'write' || !assumed) return { facts, planned }
  const whole = { ...facts, snapshot: await ledger.snapshot(scopeOf(job.request, destination)) }
  return { facts: whole, planned: plan(job.request, whole) }
}

interface Read extends Facts {
  /** Whether something was left out that the write checks. */
  readonly assumed: boolean
}

/** What was read when the request was begun, while no time was spent waiting since; else what the ledger says now. */
async function factsOf(
  job: Job,
  begun: Begun,
  destination: string | null,
  ledger: Reader,
  { journal }: Deps,
): Promise<Read> {
  const given = begun.snapshot
  begun.snapshot = null
  if (given !== null) return { snapshot: given, moves: begun.moves, destination, assumed: false }
  if (begun.wary) return { ...(await readFacts(job.request, destination, { journal, ledger })), assumed: false }
  const scope = scopeOf(job.request, destination)
  const [moves, snapshot] = await Promise.all([journal.moves(scope.consumers), ledger.sketch(scope)])
  return { snapshot, moves, destination, assumed: snapshot.assumed }
}

/** What the ledger and the journal say now of all that concerns the request while `destination` is tried. */
export async function readFacts(
  request: Request,
  destination: string | null,
  { journal, ledger }: { readonly journal: Pick<Journal, 'moves'>; readonly ledger: Pick<Ledger, 'snapshot'> },
): Promise<Facts> {
  const scope = scopeOf(request, destination)
  const [moves, snapshot] = await Promise.all([journal.moves(scope.consumers), ledger.snapshot(scope)])
  return { snapshot, moves, destination }
}

/** Redis time (ms), as far as the monotonic clock can tell since the request was begun. */
function nowMs(begun: Begun, deps: Deps): number {
  return begun.processing.nowMs + deps.clock.monotonicMs() - begun.begunAtMs
}
