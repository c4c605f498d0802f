// The state of one namespace as plain maps: the readable twin of what the Redis scripts keep, the oracle of the tests.
import type { Notice } from '../../../src/locks/locks.ts'
import type { Intent } from '../../../src/journal/journal.ts'
import type { Decision } from '../../../src/transfer/event.ts'
import type { Code } from '../../../src/transfer/outcome.ts'
import type { Allocations, Inventory, Move } from '../../../src/transfer/snapshot.ts'
import type { Write } from '../../../src/transfer/plan.ts'

export interface SlotOptions {
  readonly graceMs: number
  readonly leaseMs: number
  readonly holdMs: number
  readonly waitMs: number
  readonly sweepAfterMs: number
  readonly journalMs: number
  readonly tombstoneMs: number
}

export const SLOT_OPTIONS: SlotOptions = {
  graceMs: 5_500,
  leaseMs: 5_000,
  holdMs: 60_000,
  waitMs: 30_000,
  sweepAfterMs: 60_000,
  journalMs: 7 * 86_400_000,
  tombstoneMs: 90 * 86_400_000,
}

/** Guards that tests take away one by one: a suite that does not notice is not finished. */
export interface SlotRules {
  /** Nothing is written for a request that is decided. */
  readonly applyChecksDecision: boolean
  /** Only the current processing, under the current run of the store, may write. */
  readonly applyChecksProcessing: boolean
  readonly decideChecksProcessing: boolean
  /** An attempt is proven by its own mark, never by what the books look like. */
  readonly writtenIsPerRequest: boolean
  /** A write needs its ticket, granted, of its session. */
  readonly fenceChecked: boolean
  readonly generationsChecked: boolean
  readonly capacityChecked: boolean
  /** A session whose lease is over begins, decides and writes nothing, and is never revived. */
  readonly sessionChecked: boolean
  /** After a restart nothing is granted until every earlier lease must be over. */
  readonly graceKept: boolean
  /** Only what heads all its queues is granted. */
  readonly queuesKept: boolean
  /** A copy that comes before its time is set aside. */
  readonly dueChecked: boolean
  /** After a restart nothing is begun until what was told is restored. */
  readonly restoredFirst: boolean
  /** A tombstone answers as its record would. */
  readonly tombsChecked: boolean
  /** What has an unknown effect, an open letter or an open move keeps its record. */
  readonly packsOnlyWhatIsOver: boolean
}

export const ALL_RULES: SlotRules = {
  applyChecksDecision: true,
  applyChecksProcessing: true,
  decideChecksProcessing: true,
  writtenIsPerRequest: true,
  fenceChecked: true,
  generationsChecked: true,
  capacityChecked: true,
  sessionChecked: true,
  graceKept: true,
  queuesKept: true,
  dueChecked: true,
  restoredFirst: true,
  tombsChecked: true,
  packsOnlyWhatIsOver: true,
}

/** A ticket as the store keeps it. */
export interface Place {
  readonly number: number
  readonly session: string
  readonly key: string
  readonly resources: readonly string[]
  readonly state: 'granted' | 'waiting'
  readonly grantedAtMs: number
  /** Granted while nobody listened, and not asked for since: its process does not know. */
  readonly unheard?: boolean
  /** End of its wait, or of its hold once granted. */
  readonly deadlineMs: number
}

/** One request of the journal. What has not happened yet is null; a record of a mere cancel has no digest. */
export interface Record {
  readonly digest: string | null
  readonly operation: string
  readonly body: Buffer
  readonly properties: string
  readonly exchange: string
  readonly routingKey: string
  readonly begunAtMs: number
  readonly run: string
  readonly processing: string
  readonly attempts: number
  /** Number of the attempt that may write next. */
  readonly attempt: number
  /** Number of the attempt whose write is in the books. */
  readonly written: number | null
  readonly decision: Decision | null
  readonly decidedAtMs: number | null
  readonly toldAtMs: number | null
  readonly rung: number
  readonly dueAtMs: number | null
  readonly firstFailedAtMs: number | null
  readonly reason: string | null
  readonly cancelledBy: string | null
  /** Token of the latest processing, also after it was given up. */
  readonly last: string
  /** Number of a write that may not be repeated and was sent. */
  readonly sent: number | null
  /** What may have been sent as number `attempt` to a ledger that does not decide. */
  readonly intent: Intent | null
  /** Whether a process died with it begun, and how often with nothing else begun. */
  readonly suspect: boolean
  readonly deaths: number
  readonly swept: number
  readonly expiresAtMs: number
  /** The write last sent, kept only for the broken twin that credits an attempt by the state of the books. */
  readonly lastWrite: Write | null
}

/** What is left of a record that was packed. */
export interface Tomb {
  /** Null where it is not known. */
  readonly digest: string | null
  readonly code: Code
  readonly time: string | null
  readonly attempts: number
  readonly untilMs: number
}

export interface StoredProvider {
  readonly generation: number
  readonly name: string
  readonly parent: string | null
  readonly traits: readonly string[]
  readonly aggregates: readonly string[]
  readonly inventories: Readonly<{ [resourceClass: string]: Inventory }>
}

export interface StoredConsumer {
  readonly generation: number
  readonly type: string
  readonly project: string
  readonly user: string
  readonly allocations: Allocations
}

export interface SlotListener {
  readonly onNotice: (notice: Notice) => void
  readonly onGap: () => void
}

export interface MemorySlot {
  readonly options: SlotOptions
  readonly rules: SlotRules
  /** Wall clock in whole µs. */
  readonly nowUs: () => number
  /** Id of the store process; another after each restart. */
  run: string
  /** Run under which the state was last written to; empty in a fresh namespace. */
  metaRun: string
  graceUntilMs: number
  /** The run that is yet to be restored, or null. */
  restoring: string | null
  /** Who restores, and notes how far the events journal is kept, until when (ms). */
  keeper: string | null
  keeperUntilMs: number
  offset: number | null
  /** Number of the newest ticket. */
  sequence: number
  /** End of each session's lease (ms). */
  readonly sessions: Map<string, number>
  readonly tickets: Map<number, Place>
  /** Tickets of each resource, first come first. */
  readonly queues: Map<string, number[]>
  /** Ticket of each key, by which a resend finds it. */
  readonly keys: Map<string, number>
  readonly records: Map<string, Record>
  /** When the sweep may look at a request that is begun and not told. */
  readonly open: Map<string, number>
  readonly recent: Map<string, number>
  /** When the record of a request that was told may be packed. */
  readonly told: Map<string, number>
  readonly tombs: Map<string, Tomb>
  /** Requests with a dead letter that waits for somebody. */
  readonly openLetters: Set<string>
  /** Newest move of each consumer, under the consumer and under its M. */
  readonly moves: Map<string, Move>
  /** Request whose intent is not settled, by consumer that it may change. */
  readonly intents: Map<string, string>
  /** When a move that is no longer open ended. */
  readonly ended: Map<string, number>
  readonly providers: Map<string, StoredProvider>
  readonly usages: Map<string, Readonly<{ [resourceClass: string]: number }>>
  readonly consumers: Map<string, StoredConsumer>
  /** Last generation of consumers that hold nothing any more: a generation never restarts. */
  readonly generations: Map<string, number>
  /** Allocations of each seeded consumer as its seed said. */
  readonly seeded: Map<string, string>
  readonly listeners: Map<string, Set<SlotListener>>
  /** Sends a notice on its way to the session's listeners. */
  publish: (session: string, notice: Notice) => void
}

export interface SlotParts {
  readonly nowUs: () => number
  readonly options?: Partial<SlotOptions>
  readonly rules?: Partial<SlotRules>
  readonly run?: string
}

/** An empty namespace. Notices go straight to the listeners until an adapter or a test puts something between. */
export function memorySlot(parts: SlotParts): MemorySlot {
  const slot: MemorySlot = {
    options: { ...SLOT_OPTIONS, ...parts.options },
    rules: { ...ALL_RULES, ...parts.rules },
    nowUs: parts.nowUs,
    run: parts.run ?? 'run-1',
    metaRun: '',
    graceUntilMs: 0,
    restoring: null,
    keeper: null,
    keeperUntilMs: 0,
    offset: null,
    sequence: 0,
    sessions: new Map(),
    tickets: new Map(),
    queues: new Map(),
    keys: new Map(),
    records: new Map(),
    open: new Map(),
    recent: new Map(),
    told: new Map(),
    tombs: new Map(),
    openLetters: new Set(),
    moves: new Map(),
    intents: new Map(),
    ended: new Map(),
    providers: new Map(),
    usages: new Map(),
    consumers: new Map(),
    generations: new Map(),
    seeded: new Map(),
    listeners: new Map(),
    publish: (session, notice) => tell(slot, session, notice),
  }
  return slot
}

export function nowMs(slot: MemorySlot): number {
  return Math.floor(slot.nowUs() / 1000)
}

/** The mark of a cancel for a request that was never seen lives for a while. */
export function recordOf(slot: MemorySlot, id: string): Record | null {
  const record = slot.records.get(id)
  if (record === undefined) return null
  if (record.expiresAtMs > nowMs(slot)) return record
  slot.records.delete(id)
  return null
}

/** Hands a notice to whoever listens for `session` at this moment; nobody: it is lost. */
export function tell(slot: MemorySlot, session: string, notice: Notice): void {
  for (const listener of slot.listeners.get(session) ?? []) listener.onNotice(notice)
}

/** Before every step that may write: a restarted store grants nothing until every earlier lease must be over. */
export function prelude(slot: MemorySlot): void {
  if (slot.metaRun === slot.run) return
  const fresh = slot.metaRun === '' && slot.sessions.size === 0 && slot.tickets.size === 0
  if (!fresh && slot.rules.graceKept) slot.graceUntilMs = nowMs(slot) + slot.options.graceMs
  if (!fresh) slot.restoring = slot.run
  slot.metaRun = slot.run
}

/** The store process ends and another takes over with all data: a new run, and listeners that must listen anew. */
export function restart(slot: MemorySlot, run: string): void {
  slot.run = run
  for (const listeners of [...slot.listeners.values()]) {
    for (const listener of [...listeners]) listener.onGap()
  }
}

const KEPT = [
  'sessions',
  'tickets',
  'queues',
  'keys',
  'records',
  'open',
  'recent',
  'told',
  'tombs',
  'moves',
  'intents',
  'ended',
  'providers',
  'usages',
  'consumers',
  'generations',
  'seeded',
] as const

/** What a replica has at this moment. */
export interface Checkpoint {
  readonly metaRun: string
  readonly graceUntilMs: number
  readonly restoring: string | null
  readonly keeper: string | null
  readonly keeperUntilMs: number
  readonly offset: number | null
  readonly sequence: number
  readonly maps: readonly ReadonlyMap<unknown, unknown>[]
}

export function checkpoint(slot: MemorySlot): Checkpoint {
  const { metaRun, graceUntilMs, restoring, keeper, keeperUntilMs, offset, sequence } = slot
  const meta = { metaRun, graceUntilMs, restoring, keeper, keeperUntilMs, offset, sequence }
  return { ...meta, maps: KEPT.map((name) => new Map<unknown, unknown>(slot[name])) }
}

/** The store process ends and a replica takes over: what was written since its checkpoint is lost. */
export function failover(slot: MemorySlot, replica: Checkpoint, run: string): void {
  const { maps, ...meta } = replica
  Object.assign(slot, meta)
  for (const [position, name] of KEPT.entries()) {
    const map = slot[name] as Map<unknown, unknown>
    map.clear()
    for (const [key, value] of maps[position]!) map.set(key, value)
  }
  restart(slot, run)
}
