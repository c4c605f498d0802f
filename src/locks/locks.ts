// The port of the ticket lock: all resources or none, first come first served, with a lease per process and a fence.

/**
 * A place in the queues of all resources of one request. Its number rises with each one given and is the fencing token.
 */
export interface Ticket {
  readonly number: number
  readonly state: 'granted' | 'waiting'
  /** Redis time (ms) of the grant; 0 while waiting. */
  readonly grantedAtMs: number
  /** How long (ms) until what stands in front must have ended by itself; the time to ask again. 0 when granted. */
  readonly etaMs: number
  /** Tickets in front of it in the longest of its queues; 0 when granted. It falls as the queue moves. */
  readonly ahead: number
}

/** What the store tells a session without being asked. At most once: a lost notice is made up for by `poke`. */
export type Notice =
  | { readonly kind: 'granted'; readonly ticket: number; readonly grantedAtMs: number }
  | { readonly kind: 'lost'; readonly ticket: number }

export interface Heartbeat {
  /** False: the lease had ended. Everything of the session is gone; it is never revived. */
  readonly alive: boolean
  readonly nowMs: number
}

/** Names of lockable resources: `c:<uuid>` for a consumer, `p:<uuid>` for a provider. */
export type Resource = `c:${string}` | `p:${string}`

/** Lock names of consumers and providers, each once. */
export function resourcesOf(scope: {
  readonly consumers: readonly string[]
  readonly providers: readonly string[]
}): Resource[] {
  const names: Resource[] = []
  for (const consumer of new Set(scope.consumers)) names.push(`c:${consumer}`)
  for (const provider of new Set(scope.providers)) names.push(`p:${provider}`)
  return names
}

/** One round trip each; every one may be sent again after a lost reply. Rejects with `Unanswered` or `Unavailable`. */
export interface LockStore {
  /**
   * Starts (`open`, for a session never used before) or renews a session's lease of `leaseMs`; sweeps what dead
   * sessions left.
   */
  heartbeat(session: string, leaseMs: number, open: boolean): Promise<Heartbeat>
  /**
   * Takes a ticket for `resources`, giving up the session's ticket `instead` in the same step. `key` makes a resend
   * find its own ticket. Null: the session is over.
   */
  acquire(session: string, key: string, resources: readonly Resource[], instead: number | null): Promise<Ticket | null>
  /** Where a ticket stands now; null when it is gone. Also moves the queue on. */
  poke(session: string, ticket: number): Promise<Ticket | null>
  /** Gives a ticket up and hands over. Doing it twice is harmless. */
  release(session: string, ticket: number): Promise<void>
  /** Ends a session: its tickets pass on at once. */
  close(session: string): Promise<void>
  /**
   * Registers the session's listener, and is told again after a reconnect when `onGap` runs (notices may have been
   * lost).
   */
  listen(session: string, onNotice: (notice: Notice) => void, onGap: () => void): Promise<() => Promise<void>>
}
