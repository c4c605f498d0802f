// A lock as its holder sees it: granted, trusted for so long, and aborted when it can no longer be trusted.
import type { Resource, Ticket } from './locks.ts'

export interface Lock {
  /** The fence: pass it with every write. */
  readonly ticket: number
  /** Aborts when the lock is lost or can no longer be trusted. */
  readonly signal: AbortSignal
  /**
   * Compares the monotonic clock with the end of trust. Call it right before each side effect: timers are late when a
   * process stalls.
   */
  trusted(): boolean
}

/**
 * The time to wait is over. `moved`: the queue went on meanwhile, so that the wait says nothing against the request.
 */
export interface InVain {
  readonly inVain: true
  readonly ticket: number
  readonly moved: boolean
}

/** What the flow needs of the locks of its process. */
export interface LockHolder {
  /** This process incarnation's session id; changes when its lease was lost. */
  readonly session: string
  /** Whether the session's lease is trusted now. */
  readonly trusted: boolean
  /**
   * Whether as many requests of this process wait for one of `resources` as may; such a request is set aside, unbegun.
   */
  crowded(resources: readonly Resource[]): boolean
  /**
   * Waits until `ticket` (on `resources`) is granted. Rejects with `LockLost` when it is gone, the session is over, or
   * `signal` aborts; resolves with `InVain` after `lock.waitMs` (the caller then gives the ticket up with
   * `journal.aside`).
   * `takenBy`: the session that took the ticket (`processing.session`). Give it: a ticket whose session was lost while
   * its reply was under way would otherwise be trusted by the lease of the next session.
   */
  hold(ticket: Ticket, resources: readonly Resource[], signal: AbortSignal, takenBy?: string): Promise<Lock | InVain>
  /** Gives `lock` up for one on other resources (the next alternate). Same results as `hold`. */
  change(lock: Lock, key: string, resources: readonly Resource[], signal: AbortSignal): Promise<Lock | InVain>
  /**
   * Whether `session`, lost since, was lost because this process stood still past its lease: a death of what it had
   * begun, which must then not be given up as if nothing had been.
   */
  stoodStill(session: string): boolean
  /** Stops watching a ticket whose release has been asked for elsewhere (with the decision). */
  forget(ticket: number): void
}

/** The lock, or the whole session, is over: stop; another may hold it now. */
export class LockLost extends Error {
  override readonly name = 'LockLost'
  /** What is over: the whole session, the ticket, its longest hold, or only the wait (the caller aborted). */
  readonly why: 'session' | 'ticket' | 'hold' | 'abort'

  constructor(message: string, why: LockLost['why'] = 'ticket') {
    super(message)
    this.why = why
  }
}
