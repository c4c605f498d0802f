// Pages of a list of letters by place and not by rank, so that acts of others make nothing be passed over.
import type { RedisClient } from '../../redis/client.ts'
import type { DeskKeys } from '../../redis/keys.ts'
import type { State } from '../desk.ts'

/** Letters read in one round. */
const PAGE = 200

/** A place in a sorted set: behind the member `id` of score `ms`, whether that is still there or not. */
export interface Place {
  readonly ms: number
  readonly id: string
  /** Members of this score that were passed. */
  readonly passed: number
}

export const BEGINNING: Place = { ms: -Infinity, id: '', passed: 0 }

/** Where a letter stands, or stood before others acted on it; null where nobody can tell. */
export async function placeOf(
  redis: RedisClient,
  keys: DeskKeys,
  state: State | 'all',
  after: string,
): Promise<Place | null> {
  const id = after.toLowerCase()
  const score = await redis.call('ZSCORE', [keys.ofState(state), id])
  if (score !== null) return { ms: Number(score), id, passed: 1 }
  const [first, taken] = (await redis.call('HMGET', [keys.letter(id), 'firstFailedAt', 'takenMs'])) as string[]
  if (first == null || taken == null || (state !== 'open' && state !== 'told')) return null
  return { ms: state === 'open' ? Date.parse(first) : Number(taken), id, passed: 1 }
}

/**
 * The next ids, by score and id, and where they end; null at the end of all. By place and not by rank, so that letters
 * which others act on meanwhile, and which leave the set, make nothing be passed over.
 */
export async function pageBehind(
  redis: RedisClient,
  keys: DeskKeys,
  state: State | 'all',
  { ms, id, passed }: Place,
): Promise<{ readonly ids: readonly string[]; readonly end: Place | null }> {
  const from = ms === -Infinity ? '-inf' : ms
  const range = [keys.ofState(state), from, '+inf', 'WITHSCORES', 'LIMIT', 0, PAGE + passed]
  const flat = ((await redis.call('ZRANGEBYSCORE', range)) as readonly string[]).map(String)
  const found = flat.flatMap((one, index) => (index % 2 === 0 ? [{ id: one, ms: Number(flat[index + 1]) }] : []))
  const ids = found.filter((one) => one.ms > ms || one.id > id).map((one) => one.id)
  const last = found.at(-1)
  if (last === undefined || found.length < PAGE + passed) return { ids, end: null }
  // n.b. A page in which nothing is new is asked for again, longer: many may have come in at the same moment.
  const passedNow = found.filter((one) => one.ms === last.ms).length
  return { ids, end: { ms: last.ms, id: ids.at(-1) ?? id, passed: passedNow } }
}
