// Reads consumers and providers of Placement as the snapshot has them.
import type { Clock } from '../../clock/clock.ts'
import type { Consumer, Provider } from '../../transfer/snapshot.ts'
import { holdingOf, inventoriesOf, locatedOf, usagesOf, wordsOf, type Holding } from './answers.ts'
import type { Answer, PlacementHttp } from './http.ts'

/** A consumer, and the generations of the providers it holds of. */
export interface ReadConsumer {
  readonly consumer: Consumer
  readonly providers: Readonly<Record<string, number>>
}

export interface Reading {
  /** `typeUntold`: the type of a consumer that Placement has none for. */
  consumer(id: string, typeUntold?: string): Promise<ReadConsumer>
  /**
   * At one generation where that can be had; of one that is still at the generation it is known at, only usages are
   * read. Null: there is none.
   */
  provider(id: string): Promise<Provider | null>
  /** The definition last read, if it is still at `generation`; its usages are not known. */
  definition(id: string, generation: number | null): Provider | null
  /**
   * To be called before a write that will raise the generation of each of `providers` by one, and what it returns once
   * the write is known to have done so: what is known of them is then known at the new generation.
   */
  raising(providers: Iterable<string>): () => void
}

const INSTANCE = 'INSTANCE'
/** Every write to a provider raises its generation, so that on a busy one the parts of a reading seldom agree. */
const LOOKS = 3
/** Definitions kept; the oldest is dropped. */
const KEPT = 10_000
/** For so long what is known of a provider is taken, and no longer: one that was deleted and made again counts anew. */
const KNOWN_MS = 60_000

/** A provider as it was last read, and when. */
interface Known {
  readonly provider: Provider
  readonly readAtMs: number
}

export function placementReading(http: PlacementHttp, clock: Pick<Clock, 'monotonicMs'>): Reading {
  const known = new Map<string, Known>()

  function keep(one: Known): void {
    known.delete(one.provider.id)
    known.set(one.provider.id, one)
    if (known.size > KEPT) known.delete(known.keys().next().value!)
  }

  async function providerNow(id: string): Promise<Provider | null> {
    const before = lately(id)
    if (before !== null) {
      const answer = await http.send('GET', `/resource_providers/${id}/usages`)
      if (answer.status === 404) return gone(id)
      const usages = usagesOf(answer)
      if (usages.generation === before.generation) return { ...before, usages: usages.value }
    }
    for (let look = 1; ; look++) {
      const read = await readWhole(http, id)
      if (read === null) return gone(id)
      if (read.agreed) keep({ provider: read.provider, readAtMs: clock.monotonicMs() })
      if (read.agreed || look === LOOKS) return read.provider
    }
  }

  function lately(id: string): Provider | null {
    const found = known.get(id)
    return found !== undefined && clock.monotonicMs() - found.readAtMs < KNOWN_MS ? found.provider : null
  }

  function gone(id: string): null {
    known.delete(id)
    return null
  }

  return {
    provider: providerNow,
    consumer: async (id, typeUntold = INSTANCE) =>
      consumerOf(id, holdingOf(await http.send('GET', `/allocations/${id}`)), typeUntold),
    definition: (id, generation) => {
      const found = lately(id)
      return found?.generation === generation ? { ...found, usages: {} } : null
    },
    raising: (ids) => {
      const seen = [...ids].flatMap((id) => known.get(id) ?? [])
      // n.b. Counted from what was known before the write. Where others wrote too the generation is a higher one than
      // this, and it is read anew: a raise too few is safe, one too many would not be.
      return () => {
        for (const { provider, readAtMs } of seen) {
          keep({ provider: { ...provider, generation: provider.generation + 1 }, readAtMs })
        }
      }
    },
  }
}

/** A consumer of which nothing is read because the write itself is refused where it holds something. */
export function absent(id: string): Consumer {
  return { id, generation: null, nextGeneration: 1, type: null, project: null, user: null, allocations: {} }
}

function consumerOf(id: string, holding: Holding | null, typeUntold: string): ReadConsumer {
  if (holding === null) return { consumer: absent(id), providers: {} }
  const { generation, project, user, allocations, providers, type } = holding
  const consumer = {
    id,
    generation,
    nextGeneration: generation + 1,
    type: type ?? typeUntold,
    project,
    user,
    allocations,
  }
  return { consumer, providers }
}

/** The five parts of a provider; `agreed`: all are of one generation, so of one moment. Null: there is none. */
async function readWhole(http: PlacementHttp, id: string): Promise<{ provider: Provider; agreed: boolean } | null> {
  const parts = ['', '/inventories', '/usages', '/traits', '/aggregates']
  const answers = await Promise.all(parts.map((part) => http.send('GET', `/resource_providers/${id}${part}`)))
  if (answers.some(({ status }) => status === 404)) return null
  const [first, second, third, fourth, fifth] = answers as [Answer, Answer, Answer, Answer, Answer]
  const self = locatedOf(first.body, first)
  const inventories = inventoriesOf(second)
  const usages = usagesOf(third)
  const traits = wordsOf(fourth, 'traits')
  const aggregates = wordsOf(fifth, 'aggregates')
  const agreed = [inventories, usages, traits, aggregates].every(({ generation }) => generation === self.generation)
  const provider = {
    ...self,
    traits: traits.value,
    aggregates: aggregates.value,
    inventories: inventories.value,
    usages: usages.value,
  }
  return { provider, agreed }
}
