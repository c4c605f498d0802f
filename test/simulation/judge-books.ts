// What one write may do to the books: looked at before and after the step, and told where it did more or less.
import type { Write } from '../../src/transfer/plan.ts'
import type { Allocations } from '../../src/transfer/snapshot.ts'
import { checkBooks } from '../support/books.ts'
import { same } from '../support/memory/books.ts'
import { dump } from '../support/memory/seed.ts'
import type { MemorySlot, StoredConsumer } from '../support/memory/slot.ts'
import type { Violation } from './rules.ts'

/** The books right before a write is tried. */
export interface Sight {
  readonly consumers: ReadonlyMap<string, StoredConsumer | undefined>
  readonly usages: ReadonlyMap<string, Readonly<Record<string, number>>>
  readonly generations: ReadonlyMap<string, number>
}

export function lookAt(slot: MemorySlot, write: Write): Sight {
  return sightOf(
    slot,
    write.changes.map(({ before }) => before.id),
  )
}

export function sightOf(slot: MemorySlot, ids: readonly string[]): Sight {
  return {
    consumers: new Map(ids.map((id) => [id, slot.consumers.get(id)])),
    usages: new Map(slot.usages),
    generations: new Map(ids.map((id) => [id, slot.consumers.get(id)?.generation ?? slot.generations.get(id) ?? 0])),
  }
}

/** Null where nothing was written; else all that is wrong with it. `restart`: generations of what is emptied do. */
export function faultsOfWrite(
  slot: MemorySlot,
  write: Write,
  sight: Sight,
  restart: boolean,
): readonly Violation[] | null {
  const changed = write.changes.some(({ before }) => slot.consumers.get(before.id) !== sight.consumers.get(before.id))
  if (!changed) return null
  return [
    ...write.changes.flatMap((change) => faultsOfChange(slot, change, sight, restart)),
    ...faultsOfRoom(slot, sight),
    ...checkBooks(dump(slot)).map((what) => ({ rule: 'I1 conservation' as const, what })),
  ]
}

/** It was written as planned, over what the plan had seen, and under a generation that is new. */
function faultsOfChange(
  slot: MemorySlot,
  { before, after }: Write['changes'][number],
  sight: Sight,
  restart: boolean,
): Violation[] {
  const { id } = before
  const faults: Violation[] = []
  const stood = sight.consumers.get(id)?.allocations ?? {}
  const stands = slot.consumers.get(id)?.allocations ?? {}
  if (!same(stood, before.allocations)) {
    faults.push({
      rule: 'I1 conservation',
      what: `${id} stood at ${text(stood)} when a write from ${text(before.allocations)} was carried out`,
    })
  }
  if (!same(stands, after.allocations)) {
    faults.push({
      rule: 'I2 whole',
      what: `${id} stands at ${text(stands)}, and ${text(after.allocations)} was to be written`,
    })
  }
  const newest = slot.consumers.get(id)?.generation ?? slot.generations.get(id) ?? 0
  const last = sight.generations.get(id) ?? 0
  if (newest <= last && !(restart && !slot.consumers.has(id)))
    faults.push({ rule: 'I7 generations', what: `generation of ${id} went from ${last} to ${newest}` })
  return faults
}

/** Where a write uses more, all that is used fits. */
function faultsOfRoom(slot: MemorySlot, sight: Sight): Violation[] {
  const faults: Violation[] = []
  for (const [provider, usages] of slot.usages) {
    for (const [resourceClass, used] of Object.entries(usages)) {
      if (used <= (sight.usages.get(provider)?.[resourceClass] ?? 0)) continue
      const inventory = slot.providers.get(provider)?.inventories[resourceClass]
      const room = inventory === undefined ? 0 : (inventory.total - inventory.reserved) * inventory.allocation_ratio
      if (used > room)
        faults.push({
          rule: 'I3 capacity',
          what: `${used} ${resourceClass} of ${provider} are used, and ${room} are there`,
        })
    }
  }
  return faults
}

function text(allocations: Allocations): string {
  return JSON.stringify(allocations)
}
