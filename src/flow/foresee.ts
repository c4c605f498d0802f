// What would become of a request, from journal and ledger as they stand now: nothing is locked, written or told.
import type { Journal, RecordView } from '../journal/journal.ts'
import type { Overview } from '../journal/overview.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { Unavailable } from '../retry/failures.ts'
import { tryCandidates, type Passed } from '../transfer/candidates.ts'
import { cancelOutcome } from '../transfer/deadline.ts'
import { canonicalJson } from '../transfer/digest.ts'
import { openOf, type EventBody } from '../transfer/event.ts'
import { decode } from '../transfer/message.ts'
import { outcome, type Code, type Outcome } from '../transfer/outcome.ts'
import { plan, refusedBefore, scopeOf, type Facts, type Parties, type Plan } from '../transfer/plan.ts'
import type { Request } from '../transfer/request.ts'
import type { Snapshot } from '../transfer/snapshot.ts'
import { readFacts } from './apply.ts'
import { idReused, plannedStory, untouched, untouchedStory } from './decision.ts'
import type { Story } from './job.ts'

export interface Sources {
  readonly journal: Pick<Journal, 'moves' | 'show'>
  readonly overview: Pick<Overview, 'cancelledBy'>
  readonly ledger: Pick<Ledger, 'snapshot'>
  /** Redis time (ms): what deadlines are compared with. */
  readonly nowMs: () => Promise<number>
}

/** The end that a worker would come to now, as its event would tell it. */
export interface Foreseen extends Parties, Pick<EventBody, 'before' | 'after' | 'open'> {
  readonly outcome: Outcome
  /** Destinations that would refuse before the one told. */
  readonly passed: readonly Passed[]
  /** Every provider that was read for it. */
  readonly providers: Snapshot['providers']
}

/** n.b. Nothing keeps others from changing the ledger between this answer and the request. */
export async function foresee(request: Request, digest: string, sources: Sources): Promise<Foreseen> {
  const record = await sources.journal.show(request.id)
  const known = record === null ? null : decidedBefore(request, digest, record)
  if (known !== null) return known
  const [nowMs, cancelledBy] = await Promise.all([sources.nowMs(), sources.overview.cancelledBy(request.id)])
  const late = refusedBefore(request, { nowMs, cancelledBy })
  if (late !== null) return unread(request, late)
  if (request.operation === 'cancel') return unread(request, await foreseeCancel(request, sources))
  let providers: Snapshot['providers'] = {}
  const { attempt, refusal, passed } = await tryCandidates(
    request,
    async (destination) => {
      const facts = await steadyFacts(request, destination, sources)
      providers = { ...providers, ...facts.snapshot.providers }
      return { facts, planned: plan(request, facts) }
    },
    ({ planned }) => (planned.kind === 'decided' ? planned.outcome : null),
  )
  const { facts, planned } = attempt
  const { moves, ...story } = storyOf(planned, facts)
  return { ...story, outcome: planned.outcome, ...refusal, open: openOf(moves), passed, providers }
}

/** The answer that stands already, or null while the id is free or its request undecided. */
function decidedBefore(request: Request, digest: string, record: RecordView): Foreseen | null {
  const recorded = decode({ body: record.body, headers: {} }, { bytesMax: Infinity })
  if (recorded.kind === 'request' && recorded.digest !== digest) return unread(request, idReused(request))
  if (record.event === null) return record.code === null ? null : unread(request, packedOutcome(request, record.code))
  const { outcome: told, violations, ...event } = JSON.parse(record.event) as EventBody
  const { consumer, migration, source, destination, before, after, open } = event
  const parties = { consumer, migration, source, destination }
  return { ...parties, before, after, open, outcome: { ...told, violations }, passed: [], providers: {} }
}

/** Of a request whose record is gone: a worker tells its code again, and carries nothing out. */
function packedOutcome({ id }: Request, code: string): Outcome {
  return outcome(code as Code, `Request ${id} ended as ${code}; how it came to that is no longer recorded.`)
}

function unread(request: Request, result: Outcome): Foreseen {
  const { moves: _none, ...story } = untouched(request)
  return { ...story, outcome: result, open: null, passed: [], providers: {} }
}

async function foreseeCancel({ id, request: target }: Request, { journal, overview }: Sources): Promise<Outcome> {
  if (target === null) throw new Error('a cancel that names no request was not refused')
  const [record, by] = await Promise.all([journal.show(target), overview.cancelledBy(target)])
  const code = (record?.code ?? null) as Code | null
  if (code !== null && code !== 'cancelled') return cancelOutcome(target, 'decided', code)
  if (by !== null && by !== id) return cancelOutcome(target, 'cancelled_before')
  return cancelOutcome(target, 'cancelled')
}

function storyOf(planned: Plan, facts: Facts): Story {
  return planned.kind === 'write' ? plannedStory(planned) : untouchedStory(planned, facts)
}

/** Times that a consumer is read whose moves change meanwhile: without a lock, journal and ledger are two moments. */
const LOOKS = 5

async function steadyFacts(request: Request, destination: string | null, sources: Sources): Promise<Facts> {
  const { consumers } = scopeOf(request, destination)
  for (let look = 0; look < LOOKS; look++) {
    const facts = await readFacts(request, destination, sources)
    if (canonicalJson(await sources.journal.moves(consumers)) === canonicalJson(facts.moves)) return facts
  }
  throw new Unavailable(
    `the moves of consumer ${request.consumer} changed ${LOOKS} times while they were read; try again`,
  )
}
