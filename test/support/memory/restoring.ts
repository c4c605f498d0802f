// What the restoring scripts do, on the memory slot: who may restore, one decision at a time, and how far it has come.
import type { Restored, Restoring } from '../../../src/journal/journal.ts'
import { noteMoves, putAll } from './books.ts'
import { fresh, settleIntents } from './records.ts'
import { nowMs, prelude, recordOf, type MemorySlot } from './slot.ts'
import { tombOf } from './tombs.ts'

export function restoring(slot: MemorySlot, holder: string, keepMs: number): Restoring {
  prelude(slot)
  const now = nowMs(slot)
  const free = slot.keeper === null || slot.keeper === holder || slot.keeperUntilMs <= now
  const mine = free && (slot.restoring === null || now >= slot.graceUntilMs)
  if (mine) {
    slot.keeper = holder
    slot.keeperUntilMs = now + keepMs
  }
  return { run: slot.run, restoring: slot.restoring !== null, mine, offset: slot.offset }
}

export function restored(slot: MemorySlot, run: string, offset: number, restores: boolean): 'noted' | 'stale' {
  prelude(slot)
  if (run !== slot.run || (slot.restoring !== null && !restores)) return 'stale'
  slot.restoring = null
  slot.offset = offset
  return 'noted'
}

export function restore(slot: MemorySlot, run: string, what: Restored): 'restored' | 'known' | 'changed' | 'stale' {
  prelude(slot)
  if (slot.restoring !== slot.run || run !== slot.run) return 'stale'
  const { decision, attempts, decidedMs, changes, moves } = what
  const record = recordOf(slot, decision.request)
  if (record?.decision || tombOf(slot, decision.request) !== null) return 'known'
  const isAsRead = changes.every(
    ({ before }) => (slot.consumers.get(before.id)?.generation ?? null) === before.generation,
  )
  if (!isAsRead) return 'changed'
  putAll(slot, changes)
  noteMoves(slot, moves)
  if (record !== null) settleIntents(slot, record, decision.request)
  const now = nowMs(slot)
  slot.records.set(decision.request, {
    ...(record ?? { ...fresh(null), operation: decision.operation, begunAtMs: decidedMs }),
    attempts,
    decision,
    intent: null,
    processing: '',
    dueAtMs: null,
    decidedAtMs: decidedMs,
    toldAtMs: now,
    expiresAtMs: Infinity,
  })
  if (!slot.recent.has(decision.request)) slot.recent.set(decision.request, decidedMs)
  slot.told.set(decision.request, now + slot.options.journalMs)
  slot.open.delete(decision.request)
  return 'restored'
}
