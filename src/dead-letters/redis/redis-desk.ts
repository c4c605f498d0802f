// The desk's index in Redis: a hash a letter, sorted sets by state, one script a change.
import type { RedisClient, Reply } from '../../redis/client.ts'
import { deskKeysOf, type DeskKeys } from '../../redis/keys.ts'
import {
  LETTER_CLASSES,
  STATES,
  type Counts,
  type Desk,
  type Filter,
  type HistoryEntry,
  type Letter,
  type LetterClass,
  type NewLetter,
  type State,
  type WholeLetter,
} from '../desk.ts'
import { firstStateOf } from '../letter.ts'
import { deskScripts, type Run } from './desk-scripts.ts'
import { BEGINNING, pageBehind, placeOf } from './paging.ts'
import { pairsOf } from './pairs.ts'
import { redisActs } from './redis-acts.ts'

/** Letters forgotten in one round. */
const FORGET = 500

const LISTED = [
  'id',
  'request',
  'operation',
  'consumer',
  'source',
  'destination',
  'code',
  'class',
  'effect',
  'state',
  'firstFailedAt',
  'lastFailedAt',
  'attempts',
] as const

export function redisDesk(redis: RedisClient, namespace: string): Desk {
  const keys = deskKeysOf(namespace)
  const run = deskScripts(redis)
  return {
    take: (letter) => take(run, keys, letter),
    counts: () => counts(redis, keys),
    list: (filter) => list(redis, keys, filter),
    find: (id) => find(redis, keys, id.toLowerCase()),
    forget: (state, beforeMs) => forget(redis, run, keys, state, beforeMs),
    ...redisActs(redis, run, keys),
    holdIntake: async (holder, leaseMs) => (await run('hold-intake', [keys.taker], [holder, leaseMs])) === 1,
    releaseIntake: async (holder) => {
      await run('hold-intake', [keys.taker], [holder, 0])
    },
  }
}

async function take(run: Run, keys: DeskKeys, letter: NewLetter): Promise<'taken' | 'again'> {
  const state = firstStateOf(letter)
  const fields = {
    operation: letter.operation,
    consumer: letter.consumer ?? '',
    source: letter.source ?? '',
    destination: letter.destination ?? '',
    providers: letter.providers.join(' '),
    code: letter.code,
    class: letter.class,
    effect: letter.effect,
    firstFailedAt: letter.firstFailedAt,
    body: letter.body,
    headers: JSON.stringify(letter.headers),
  }
  const reply = await run(
    'take',
    [
      keys.letter(letter.id),
      keys.ofState(state),
      keys.ofState('all'),
      keys.openOf(letter.class),
      keys.requests,
      keys.counts,
      keys.watched,
    ],
    [
      letter.id,
      letter.request,
      state,
      `${letter.class}/${letter.code}`,
      Date.parse(letter.firstFailedAt),
      letter.lastFailedAt,
      letter.attempts,
      // The workers' sweep tells such an event as soon as there is a route; upkeep then closes the letter.
      letter.code === 'event_unroutable' ? 1 : 0,
      ...Object.entries(fields).flat(),
    ],
  )
  return reply === 'taken' ? 'taken' : 'again'
}

async function counts(redis: RedisClient, keys: DeskKeys): Promise<Counts> {
  const [numbers, ...oldest] = await Promise.all([
    redis.call('HGETALL', [keys.counts]),
    ...LETTER_CLASSES.map((name) => redis.call('ZRANGE', [keys.openOf(name), 0, 0, 'WITHSCORES'])),
  ])
  const all = Object.entries(pairsOf(numbers)).map(([path, count]) => {
    const [state, letterClass, code] = path.split('/') as [string, string, string]
    return { state, class: letterClass, code, count: Number(count) }
  })
  const oldestAtMs: Record<string, number> = {}
  for (const [index, name] of LETTER_CLASSES.entries()) {
    const first = oldest[index]
    if (Array.isArray(first) && first.length === 2) oldestAtMs[name] = Number(first[1])
  }
  return {
    open: all
      .filter(({ state, count }) => state === 'open' && count > 0)
      .map(({ class: letterClass, code, count }) => ({ class: letterClass, code, count })),
    told: all.filter(({ state }) => state === 'told').reduce((sum, { count }) => sum + count, 0),
    oldestAtMs,
  }
}

async function* list(redis: RedisClient, keys: DeskKeys, filter: Filter): AsyncIterable<Letter> {
  let left = filter.limit ?? Infinity
  let place = filter.after === undefined ? BEGINNING : await placeOf(redis, keys, filter.state, filter.after)
  while (left > 0 && place !== null) {
    const page = await pageBehind(redis, keys, filter.state, place)
    const read = (id: string): Promise<Reply> => redis.call('HMGET', [keys.letter(id), ...LISTED, 'providers'])
    const rows = await Promise.all(page.ids.map(read))
    for (const row of rows) {
      const values = row as readonly (string | null)[]
      if (values[0] === null || left <= 0) continue
      const letter = letterOf(Object.fromEntries(LISTED.map((name, index) => [name, values[index] ?? ''])))
      if (!wanted(letter, values.at(-1) ?? '', filter)) continue
      left -= 1
      yield letter
    }
    place = page.end
  }
}

function wanted(letter: Letter, providers: string, filter: Filter): boolean {
  return (
    (filter.code === undefined || letter.code === filter.code) &&
    (filter.class === undefined || letter.class === filter.class) &&
    (filter.request === undefined || letter.request === filter.request.toLowerCase()) &&
    (filter.provider === undefined || providers.split(' ').includes(filter.provider.toLowerCase())) &&
    (filter.sinceMs === undefined || Date.parse(letter.lastFailedAt) >= filter.sinceMs)
  )
}

async function find(redis: RedisClient, keys: DeskKeys, id: string): Promise<readonly WholeLetter[]> {
  const ofRequest = await redis.call('ZRANGEBYLEX', [keys.requests, `[${id}\x1f`, `[${id}\x1f\xff`])
  const ids = [id, ...(Array.isArray(ofRequest) ? ofRequest : []).map((member) => String(member).split('\x1f')[1]!)]
  const found = await Promise.all([...new Set(ids)].map((one) => whole(redis, keys, one)))
  return found.filter((letter) => letter !== null).sort((a, b) => b.lastFailedAt.localeCompare(a.lastFailedAt))
}

async function whole(redis: RedisClient, keys: DeskKeys, id: string): Promise<WholeLetter | null> {
  const reply = await redis.callBuffers('HGETALL', [keys.letter(id)])
  const buffers = pairsOf(reply)
  if (buffers['id'] === undefined) return null
  const texts = Object.fromEntries(
    Object.entries(buffers)
      .filter(([name]) => name !== 'body')
      .map(([name, value]) => [name, String(value)]),
  )
  return {
    ...letterOf(texts),
    body: buffers['body'] as Buffer,
    headers: JSON.parse(texts['headers'] ?? '{}') as WholeLetter['headers'],
    history: [
      { at: new Date(Number(texts['takenMs'])).toISOString(), what: 'taken in', by: null, why: null, request: null },
      ...(JSON.parse(texts['history'] ?? '[]') as HistoryEntry[]),
    ],
    replays: Number(texts['replays'] ?? 0),
    before: STATES.find((state) => state === texts['before']) ?? null,
    watched: texts['watched'] === '1',
    version: Number(texts['version'] ?? 0),
  }
}

function letterOf(fields: Readonly<Record<string, string>>): Letter {
  const text = (name: string): string => fields[name] ?? ''
  const orNull = (name: string): string | null => (text(name) === '' ? null : text(name))
  return {
    id: text('id'),
    request: text('request'),
    operation: text('operation'),
    consumer: orNull('consumer'),
    source: orNull('source'),
    destination: orNull('destination'),
    code: text('code'),
    class: text('class') as LetterClass,
    effect: text('effect') as Letter['effect'],
    state: STATES.find((state) => state === text('state')) as State,
    firstFailedAt: text('firstFailedAt'),
    lastFailedAt: text('lastFailedAt'),
    attempts: Number(text('attempts')),
  }
}

async function forget(redis: RedisClient, run: Run, keys: DeskKeys, state: State, beforeMs: number): Promise<number> {
  const forgetOne = (id: string): Promise<Reply> =>
    run(
      'forget',
      [keys.letter(id), keys.ofState(state), keys.ofState('all'), keys.requests, keys.counts],
      [id, state, beforeMs],
    )
  for (let kept = 0; ; ) {
    const page = [keys.ofState(state), '-inf', `(${beforeMs}`, 'LIMIT', kept, FORGET]
    const found = await redis.call('ZRANGEBYSCORE', page)
    const ids = Array.isArray(found) ? found.map(String) : []
    if (ids.length === 0) return 0
    const awaited = (await redis.call('ZMSCORE', [keys.watched, ...ids])) as readonly Reply[]
    const removed = await Promise.all(ids.filter((_, index) => awaited[index] === null).map(forgetOne))
    const count = removed.filter((one) => one === 1).length
    if (count > 0) return count
    // Those whose end is awaited stay, however many they are: younger ones behind them need not.
    kept += ids.length
  }
}
