// The port to the journal: what was asked, what is being done about it, what was decided, what was told.
import type { Ticket } from '../locks/locks.ts'
import type { Decision } from '../transfer/event.ts'
import type { Code } from '../transfer/outcome.ts'
import type { Packed } from '../transfer/packed.ts'
import type { Change, MoveChange, Scope } from '../transfer/plan.ts'
import type { Move, Snapshot } from '../transfer/snapshot.ts'

/** What is recorded of a request when it is first begun; enough to publish it again. */
export interface Entry {
  readonly id: string
  /** SHA-256 (hex) of the canonical request: same id with another digest is another request. */
  readonly digest: string
  readonly operation: string
  readonly body: Buffer
  /** Properties and headers to copy when it is published again, as JSON. */
  readonly properties: string
  readonly exchange: string
  readonly routingKey: string
}

/**
 * A write that was about to be sent to a ledger which does not decide. Whoever processes the request next settles what
 * became of it before anything else.
 */
export interface Intent {
  /** What is decided if it was carried out. */
  readonly decision: Decision
  readonly moves: MoveChange
  /** Consumers that it may change: no other request plans on them before it is settled. */
  readonly consumers: readonly string[]
  /** Whether the ledger can prove what became of it, and close its door. */
  readonly marked: boolean
}

/** What is noted before a send. */
export interface Sending {
  /** Number of the write attempt. */
  readonly attempt: number
  /** It may not be sent a second time, by nobody. */
  readonly once: boolean
  /** Null where the step that writes decides too; it also takes back a note of something that was proven not done. */
  readonly intent: Intent | null
}

/** The right to process one request, until somebody else begins it or it is decided. */
export interface Processing {
  readonly request: string
  /** `<session>.<n>`; never given twice. Every later write names it and is refused when it is not the current one. */
  readonly token: string
  readonly session: string
  /** Processings begun of this request, this one included. */
  readonly attempts: number
  /** Number that the next write attempt uses. */
  readonly attempt: number
  /** Rungs of the delay ladder used so far. */
  readonly rung: number
  /** Redis time (ms) when it was begun; deadlines are compared with it. */
  readonly nowMs: number
  /** Redis time (ms) when the request first failed in a way that is tried again, or null. */
  readonly firstFailedAtMs: number | null
  /** Why it was last put on the ladder (`contended`, `ledger_unavailable`), or null. */
  readonly lastReason: string | null
  /** The cancel request that came first, or null. */
  readonly cancelledBy: string | null
  /**
   * A write that may not be repeated was sent by an earlier processing; it did not and will not happen unless
   * `written`.
   */
  readonly sent: boolean
  /** A write of it is in the books although nothing is decided: reading it back in its own step gave something else. */
  readonly written: boolean
  /** What an earlier processing may have sent under number `attempt`, or null. */
  readonly intent: Intent | null
  /** Deaths of a process that had this request begun and no other. */
  readonly deaths: number
}

export type Begun =
  /**
   * Go ahead. `snapshot` is given where books and journal share a store and the lock was granted at once; else ask the
   * ledger.
   */
  | {
      readonly kind: 'begun'
      readonly processing: Processing
      readonly ticket: Ticket
      readonly moves: Readonly<Record<string, Move>>
      readonly snapshot: Snapshot | null
    }
  /** It has been decided: tell it again. */
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** It was decided long ago, and a tombstone is all that is left of it. */
  | { readonly kind: 'packed'; readonly packed: Packed }
  /** The id belongs to another content. */
  | { readonly kind: 'reused' }
  /** A live process is at it, or it is not due yet: set this copy aside. */
  | { readonly kind: 'duplicate' }
  /** A process died with it begun: nothing is begun unless the process that asks has nothing else in hand. */
  | { readonly kind: 'suspect' }
  /** The session's lease is over. */
  | { readonly kind: 'stale' }

/** Why and for how long a request leaves the worker undecided. Null `delay`: handed back at once. */
export interface Aside {
  /** Rungs then used. Handing back uses none, and leaves the count as it is. */
  readonly rung: number
  readonly delayMs: number
  readonly reason: 'contended' | 'ledger_unavailable' | 'handed_back'
}

/** Where a cancelled request stands: cancelled by this cancel, by an earlier one, decided otherwise, or still open. */
export type Cancelled =
  | { readonly kind: 'cancelled' | 'cancelled_before' | 'waits' }
  | { readonly kind: 'decided'; readonly code: Code }

/** Whether another run of the store has taken over, so that decisions which were told may be missing. */
export interface Restoring {
  /** Id of the run of the store. */
  readonly run: string
  /** Until `restored` no request is begun. */
  readonly restoring: boolean
  /** Whether the asker is the one to restore, or else to note how far the events journal is kept. */
  readonly mine: boolean
  /** Offset in the events journal up to which all that it tells is in this journal; null where none was noted. */
  readonly offset: number | null
}

/** A decision as its event tells it, and what is to be written with it. */
export interface Restored {
  readonly decision: Decision
  readonly attempts: number
  readonly decidedMs: number
  readonly changes: readonly Change[]
  readonly moves: MoveChange
}

/**
 * What must stand of a request: the note of its intent, or its decision. Nothing less: a replica that takes over may
 * have what came before the note, and another run may decide alike, in other bytes.
 */
export interface Standing {
  readonly request: string
  readonly what: 'intent' | 'decision'
  /** The intent as `noteOf` writes it, or the event's JSON. */
  readonly value: string
}

/** A request whose record may be packed, and the number of its last attempt to write. */
export interface Ripe {
  readonly request: string
  readonly attempt: number
}

/** One record, as `transfers show` prints it. Times are ms since 1970 (Redis time); null where it has not happened. */
export interface RecordView {
  readonly id: string
  readonly operation: string
  /** `packed`: a tombstone, of which code and attempts are known. */
  readonly state: 'processing' | 'waiting' | 'decided' | 'told' | 'packed'
  readonly attempts: number
  readonly begunAtMs: number | null
  readonly decidedAtMs: number | null
  readonly toldAtMs: number | null
  readonly dueAtMs: number | null
  readonly code: string | null
  readonly holder: string | null
  readonly body: Buffer
  /** Event JSON as decided, or null. */
  readonly event: string | null
}

/** One round trip each; every one may be sent again after a lost reply. Rejects with `Unanswered` or `Unavailable`. */
export interface Journal {
  /**
   * Answers with what stands, or begins a processing under `token` and takes a lock ticket for `scope` in the same
   * step.
   * `mine`: this process has no other processing of the request under way, so a record of this session is a leftover.
   * `alone`: this process has nothing else in hand, and will not have until the processing ends.
   */
  begin(entry: Entry, scope: Scope, token: string, mine: boolean, alone?: boolean): Promise<Begun>
  /**
   * Writes a decision down and gives the ticket up. The first one stands, and none that says `did_not_happen` is taken
   * while a write of the request is in the books.
   */
  decide(processing: Processing, decision: Decision, moves: MoveChange): Promise<'decided' | 'stale'>
  /**
   * Resolves once a replica has what stands of a request, where the store has replicas that may take over; rejects with
   * `Unavailable` where none has it in time, or where it does not stand (another run has taken over without it).
   */
  kept(standing: Standing): Promise<void>
  /** Notes that the event is confirmed by the broker. */
  told(requests: readonly string[]): Promise<void>
  /**
   * Ends a processing undecided; its ticket is given up in any case. A delivery before it is due is answered
   * `duplicate`.
   */
  aside(processing: Pick<Processing, 'request' | 'token'>, aside: Aside): Promise<'aside' | 'stale'>
  /** Notes what is about to be sent; every later `begin` tells so. Numbers of attempts only rise. */
  sending(processing: Processing, sending: Sending): Promise<'noted' | 'stale'>
  /**
   * Cancels `target` for the request `by`, also before it was ever seen: unless it is decided already, its next
   * processing
   * ends it. `waits`: nothing is decided yet; ask again later.
   */
  cancel(target: string, by: string): Promise<Cancelled>
  /** Requests with an intent that is not settled, by consumer, of those given. */
  unsettled(consumers: readonly string[]): Promise<Readonly<Record<string, string>>>
  /** Recorded moves of the given consumers, by consumer. */
  moves(consumers: readonly string[]): Promise<Readonly<Record<string, Move>>>
  /**
   * At most `limit` requests begun but not told, due, which no live process holds; each is returned at most once a
   * minute.
   */
  sweep(limit: number): Promise<readonly Entry[]>
  /**
   * At most `limit` requests whose records may be packed: told `journal.days` ago, with a known effect, no letter that
   * waits for somebody, and no open move.
   */
  ripe(limit: number): Promise<readonly Ripe[]>
  /** Makes tombstones of the records of these, as far as they still may be packed. The number packed. */
  pack(requests: readonly string[]): Promise<number>
  /** Asks for the right that `Restoring.mine` tells, for `keepMs`; never given before what is under way has ended. */
  restoring(holder: string, keepMs: number): Promise<Restoring>
  /**
   * Writes down what was told and lost, its effect on the books included. `known`: it is not missing. `changed`: a
   * consumer is not as `changes` say, and nothing was written. `stale`: it is another run, or there is nothing to do.
   */
  restore(run: string, restored: Restored): Promise<'restored' | 'known' | 'changed' | 'stale'>
  /** Notes that all up to `offset` is there, of a restoring or else as time goes by. */
  restored(run: string, offset: number, restores: boolean): Promise<'noted' | 'stale'>
  show(id: string): Promise<RecordView | null>
  /** Newest first, at most `limit`. */
  list(limit: number): Promise<readonly RecordView[]>
}
