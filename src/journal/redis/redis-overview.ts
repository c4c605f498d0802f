// The journal as a whole, read from Redis a page at a time, so that a long look never holds the server up.
import { listOf, textOf, textOrNull, wholeOrNull } from '../../redis/replies.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import type { Move } from '../../transfer/snapshot.ts'
import type { OpenMove, Overview, Unfinished } from '../overview.ts'
import { showRecord } from './records.ts'

/** Records or moves that are read at once. */
const PAGE = 200

export function redisOverview(scripts: ScriptRunner, nowMs: () => Promise<number>): Overview {
  const { redis, keys } = scripts
  const moves = (): Promise<ReadonlyMap<string, Move>> => recordedMoves(scripts)
  return {
    moves,
    unfinished: async () => {
      const [now, run] = await Promise.all([nowMs(), redis.call('HGET', [keys.meta, 'run'])])
      const ids = listOf('ZRANGE', await redis.call('ZRANGE', [keys.open, 0, -1]))
      const found = await pages(ids, (id) => unfinishedOf(scripts, textOf('ZRANGE', id), textOrNull(run), now))
      return found.filter((one) => one !== null)
    },
    openMoves: async () => {
      const open = [...(await moves()).values()].filter(({ state }) => state === 'open')
      return pages(open, (move) => openMoveOf(scripts, move))
    },
    cancelledBy: async (request) => textOrNull(await redis.call('HGET', [keys.record(request), 'cancelledBy'])),
  }
}

async function pages<One, Found>(all: readonly One[], read: (one: One) => Promise<Found>): Promise<Found[]> {
  const found: Found[] = []
  for (let from = 0; from < all.length; from += PAGE) {
    found.push(...(await Promise.all(all.slice(from, from + PAGE).map(read))))
  }
  return found
}

async function unfinishedOf(
  scripts: ScriptRunner,
  id: string,
  run: string | null,
  nowMs: number,
): Promise<Unfinished | null> {
  const { redis, keys } = scripts
  const record = await showRecord(scripts, id)
  if (record === null || record.state === 'told') return null
  if (record.state !== 'processing') return { record, holderLives: null, lock: null }
  const [token, begunIn] = listOf('HMGET', await redis.call('HMGET', [keys.record(id), 'proc', 'run']))
  const [lease, ticket] = await Promise.all([
    redis.call('ZSCORE', [keys.s, record.holder ?? '']),
    redis.call('HGET', [keys.rq, textOrNull(token) ?? '']),
  ])
  const number = textOrNull(ticket)
  const packed = number === null ? null : textOrNull(await redis.call('HGET', [keys.t, number]))
  const lives = begunIn === run && Number(textOrNull(lease) ?? 0) > nowMs
  return { record, holderLives: lives, lock: packed === null ? null : packed.startsWith('W') ? 'waiting' : 'granted' }
}

async function openMoveOf({ redis, keys }: ScriptRunner, move: Move): Promise<OpenMove> {
  const reply = await redis.call('HMGET', [keys.record(move.request), 'op', 'decidedAt'])
  const [operation, decidedAt] = listOf('HMGET', reply)
  return { move, operation: textOrNull(operation), decidedAtMs: wholeOrNull('HMGET', decidedAt) }
}

/** n.b. A move is recorded under its consumer and under its M; the scan may tell a field twice. */
async function recordedMoves({ redis, keys }: ScriptRunner): Promise<ReadonlyMap<string, Move>> {
  const found = new Map<string, Move>()
  let cursor = '0'
  do {
    const [next, fields] = listOf('HSCAN', await redis.call('HSCAN', [keys.moves, cursor, 'COUNT', PAGE]))
    const flat = listOf('HSCAN', fields ?? null)
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const move = JSON.parse(textOf('HSCAN', flat[i + 1])) as Move
      if (move.consumer === flat[i]) found.set(move.consumer, move)
    }
    cursor = textOf('HSCAN', next)
  } while (cursor !== '0')
  return found
}
