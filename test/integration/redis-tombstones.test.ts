// Tombstones on a real Redis: how small they are, what keeps a record from becoming one, and that old ones go.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { redisDesk } from '../../src/dead-letters/redis/redis-desk.ts'
import type { NewLetter } from '../../src/dead-letters/desk.ts'
import { foresee } from '../../src/flow/foresee.ts'
import { redisOverview } from '../../src/journal/redis/redis-overview.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { decode } from '../../src/transfer/message.ts'
import { CODES } from '../../src/transfer/outcome.ts'
import { letterId } from '../../src/transfer/letter.ts'
import { uuidOf } from '../support/crowd.ts'
import { connected, entryOf, groundOn, type RedisGround } from '../support/redis-ground.ts'
import { freshNamespace, sharedRedis } from '../support/servers.ts'

const SCOPE = { consumers: [], providers: [], held: false }
const DIGEST = 'ab'.repeat(32)

describe('tombstones on Redis', () => {
  let redis: RedisClient
  let tokens = 0
  before(async () => {
    redis = await connected((await sharedRedis()).url)
  })
  after(() => redis.stop())

  /** `count` requests decided as `code` and told so long ago that they may be packed. */
  const told = async (ground: RedisGround, count: number, code: string): Promise<string[]> => {
    const { keys } = ground.scripts
    await ground.locks.heartbeat('s', 60_000, true)
    const ids = Array.from({ length: count }, (_, number) => uuidOf(`${keys.namespace} ${code}`, number))
    for (const id of ids) {
      await ground.journal.begin(entryOf(id, { digest: DIGEST }), SCOPE, `s.${++tokens}`, true)
      const event = JSON.stringify({ id: `${id}/${code}`, time: '2026-11-22T10:00:00.123Z', consumer: null })
      await redis.call('HSET', [keys.record(id), 'code', code, 'origin', 'o', 'letter', '', 'event', event])
    }
    await ground.journal.told(ids)
    await redis.call('ZADD', [keys.told, ...ids.flatMap((id) => [1, id])])
    return ids
  }

  it('take at most 64 bytes each, whatever was decided', async () => {
    const ground = groundOn(redis)
    for (const code of CODES) {
      const [id] = await told(ground, 1, code)
      expect(await ground.journal.pack([id!]), code).to.equal(1)
      const tomb = ground.scripts.keys.tomb(id!)
      const [field, value] = (await redis.callBuffers('HGETALL', [tomb])) as Buffer[]
      expect(field!.length + value!.length, code).to.be.at.most(64)
    }
  })

  it('share a packed list, so that in memory they are hardly larger', async () => {
    const ground = groundOn(redis)
    const { scripts } = ground
    const ids = await told(ground, 400, 'applied')
    for (const id of ids) {
      const args = { id, packs: 1 }
      await scripts.run('pack', { records: [id], tombs: ['shared'], letter: letterId(`${id}/applied`), args })
    }
    const shared = scripts.keys.tomb('shared')
    expect(await redis.call('HLEN', [shared])).to.equal(400)
    expect(await redis.call('OBJECT', ['ENCODING', shared])).to.equal('listpack')
    const bytes = Number(await redis.call('MEMORY', ['USAGE', shared, 'SAMPLES', 0])) / 400
    expect(bytes).to.be.at.most(64)
  })

  it('make room for each other when they are over', async () => {
    const namespace = freshNamespace()
    const [brief, ground] = [groundOn(redis, { tombstoneMs: 1 }, namespace), groundOn(redis, {}, namespace)]
    const pack = async ({ scripts }: RedisGround, id: string): Promise<unknown> =>
      scripts.run('pack', { records: [id], tombs: ['shared'], letter: letterId(id), args: { id, packs: 1 } })
    const [old, next] = await told(brief, 2, 'applied')
    await pack(brief, old!)
    const shared = brief.scripts.keys.tomb('shared')
    const [field, value] = (await redis.callBuffers('HGETALL', [shared])) as Buffer[]
    value!.writeUInt16BE(1) // over since the second day of 1970
    await redis.call('HSET', [shared, field!, value!])
    await pack(ground, next!)
    expect(await redis.call('HLEN', [shared])).to.equal(1)
    const leftMs = Number(await redis.call('PTTL', [shared]))
    expect(leftMs).to.be.within(86_400_000 - 10_000, 2 * 86_400_000)
    const forEver = groundOn(redis, { tombstoneMs: 0 }, namespace)
    const [last] = await told(forEver, 1, 'expired')
    await pack(forEver, last!)
    expect(await redis.call('PTTL', [shared])).to.equal(-1)
  })

  it('let a plan foretell what a worker would tell again, not that it would be carried out', async () => {
    const ground = groundOn(redis)
    const [id] = await told(ground, 1, 'capacity_exceeded')
    await ground.journal.pack([id!])
    const fields = { version: 1, id, operation: 'release', consumer: uuidOf('consumer') }
    const decoded = decode({ body: Buffer.from(JSON.stringify(fields)), headers: {} }, { bytesMax: 1_000 })
    if (decoded.kind !== 'request') throw new Error('no request')
    const nowMs = async (): Promise<number> => systemClock.nowMs()
    const sources = { ...ground, overview: redisOverview(ground.scripts, nowMs), nowMs }
    const { outcome } = await foresee(decoded.request, decoded.digest, sources)
    expect(outcome).to.include({ code: 'capacity_exceeded', effect: 'did_not_happen' })
  })

  it('are not made of a record whose letter waits for somebody, until that has been dealt with', async () => {
    const ground = groundOn(redis)
    const { scripts, journal } = ground
    const desk = redisDesk(redis, scripts.keys.namespace)
    const [id] = await told(ground, 1, 'contended')
    const at = new Date(systemClock.nowMs()).toISOString()
    const about = { operation: 'claim', consumer: null, source: null, destination: null, providers: [] }
    const letter: NewLetter = {
      id: letterId(`${id}/contended`),
      request: id!,
      ...about,
      ...{ code: 'contended', class: 'exhausted', effect: 'did_not_happen', attempts: 1 },
      ...{ firstFailedAt: at, lastFailedAt: at, body: Buffer.from('{}'), headers: {} },
    }
    await desk.take(letter)
    expect(await journal.ripe(10)).to.deep.equal([])
    expect(await journal.pack([id!])).to.equal(0)
    const [whole] = await desk.find(id!)
    const entry = { at, what: 'discarded', by: 'anna', why: 'so', request: null }
    await desk.act({ id: uuidOf('act'), letter: whole!, next: { state: 'discarded', before: 'open' }, entry })
    await redis.call('ZADD', [scripts.keys.told, 1, id!])
    expect(await journal.ripe(10)).to.deep.equal([{ request: id, attempt: 1 }])
    expect(await journal.pack([id!])).to.equal(1)
  })
})
