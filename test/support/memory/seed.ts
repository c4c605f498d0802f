// Fills the memory slot from a seed document, and prints it as one.
import type { SeedConsumer, SeedDocument, SeedProvider } from '../../../src/ledger/seed-document.ts'
import type { Consumer, Provider } from '../../../src/transfer/snapshot.ts'
import { lastGeneration, recountUsages, same, sorted } from './books.ts'
import type { MemorySlot, StoredProvider } from './slot.ts'

/** The seed format with generations and usages, sorted by id. */
export interface Dump {
  readonly providers: readonly Provider[]
  readonly consumers: readonly Omit<Consumer, 'nextGeneration'>[]
}

/** Writes all, or nothing where a consumer stands elsewhere and `replace` is not set. The ids in the way. */
export function seed(slot: MemorySlot, document: SeedDocument, replace = false): readonly string[] {
  const inTheWay = document.consumers.filter((consumer) => standsElsewhere(slot, consumer)).map(({ id }) => id)
  if (inTheWay.length > 0 && !replace) return inTheWay
  for (const provider of document.providers) putProvider(slot, provider)
  for (const consumer of document.consumers) {
    if (replace || isNew(slot, consumer)) putConsumer(slot, consumer)
    slot.seeded.set(consumer.id, sorted(consumer.allocations))
  }
  recountUsages(slot)
  return []
}

/** All providers and all consumers that hold something, sorted by id. */
export function dump(slot: MemorySlot): Dump {
  const byId = <T extends { readonly id: string }>(left: T, right: T): number => (left.id < right.id ? -1 : 1)
  return {
    providers: [...slot.providers]
      .map(([id, stored]) => ({ id, ...stored, usages: slot.usages.get(id) ?? {} }))
      .sort(byId),
    consumers: [...slot.consumers].map(([id, stored]) => ({ id, ...stored })).sort(byId),
  }
}

/** It holds other than the document says, and not because it was moved since the same document was seeded. */
function standsElsewhere(slot: MemorySlot, consumer: SeedConsumer): boolean {
  if (isNew(slot, consumer)) return false
  const movedSince = slot.seeded.get(consumer.id) === sorted(consumer.allocations)
  return !movedSince && !same(slot.consumers.get(consumer.id)?.allocations ?? {}, consumer.allocations)
}

function isNew(slot: MemorySlot, consumer: SeedConsumer): boolean {
  return !slot.consumers.has(consumer.id) && slot.seeded.get(consumer.id) !== sorted(consumer.allocations)
}

function putProvider(slot: MemorySlot, { id, name, parent, traits, aggregates, inventories }: SeedProvider): void {
  const definition = { name, parent, traits, aggregates, inventories }
  const stored = slot.providers.get(id)
  const changed = stored !== undefined && JSON.stringify(definitionOf(stored)) !== JSON.stringify(definition)
  slot.providers.set(id, { generation: (stored?.generation ?? 1) + (changed ? 1 : 0), ...definition })
}

function definitionOf({
  name,
  parent,
  traits,
  aggregates,
  inventories,
}: StoredProvider): Omit<StoredProvider, 'generation'> {
  return { name, parent, traits, aggregates, inventories }
}

function putConsumer(slot: MemorySlot, { id, type, project, user, allocations }: SeedConsumer): void {
  const stored = slot.consumers.get(id)
  if (stored !== undefined && same(stored.allocations, allocations)) return
  const generation = lastGeneration(slot, id) + 1
  slot.generations.delete(id)
  slot.consumers.set(id, { generation, type, project, user, allocations })
}
