// The contract suites on the scripts of a real Redis.
import type { RedisClient } from '../../src/redis/client.ts'
import { redisAt, redisStore } from '../support/redis-store.ts'
import { sharedRedis } from '../support/servers.ts'
import { exercise } from './ground.ts'
import { JOURNAL } from './journal.contract.ts'
import { LEDGER } from './ledger.contract.ts'
import { LOCKS } from './locks.contract.ts'

describe('on Redis', () => {
  let redis: RedisClient

  before(async () => {
    redis = await redisAt((await sharedRedis()).url)
  })
  after(async () => {
    await redis.stop()
  })

  for (const [name, suite] of Object.entries({ locks: LOCKS, journal: JOURNAL, ledger: LEDGER })) {
    exercise(name, suite, () => redisStore(redis))
  }
})
