// What the journal scripts do, on the memory slot: begin tells what stands, later steps need the current processing.
import type { Cancelled, Aside, Begun, Entry, Processing, RecordView, Sending } from '../../../src/journal/journal.ts'
import { effectOf } from '../../../src/transfer/outcome.ts'
import type { Decision } from '../../../src/transfer/event.ts'
import type { MoveChange, Scope } from '../../../src/transfer/plan.ts'
import type { Move } from '../../../src/transfer/snapshot.ts'
import { expand, noteMoves, snapshot } from './books.ts'
import { nowMs, prelude, recordOf, type MemorySlot, type Record } from './slot.ts'
import { packedOf, tombOf } from './tombs.ts'
import {
  alive,
  bury,
  drop,
  due,
  giveUp,
  numberOf,
  promote,
  sessionOf,
  standing,
  take,
  takeDeath,
  ticketOfToken,
} from './tickets.ts'

const TRIM_LIMIT = 64

/** Answers in the order of the checks: lease, content, decision, due time, holder; only then something is begun. */
export function begin(
  slot: MemorySlot,
  entry: Entry,
  scope: Scope,
  token: string,
  mine: boolean,
  alone = false,
): Begun {
  prelude(slot)
  const session = sessionOf(token)
  if (slot.restoring !== null && slot.rules.restoredFirst) return { kind: 'stale' }
  if (!alive(slot, session)) return { kind: 'stale' }
  let record = recordOf(slot, entry.id)
  if (record !== null && record.digest !== null && record.digest !== entry.digest) return { kind: 'reused' }
  const tomb = record?.digest || record?.decision || !slot.rules.tombsChecked ? null : tombOf(slot, entry.id)
  if (tomb !== null) {
    return tomb.digest === null || tomb.digest === entry.digest
      ? { kind: 'packed', packed: packedOf(tomb) }
      : { kind: 'reused' }
  }
  if (record?.decision) return { kind: 'decided', decision: record.decision }
  if (slot.rules.dueChecked && record?.dueAtMs && record.dueAtMs > nowMs(slot)) return { kind: 'duplicate' }
  if (record?.processing === token && record.run === slot.run) return goOn(slot, record, entry.id, scope, token)
  if (record !== null && sessionOf(record.last) === session && numberOf(token) <= numberOf(record.last))
    return { kind: 'stale' }
  let freed: string[] = []
  if (record !== null && record.processing !== '') {
    const own = sessionOf(record.processing) === session && mine
    if (lives(slot, record) && !own) return { kind: 'duplicate' }
    const ticket = ticketOfToken(slot, record.processing)
    const holder = sessionOf(record.processing)
    if (ticket !== null) freed = alive(slot, holder) ? drop(slot, ticket.number) : bury(slot, holder)
    record = noteDeath(slot, entry.id, record)
  }
  if (record !== null && record.suspect && !alone) {
    promote(slot, freed)
    return { kind: 'suspect' }
  }
  const begun = put(slot, entry, record, token)
  const answer = goOn(slot, begun, entry.id, scope, token)
  promote(slot, freed)
  return answer
}

/** Writes a death down that a processing saw. A restart of the store ends every lease: that is nobody's death. */
function noteDeath(slot: MemorySlot, id: string, record: Record): Record {
  const death = takeDeath(slot, record.processing)
  if (death === null || record.run !== slot.run) return record
  const deaths = record.deaths + (death === 'alone' ? 1 : 0)
  const noted = { ...record, suspect: true, deaths, processing: '' }
  slot.records.set(id, noted)
  return noted
}

/** First time or anew, it is now the processing of `token`. */
function put(slot: MemorySlot, entry: Entry, record: Record | null, token: string): Record {
  const now = nowMs(slot)
  const earlier = record?.digest
    ? record
    : { ...fresh(record?.cancelledBy ?? null), ...recordedOf(entry), begunAtMs: now }
  const begun: Record = {
    ...earlier,
    run: slot.run,
    processing: token,
    last: token,
    attempts: earlier.attempts + 1,
    dueAtMs: null,
  }
  slot.records.set(entry.id, begun)
  slot.open.set(entry.id, now + slot.options.sweepAfterMs)
  if (!record?.digest) slot.recent.set(entry.id, begun.begunAtMs)
  return begun
}

function goOn(slot: MemorySlot, record: Record, id: string, scope: Scope, token: string): Begun {
  const wide = expand(slot, scope)
  const resources = [
    ...wide.consumers.map((consumer) => `c:${consumer}`),
    ...wide.providers.map((provider) => `p:${provider}`),
  ]
  const ticket = standing(slot, take(slot, sessionOf(token), token, resources))!
  const readNow = ticket.state === 'granted' && record.written !== record.attempt
  return {
    kind: 'begun',
    ticket,
    processing: processingOf(slot, record, id),
    moves: moves(slot, wide.consumers),
    snapshot: readNow ? snapshot(slot, { ...wide, held: false }) : null,
  }
}

export function decide(
  slot: MemorySlot,
  processing: Processing,
  decision: Decision,
  change: MoveChange,
): 'decided' | 'stale' {
  prelude(slot)
  const record = recordOf(slot, processing.request)
  if (record === null || !isCurrent(slot, record, processing.token, slot.rules.decideChecksProcessing)) return 'stale'
  if (record.decision !== null) return record.decision.event === decision.event ? 'decided' : 'stale'
  if (record.written !== null && effectOf(decision.code) === 'did_not_happen') return 'stale'
  settleIntents(slot, record, processing.request)
  slot.records.set(processing.request, { ...record, decision, decidedAtMs: nowMs(slot), intent: null })
  slot.open.set(processing.request, nowMs(slot) + slot.options.sweepAfterMs)
  noteMoves(slot, change)
  giveUp(slot, processing.token)
  return 'decided'
}

export function aside(
  slot: MemorySlot,
  processing: Pick<Processing, 'request' | 'token'>,
  how: Aside,
): 'aside' | 'stale' {
  prelude(slot)
  const now = nowMs(slot)
  const record = recordOf(slot, processing.request)
  const current = record !== null && record.decision === null && isCurrent(slot, record, processing.token, true)
  if (current) {
    if (how.reason !== 'handed_back') settleIntents(slot, record, processing.request)
    const failed =
      how.reason === 'handed_back'
        ? {}
        : { reason: how.reason, rung: how.rung, firstFailedAtMs: record.firstFailedAtMs ?? now }
    const dueAtMs = how.delayMs > 0 ? now + how.delayMs : null
    slot.records.set(processing.request, { ...record, ...failed, processing: '', dueAtMs })
    slot.open.set(processing.request, (dueAtMs ?? now) + slot.options.sweepAfterMs)
  }
  giveUp(slot, processing.token)
  return current ? 'aside' : 'stale'
}

export function sending(
  slot: MemorySlot,
  processing: Processing,
  { attempt, once, intent }: Sending,
): 'noted' | 'stale' {
  prelude(slot)
  const record = recordOf(slot, processing.request)
  if (record === null || record.decision !== null || !isCurrent(slot, record, processing.token, true)) return 'stale'
  if (record.attempt > attempt) return 'stale'
  if (ticketOfToken(slot, processing.token)?.state !== 'granted') return 'stale'
  settleIntents(slot, record, processing.request)
  const noted = intent === null ? { intent } : { intent, attempt }
  slot.records.set(processing.request, { ...record, ...noted, sent: once ? attempt : null })
  for (const consumer of intent?.consumers ?? []) slot.intents.set(consumer, processing.request)
  return 'noted'
}

/** No other request waits any more for what this one may have changed. */
export function settleIntents(slot: MemorySlot, { intent }: Record, request: string): void {
  for (const consumer of intent?.consumers ?? []) {
    if (slot.intents.get(consumer) === request) slot.intents.delete(consumer)
  }
}

export function unsettled(slot: MemorySlot, consumers: readonly string[]): { [consumer: string]: string } {
  return Object.fromEntries(
    consumers.flatMap((id) => {
      const request = slot.intents.get(id)
      return request === undefined ? [] : [[id, request] as const]
    }),
  )
}

export function cancel(slot: MemorySlot, target: string, by: string): Cancelled {
  prelude(slot)
  const record = recordOf(slot, target)
  if (record !== null && record.decision !== null) {
    const { code } = record.decision
    if (code !== 'cancelled') return { kind: 'decided', code }
    return { kind: record.cancelledBy === by ? 'cancelled' : 'cancelled_before' }
  }
  if (record === null || record.digest === null) {
    const code = tombOf(slot, target)?.code
    if (code !== undefined) return code === 'cancelled' ? { kind: 'cancelled_before' } : { kind: 'decided', code }
    if (record !== null && record.cancelledBy !== by) return { kind: 'cancelled_before' }
    const { journalMs, tombstoneMs } = slot.options
    const expiresAtMs = tombstoneMs === 0 ? Infinity : nowMs(slot) + journalMs + tombstoneMs
    slot.records.set(target, { ...fresh(by), expiresAtMs })
    return { kind: 'cancelled' }
  }
  const held = lives(slot, record)
  slot.records.set(target, { ...record, cancelledBy: record.cancelledBy ?? by, dueAtMs: held ? record.dueAtMs : null })
  if (!held) slot.open.set(target, nowMs(slot))
  return { kind: 'waits' }
}

export function told(slot: MemorySlot, requests: readonly string[]): void {
  const now = nowMs(slot)
  for (const id of requests) {
    const record = recordOf(slot, id)
    if (record === null || record.decision === null) continue
    slot.records.set(id, { ...record, toldAtMs: now })
    slot.told.set(id, now + slot.options.journalMs)
    slot.open.delete(id)
  }
  for (const id of due(slot.ended, now - slot.options.journalMs, TRIM_LIMIT)) {
    slot.ended.delete(id)
    slot.moves.delete(id)
  }
}

export function moves(slot: MemorySlot, consumers: readonly string[]): { [consumer: string]: Move } {
  const known = consumers.flatMap((id) => {
    const move = slot.moves.get(id)
    return move === undefined ? [] : [[id, move] as const]
  })
  return Object.fromEntries(known)
}

/** What is begun, not told, and in no live process's hands; each is looked at again later and later. */
export function sweepRecords(slot: MemorySlot, limit: number): Entry[] {
  const now = nowMs(slot)
  const found: Entry[] = []
  for (const id of due(slot.open, now, limit)) {
    prelude(slot)
    const record = recordOf(slot, id)
    if (record === null || record.digest === null || record.toldAtMs !== null) {
      slot.open.delete(id)
    } else if (record.decision === null && lives(slot, record)) {
      slot.open.set(id, now + slot.options.sweepAfterMs)
    } else {
      slot.records.set(id, { ...record, swept: record.swept + 1 })
      slot.open.set(id, now + slot.options.sweepAfterMs * 2 ** Math.min(record.swept, 5))
      const { digest, operation, body, properties, exchange, routingKey } = record
      found.push({ id, digest, operation, body, properties, exchange, routingKey })
    }
  }
  return found
}

export function show(slot: MemorySlot, id: string): RecordView | null {
  const record = recordOf(slot, id)
  if (record === null || (record.digest === null && record.decision === null)) return showTomb(slot, id)
  const { operation, attempts, begunAtMs, decidedAtMs, toldAtMs, dueAtMs, body, decision, processing } = record
  const state =
    toldAtMs !== null ? 'told' : decision !== null ? 'decided' : processing !== '' ? 'processing' : 'waiting'
  return {
    id,
    operation,
    state,
    attempts,
    begunAtMs,
    decidedAtMs,
    toldAtMs,
    dueAtMs,
    body,
    code: decision?.code ?? null,
    event: decision?.event ?? null,
    holder: processing === '' ? null : sessionOf(processing),
  }
}

function showTomb(slot: MemorySlot, id: string): RecordView | null {
  const tomb = tombOf(slot, id)
  if (tomb === null) return null
  const { code, attempts } = tomb
  const nothing = { begunAtMs: null, decidedAtMs: null, toldAtMs: null, dueAtMs: null, holder: null, event: null }
  return { id, operation: '', state: 'packed', attempts, code, body: Buffer.alloc(0), ...nothing }
}

export function list(slot: MemorySlot, limit: number): RecordView[] {
  return [...slot.recent]
    .sort(([left, leftAt], [right, rightAt]) => rightAt - leftAt || (left < right ? 1 : -1))
    .map(([id]) => show(slot, id))
    .filter((view) => view !== null)
    .slice(0, limit)
}

function isCurrent(slot: MemorySlot, record: Record, token: string, checked: boolean): boolean {
  return !checked || (record.processing === token && record.run === slot.run && alive(slot, sessionOf(token)))
}

/** Whether a live process is at it: one under way always has its ticket. */
function lives(slot: MemorySlot, record: Record): boolean {
  const { processing } = record
  return processing !== '' && ticketOfToken(slot, processing) !== null && isCurrent(slot, record, processing, true)
}

function processingOf(slot: MemorySlot, record: Record, request: string): Processing {
  const { processing: token, attempts, attempt, rung, firstFailedAtMs, reason: lastReason, cancelledBy } = record
  return {
    request,
    token,
    session: sessionOf(token),
    attempts,
    attempt,
    rung,
    nowMs: nowMs(slot),
    firstFailedAtMs,
    lastReason,
    cancelledBy,
    written: record.written !== null,
    sent: record.sent !== null,
    intent: record.intent,
    deaths: record.deaths,
  }
}

function recordedOf({
  digest,
  operation,
  body,
  properties,
  exchange,
  routingKey,
}: Entry): Pick<Record, 'digest' | 'operation' | 'body' | 'properties' | 'exchange' | 'routingKey'> {
  return { digest, operation, body, properties, exchange, routingKey }
}

/** A record of which nothing has happened yet. */
export function fresh(cancelledBy: string | null): Record {
  return {
    digest: null,
    operation: '',
    body: Buffer.alloc(0),
    properties: '',
    exchange: '',
    routingKey: '',
    begunAtMs: 0,
    run: '',
    processing: '',
    attempts: 0,
    attempt: 1,
    written: null,
    decision: null,
    decidedAtMs: null,
    toldAtMs: null,
    rung: 0,
    dueAtMs: null,
    firstFailedAtMs: null,
    reason: null,
    cancelledBy,
    last: '',
    sent: null,
    intent: null,
    suspect: false,
    deaths: 0,
    swept: 0,
    expiresAtMs: Infinity,
    lastWrite: null,
  }
}
