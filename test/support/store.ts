// A namespace under test: its ports, its books, and a hand on its clock and its run.
import type { Journal } from '../../src/journal/journal.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { SeedDocument } from '../../src/ledger/seed-document.ts'
import type { LockStore } from '../../src/locks/locks.ts'
import { memoryJournal, memoryLedger, memoryLocks } from './memory/ports.ts'
import { dump, seed, type Dump } from './memory/seed.ts'
import { memorySlot, restart, SLOT_OPTIONS, type MemorySlot, type SlotOptions, type SlotRules } from './memory/slot.ts'

/** In what ledgers differ by their nature, so that a rule can say what holds on each. */
export interface Capabilities {
  /** Books and journal are one store: the step that writes also decides, and refuses a processing that is over. */
  readonly decideInWrite: boolean
  /** What consumers were is remembered: generations never restart, and writing down a guard does not raise one. */
  readonly remember: boolean
}

export interface Store {
  readonly can: Capabilities
  readonly journal: Journal
  readonly locks: LockStore
  readonly ledger: Ledger
  readonly options: SlotOptions
  /** Writes a valid document; fails where the store refuses it. */
  seed(document: SeedDocument, replace?: boolean): Promise<void>
  dump(): Promise<Dump>
  nowMs(): number
  /** Lets time pass; nothing happens by itself meanwhile. */
  advance(ms: number): Promise<void>
  /** The store's process ends and another takes over with all data, of which nothing must be restored. */
  restart(): Promise<void>
  /** The same, and whether something is missing is yet to be found out. */
  takeOver(): Promise<void>
}

export interface MemoryStore extends Store {
  readonly slot: MemorySlot
}

/** 2027; the second half of a second, so that nothing is right by rounding. */
export const START_US = 1_800_000_000_654_321

/** A fresh namespace in memory. */
export function memoryStore(rules: Partial<SlotRules> = {}, options: SlotOptions = SLOT_OPTIONS): MemoryStore {
  let nowUs = START_US
  let runs = 1
  const slot = memorySlot({ nowUs: () => nowUs, rules, options, run: 'run-1' })
  const journal = memoryJournal(slot)
  return {
    slot,
    options,
    can: { decideInWrite: true, remember: true },
    journal,
    locks: memoryLocks(slot),
    ledger: memoryLedger(slot),
    seed: async (document, replace = false) => {
      const refused = seed(slot, document, replace)
      if (refused.length > 0) throw new Error(`the seed was refused because of ${refused.join(', ')}`)
    },
    dump: async () => dump(slot),
    nowMs: () => Math.floor(nowUs / 1000),
    advance: async (ms) => {
      nowUs += ms * 1000
    },
    restart: async () => {
      restart(slot, `run-${++runs}`)
      await nothingMissing(journal)
    },
    takeOver: async () => restart(slot, `run-${++runs}`),
  }
}

/** Ends a restoring that has nothing to restore. */
export async function nothingMissing(journal: Journal): Promise<void> {
  const { run, restoring } = await journal.restoring('test', 1)
  if (restoring) await journal.restored(run, 0, true)
}
