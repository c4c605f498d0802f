// What the tests of the Redis side begin with: a client, the ports of a fresh namespace, and a claim to carry out.
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Entry, Journal } from '../../src/journal/journal.ts'
import { redisJournal } from '../../src/journal/redis/redis-journal.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { Books } from '../../src/ledger/books.ts'
import { redisBooks } from '../../src/ledger/redis/redis-books.ts'
import { redisLedger } from '../../src/ledger/redis/redis-ledger.ts'
import type { LockStore } from '../../src/locks/locks.ts'
import { redisLocks } from '../../src/locks/redis/redis-locks.ts'
import { redisClient, type RedisClient } from '../../src/redis/client.ts'
import { keysOf } from '../../src/redis/keys.ts'
import { loadScripts, scriptRunner, type ScriptRunner, type ScriptSettings } from '../../src/redis/scripts.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { freshNamespace } from './servers.ts'

export const SETTINGS: ScriptSettings = {
  leaseMs: 5_000,
  graceMs: 5_500,
  holdMs: 60_000,
  waitMs: 30_000,
  sweepAfterMs: 60_000,
  journalMs: 3_600_000,
  tombstoneMs: 86_400_000,
}

export interface RedisGround {
  readonly scripts: ScriptRunner
  readonly locks: LockStore
  readonly journal: Journal
  readonly ledger: Ledger
  readonly books: Books
}

/** A client with short patience, connected. */
export async function connected(url: string, timeoutMs = 2_000, telemetry = new Telemetry()): Promise<RedisClient> {
  const redis = redisClient({ url, timeoutMs }, systemClock, telemetry)
  await redis.start(10_000)
  return redis
}

/** The ports of a namespace, with the server's own time and run. */
export function groundOn(
  redis: RedisClient,
  settings: Partial<ScriptSettings> = {},
  namespace = freshNamespace(),
): RedisGround {
  const scripts = scriptRunner(redis, keysOf(namespace), { ...SETTINGS, ...settings }, loadScripts())
  return {
    scripts,
    locks: redisLocks(scripts),
    journal: redisJournal(scripts),
    ledger: redisLedger(scripts),
    books: redisBooks(scripts),
  }
}

export function entryOf(id: string, more: Partial<Entry> = {}): Entry {
  return {
    id,
    digest: 'd',
    operation: 'claim',
    body: Buffer.from('{}'),
    properties: '{}',
    exchange: 'x',
    routingKey: 'transfer.claim',
    ...more,
  }
}

/** `redis.lua` counters of EVALSHA since the last reset: calls, and µs a call. */
export async function evalshaStats(redis: RedisClient): Promise<{ calls: number; usPerCall: number }> {
  const text = String(await redis.call('INFO', ['commandstats']))
  const found = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(text)
  const calls = Number(found?.[1] ?? 0)
  return { calls, usPerCall: calls === 0 ? 0 : Number(found![2]) / calls }
}
