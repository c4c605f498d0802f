// The books on a real Placement beside a journal and locks in memory, as a store under test.
import type { Clock } from '../../src/clock/clock.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { tokenAuthorise } from '../../src/ledger/placement/authorise.ts'
import { placementBooks } from '../../src/ledger/placement/placement-books.ts'
import { placementLedger, type PlacementLedger } from '../../src/ledger/placement/placement-ledger.ts'
import type { Books } from '../../src/ledger/books.ts'
import type { SeedDocument } from '../../src/ledger/seed-document.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { PlacementServer } from '../../src/demo/servers.ts'
import { memoryStore, type Store } from './store.ts'

export interface PlacementStore extends Store {
  readonly ledger: PlacementLedger
  readonly books: Books
}

export interface LedgerOptions {
  readonly url?: string
  readonly timeoutMs?: number
  readonly markers?: number
  readonly namespace?: string
  readonly journal?: Journal
  readonly clock?: Clock
}

/** A ledger on `server`; to be stopped by the test. */
export function ledgerOn(server: PlacementServer, options: LedgerOptions = {}): PlacementLedger {
  const { journal } = options
  return placementLedger({
    url: options.url ?? server.url,
    timeoutMs: options.timeoutMs ?? 10_000,
    authorise: tokenAuthorise(server.token),
    clock: options.clock ?? systemClock,
    namespace: options.namespace ?? 'test',
    markers: options.markers ?? 4,
    moves: journal === undefined ? () => Promise.resolve({}) : (consumers) => journal.moves(consumers),
  })
}

/** A store on an empty Placement. Its journal begins without books of its own, so that what is begun is read there. */
export async function placementStore(server: PlacementServer): Promise<PlacementStore> {
  const memory = memoryStore()
  const ledger = ledgerOn(server, { journal: memory.journal })
  await ledger.markers.ensure()
  const books = placementBooks(ledger.http, ledger.markers, systemClock)
  const journal: Journal = {
    ...memory.journal,
    begin: async (entry, scope, token, mine, alone) => {
      const begun = await memory.journal.begin(entry, scope, token, mine, alone)
      return begun.kind === 'begun' ? { ...begun, snapshot: await ledger.snapshot(scope) } : begun
    },
  }
  const seed = async (document: SeedDocument, replace: boolean): Promise<void> => {
    const { violations } = await books.seed(document, { replace })
    if (violations.length > 0) throw new Error(violations.map(({ path, message }) => `${path}: ${message}`).join('; '))
  }
  return {
    ...memory,
    can: { decideInWrite: false, remember: false },
    books,
    ledger,
    journal,
    seed: async (document, replace = false) => {
      // n.b. Placement takes no allocation for which there is no room, and lets an inventory shrink below what is used.
      const ample =
        document.consumers.length === 0 ? document : { ...document, providers: document.providers.map(roomy) }
      await seed(ample, replace)
      if (ample !== document) await seed({ ...document, consumers: [] }, replace)
    },
    dump: async () => books.dump(),
  }
}

function roomy(provider: SeedDocument['providers'][number]): SeedDocument['providers'][number] {
  const most = {
    total: 2_147_483_647,
    reserved: 0,
    allocation_ratio: 1,
    min_unit: 1,
    max_unit: 2_147_483_647,
    step_size: 1,
  }
  const names = Object.keys(provider.inventories)
  return { ...provider, inventories: Object.fromEntries(names.map((name) => [name, most])) }
}
