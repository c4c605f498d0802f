// The request marker: one consumer K an attempt, a cell that goes from reserved (0) to written or closed, once.
import { Unanswered, Unavailable } from '../../retry/failures.ts'
import { uuidV5 } from '../../transfer/uuid.ts'
import type { Attempt, Standing } from '../ledger.ts'
import { ensureProviders, MARKER_CLASS, markerProvider, missingProviders } from './marker-providers.ts'
import { errorOf, refusalOf } from './refusals.ts'
import { holdingOf } from './answers.ts'
import { removeMarkers } from './marker-removal.ts'
import type { Answer, PlacementHttp } from './http.ts'

/**
 * K as it stands in a body. It is written at generation 0 only, which a consumer has that was reserved and never
 * written: Placement compares and counts up in the transaction of the write. With `null` it would make K on the fly,
 * outside that transaction, and two sends that overlap would take K from each other.
 */
export interface MarkerRow {
  readonly allocations: Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>
  readonly project_id: string
  readonly user_id: string
  readonly consumer_generation: number | null
  readonly consumer_type?: string
}

/** What a reservation came to: K was made by it, or stood there before, not yet or already written (or closed). */
export type Reserved = 'reserved' | 'standing' | 'written'

export interface Markers {
  /** Makes class and providers where they are not there. Any number of workers may do so at once. */
  ensure(): Promise<void>
  /** Names of marker providers that are not there. */
  missing(): Promise<readonly string[]>
  /** Uuids of the marker providers: no hosts, to be left out of every list. */
  readonly providers: ReadonlySet<string>
  /** Makes sure that K is there to be written. Rejects with `Unanswered` also where another does so at this moment. */
  reserve(attempt: Attempt): Promise<Reserved>
  /**
   * To be thrown where a write was refused because of the marker providers: they are made again (an operator may have
   * removed them), and the write may be sent again.
   */
  restored(answer: Answer): Promise<Unavailable>
  /** K holding `units` (1 written, 2 closed; none: removed), to be put into a body. */
  row(attempt: Attempt, units: 1 | 2): Promise<readonly [string, MarkerRow]>
  find(attempt: Attempt): Promise<Standing>
  close(attempt: Attempt): Promise<'applied' | 'closed'>
  /**
   * Takes away what the attempts left, once nobody will ask any more. K that is not written or closed stays: close it
   * first. A send that comes after this finds nothing reserved, and is refused. The number removed.
   */
  remove(attempts: readonly Pick<Attempt, 'request' | 'number'>[]): Promise<number>
}

export interface MarkerOptions {
  readonly namespace: string
  /** Marker providers, from 1: a write raises the generation of its provider, so that few are waited for. */
  readonly count: number
}

const MARKER_TYPE = 'FERRYMAN_MARK'
const MARKER_OWNER = 'ferryman'
const TYPES_SINCE = 38
/** Looks at K before a door counts as not to be closed now: another send of the same may be just being carried out. */
const CLOSE_LOOKS = 5

/** K of an attempt. */
export function markerOf({ request, number }: Pick<Attempt, 'request' | 'number'>): string {
  return uuidV5(`${request}/${number}`)
}

export function placementMarkers(http: PlacementHttp, { namespace, count }: MarkerOptions): Markers {
  const all = Array.from({ length: count }, (_, number) => markerProvider(namespace, number))
  const providers = new Set(all.map(({ id }) => id))

  const shardOf = (k: string): string => all[Number.parseInt(k.slice(0, 8), 16) % count]!.id
  const rowOf = async (k: string, units: 0 | 1 | 2, generation: number | null): Promise<MarkerRow> =>
    markerRow(shardOf(k), units, generation, await http.minor())

  async function reserve(attempt: Attempt): Promise<Reserved> {
    const k = markerOf(attempt)
    const answer = await http.send('PUT', `/allocations/${k}`, await rowOf(k, 0, null))
    if (answer.status < 300) return 'reserved'
    const refusal = refusalOf(answer)
    if (refusal.kind === 'generation') return refusal.expected === 0 ? 'standing' : 'written'
    throw new Unanswered(`${answer.asked}: marker ${k} is being reserved by another send`)
  }

  async function find(attempt: Attempt): Promise<Standing> {
    const holding = holdingOf(await http.send('GET', `/allocations/${markerOf(attempt)}`))
    const units = Object.values(holding?.allocations ?? {}).map((amounts) => amounts[MARKER_CLASS])[0]
    return units === undefined ? 'absent' : units === 1 ? 'applied' : 'closed'
  }

  async function close(attempt: Attempt): Promise<'applied' | 'closed'> {
    const k = markerOf(attempt)
    const closing = await rowOf(k, 2, 0)
    for (let looks = 0; looks < CLOSE_LOOKS; looks++) {
      const answer = await http.send('PUT', `/allocations/${k}`, closing)
      if (answer.status < 300) return 'closed'
      const refusal = refusalOf(answer)
      if (refusal.kind === 'room') throw await restored(answer)
      if (refusal.kind === 'generation' && refusal.expected === null) await reserve(attempt)
      const standing = await find(attempt)
      if (standing !== 'absent') return standing
    }
    throw new Unanswered(`marker ${k} of request ${attempt.request} could not be closed: others write to its provider`)
  }

  async function restored(answer: Answer): Promise<Unavailable> {
    const { detail } = errorOf(answer)
    await ensureProviders(http, all)
    return new Unavailable(`${answer.asked}: marker providers had gone and were made again (${detail.slice(0, 200)})`)
  }

  return {
    providers,
    reserve,
    find,
    close,
    restored,
    ensure: () => ensureProviders(http, all),
    missing: () => missingProviders(http, all),
    row: async (attempt, units) => [markerOf(attempt), await rowOf(markerOf(attempt), units, 0)],
    remove: (attempts) => removeMarkers(http, attempts.map(markerOf), shardOf, (k, at) => rowOf(k, 0, at)),
  }
}

/** `units` 0: holding nothing. */
function markerRow(provider: string, units: 0 | 1 | 2, generation: number | null, minor: number): MarkerRow {
  return {
    allocations: units === 0 ? {} : { [provider]: { resources: { [MARKER_CLASS]: units } } },
    project_id: MARKER_OWNER,
    user_id: MARKER_OWNER,
    consumer_generation: generation,
    ...(minor >= TYPES_SINCE && { consumer_type: MARKER_TYPE }),
  }
}
