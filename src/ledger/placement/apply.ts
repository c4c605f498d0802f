// One write on Placement: reserve the marker, send everything in one request, and tell what its answer means.
import type { Clock } from '../../clock/clock.ts'
import { Unanswered } from '../../retry/failures.ts'
import { sameAmounts } from '../../transfer/allocations.ts'
import type { Write } from '../../transfer/plan.ts'
import type { Consumer } from '../../transfer/snapshot.ts'
import type { Applied, Attempt, NotApplied } from '../ledger.ts'
import { bodyOf, raisedBy, type BodyOptions } from './body.ts'
import type { PlacementHttp } from './http.ts'
import { MARKER_CLASS } from './marker-providers.ts'
import type { Markers } from './markers.ts'
import type { Reading } from './reading.ts'
import { refusalOf, type Refusal } from './refusals.ts'

export interface Parts {
  readonly http: PlacementHttp
  readonly markers: Markers
  readonly reading: Reading
  readonly clock: Clock
}

/** Sends of one body that Placement refused because too many wrote to a provider at once. Nothing was written then. */
const CONTENDED_MAX = 4
const CONTENDED_MS = 40
const TYPES_SINCE = 38

/** What a send has come to: an end, or another body that is to be sent. */
type Sent = Applied | { readonly kind: 'again'; readonly options: BodyOptions }

/**
 * Takes the marker for this process alone, before its first send. Null: it has it, and may send. Placement makes K in
 * one step and looks at what it holds in another: a reservation that is still between the two takes K away from who has
 * written to it meanwhile. So nothing is ever sent under a K that another has touched, nor under one whose reservation
 * was not answered: the door of this attempt is closed then, and the next number has a K of its own.
 */
export async function reserveAlone(parts: Parts, attempt: Attempt): Promise<NotApplied | null> {
  try {
    const standing = await parts.markers.reserve(attempt)
    if (standing === 'reserved') return null
    if (standing === 'written') return await settled(parts, attempt)
  } catch (failure) {
    if (!(failure instanceof Unanswered)) throw failure
  }
  return { kind: 'conflict', reason: 'marker' }
}

/**
 * Sends under a marker that this process has. `resent`: an earlier send was not answered, and may still be under way.
 */
export async function applyOn(parts: Parts, write: Write, attempt: Attempt, resent: boolean): Promise<Applied> {
  const moved = await movedOf(parts, absentGuards(write))
  if (moved !== null) return { kind: 'conflict', reason: `generation ${moved}` }
  let options: BodyOptions = { typed: (await parts.http.minor()) >= TYPES_SINCE, guarded: true, absentAt: null }
  for (;;) {
    const sent = await send(parts, write, attempt, options)
    if (sent.kind !== 'again') return sent
    if (resent && sent.options.absentAt === 0) {
      // n.b. What seems left behind may be what that send is making: to write to it would take it away there.
      throw new Unanswered(`an earlier send of request ${attempt.request} may still be under way`)
    }
    options = sent.options
  }
}

async function send(parts: Parts, write: Write, attempt: Attempt, options: BodyOptions): Promise<Sent> {
  const { http, markers, reading, clock } = parts
  const body = bodyOf(write, await markers.row(attempt, 1), options)
  for (let sends = 1; ; sends++) {
    const raised = reading.raising(raisedBy(write, body))
    const answer = await http.send('POST', '/allocations', body)
    if (answer.status < 300) {
      raised()
      return { kind: 'applied', after: await readBack(reading, write, options, answer.asked), decided: false }
    }
    const refusal = refusalOf(answer)
    if (refusal.kind === 'room' && markers.providers.has(refusal.provider)) throw await markers.restored(answer)
    if (refusal.kind !== 'contention') return refusedAs(parts, write, attempt, options, refusal)
    if (sends === CONTENDED_MAX) return { kind: 'conflict', reason: 'contention' }
    await clock.sleep(CONTENDED_MS * sends * (0.5 + clock.random()))
  }
}

async function refusedAs(
  parts: Parts,
  write: Write,
  attempt: Attempt,
  options: BodyOptions,
  refusal: Exclude<Refusal, { kind: 'contention' }>,
): Promise<Sent> {
  if (refusal.kind === 'room') {
    if (options.guarded && onlyGuarded(write, refusal)) {
      const moved = await movedOf(parts, write.guards)
      if (moved === null) return { kind: 'again', options: { ...options, guarded: false } }
      return { kind: 'conflict', reason: `generation ${moved}` }
    }
    return { kind: 'conflict', reason: reasonOf(refusal) }
  }
  const standing = await parts.markers.find(attempt)
  if (standing !== 'absent') {
    const found = await settled(parts, attempt) // n.b. under a marker that this processing has made
    return found.kind === 'known' ? { kind: 'applied', after: null, decided: false } : found
  }
  const { expected, given } = refusal.kind === 'generation' ? refusal : { expected: null, given: null }
  if (given === 0 && options.absentAt === null) return { kind: 'stale' } // K alone is given 0, and was removed since
  const left = expected === 0 && given === null
  const moved = await movedOf(parts, [...write.changes.map(({ before }) => before), ...write.guards])
  if (moved !== null) return { kind: 'conflict', reason: `generation ${moved}` }
  if (left && options.absentAt === null) return { kind: 'again', options: { ...options, absentAt: 0 } }
  return { kind: 'conflict', reason: 'generation' }
}

/** n.b. Of a provider without any inventory Placement names every class of the request, K's too. */
function reasonOf({ rule, provider, resourceClass }: Extract<Refusal, { kind: 'room' }>): string {
  const classes = (resourceClass ?? '').split(', ').filter((name) => name !== '' && name !== MARKER_CLASS)
  return [rule, provider, ...classes.toSorted()].join(' ')
}

/**
 * The attempt was sent before: it is in the books, or its door is closed. Whether by this processing, by a forerunner
 * or by one that has taken over is for others to say: who made the marker, or the journal when a decision is written.
 */
async function settled({ markers }: Parts, attempt: Attempt): Promise<NotApplied> {
  switch (await markers.find(attempt)) {
    case 'applied':
      return { kind: 'known' }
    case 'closed':
      return { kind: 'conflict', reason: 'closed' }
    case 'absent':
      return { kind: 'stale' } // its marker was removed, which is done to decided requests only
  }
}

/** n.b. The write is in the books: a Placement that cannot be asked now must not be taken for "not carried out". */
async function readBack(
  reading: Reading,
  write: Write,
  { guarded }: BodyOptions,
  asked: string,
): Promise<Readonly<Record<string, Consumer>>> {
  const written = [
    ...write.changes.map(({ before, after }) => [before.id, after.type] as const),
    ...(guarded ? write.guards : []).flatMap(({ id, type }) => (type === null ? [] : [[id, type] as const])),
  ]
  const reads = Promise.all(written.map(([id, type]) => reading.consumer(id, type)))
  const read = await reads.catch((cause: unknown) => {
    throw new Unanswered(`${asked} was carried out, but reading it back failed: ${String(cause)}`, { cause })
  })
  return Object.fromEntries(read.map(({ consumer }) => [consumer.id, consumer]))
}

function absentGuards(write: Write): readonly Consumer[] {
  return write.guards.filter(({ generation }) => generation === null)
}

/** The first of these consumers that is not as it was read, or null. */
async function movedOf({ reading }: Parts, consumers: readonly Consumer[]): Promise<string | null> {
  const read = await Promise.all(consumers.map(({ id }) => reading.consumer(id)))
  return consumers.find(({ generation }, i) => read[i]!.consumer.generation !== generation)?.id ?? null
}

/**
 * Whether a refusal for lack of room meets rows that only guards have: Placement before 14 also refuses to write down
 * again what stands on a provider that is over-committed.
 */
function onlyGuarded(write: Write, { provider }: { readonly provider: string }): boolean {
  const changed = write.changes.some(({ before, after }) => {
    const wanted = after.allocations[provider]
    return wanted !== undefined && !sameAmounts(wanted, before.allocations[provider] ?? {})
  })
  return !changed && write.guards.some(({ allocations }) => allocations[provider] !== undefined)
}
