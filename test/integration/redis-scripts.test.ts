// The scripts on a real server under what may befall it: restart, full memory, lost scripts, cluster mode, odd input.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Server } from '../../src/demo/servers.ts'
import type { Begun } from '../../src/journal/journal.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { Refused, Unavailable } from '../../src/retry/failures.ts'
import type { Decision } from '../../src/transfer/event.ts'
import type { Write } from '../../src/transfer/plan.ts'
import type { Consumer } from '../../src/transfer/snapshot.ts'
import { checkBooks } from '../support/books.ts'
import { checkLockKeys } from '../support/lock-keys.ts'
import { connected, entryOf, evalshaStats, groundOn, type RedisGround } from '../support/redis-ground.ts'
import { ownRedis } from '../support/servers.ts'
import { nothingMissing } from '../support/store.ts'

const id = (kind: string, n: number): string => `${kind.repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`
const S = id('a', 1)
const D = id('a', 2)
const I = id('c', 1)
const VCPU = { total: 64, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 }
const SEED = {
  providers: [S, D].map((provider) => ({ id: provider, name: provider, inventories: { VCPU } })),
  consumers: [{ id: I, type: 'INSTANCE', project: 'p', user: 'u', allocations: { [S]: { VCPU: 2 } } }],
}
const SCOPE = { consumers: [I], providers: [S, D], held: false }
type Started = Extract<Begun, { kind: 'begun' }>

function decisionOf(request: string, code: Decision['code'] = 'applied'): Decision {
  return { request, code, operation: 'transfer', origin: 'none', event: `{"of":"${request}"}`, letter: null }
}

function moveTo(provider: string, { snapshot }: Started, consumer = I): Write {
  const before: Consumer = snapshot!.consumers[consumer]!
  const after = {
    generation: before.nextGeneration,
    type: 'INSTANCE',
    project: 'p',
    user: 'u',
    allocations: { [provider]: { VCPU: 2 } },
  }
  return { changes: [{ before, after }], guards: [], providers: {}, moves: { put: [] } }
}

async function begun(ground: RedisGround, request: string, token: string, scope = SCOPE): Promise<Started> {
  const answer = await ground.journal.begin(entryOf(request), scope, token, true)
  expect(answer.kind).equal('begun')
  return answer as Started
}

function attemptOf({ processing, ticket }: Started): Parameters<RedisGround['ledger']['apply']>[1] {
  return { request: processing.request, token: processing.token, ticket: ticket.number, number: processing.attempt }
}

describe('the scripts on a server', () => {
  let server: Server
  let redis: RedisClient
  let ground: RedisGround

  beforeEach(async () => {
    server = await ownRedis({ appendonly: true })
    redis = await connected(server.url)
    ground = groundOn(redis, { graceMs: 300 })
    await ground.books.seed(SEED, { replace: false })
    await ground.locks.heartbeat('w', 5_000, true)
  })
  afterEach(async () => {
    await redis.stop()
    await server.stop()
  })

  it('are sent again as text when the server has forgotten them', async () => {
    await redis.call('SCRIPT', ['FLUSH'])
    const started = await begun(ground, id('b', 1), 'w.1')
    await redis.call('SCRIPT', ['FLUSH'])
    expect(await ground.ledger.apply(moveTo(D, started), attemptOf(started), decisionOf(id('b', 1)))).include({
      decided: true,
    })
    expect(checkBooks(await ground.books.dump())).deep.equal([])
  })

  it('void every processing of before a restart, and grant nothing until the grace is over', async () => {
    const started = await begun(ground, id('b', 1), 'w.1')
    await server.restart()
    while (!redis.ready) await systemClock.sleep(10)
    expect((await ground.locks.heartbeat('w', 5_000, false)).alive).equal(true)
    expect(await ground.ledger.apply(moveTo(D, started), attemptOf(started), decisionOf(id('b', 1)))).deep.equal({
      kind: 'stale',
    })
    expect(
      await ground.journal.decide(started.processing, decisionOf(id('b', 1), 'expired'), {
        put: [],
      }),
    ).equal('stale')
    await nothingMissing(ground.journal)
    const again = await begun(ground, id('b', 1), 'w.2')
    expect(again.ticket).include({ state: 'waiting', ahead: 0 })
    expect(again.ticket.etaMs).within(1, 300)
    await systemClock.sleep(again.ticket.etaMs)
    expect(await ground.locks.poke('w', again.ticket.number)).include({ state: 'granted' })
    const read = { ...again, snapshot: await ground.ledger.snapshot(SCOPE) }
    expect(await ground.ledger.apply(moveTo(D, read), attemptOf(again), decisionOf(id('b', 1)))).include({
      decided: true,
    })
    expect(await ground.books.consumer(I)).deep.include({ generation: 2, allocations: { [D]: { VCPU: 2 } } })
    expect(await checkLockKeys(ground.scripts)).deep.equal([])
  })

  it('let a full server be drained: nothing new is begun or written, what was begun can be ended', async () => {
    const first = await begun(ground, id('b', 1), 'w.1')
    const waiting = await ground.locks.acquire('w', 'k', [`p:${D}`], null)
    await redis.call('CONFIG', ['SET', 'maxmemory', '1'])
    const before = await ground.books.dump()
    const refused = [
      () => ground.journal.begin(entryOf(id('b', 2)), SCOPE, 'w.2', true),
      () => ground.locks.acquire('w', 'other', [`p:${S}`], null),
      () => ground.ledger.apply(moveTo(D, first), attemptOf(first), decisionOf(id('b', 1))),
      () => ground.books.seed({ ...SEED, consumers: [{ ...SEED.consumers[0]!, id: id('c', 9) }] }, { replace: false }),
    ]
    for (const act of refused) expect(await act().catch((failure: unknown) => failure)).instanceOf(Unavailable)
    expect(await ground.books.dump()).deep.equal(before)
    expect((await ground.locks.heartbeat('w', 5_000, false)).alive).equal(true)
    expect(
      await ground.journal.decide(first.processing, decisionOf(id('b', 1), 'expired'), {
        put: [],
      }),
    ).equal('decided')
    expect(await ground.locks.poke('w', waiting!.number)).include({ state: 'granted' })
    await ground.journal.told([id('b', 1)])
    await ground.locks.release('w', waiting!.number)
    await ground.locks.close('w')
    expect(await checkLockKeys(ground.scripts)).deep.equal([])
  })

  it('say so where a key has another type', async () => {
    await redis.call('DEL', [ground.scripts.keys.usages])
    await redis.call('SET', [ground.scripts.keys.usages, 'x'])
    const answer = await ground.journal
      .begin(entryOf(id('b', 1)), SCOPE, 'w.1', true)
      .catch((failure: unknown) => failure)
    expect(answer).instanceOf(Refused).with.property('message').contain('WRONGTYPE')
  })

  it('refuse a namespace of a later schema, and leave it alone', async () => {
    await redis.call('HSET', [ground.scripts.keys.meta, 'schema', '2'])
    const answer = await ground.locks.heartbeat('w', 5_000, false).catch((failure: unknown) => failure)
    expect(answer).instanceOf(Refused).with.property('message').contain('SCHEMA this namespace is of schema 2')
  })

  it('take text as text: nothing in a request can become code, a key or a separator', async () => {
    const odd = `"]) redis.call('FLUSHALL') --\n\x1f,{}\0\u00e9\u{1f600}`
    const entry = entryOf(odd, {
      digest: odd,
      body: Buffer.from(odd),
      properties: odd,
      exchange: odd,
      routingKey: odd,
      operation: odd,
    })
    const started = (await ground.journal.begin(entry, SCOPE, 'w.1', true)) as Started
    const decision: Decision = { ...decisionOf(odd), origin: odd, event: odd, letter: { [odd]: odd }, operation: odd }
    expect(await ground.ledger.apply(moveTo(D, started), attemptOf(started), decision)).include({ decided: true })
    expect(await ground.journal.begin(entry, SCOPE, 'w.2', true)).deep.equal({ kind: 'decided', decision })
    const keys = (await redis.call('KEYS', ['*'])) as string[]
    const slot = `{${ground.scripts.keys.namespace}}:`
    expect(keys.filter((key) => !key.startsWith(slot))).deep.equal([])
    expect(keys.filter((key) => key.includes('FLUSHALL'))).deep.equal([`${slot}r:${odd}`])
  })

  it('refuse sessions, keys and resources that could be taken for separators, before they are sent', async () => {
    for (const text of ['', 'a b', 'a\x1fb', 'a\n', '\u00e9', 'x'.repeat(257)]) {
      expect(await ground.locks.heartbeat(text, 5_000, true).catch((failure: unknown) => failure), text).instanceOf(
        RangeError,
      )
      expect(
        await ground.locks.acquire('w', text, [`p:${S}`], null).catch((failure: unknown) => failure),
        text,
      ).instanceOf(RangeError)
    }
    for (const text of [
      'p:x',
      `p:${S}\n`,
      `p:${S.toUpperCase()}`,
      `x:${S}`,
      `p:${S},p:${D}`,
      `p:\uff11${S.slice(1)}`,
    ]) {
      expect(
        await ground.locks.acquire('w', 'k', [text as 'p:x'], null).catch((failure: unknown) => failure),
        text,
      ).instanceOf(RangeError)
    }
  })

  it('refuse amounts that are no whole numbers up to 2147483647, also where TypeScript was passed by', async () => {
    const started = await begun(ground, id('b', 1), 'w.1')
    const before = await ground.books.dump()
    for (const amount of [1.5, 0, -1, 2_147_483_648, 2 ** 53, 1e300, '2', true, null, NaN]) {
      const write = moveTo(D, started)
      const [change] = write.changes
      const after = { ...change!.after, allocations: { [D]: { VCPU: amount as number } } }
      const answer = await ground.ledger
        .apply({ ...write, changes: [{ ...change!, after }] }, attemptOf(started), decisionOf(id('b', 1)))
        .catch((failure: unknown) => failure)
      expect(answer, String(amount)).instanceOf(Refused)
    }
    expect(await ground.books.dump()).deep.equal(before)
    expect(await ground.ledger.find(attemptOf(started))).equal('absent')
  })

  it('refuse to write on books that are out of balance', async () => {
    const started = await begun(ground, id('b', 1), 'w.1')
    await redis.call('HSET', [ground.scripts.keys.usages, S, 'VCPU=1'])
    const before = await ground.books.dump()
    const answer = await ground.ledger
      .apply(moveTo(D, started), attemptOf(started), decisionOf(id('b', 1)))
      .catch((failure: unknown) => failure)
    expect(answer).instanceOf(Refused)
    expect(await ground.books.dump()).deep.equal(before)
  })

  it('never tell a write that is in the books as one that did not happen', async () => {
    const { processing } = await begun(ground, id('b', 1), 'w.1')
    await redis.call('HSET', [ground.scripts.keys.record(id('b', 1)), 'written', 1])
    const decide = (code: Decision['code']): Promise<string> =>
      ground.journal.decide(processing, decisionOf(id('b', 1), code), { put: [] })
    expect(await decide('capacity_exceeded')).equal('stale')
    expect(await decide('postcondition_failed')).equal('decided')
  })

  it('carry out the writes that go with one that is refused as a bug', async () => {
    const [J, T, U] = [id('c', 2), id('a', 3), id('a', 4)]
    const providers = [T, U].map((provider) => ({ id: provider, name: provider, inventories: { VCPU } }))
    const consumers = [{ id: J, type: 'INSTANCE', project: 'p', user: 'u', allocations: { [T]: { VCPU: 2 } } }]
    await ground.books.seed({ providers, consumers }, { replace: false })
    const bad = await begun(ground, id('b', 1), 'w.1')
    const good = await begun(ground, id('b', 2), 'w.2', { consumers: [J], providers: [T, U], held: false })
    const write = moveTo(D, bad)
    const [change] = write.changes
    const broken = { ...change!, after: { ...change!.after, allocations: { [D]: { VCPU: 1.5 } } } }
    await redis.call('CONFIG', ['RESETSTAT'])
    const [first, second] = await Promise.allSettled([
      ground.ledger.apply({ ...write, changes: [broken] }, attemptOf(bad), decisionOf(id('b', 1))),
      ground.ledger.apply(moveTo(U, good, J), attemptOf(good), decisionOf(id('b', 2))),
    ])
    expect((await evalshaStats(redis)).calls, 'both in one script').equal(1)
    expect(first).nested.property('reason').instanceOf(Refused)
    expect(second).deep.nested.include({ 'value.decided': true })
  })

  it('join many notes of what was told into few calls', async () => {
    const requests = Array.from({ length: 200 }, (_, n) => id('b', n))
    await ground.journal.told(requests.slice(0, 1))
    await redis.call('CONFIG', ['RESETSTAT'])
    await Promise.all(requests.map((request) => ground.journal.told([request])))
    expect((await evalshaStats(redis)).calls).equal(Math.ceil(requests.length / 64))
  })
})

describe('numbers in the scripts', () => {
  let server: Server
  let redis: RedisClient
  before(async () => {
    server = await ownRedis()
    redis = await connected(server.url)
  })
  after(async () => {
    await redis.stop()
    await server.stop()
  })

  it('are exact for the largest inventories, and for usages that sum up beyond 32 bits', async () => {
    const ground = groundOn(redis)
    const max = 2_147_483_647
    const inventory = { ...VCPU, total: max, allocation_ratio: 4, max_unit: max }
    const consumers = [1, 2, 3].map((n) => ({
      id: id('d', n),
      project: 'p',
      user: 'u',
      allocations: { [S]: { VCPU: max } },
    }))
    await ground.books.seed(
      {
        providers: [S, D].map((provider) => ({ id: provider, name: provider, inventories: { VCPU: inventory } })),
        consumers: [...consumers, { ...SEED.consumers[0]!, allocations: { [D]: { VCPU: 2 } } }],
      },
      { replace: false },
    )
    await ground.locks.heartbeat('w', 5_000, true)
    const usage = async (): Promise<unknown> => (await ground.books.dump()).providers[0]!.usages
    expect(await usage()).deep.equal({ VCPU: 3 * max })
    const started = await begun(ground, id('b', 1), 'w.1')
    const write = moveTo(S, started)
    const sized = (units: number): Write => ({
      ...write,
      changes: [{ ...write.changes[0]!, after: { ...write.changes[0]!.after, allocations: { [S]: { VCPU: units } } } }],
    })
    expect(await ground.ledger.apply(sized(max), attemptOf(started), decisionOf(id('b', 1)))).include({ decided: true })
    expect(await usage()).deep.equal({ VCPU: 4 * max })
    const next = await begun(ground, id('b', 2), 'w.2')
    const one = {
      ...next.snapshot!.consumers[I]!,
      id: id('d', 9),
      generation: null,
      nextGeneration: 1,
      allocations: {},
    }
    const after = { generation: 1, type: 'X', project: 'p', user: 'u', allocations: { [S]: { VCPU: 1 } } }
    expect(
      await ground.ledger.apply(
        { ...write, changes: [{ before: one, after }] },
        attemptOf(next),
        decisionOf(id('b', 2)),
      ),
    ).deep.equal({ kind: 'conflict', reason: `capacity ${S} VCPU` })
    expect(checkBooks(await ground.books.dump())).deep.equal([])
  })

  it('hold capacity to the same double as Placement', async () => {
    const table = [
      [10, 0, 1.1, 11],
      [10, 0, 0.3, 3],
      [3, 0, 1.1, 3],
      [100, 1, 1.15, 113],
      [7, 0, 0.7, 4],
    ] as const
    for (const [total, reserved, ratio, fits] of table) {
      expect(Math.floor((total - reserved) * ratio)).equal(fits)
      const ground = groundOn(redis)
      await ground.locks.heartbeat('w', 5_000, true)
      await ground.books.seed(
        {
          providers: [S, D].map((provider) => ({
            id: provider,
            name: provider,
            inventories: { VCPU: { ...VCPU, total, reserved, allocation_ratio: ratio, max_unit: 1_000 } },
          })),
          consumers: [],
        },
        { replace: false },
      )
      const started = await begun(ground, id('b', 1), 'w.1')
      const sized = (units: number): Write => ({
        changes: [
          {
            before: started.snapshot!.consumers[I]!,
            after: { generation: 1, type: 'X', project: 'p', user: 'u', allocations: { [D]: { VCPU: units } } },
          },
        ],
        guards: [],
        providers: {},
        moves: { put: [] },
      })
      expect(await ground.ledger.apply(sized(fits + 1), attemptOf(started), decisionOf(id('b', 1)))).include({
        kind: 'conflict',
      })
      expect(await ground.ledger.apply(sized(fits), attemptOf(started), decisionOf(id('b', 1)))).include({
        kind: 'applied',
      })
    }
  })

  it('keep tickets exact near 2^53', async () => {
    const ground = groundOn(redis)
    await ground.locks.heartbeat('w', 5_000, true)
    await redis.call('HSET', [ground.scripts.keys.meta, 'seq', '9007199254740980'])
    const numbers: number[] = []
    for (let n = 0; n < 5; n++) numbers.push((await ground.locks.acquire('w', `k${n}`, [`p:${S}`], null))!.number)
    expect(numbers).deep.equal([0, 1, 2, 3, 4].map((n) => 9_007_199_254_740_981 + n))
    for (const number of numbers) await ground.locks.release('w', number)
    expect(await checkLockKeys(ground.scripts)).deep.equal([])
  })
})

describe('the scripts on a node in cluster mode', () => {
  it("touch only keys of the namespace's slot that they declare", async () => {
    const server = await ownRedis({ args: ['--cluster-enabled', 'yes'] })
    const redis = await connected(server.url)
    await redis.call('CLUSTER', ['ADDSLOTSRANGE', 0, 16_383])
    while (!String(await redis.call('CLUSTER', ['INFO'])).includes('cluster_state:ok')) await systemClock.sleep(20)
    const ground = groundOn(redis)
    await ground.books.seed(SEED, { replace: false })
    await ground.locks.heartbeat('w', 5_000, true)
    const started = await begun(ground, id('b', 1), 'w.1')
    expect(await ground.ledger.apply(moveTo(D, started), attemptOf(started), decisionOf(id('b', 1)))).include({
      decided: true,
    })
    await ground.journal.told([id('b', 1)])
    expect(await ground.journal.sweep(10)).deep.equal([])
    await ground.locks.close('w')
    expect(checkBooks(await ground.books.dump())).deep.equal([])
    await redis.stop()
    await server.stop()
  })
})
