// A fresh namespace on a real Redis whose scripts take time and run from a key, so that tests can let hours pass.
import { systemClock } from '../../src/clock/system-clock.ts'
import { redisJournal } from '../../src/journal/redis/redis-journal.ts'
import { redisBooks } from '../../src/ledger/redis/redis-books.ts'
import { redisLedger } from '../../src/ledger/redis/redis-ledger.ts'
import { redisLocks } from '../../src/locks/redis/redis-locks.ts'
import { redisClient, type RedisClient } from '../../src/redis/client.ts'
import { keysOf } from '../../src/redis/keys.ts'
import { loadScripts, scriptRunner, type ScriptRunner } from '../../src/redis/scripts.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { SLOT_OPTIONS, type SlotOptions } from './memory/slot.ts'
import { freshNamespace } from './servers.ts'
import { nothingMissing, START_US, type Store } from './store.ts'

export interface RedisStore extends Store {
  readonly scripts: ScriptRunner
}

/** Connects to the Redis at `url`; to be stopped by the test. */
export async function redisAt(url: string): Promise<RedisClient> {
  const redis = redisClient({ url, timeoutMs: 10_000 }, systemClock, new Telemetry())
  await redis.start(10_000)
  return redis
}

export async function redisStore(redis: RedisClient, options: SlotOptions = SLOT_OPTIONS): Promise<RedisStore> {
  const namespace = freshNamespace()
  const scripts = scriptRunner(redis, keysOf(namespace), options, loadScripts({ testClock: true }))
  const books = redisBooks(scripts)
  let nowUs = START_US
  let runs = 1
  const tell = async (): Promise<void> => {
    const us = nowUs % 1_000_000
    await redis.call('HSET', [`{${namespace}}:clock`, 's', (nowUs - us) / 1_000_000, 'us', us, 'run', `run-${runs}`])
  }
  await tell()
  const journal = redisJournal(scripts)
  return {
    scripts,
    options,
    can: { decideInWrite: true, remember: true },
    journal,
    locks: redisLocks(scripts),
    ledger: redisLedger(scripts),
    seed: async (document, replace = false) => {
      const { violations } = await books.seed(document, { replace })
      if (violations.length > 0)
        throw new Error(violations.map(({ path, message }) => `${path}: ${message}`).join('; '))
    },
    dump: async () => {
      const { providers, consumers } = await books.dump()
      return { providers, consumers }
    },
    nowMs: () => Math.floor(nowUs / 1000),
    advance: async (ms) => {
      nowUs += ms * 1000
      await tell()
    },
    restart: async () => {
      runs += 1
      await tell()
      await nothingMissing(journal)
    },
    takeOver: async () => {
      runs += 1
      await tell()
    },
  }
}
