// What the ledger scripts do, on the memory slot: one write wholly or not at all, checked against what is stored.
import type { Applied, Attempt, Standing } from '../../../src/ledger/ledger.ts'
import type { Decision } from '../../../src/transfer/event.ts'
import type { Change, MoveChange, Scope, Write } from '../../../src/transfer/plan.ts'
import type { Allocations, Consumer, Provider, Snapshot } from '../../../src/transfer/snapshot.ts'
import { nowMs, prelude, type MemorySlot, type Record } from './slot.ts'
import { alive, giveUp, sessionOf } from './tickets.ts'

interface Delta {
  readonly provider: string
  readonly resourceClass: string
  /** Units more (or less) used than now. */
  readonly units: number
  /** Amounts of the allocations that change, per consumer. */
  readonly amounts: readonly number[]
}

export function apply(slot: MemorySlot, write: Write, attempt: Attempt, decision: Decision): Applied {
  prelude(slot)
  const record = slot.records.get(attempt.request)
  if (record === undefined || !mayWrite(slot, record, attempt)) return { kind: 'stale' }
  if (isWritten(slot, record, attempt, write))
    return { kind: 'applied', after: null, decided: record.decision !== null }
  if (record.decision !== null && slot.rules.applyChecksDecision) return { kind: 'stale' }
  if (record.attempt !== attempt.number) return { kind: 'stale' }
  slot.records.set(attempt.request, { ...record, lastWrite: write })
  if (slot.rules.fenceChecked && !holdsFence(slot, attempt)) return { kind: 'stale' }
  const deltas = deltasOf(slot, write)
  const reason = generationConflict(slot, write) ?? roomConflict(slot, deltas)
  if (reason !== null) return { kind: 'conflict', reason }
  for (const change of write.changes) put(slot, change)
  for (const delta of deltas) addUsage(slot, delta)
  noteMoves(slot, write.moves)
  slot.records.set(attempt.request, {
    ...record,
    lastWrite: write,
    written: attempt.number,
    decision: record.decision ?? decision,
    decidedAtMs: nowMs(slot),
  })
  giveUp(slot, attempt.token)
  const after = Object.fromEntries(write.changes.map(({ before }) => [before.id, consumerOf(slot, before.id)]))
  return { kind: 'applied', after, decided: true }
}

export function find(slot: MemorySlot, attempt: Attempt): Standing {
  const record = slot.records.get(attempt.request)
  if (record === undefined) return 'absent'
  if (isWritten(slot, record, attempt, record.lastWrite)) return 'applied'
  return record.attempt > attempt.number ? 'closed' : 'absent'
}

export function closeDoor(slot: MemorySlot, attempt: Attempt): 'applied' | 'closed' | 'stale' {
  const record = slot.records.get(attempt.request)
  if (record === undefined) return 'stale'
  if (isWritten(slot, record, attempt, record.lastWrite)) return 'applied'
  if (record.processing !== attempt.token || record.decision !== null) return 'stale'
  if (record.attempt > attempt.number) return 'closed'
  if (record.attempt < attempt.number) return 'stale'
  slot.records.set(attempt.request, { ...record, attempt: attempt.number + 1 })
  return 'closed'
}

export function snapshot(slot: MemorySlot, scope: Scope): Snapshot {
  const { consumers, providers } = expand(slot, scope)
  return {
    providers: Object.fromEntries(providers.map((id) => [id, providerOf(slot, id)])),
    consumers: Object.fromEntries(consumers.map((id) => [id, consumerOf(slot, id)])),
  }
}

/** All that a scope names, each once: where it asks for what is held, also open moves and the providers they touch. */
export function expand(
  slot: MemorySlot,
  scope: Scope,
): { readonly consumers: readonly string[]; readonly providers: readonly string[] } {
  const consumers = new Set(scope.consumers)
  const providers = new Set(scope.providers)
  if (scope.held) {
    for (const consumer of scope.consumers) {
      const move = slot.moves.get(consumer)
      if (move === undefined || move.state !== 'open' || move.consumer !== consumer) continue
      if (move.migration !== null) consumers.add(move.migration)
      providers.add(move.source).add(move.destination)
    }
    for (const consumer of consumers) {
      for (const provider of Object.keys(slot.consumers.get(consumer)?.allocations ?? {})) providers.add(provider)
    }
  }
  return { consumers: [...consumers], providers: [...providers] }
}

export function consumerOf(slot: MemorySlot, id: string): Consumer {
  const stored = slot.consumers.get(id)
  if (stored === undefined) {
    return {
      id,
      generation: null,
      nextGeneration: lastGeneration(slot, id) + 1,
      type: null,
      project: null,
      user: null,
      allocations: {},
    }
  }
  return { id, nextGeneration: stored.generation + 1, ...stored }
}

export function lastGeneration(slot: MemorySlot, consumer: string): number {
  return slot.consumers.get(consumer)?.generation ?? slot.generations.get(consumer) ?? 0
}

function providerOf(slot: MemorySlot, id: string): Provider | null {
  const stored = slot.providers.get(id)
  return stored === undefined ? null : { id, ...stored, usages: slot.usages.get(id) ?? {} }
}

function mayWrite(slot: MemorySlot, record: Record, attempt: Attempt): boolean {
  return !slot.rules.applyChecksProcessing || (record.processing === attempt.token && record.run === slot.run)
}

function isWritten(slot: MemorySlot, record: Record, attempt: Attempt, write: Write | null): boolean {
  if (slot.rules.writtenIsPerRequest) return record.written === attempt.number
  return (
    write !== null &&
    write.changes.every(({ before, after }) =>
      same(slot.consumers.get(before.id)?.allocations ?? {}, after.allocations),
    )
  )
}

function holdsFence(slot: MemorySlot, attempt: Attempt): boolean {
  const session = sessionOf(attempt.token)
  const place = slot.tickets.get(attempt.ticket)
  return alive(slot, session) && place !== undefined && place.state === 'granted' && place.session === session
}

/** What is no longer as it was read. */
function generationConflict(slot: MemorySlot, write: Write): string | null {
  if (!slot.rules.generationsChecked) return null
  for (const { before, after } of write.changes) {
    if (hasMoved(slot, before.id, before.generation, after.generation)) return `generation ${before.id}`
  }
  for (const guard of write.guards) {
    if ((slot.consumers.get(guard.id)?.generation ?? null) !== guard.generation) return `generation ${guard.id}`
  }
  for (const [provider, generation] of Object.entries(write.providers)) {
    if (slot.providers.get(provider)?.generation !== generation) return `provider ${provider}`
  }
  return null
}

/** An absent consumer is compared by the generation it would get, so that one made and emptied meanwhile is noticed. */
function hasMoved(slot: MemorySlot, id: string, seen: number | null, next: number): boolean {
  const found = slot.consumers.get(id)?.generation ?? null
  return found !== seen || (seen === null && lastGeneration(slot, id) + 1 !== next)
}

function deltasOf(slot: MemorySlot, write: Pick<Write, 'changes'>): Delta[] {
  const sums = new Map<string, { provider: string; resourceClass: string; units: number; amounts: number[] }>()
  for (const { before, after } of write.changes) {
    const stored = slot.consumers.get(before.id)?.allocations ?? {}
    for (const provider of new Set([...Object.keys(stored), ...Object.keys(after.allocations)])) {
      const held = stored[provider] ?? {}
      const target = after.allocations[provider] ?? {}
      for (const resourceClass of new Set([...Object.keys(held), ...Object.keys(target)])) {
        const change = (target[resourceClass] ?? 0) - (held[resourceClass] ?? 0)
        if (change === 0) continue
        const key = `${provider} ${resourceClass}`
        const sum = sums.get(key) ?? { provider, resourceClass, units: 0, amounts: [] }
        sum.units += change
        if (target[resourceClass] !== undefined) sum.amounts.push(target[resourceClass])
        sums.set(key, sum)
      }
    }
  }
  return [...sums.entries()].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, sum]) => sum)
}

/** The first rule of an inventory that does not hold. Where no more is used than now nothing is asked. */
function roomConflict(slot: MemorySlot, deltas: readonly Delta[]): string | null {
  if (!slot.rules.capacityChecked) return null
  for (const { provider, resourceClass, units, amounts } of deltas) {
    if (units <= 0) continue
    const stored = slot.providers.get(provider)
    if (stored === undefined) return `provider ${provider}`
    const inventory = stored.inventories[resourceClass]
    if (inventory === undefined) return `inventory ${provider} ${resourceClass}`
    const { total, reserved, allocation_ratio: ratio, min_unit: min, max_unit: max, step_size: step } = inventory
    if (amounts.some((amount) => amount < min)) return `min_unit ${provider} ${resourceClass}`
    if (amounts.some((amount) => amount > max)) return `max_unit ${provider} ${resourceClass}`
    if (amounts.some((amount) => amount % step !== 0)) return `step_size ${provider} ${resourceClass}`
    const used = slot.usages.get(provider)?.[resourceClass] ?? 0
    if (used + units > (total - reserved) * ratio) return `capacity ${provider} ${resourceClass}`
  }
  return null
}

function put(slot: MemorySlot, { before, after }: Change): void {
  if (Object.keys(after.allocations).length === 0) {
    slot.consumers.delete(before.id)
    slot.generations.set(before.id, after.generation)
  } else {
    slot.consumers.set(before.id, { ...after })
    slot.generations.delete(before.id)
  }
}

/** Puts changes into the books as they are, and the usages with them. */
export function putAll(slot: MemorySlot, changes: readonly Change[]): void {
  const deltas = deltasOf(slot, { changes })
  for (const change of changes) put(slot, change)
  for (const delta of deltas) addUsage(slot, delta)
}

function addUsage(
  slot: MemorySlot,
  { provider, resourceClass, units }: Pick<Delta, 'provider' | 'resourceClass' | 'units'>,
): void {
  const usages = { ...slot.usages.get(provider) }
  usages[resourceClass] = (usages[resourceClass] ?? 0) + units
  if (usages[resourceClass] === 0) delete usages[resourceClass]
  if (Object.keys(usages).length > 0) slot.usages.set(provider, usages)
  else slot.usages.delete(provider)
}

/** Counts what all consumers hold, anew. */
export function recountUsages(slot: MemorySlot): void {
  slot.usages.clear()
  for (const { allocations } of slot.consumers.values()) {
    for (const [provider, amounts] of Object.entries(allocations)) {
      for (const [resourceClass, units] of Object.entries(amounts)) addUsage(slot, { provider, resourceClass, units })
    }
  }
}

/** Records moves under their consumer and their M; those no longer open are noted, to be pruned later. */
export function noteMoves(slot: MemorySlot, moves: MoveChange): void {
  for (const move of moves.put) {
    for (const id of [move.consumer, move.migration]) {
      if (id === null) continue
      slot.moves.set(id, move)
      if (move.state === 'open') slot.ended.delete(id)
      else slot.ended.set(id, nowMs(slot))
    }
  }
}

/** Whether two allocations are the same, in whatever order they are written. */
export function same(left: Allocations, right: Allocations): boolean {
  return sorted(left) === sorted(right)
}

/** Allocations as text, sorted. */
export function sorted(allocations: Allocations): string {
  return JSON.stringify(
    Object.keys(allocations)
      .sort()
      .map((provider) => [
        provider,
        Object.entries(allocations[provider]!).sort(([left], [right]) => (left < right ? -1 : 1)),
      ]),
  )
}
