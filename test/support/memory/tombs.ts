// What the packing scripts do, on the memory slot: records told long ago become tombstones, unless somebody needs them.
import type { Ripe } from '../../../src/journal/journal.ts'
import type { EventBody } from '../../../src/transfer/event.ts'
import type { Packed } from '../../../src/transfer/packed.ts'
import { nowMs, recordOf, type MemorySlot, type Record, type Tomb } from './slot.ts'
import { due } from './tickets.ts'

const DAY_MS = 86_400_000
const AGAIN_MS = 3_600_000

/** The tombstone of a request, or null. */
export function tombOf(slot: MemorySlot, id: string): Tomb | null {
  const tomb = slot.tombs.get(id)
  if (tomb === undefined || nowMs(slot) < tomb.untilMs) return tomb ?? null
  slot.tombs.delete(id)
  return null
}

export function packedOf({ code, time, attempts }: Tomb): Packed {
  return { code, time, attempts }
}

export function ripe(slot: MemorySlot, limit: number): Ripe[] {
  return due(slot.told, nowMs(slot), limit).flatMap((request) => {
    const record = look(slot, request)
    return record === null ? [] : [{ request, attempt: record.attempt }]
  })
}

export function packAll(slot: MemorySlot, requests: readonly string[]): number {
  return requests.filter((id) => pack(slot, id)).length
}

function pack(slot: MemorySlot, id: string): boolean {
  const record = look(slot, id)
  if (record === null) return false
  const { time } = JSON.parse(record.decision!.event) as Partial<EventBody>
  const { tombstoneMs } = slot.options
  const untilMs = tombstoneMs > 0 ? Math.ceil((nowMs(slot) + tombstoneMs) / DAY_MS) * DAY_MS : Infinity
  const { digest, attempts, decision } = record
  slot.tombs.set(id, { digest, code: decision!.code, time: time ?? null, attempts, untilMs })
  slot.records.delete(id)
  slot.told.delete(id)
  slot.recent.delete(id)
  return true
}

/** The record where it may be packed; one that may not is looked at again later. */
function look(slot: MemorySlot, id: string): Record | null {
  const dueMs = slot.told.get(id)
  if (dueMs === undefined || dueMs > nowMs(slot)) return null
  const record = recordOf(slot, id)
  if (record === null || record.decision === null) {
    slot.told.delete(id)
    return null
  }
  if (!slot.rules.packsOnlyWhatIsOver || !isNeeded(slot, id, record.decision.event)) return record
  slot.told.set(id, nowMs(slot) + AGAIN_MS)
  return null
}

function isNeeded(slot: MemorySlot, id: string, json: string): boolean {
  const { outcome, consumer, migration } = JSON.parse(json) as Partial<EventBody>
  const isOpen = [consumer, migration].some((name) => {
    const move = typeof name === 'string' ? slot.moves.get(name) : undefined
    return move?.state === 'open' && move.request === id
  })
  return isOpen || outcome?.effect === 'unknown' || slot.openLetters.has(id)
}
