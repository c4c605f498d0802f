// Placement's books as a whole, through its REST API: dumped, shown and seeded; Ferryman's own providers are left out.
import type { Clock } from '../../clock/clock.ts'
import { sameAllocations } from '../../transfer/allocations.ts'
import type { Consumer, Provider } from '../../transfer/snapshot.ts'
import type { Books, DumpedConsumer, SeedCounts, Seeded } from '../books.ts'
import { parseSeed, type KnownProviders, type SeedConsumer, type SeedDocument } from '../seed-document.ts'
import { consumersOf, inventoriesOf, providersOf } from './answers.ts'
import type { PlacementHttp } from './http.ts'
import { holdsMarkersOnly } from './marker-providers.ts'
import type { Markers } from './markers.ts'
import { placementReading, type Reading } from './reading.ts'
import { eachOf } from './each.ts'
import { missingWords, putConsumer, putProvider, type Put } from './seeding.ts'

/**
 * A dump reads one provider after the other, so that it is no moment of a ledger that is being written to. A seed is
 * checked as a whole first, but written piece by piece: after a failure it is run again, and goes on where it ended.
 */
export function placementBooks(http: PlacementHttp, markers: Pick<Markers, 'providers'>, clock: Clock): Books {
  const reading = placementReading(http, clock)
  const located = async (): Promise<readonly string[]> =>
    providersOf(await http.list('/resource_providers'))
      .map(({ id }) => id)
      .filter((id) => !markers.providers.has(id))
      .toSorted()
  const holders = async (provider: string): Promise<readonly string[]> => {
    const answer = await http.list(`/resource_providers/${provider}/allocations`)
    return answer.status === 404 ? [] : consumersOf(answer)
  }
  const consumersNamed = async (ids: readonly string[]): Promise<readonly DumpedConsumer[]> => {
    const read = await eachOf([...new Set(ids)].toSorted(), async (id) => (await reading.consumer(id)).consumer)
    return read.filter(({ generation }) => generation !== null).map(shown)
  }
  return {
    dump: async () => {
      const read = await eachOf(await located(), (id) => reading.provider(id))
      const providers = read.filter((one) => one !== null).filter(({ inventories }) => !holdsMarkersOnly(inventories))
      const consumers = await consumersNamed((await eachOf(providers, ({ id }) => holders(id))).flat())
      return { providers, consumers }
    },
    consumer: async (id) => {
      const { consumer } = await reading.consumer(id)
      return consumer.generation === null ? null : shown(consumer)
    },
    provider: async (id) => {
      const provider = await reading.provider(id)
      if (provider === null || holdsMarkersOnly(provider.inventories)) return null
      return { provider, consumers: await consumersNamed(await holders(id)) }
    },
    seed: async (document, { replace }) => seed(http, reading, document, replace, await knownOf(http, await located())),
  }
}

async function knownOf(http: PlacementHttp, ids: readonly string[]): Promise<KnownProviders> {
  const read = await eachOf(ids, async (id): Promise<readonly [string, ReadonlySet<string>][]> => {
    const answer = await http.send('GET', `/resource_providers/${id}/inventories`)
    if (answer.status === 404) return []
    const { value } = inventoriesOf(answer)
    return holdsMarkersOnly(value) ? [] : [[id, new Set(Object.keys(value))]]
  })
  return new Map(read.flat())
}

async function seed(
  http: PlacementHttp,
  reading: Reading,
  document: unknown,
  replace: boolean,
  known: KnownProviders,
): Promise<Seeded> {
  const parsed = parseSeed(document, known)
  if (parsed.seed === null) return { written: null, violations: parsed.violations }
  const { providers, consumers } = parsed.seed
  const words = await missingWords(http, parsed.seed)
  const found = await eachOf(consumers, async ({ id }) => (await reading.consumer(id)).consumer)
  const violations = [...words.violations, ...(replace ? [] : differing(consumers, found))]
  if (violations.length > 0) return { written: null, violations }
  await words.create()
  const puts: Put[] = []
  for (const level of parentsFirst(providers, known)) {
    puts.push(
      ...(await eachOf(level, async (one) => putProvider(http, one, await providerNow(reading, one.id, known)))),
    )
  }
  const written = await eachOf(consumers, (one, i) => putConsumer(http, one, found[i]!))
  return { written: countsOf(puts, written), violations: [] }
}

async function providerNow(reading: Reading, id: string, known: KnownProviders): Promise<Provider | null> {
  return known.has(id) ? reading.provider(id) : null
}

function differing(consumers: readonly SeedConsumer[], found: readonly Consumer[]): Seeded['violations'] {
  return consumers.flatMap(({ id, allocations }, i) => {
    const holds = found[i]!
    if (holds.generation === null || sameAllocations(holds.allocations, allocations)) return []
    const message = `consumer ${id} holds ${JSON.stringify(holds.allocations)} already: use --replace to overwrite them`
    return [{ path: `/consumers/${i}/allocations`, message }]
  })
}

/** Providers in layers, so that a parent is there before its children. The document has no rings. */
function parentsFirst(
  providers: SeedDocument['providers'],
  known: KnownProviders,
): readonly SeedDocument['providers'][] {
  const layers: SeedDocument['providers'][] = []
  const placed = new Set(known.keys())
  let left = [...providers]
  while (left.length > 0) {
    const layer = left.filter(({ parent }) => parent === null || placed.has(parent))
    for (const { id } of layer) placed.add(id)
    left = left.filter((one) => !layer.includes(one))
    layers.push(layer)
  }
  return layers
}

function countsOf(providers: readonly Put[], consumers: readonly Put[]): SeedCounts {
  const count = (puts: readonly Put[], put: Put): number => puts.filter((one) => one === put).length
  return {
    providersAdded: count(providers, 'added'),
    providersChanged: count(providers, 'changed'),
    providersUnchanged: count(providers, 'unchanged'),
    consumersAdded: count(consumers, 'added'),
    consumersReplaced: count(consumers, 'changed'),
    consumersLeft: count(consumers, 'unchanged'),
  }
}

function shown({ id, generation, type, project, user, allocations }: Consumer): DumpedConsumer {
  return { id, generation, type, project, user, allocations }
}
