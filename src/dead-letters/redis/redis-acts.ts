// Acts on letters in Redis: one script changes a letter and keeps what is to be sent; the rest reads and clears.
import type { RedisClient, Reply } from '../../redis/client.ts'
import type { DeskKeys } from '../../redis/keys.ts'
import { STATES, type Act, type Desk, type Outgoing, type Watched } from '../desk.ts'
import type { Run } from './desk-scripts.ts'

/** How long (ms) a message is left to who wrote it down: longer than the broker's confirm may take. */
const OWN_MS = 15_000

type Acting = Pick<Desk, 'act' | 'chainVersion' | 'unsent' | 'sent' | 'watched'>

export function redisActs(redis: RedisClient, run: Run, keys: DeskKeys): Acting {
  return {
    act: (act) => carryOut(run, keys, act),
    chainVersion: async (root) => Number((await redis.call('GET', [keys.chain(root)])) ?? 0),
    unsent: (nowMs, limit) => unsent(redis, keys, nowMs, limit),
    // The text first: a crash between the two leaves an id without a message, which `unsent` clears.
    sent: async (messageId) => {
      await redis.call('HDEL', [keys.outbox, messageId])
      await redis.call('ZREM', [keys.due, messageId])
    },
    watched: async (nowMs, limit) => {
      const ids = textsOf(await redis.call('ZRANGE', [keys.watched, 0, limit - 1]))
      if (ids.length > 0) await redis.call('ZADD', [keys.watched, 'XX', ...ids.flatMap((id) => [nowMs, id])])
      const found = await Promise.all(ids.map((id) => watchedOf(redis, keys, id)))
      return found.filter((one) => one !== null)
    },
  }
}

/** n.b. Its body and history may be long, and are read only when there is something to do. */
async function watchedOf(redis: RedisClient, keys: DeskKeys, id: string): Promise<Watched | null> {
  const values = await redis.call('HMGET', [keys.letter(id), 'request', 'code', 'state', 'replays'])
  const [request, code, given, replays] = values as readonly (string | null)[]
  const state = STATES.find((one) => one === given)
  if (request == null || code == null || state === undefined) return null
  return { id, request, code, state, replays: Number(replays ?? 0) }
}

async function carryOut(run: Run, keys: DeskKeys, act: Act): Promise<'done' | 'changed'> {
  const { letter, next, entry, chain, messages = [] } = act
  const state = next.state ?? letter.state
  const fields = {
    effect: next.effect ?? letter.effect,
    replays: next.replays ?? letter.replays,
    before: next.before ?? letter.before ?? '',
  }
  const reply = await run(
    'change',
    [
      keys.letter(letter.id),
      keys.ofState(letter.state),
      keys.ofState(state),
      keys.openOf(letter.class),
      keys.counts,
      keys.chain(chain?.root ?? letter.request),
      keys.outbox,
      keys.due,
      keys.watched,
    ],
    [
      letter.id,
      act.id,
      letter.version,
      chain?.version ?? '',
      letter.state,
      state,
      `${letter.class}/${letter.code}`,
      Date.parse(letter.firstFailedAt),
      JSON.stringify(entry),
      (next.watched ?? letter.watched) ? 1 : 0,
      OWN_MS,
      messages.length,
      ...messages.flatMap((message) => [idOf(message), textOf(message)]),
      ...Object.entries(fields).flat(),
    ],
  )
  return reply === 'done' ? 'done' : 'changed'
}

async function unsent(redis: RedisClient, keys: DeskKeys, nowMs: number, limit: number): Promise<readonly Outgoing[]> {
  const ids = textsOf(await redis.call('ZRANGEBYSCORE', [keys.due, '-inf', nowMs, 'LIMIT', 0, limit]))
  if (ids.length === 0) return []
  await redis.call('ZADD', [keys.due, 'XX', ...ids.flatMap((id) => [nowMs + OWN_MS, id])])
  const texts = await redis.call('HMGET', [keys.outbox, ...ids])
  const found = Array.isArray(texts) ? texts : []
  const gone = ids.filter((_, index) => typeof found[index] !== 'string')
  if (gone.length > 0) await redis.call('ZREM', [keys.due, ...gone])
  return found.flatMap((text) => (typeof text === 'string' ? [messageOf(text)] : []))
}

function idOf(message: Outgoing): string {
  const { messageId } = message.properties
  if (messageId === undefined) throw new RangeError('a message of the desk needs a messageId, under which it is kept')
  return messageId
}

function textOf({ exchange, routingKey, body, properties }: Outgoing): string {
  return JSON.stringify({ exchange, routingKey, body: body.toString('base64'), properties })
}

function messageOf(text: string): Outgoing {
  const kept = JSON.parse(text) as Omit<Outgoing, 'body'> & { readonly body: string }
  return { ...kept, body: Buffer.from(kept.body, 'base64') }
}

function textsOf(reply: Reply): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
