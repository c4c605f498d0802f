// Seed, dump and show of the books on a real Redis: all or nothing, safe to run twice, never over what was moved since.
import { expect } from 'chai'
import type { RedisClient } from '../../src/redis/client.ts'
import { checkBooks } from '../support/books.ts'
import { connected, entryOf, groundOn, type RedisGround } from '../support/redis-ground.ts'
import { sharedRedis } from '../support/servers.ts'

const id = (kind: string, n: number): string => `${kind.repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`
const S = id('a', 1)
const D = id('a', 2)
const I = id('c', 1)
const VCPU = { total: 64, reserved: 0, allocation_ratio: 16, min_unit: 1, max_unit: 64, step_size: 1 }
const PROVIDERS = [S, D].map((provider, n) => ({
  id: provider,
  name: `cn-${n}`,
  parent: null,
  traits: ['B', 'A'],
  aggregates: [],
  inventories: { VCPU },
}))
const CONSUMER = { id: I, type: 'INSTANCE', project: 'p', user: 'u', allocations: { [S]: { VCPU: 2 } } }
const SEED = { providers: PROVIDERS, consumers: [CONSUMER] }
const NOTHING = {
  providersAdded: 0,
  providersChanged: 0,
  providersUnchanged: 0,
  consumersAdded: 0,
  consumersReplaced: 0,
  consumersLeft: 0,
}

describe('the books on Redis', () => {
  let redis: RedisClient
  let ground: RedisGround
  before(async () => {
    redis = await connected((await sharedRedis()).url)
  })
  after(async () => {
    await redis.stop()
  })
  beforeEach(() => {
    ground = groundOn(redis)
  })

  /** What the namespace holds, key by key. */
  const everything = async (): Promise<unknown> => {
    const { consumers, generations, providers, usages, seeded } = ground.scripts.keys
    return await Promise.all(
      [consumers, generations, providers, usages, seeded].map((key) => redis.call('HGETALL', [key])),
    )
  }
  const move = async (allocations: Readonly<Record<string, Readonly<Record<string, number>>>>): Promise<void> => {
    await ground.locks.heartbeat('w', 5_000, true)
    const request = id('b', 1)
    const begun = await ground.journal.begin(
      entryOf(request),
      { consumers: [I], providers: [S, D], held: false },
      'w.1',
      true,
    )
    if (begun.kind !== 'begun') throw new Error(begun.kind)
    const before = begun.snapshot!.consumers[I]!
    const after = { generation: before.nextGeneration, type: 'INSTANCE', project: 'p', user: 'u', allocations }
    const applied = await ground.ledger.apply(
      { changes: [{ before, after }], guards: [], providers: {}, moves: { put: [] } },
      { request, token: 'w.1', ticket: begun.ticket.number, number: 1 },
      { request, code: 'applied', operation: 'transfer', origin: 'none', event: '{}', letter: null },
    )
    expect(applied).include({ kind: 'applied', decided: true })
  }

  it('are printed as they were seeded, with generations and usages, sorted by id', async () => {
    expect(await ground.books.dump()).deep.equal({ providers: [], consumers: [] })
    const { written, violations } = await ground.books.seed(
      { ...SEED, providers: PROVIDERS.toReversed() },
      { replace: false },
    )
    expect({ written, violations }).deep.equal({
      written: { ...NOTHING, providersAdded: 2, consumersAdded: 1 },
      violations: [],
    })
    expect(await ground.books.dump()).deep.equal({
      providers: PROVIDERS.map((provider) => ({
        ...provider,
        traits: ['A', 'B'],
        generation: 1,
        usages: provider.id === S ? { VCPU: 2 } : {},
      })),
      consumers: [{ ...CONSUMER, generation: 1 }],
    })
  })

  it('are the same after a second seed, and after a seed of their own dump', async () => {
    await ground.books.seed(SEED, { replace: false })
    const before = await everything()
    for (const document of [SEED, await ground.books.dump()]) {
      expect((await ground.books.seed(document, { replace: false })).written).deep.equal({
        ...NOTHING,
        providersUnchanged: 2,
        consumersLeft: 1,
      })
      expect(await everything()).deep.equal(before)
    }
  })

  it("raise a provider's generation when its definition changes, and only then", async () => {
    await ground.books.seed(SEED, { replace: false })
    const changed = { ...PROVIDERS[0]!, inventories: { VCPU: { ...VCPU, total: 1, allocation_ratio: 1 } } }
    const { written } = await ground.books.seed({ providers: [changed, PROVIDERS[1]] }, { replace: false })
    expect(written).deep.equal({ ...NOTHING, providersChanged: 1, providersUnchanged: 1 })
    const { providers } = await ground.books.dump()
    expect(providers.map(({ generation }) => generation)).deep.equal([2, 1])
    expect(providers[0]!.usages).deep.equal({ VCPU: 2 })
  })

  it('refuse a consumer with other allocations, name all such, and write nothing of the seed', async () => {
    await ground.books.seed(SEED, { replace: false })
    const before = await everything()
    const other = { ...CONSUMER, allocations: { [D]: { VCPU: 2 } } }
    const fresh = { ...CONSUMER, id: id('c', 2) }
    const { written, violations } = await ground.books.seed({ ...SEED, consumers: [fresh, other] }, { replace: false })
    expect(written).equal(null)
    expect(violations.map(({ path }) => path)).deep.equal(['/consumers/1/allocations'])
    expect(violations[0]!.message).contain(I).and.contain('--replace')
    expect(await everything()).deep.equal(before)
  })

  it('take other allocations with replace, and count on from the generation', async () => {
    await ground.books.seed(SEED, { replace: false })
    const other = { ...CONSUMER, allocations: { [D]: { VCPU: 3 } } }
    const { written } = await ground.books.seed({ ...SEED, consumers: [other] }, { replace: true })
    expect(written).deep.equal({ ...NOTHING, providersUnchanged: 2, consumersReplaced: 1 })
    const dump = await ground.books.dump()
    expect(dump.consumers).deep.equal([{ ...other, generation: 2 }])
    expect(checkBooks(dump)).deep.equal([])
  })

  it('leave a consumer where Ferryman has moved it, when the same seed comes again', async () => {
    await ground.books.seed(SEED, { replace: false })
    await move({ [D]: { VCPU: 2 } })
    expect((await ground.books.seed(SEED, { replace: false })).written).include({ consumersLeft: 1 })
    expect(await ground.books.consumer(I)).deep.include({ generation: 2, allocations: { [D]: { VCPU: 2 } } })
  })

  it('leave it there also when their own dump was seeded in between', async () => {
    await ground.books.seed(SEED, { replace: false })
    await move({ [D]: { VCPU: 2 } })
    await ground.books.seed(await ground.books.dump(), { replace: false })
    expect((await ground.books.seed(SEED, { replace: false })).written).include({ consumersLeft: 1 })
    expect(await ground.books.consumer(I)).deep.include({ generation: 2, allocations: { [D]: { VCPU: 2 } } })
  })

  it('bring a consumer that was released since back only with replace, and go on from its generation', async () => {
    await ground.books.seed(SEED, { replace: false })
    await move({})
    expect((await ground.books.seed(SEED, { replace: false })).written).include({ consumersLeft: 1 })
    expect(await ground.books.consumer(I)).equal(null)
    expect((await ground.books.seed(SEED, { replace: true })).written).include({ consumersAdded: 1 })
    expect(await ground.books.consumer(I)).deep.equal({ ...CONSUMER, generation: 3 })
    expect(checkBooks(await ground.books.dump())).deep.equal([])
  })

  it('take consumers on providers that stand already', async () => {
    await ground.books.seed({ providers: PROVIDERS }, { replace: false })
    expect((await ground.books.seed({ consumers: [CONSUMER] }, { replace: false })).written).include({
      consumersAdded: 1,
    })
    expect(
      (
        await ground.books.seed(
          { consumers: [{ ...CONSUMER, allocations: { [S]: { DISK_GB: 1 } } }] },
          { replace: false },
        )
      ).violations,
    ).deep.equal([
      { path: `/consumers/0/allocations/${S}/DISK_GB`, message: `provider ${S} has no inventory of "DISK_GB"` },
    ])
  })

  it('may be seeded beyond capacity, for over-commitment exists', async () => {
    const small = { ...PROVIDERS[0]!, inventories: { VCPU: { ...VCPU, total: 1, allocation_ratio: 1 } } }
    expect(
      (await ground.books.seed({ providers: [small], consumers: [CONSUMER] }, { replace: false })).violations,
    ).deep.equal([])
  })

  it('show a provider with its consumers, and null for one that is not there', async () => {
    await ground.books.seed(SEED, { replace: false })
    expect(await ground.books.provider(D)).deep.include({ consumers: [] })
    expect((await ground.books.provider(S))!.consumers.map((consumer) => consumer.id)).deep.equal([I])
    expect(await ground.books.provider(id('a', 9))).equal(null)
  })

  it('of ten thousand consumers are read at one moment', async () => {
    const consumers = Array.from({ length: 10_000 }, (_, n) => ({
      ...CONSUMER,
      id: id('d', n),
      allocations: { [D]: { VCPU: 1 + (n % 4) } },
    }))
    await ground.books.seed({ providers: PROVIDERS, consumers }, { replace: false })
    const dump = await ground.books.dump()
    expect(dump.consumers.length).equal(10_000)
    expect(checkBooks(dump)).deep.equal([])
  })
})
