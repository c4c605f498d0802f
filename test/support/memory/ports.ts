// The ports over the memory slot: each call is one atomic step, taken when the call layer lets it through.
import type { Journal } from '../../../src/journal/journal.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import type { LockStore } from '../../../src/locks/locks.ts'
import { apply, closeDoor, find, snapshot } from './books.ts'
import { aside, begin, cancel, decide, list, moves, sending, show, sweepRecords, told, unsettled } from './records.ts'
import { kept } from './replicas.ts'
import { restore, restored, restoring } from './restoring.ts'
import { packAll, ripe } from './tombs.ts'
import type { MemorySlot, SlotListener } from './slot.ts'
import { acquire, close, heartbeat, poke, release } from './tickets.ts'

/** Carries one call to the slot and its answer back. A fault layer may delay it, lose either way, or run it twice. */
export type Call = <T>(name: string, run: () => T) => Promise<T>

/** How a session hears of something without asking: of a notice perhaps, of a gap in them in any case. */
export interface Ways {
  readonly notice: (run: () => void) => void
  readonly gap: (run: () => void) => void
}

/** One microtask each way, never a fault. */
export const directCall: Call = (_name, run) => Promise.resolve().then(run)

const directWays: Ways = { notice: queueMicrotask, gap: queueMicrotask }

/** `behind`: whether the replicas lack what was written last; without it there are none to wait for. */
export function memoryJournal(slot: MemorySlot, call: Call = directCall, behind?: () => boolean): Journal {
  return {
    begin: (entry, scope, token, mine, alone) =>
      call('journal.begin', () => begin(slot, entry, scope, token, mine, alone)),
    decide: (processing, decision, change) => call('journal.decide', () => decide(slot, processing, decision, change)),
    kept: async (standing) =>
      behind === undefined ? undefined : call('journal.kept', () => kept(slot, standing, behind())),
    told: (requests) => call('journal.told', () => told(slot, requests)),
    aside: (processing, how) => call('journal.aside', () => aside(slot, processing, how)),
    sending: (processing, what) => call('journal.sending', () => sending(slot, processing, what)),
    cancel: (target, by) => call('journal.cancel', () => cancel(slot, target, by)),
    unsettled: (consumers) => call('journal.unsettled', () => unsettled(slot, consumers)),
    moves: (consumers) => call('journal.moves', () => moves(slot, consumers)),
    sweep: (limit) => call('journal.sweep', () => sweepRecords(slot, limit)),
    ripe: (limit) => call('journal.ripe', () => ripe(slot, limit)),
    pack: (requests) => call('journal.pack', () => packAll(slot, requests)),
    restoring: (holder, keepMs) => call('journal.restoring', () => restoring(slot, holder, keepMs)),
    restore: (run, what) => call('journal.restore', () => restore(slot, run, what)),
    restored: (run, offset, restores) => call('journal.restored', () => restored(slot, run, offset, restores)),
    show: (id) => call('journal.show', () => show(slot, id)),
    list: (limit) => call('journal.list', () => list(slot, limit)),
  }
}

export function memoryLocks(slot: MemorySlot, call: Call = directCall, ways: Ways = directWays): LockStore {
  return {
    heartbeat: (session, leaseMs, open) => call('locks.heartbeat', () => heartbeat(slot, session, leaseMs, open)),
    acquire: (session, key, resources, instead) =>
      call('locks.acquire', () => acquire(slot, session, key, resources, instead)),
    poke: (session, ticket) => call('locks.poke', () => poke(slot, session, ticket)),
    release: (session, ticket) => call('locks.release', () => release(slot, session, ticket)),
    close: (session) => call('locks.close', () => close(slot, session)),
    listen: async (session, onNotice, onGap) => {
      const listener: SlotListener = {
        onNotice: (notice) => ways.notice(() => onNotice(notice)),
        onGap: () =>
          ways.gap(() => {
            if (wanted) onGap()
          }),
      }
      let wanted = true
      const unlisten = (): void => {
        wanted = false
        const others = slot.listeners.get(session)
        others?.delete(listener)
        if (others?.size === 0) slot.listeners.delete(session)
      }
      try {
        await call('locks.listen', () => {
          if (wanted) slot.listeners.set(session, (slot.listeners.get(session) ?? new Set()).add(listener))
        })
      } catch (failure) {
        unlisten()
        throw failure
      }
      return async () => {
        unlisten()
        await call('locks.unlisten', () => undefined)
      }
    },
  }
}

export function memoryLedger(slot: MemorySlot, call: Call = directCall): Ledger {
  return {
    name: 'memory',
    decides: true,
    reserve: null,
    deleteUnguarded: null,
    sketch: (scope) => call('ledger.sketch', () => ({ ...snapshot(slot, scope), assumed: false })),
    snapshot: (scope) => call('ledger.snapshot', () => snapshot(slot, scope)),
    apply: (write, attempt, decision) => call('ledger.apply', () => apply(slot, write, attempt, decision)),
    find: (attempt) => call('ledger.find', () => find(slot, attempt)),
    close: (attempt) => call('ledger.close', () => closeDoor(slot, attempt)),
    probe: () => call('ledger.probe', () => undefined),
    forget: async () => undefined,
  }
}
