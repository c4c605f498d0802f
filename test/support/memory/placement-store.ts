// The model of Placement beside a journal and locks in memory, as a store under test.
import { systemClock } from '../../../src/clock/system-clock.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { placementLedgerOver } from '../../../src/ledger/placement/placement-ledger.ts'
import { memoryStore, type Store } from '../store.ts'
import { memoryPlacement, memoryPlacementHttp } from './placement.ts'
import { dump, seed } from './seed.ts'
import { memorySlot } from './slot.ts'

/** A store on an empty model. Its journal begins without books of its own, so that what is begun is read there. */
export function memoryPlacementStore(): Store {
  const memory = memoryStore()
  const books = memorySlot({ nowUs: () => memory.nowMs() * 1000 })
  const http = memoryPlacementHttp(memoryPlacement(books), async (_asked, run) => run())
  const moves: Journal['moves'] = (consumers) => memory.journal.moves(consumers)
  const ledger = placementLedgerOver(http, { clock: systemClock, namespace: 'test', markers: 4, moves })
  const journal: Journal = {
    ...memory.journal,
    begin: async (entry, scope, token, mine, alone) => {
      const begun = await memory.journal.begin(entry, scope, token, mine, alone)
      return begun.kind === 'begun' ? { ...begun, snapshot: await ledger.snapshot(scope) } : begun
    },
  }
  return {
    ...memory,
    can: { decideInWrite: false, remember: false },
    ledger,
    journal,
    seed: async (document, replace = false) => {
      const refused = seed(books, document, replace)
      if (refused.length > 0) throw new Error(`the seed was refused because of ${refused.join(', ')}`)
    },
    dump: async () => dump(books),
  }
}
