// The port to the books: read a snapshot, apply one write, and settle what became of a send.
import type { Decision } from '../transfer/event.ts'
import type { Scope, Write } from '../transfer/plan.ts'
import type { Consumer, Snapshot } from '../transfer/snapshot.ts'

/**
 * One attempt of one request to write. At most one send of it can ever commit, whatever is duplicated, delayed or
 * resent.
 */
export interface Attempt {
  readonly request: string
  /** The processing that may write: `apply` refuses any other, or one that a decision has overtaken. */
  readonly token: string
  /** Ticket of the lock, which is also its fence: rising per resource, never given twice. */
  readonly ticket: number
  /** Number of the attempt, from 1. Another plan uses the next number, only after this one is closed. */
  readonly number: number
}

export type Applied =
  /**
   * The write is in the books. `after` is what reading back gave for the consumers changed, null where the write was
   * found done by an earlier send (reading back is moot then). `decided`: the same step wrote the decision down.
   */
  | { readonly kind: 'applied'; readonly after: Readonly<Record<string, Consumer>> | null; readonly decided: boolean }
  /**
   * Another processing had sent this attempt, and it was carried out; what that one had planned is not known here,
   * since the journal has lost its record. Nothing was written now.
   */
  | { readonly kind: 'known' }
  /** A generation, definition, or room has changed since the snapshot; nothing was written. Read and plan again. */
  | { readonly kind: 'conflict'; readonly reason: string }
  /** This processing or its lock is over; nothing was written. Stop: no write, no event, no ack. */
  | { readonly kind: 'stale' }

/** What an attempt came to that this processing has not carried out. */
export type NotApplied = Exclude<Applied, { kind: 'applied' }>

/** A snapshot that may leave out what the write checks by itself. */
export interface Sketch extends Snapshot {
  /** Whether anything was left out: what is refused on it must be planned again on a whole snapshot. */
  readonly assumed: boolean
}

/** What the books know of an attempt: `closed` means that no send of it can commit any more. */
export type Standing = 'applied' | 'closed' | 'absent'

/**
 * A ledger. Every method may reject with `Unanswered` (the request may have been carried out) or `Unavailable` (it was
 * not); it never turns "could not ask" into an answer.
 */
export interface Ledger {
  readonly name: 'redis' | 'placement' | 'memory'
  /**
   * Whether the step that writes also decides. Where it does not, an intent is noted in the journal before each send,
   * and whoever comes next settles it.
   */
  readonly decides: boolean
  /** Reads all that `scope` names at one moment. Unknown providers are null, consumers always have an entry. */
  snapshot(scope: Scope): Promise<Snapshot>
  /** As much of it as a plan that writes needs, in fewer requests where that can be. */
  sketch(scope: Scope): Promise<Sketch>
  /**
   * Makes ready what proves the attempt, for this process alone, before its send is noted: a worker that was overtaken
   * finds its note refused then, and never makes ready what another is closing. Answers with null where the attempt may
   * be noted and sent, else why not. The method is null where nothing is to be made ready.
   */
  readonly reserve: ((attempt: Attempt) => Promise<NotApplied | null>) | null
  /**
   * Carries out `write` wholly or not at all, together with the attempt's marker. Sending the identical write again is
   * safe: it is answered as applied. Where books and journal are one store the decision is written in the same step, if
   * reading back inside that step gave exactly the target, and the lock is released.
   */
  apply(write: Write, attempt: Attempt, decision: Decision): Promise<Applied>
  /** Reads whether the attempt was carried out. Changes nothing. */
  find(attempt: Attempt): Promise<Standing>
  /** Closes the door: afterwards no send of the attempt can commit. Tells whether one had. */
  close(attempt: Attempt): Promise<'applied' | 'closed' | 'stale'>
  /**
   * Takes all that `consumer` holds, whatever it is, without marker or guard: not idempotent, and never sent again
   * where it was not answered. `absent`: it held nothing. Null where a forced release is a write like any other.
   */
  readonly deleteUnguarded: ((consumer: string) => Promise<'deleted' | 'absent'>) | null
  /** Reads next to nothing. Resolves where the ledger can be read now. */
  probe(): Promise<void>
  /**
   * Takes away what proves these attempts, where that is kept apart from the journal. Only for requests decided and
   * told so long ago that nobody will ask any more.
   */
  forget(attempts: readonly Pick<Attempt, 'request' | 'number'>[]): Promise<void>
}
