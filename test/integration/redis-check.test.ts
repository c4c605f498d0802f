// What is found wrong with a Redis server, each thing made wrong on a real one.
import { expect } from 'chai'
import type { Server } from '../../src/demo/servers.ts'
import type { LockSession } from '../../src/locks/session.ts'
import { checkServer, memoryOf, probe } from '../../src/redis/check.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { keysOf } from '../../src/redis/keys.ts'
import { Unavailable } from '../../src/retry/failures.ts'
import type { Store } from '../../src/wire/parts.ts'
import { redisHealth } from '../../src/wire/redis-health.ts'
import { connected } from '../support/redis-ground.ts'
import { ownRedis } from '../support/servers.ts'

describe('the check of a Redis server', () => {
  const keys = keysOf('checked')
  let server: Server
  let redis: RedisClient
  const found = async (): Promise<string[]> =>
    (await checkServer(redis, keys)).map(({ what, severity }) => `${severity}: ${what}`)

  beforeEach(async () => {
    server = await ownRedis({ appendonly: true })
    redis = await connected(server.url)
  })
  afterEach(async () => {
    await redis.stop()
    await server.stop()
  })

  it('finds nothing wrong with one that keeps everything', async () => {
    expect(await found()).deep.equal([])
  })

  it('warns of one that syncs every second, and names the loss', async () => {
    await redis.call('CONFIG', ['SET', 'appendfsync', 'everysec'])
    expect(await found()).deep.equal([
      'warning: appendfsync is everysec: a crash of the machine loses up to about two seconds of writes',
    ])
  })

  it('warns of one that keeps nothing', async () => {
    await redis.call('CONFIG', ['SET', 'appendonly', 'no'])
    expect(await found()).satisfy(
      (list: string[]) => list.length === 1 && list[0]!.startsWith('warning: appendonly is off'),
    )
  })

  it('refuses one that may evict keys', async () => {
    await redis.call('CONFIG', ['SET', 'maxmemory-policy', 'allkeys-lru'])
    expect(await found()).deep.equal([
      'error: maxmemory-policy is allkeys-lru: the server may drop locks, records and books',
    ])
  })

  it('refuses a replica', async () => {
    await redis.call('REPLICAOF', ['127.0.0.1', 1])
    expect(await found()).deep.equal(['error: the server is a replica and takes no writes'])
  })

  it('refuses a namespace in which a key has another type', async () => {
    await redis.call('SET', [keys.consumers, 'x'])
    expect(await found()).deep.equal([
      'error: key {checked}:consumers is a string, not a hash: somebody else writes into the namespace',
    ])
  })

  it('says what it could not look at where CONFIG is forbidden', async () => {
    await redis.call('ACL', ['SETUSER', 'default', '-config'])
    expect(await found()).satisfy(
      (list: string[]) => list.length === 1 && list[0]!.startsWith('warning: CONFIG GET is not permitted'),
    )
  })

  it('knows when memory runs out', async () => {
    expect(await memoryOf(redis)).include({ maxBytes: 0, pressed: false })
    const { usedBytes } = await memoryOf(redis)
    await redis.call('CONFIG', ['SET', 'maxmemory', usedBytes * 2])
    expect((await memoryOf(redis)).pressed).equal(false)
    await redis.call('CONFIG', ['SET', 'maxmemory', Math.round(usedBytes * 1.1)])
    expect((await memoryOf(redis)).pressed).equal(true)
  })

  it('probes by writing, which a full server refuses although it answers PING', async () => {
    await probe(redis, keys)
    await redis.call('CONFIG', ['SET', 'maxmemory', '1'])
    expect(await redis.call('PING', [])).equal('PONG')
    expect(await probe(redis, keys).catch((failure: unknown) => failure)).instanceOf(Unavailable)
  })

  it('keeps a worker from consuming while memory runs out, no write is taken, or its lease is over', async () => {
    const locks = { trusted: true }
    const health = redisHealth({ redis, keys } as Store, locks as LockSession)
    const troublesAt = async (maxBytes: number): Promise<readonly string[]> => {
      await redis.call('CONFIG', ['SET', 'maxmemory', maxBytes])
      await health.probe()
      return health.troubles()
    }
    const { usedBytes } = await memoryOf(redis)
    expect(await troublesAt(usedBytes * 2)).deep.equal([])
    expect(String(await troublesAt(Math.round(usedBytes * 1.1)))).contain('at least 80 % of maxmemory')
    expect(String(await troublesAt(1))).contain('redis takes no writes')
    expect(await troublesAt(0)).deep.equal([])
    locks.trusted = false
    expect(health.troubles()).deep.equal(['the lease of this process is not trusted'])
  })
})
