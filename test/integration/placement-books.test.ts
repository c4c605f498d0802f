// Seed, dump and show of a real Placement through its REST API: only what differs is written, markers are left out.
import { expect } from 'chai'
import type { PlacementServer } from '../../src/demo/servers.ts'
import { providersOf } from '../../src/ledger/placement/answers.ts'
import { MARKER_CLASS } from '../../src/ledger/placement/marker-providers.ts'
import type { SeedCounts } from '../../src/ledger/books.ts'
import { D, holding, I, idOf, OTHER, providerOf, S, SMALL } from '../contract/ground.ts'
import { checkBooks } from '../support/books.ts'
import { emptied, sharedPlacement } from '../support/placement-server.ts'
import { attemptOf } from '../support/placement-ground.ts'
import { ledgerOn, placementStore, type PlacementStore } from '../support/placement-store.ts'

const CUSTOM = 'CUSTOM_FERRYMAN_TEST_CLASS'
const AGGREGATE = idOf('d', 7)
const ROOT = {
  ...providerOf(S, { VCPU: { total: 64, allocation_ratio: 16 }, MEMORY_MB: { total: 65_536 } }),
  traits: ['CUSTOM_FERRYMAN_TEST', 'HW_CPU_X86_AVX2'],
  aggregates: [AGGREGATE],
}
const CHILD = { ...providerOf(D, { [CUSTOM]: { total: 8 } }), parent: S }
const CONSUMER = holding(I, { [S]: SMALL })
/** The child stands before its parent. */
const DOCUMENT = { providers: [CHILD, ROOT], consumers: [CONSUMER] }
const NOTHING: SeedCounts = {
  providersAdded: 0,
  providersChanged: 0,
  providersUnchanged: 0,
  consumersAdded: 0,
  consumersReplaced: 0,
  consumersLeft: 0,
}

describe('the books on Placement', function () {
  this.timeout(60_000)
  let server: PlacementServer
  let store: PlacementStore

  before(async () => {
    server = await sharedPlacement()
  })
  beforeEach(async () => {
    store = await placementStore(await emptied(server))
  })
  afterEach(async () => {
    await store.ledger.stop()
  })
  const seed = async (document: unknown, replace = false): Promise<SeedCounts | readonly string[]> => {
    const { written, violations } = await store.books.seed(document, { replace })
    return written ?? violations.map(({ path, message }) => `${path}: ${message}`)
  }

  it('are printed as they were seeded, without markers; and can be seeded from that again', async () => {
    expect(await store.books.dump()).to.deep.equal({ providers: [], consumers: [] })
    expect(await seed(DOCUMENT)).to.deep.equal({ ...NOTHING, providersAdded: 2, consumersAdded: 1 })
    const dump = await store.books.dump()
    const { generation, ...root } = dump.providers[0]!
    expect(root).to.deep.equal({ ...ROOT, usages: SMALL })
    expect(generation).to.be.greaterThan(0)
    expect(dump.providers[1]).to.deep.include({ ...CHILD, usages: {} })
    expect(dump.consumers).to.deep.equal([{ ...CONSUMER, generation: 1 }])
    expect(checkBooks(dump)).to.deep.equal([])
    expect(await seed(dump)).to.deep.equal({ ...NOTHING, providersUnchanged: 2, consumersLeft: 1 })
    expect(await store.books.dump()).to.deep.equal(dump)
  })

  it('leave out markers of other installations too, and what holds of them', async () => {
    await seed(DOCUMENT)
    const dump = await store.books.dump()
    const other = ledgerOn(server, { namespace: 'other' })
    await other.markers.ensure()
    await other.close(attemptOf(idOf('b', 1)))
    expect(await store.books.dump()).to.deep.equal(dump)
    expect(await store.books.provider([...other.markers.providers][0]!)).to.equal(null)
    const onMarkers = [holding(OTHER, { [[...other.markers.providers][0]!]: { [MARKER_CLASS]: 1 } })]
    expect(await seed({ providers: [], consumers: onMarkers })).to.have.lengthOf(1)
    await other.stop()
  })

  it('are read of clouds whose list of providers is larger than another answer may be', async () => {
    await server.sql(
      'INSERT INTO resource_providers (uuid, name, generation, created_at) ' +
        "SELECT gen_random_uuid(), 'host ' || i, 0, now() AT TIME ZONE 'UTC' " +
        'FROM generate_series(1, 12000) i; UPDATE resource_providers SET root_provider_id = id',
    )
    const { http } = store.ledger
    const failure = await http.send('GET', '/resource_providers').catch((cause: unknown) => cause)
    expect(String(failure)).to.contain('larger than 8388608 bytes')
    expect(providersOf(await http.list('/resource_providers')).length).to.be.greaterThan(12_000)
  })

  it('change only what differs of a provider', async () => {
    await seed(DOCUMENT)
    const changed = {
      ...ROOT,
      name: 'renamed',
      traits: [],
      inventories: { ...ROOT.inventories, DISK_GB: ROOT.inventories['VCPU'] },
    }
    expect(await seed({ providers: [changed, CHILD], consumers: [] })).to.deep.equal({
      ...NOTHING,
      providersChanged: 1,
      providersUnchanged: 1,
    })
    const { generation: _, ...found } = (await store.books.dump()).providers[0]!
    expect(found).to.deep.equal({ ...changed, usages: SMALL })
  })

  it('refuse as a whole what is invalid or unknown to Placement, and a consumer that stands elsewhere', async () => {
    expect(
      await seed({ providers: [{ ...ROOT, traits: ['NO_SUCH_TRAIT'] }, CHILD], consumers: [CONSUMER] }),
    ).to.deep.equal(['/providers/0/traits: Placement does not know NO_SUCH_TRAIT, and only CUSTOM_ names can be added'])
    expect(await seed({ providers: [{ ...ROOT, parent: idOf('d', 1) }] })).to.deep.equal([
      `/providers/0/parent: there is no provider ${idOf('d', 1)}`,
    ])
    expect(await store.books.dump()).to.deep.equal({ providers: [], consumers: [] })
    await seed(DOCUMENT)
    const before = await store.books.dump()
    const other = { providers: [], consumers: [holding(I, { [S]: { VCPU: 1 } }), holding(OTHER, { [S]: { VCPU: 1 } })] }
    expect(await seed(other)).to.deep.equal([
      `/consumers/0/allocations: consumer ${I} holds {"${S}":{"MEMORY_MB":2048,"VCPU":2}} already: ` +
        'use --replace to overwrite them',
    ])
    expect(await store.books.dump()).to.deep.equal(before)
    expect(await seed(other, true)).to.deep.equal({ ...NOTHING, consumersAdded: 1, consumersReplaced: 1 })
    expect((await store.books.consumer(I))!.allocations).to.deep.equal({ [S]: { VCPU: 1 } })
  })

  it('show one consumer, and one provider with those who hold of it', async () => {
    await seed(DOCUMENT)
    expect(await store.books.consumer(I)).to.deep.equal({ ...CONSUMER, generation: 1 })
    expect(await store.books.consumer(OTHER)).to.equal(null)
    const view = (await store.books.provider(S))!
    expect([view.provider.id, view.consumers]).to.deep.equal([S, [{ ...CONSUMER, generation: 1 }]])
    expect((await store.books.provider(D))!.consumers).to.deep.equal([])
    expect(await store.books.provider(idOf('d', 1))).to.equal(null)
    expect(await store.books.provider([...store.ledger.markers.providers][0]!)).to.equal(null)
  })
})
