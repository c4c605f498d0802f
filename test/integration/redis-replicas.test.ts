// A decision is told only once a replica has it: a real master with a real replica, which is frozen and thaws.
import { expect } from 'chai'
import type { Server } from '../../src/demo/servers.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { redisJournal } from '../../src/journal/redis/redis-journal.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { Unavailable } from '../../src/retry/failures.ts'
import { uuidOf } from '../support/crowd.ts'
import { until } from '../support/installation-workers.ts'
import { connected, entryOf, groundOn, type RedisGround } from '../support/redis-ground.ts'
import { ownRedis } from '../support/servers.ts'

const ID = uuidOf('kept')
const TOKEN = 's.1'
const SCOPE = { consumers: [], providers: [], held: false }

describe('a journal on a Redis with a replica', () => {
  let master: Server
  let replica: Server
  let redis: RedisClient
  let copy: RedisClient
  let ground: RedisGround
  let journal: Journal
  const decided = { request: ID, what: 'decision', value: '{"time":1}' } as const

  before(async () => {
    master = await ownRedis()
    replica = await ownRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    redis = await connected(master.url)
    copy = await connected(replica.url)
    ground = groundOn(redis)
    journal = redisJournal(ground.scripts, { replicas: 1 })
    await until('the replica follows', async () => {
      return /state=online/.test(String(await redis.call('INFO', ['replication'])))
    })
    await ground.locks.heartbeat('s', 60_000, true)
    await journal.begin(entryOf(ID), SCOPE, TOKEN, true)
  })
  after(async () => {
    replica.thaw()
    await Promise.all([redis.stop(), copy.stop()])
    await Promise.all([replica.stop(), master.stop()])
  })
  const failureOf = (asked: Promise<void>): Promise<unknown> =>
    asked.then(
      () => null,
      (failure: unknown) => failure,
    )

  it('finds what a replica has, also where another connection wrote it', async () => {
    const noted = { request: ID, what: 'intent', value: '{"marked":true}' } as const
    const isMissing = await failureOf(journal.kept(noted))
    expect(isMissing, 'begun, and not noted').to.be.instanceOf(Unavailable)
    await redis.call('HSET', [ground.scripts.keys.record(ID), 'intent', noted.value])
    await journal.kept(noted)
    const other = await connected(master.url)
    await other.call('HSET', [ground.scripts.keys.record(ID), 'code', 'expired', 'event', decided.value])
    await other.stop()
    await journal.kept(decided)
    expect(await copy.call('HGET', [ground.scripts.keys.record(ID), 'event'])).to.equal(decided.value)
  })

  it('tells nothing that does not stand, nor what was decided alike in other bytes', async () => {
    expect(await failureOf(journal.kept({ ...decided, value: '{"time":2}' }))).to.be.instanceOf(Unavailable)
    expect(await failureOf(journal.kept({ ...decided, request: uuidOf('lost') }))).to.be.instanceOf(Unavailable)
  })

  it('tells nothing that no replica has, and goes on once one has it', async () => {
    await redis.call('HSET', [ground.scripts.keys.record(ID), 'event', decided.value])
    replica.freeze()
    expect(String(await failureOf(journal.kept(decided)))).to.contain('no replica of Redis has the decision')
    replica.thaw()
    await until('it is told', async () => (await failureOf(journal.kept(decided))) === null)
  }).timeout(60_000)

  it('asks nobody where there are no replicas', async () => {
    await ground.journal.kept({ ...decided, value: 'applied' })
  })
})
