// What goes through the flow: a job, how it stands, how it ends, and what the stages may use.
import type { Delivery } from '../broker/broker.ts'
import type { Delay, Names } from '../broker/names.ts'
import type { Clock } from '../clock/clock.ts'
import type { Intent, Processing, Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { LockHolder } from '../locks/lock.ts'
import type { Ticket } from '../locks/locks.ts'
import type { TimeoutPolicy } from '../retry/retry-on-timeout.ts'
import type { Telemetry } from '../telemetry/events.ts'
import type { Decision } from '../transfer/event.ts'
import type { Outcome } from '../transfer/outcome.ts'
import type { Move, Snapshot, View } from '../transfer/snapshot.ts'
import type { Request } from '../transfer/request.ts'
import type { Parties } from '../transfer/plan.ts'
import type { Effects } from './effects.ts'

/** A delivery whose bytes are a request. */
export interface Job {
  readonly delivery: Delivery
  readonly request: Request
  readonly digest: string
  /** Monotonic ms when the delivery arrived. */
  readonly arrivedMs: number
  /** Whether no other delivery of the request is in this process's hands, so that a record it holds is a leftover. */
  readonly mine: boolean
}

/** A delivery whose bytes are none: it ends before it begins. */
export interface InvalidJob {
  readonly delivery: Delivery
  readonly arrivedMs: number
  readonly ending: Ending
}

/** A request this worker has begun: its processing, its place in the lock queues, and what was read with it. */
export interface Begun {
  readonly kind: 'begun'
  readonly processing: Processing
  readonly ticket: Ticket
  readonly moves: Readonly<Record<string, Move>>
  /** Fresh only while no time was spent waiting; `apply` takes it once. */
  snapshot: Snapshot | null
  /** Monotonic ms when the journal's answer came. */
  readonly begunAtMs: number
  /** Number of the next write attempt, and the ticket held now (alternates change it). */
  attempt: number
  held: number
  /** What may have been sent under this attempt to a ledger that does not decide; null: nothing. */
  noted: Intent | null
  /** Whether what proves this attempt may have been made ready: its number is not used again. */
  reserved: boolean
  /** A write that was planned on a sketch has been refused: the next one is planned on all that can be read. */
  wary: boolean
}

/** What a delivery is to others in the hands of its process: beside them, until it has to be alone. */
export interface Turn {
  /**
   * Resolves with true once nothing else is in the process's hands, and then nothing is until this delivery is settled;
   * with false when `signal` aborted first.
   */
  alone(signal: AbortSignal): Promise<boolean>
}

/** A processing to be given up: it may have been begun, and nobody is at it. */
export interface Leftover {
  readonly request: string
  readonly token: string
}

/** What a decision tells besides its outcome. */
export interface Story extends Parties {
  readonly before: Readonly<Record<string, View>> | null
  readonly after: Readonly<Record<string, View>> | null
  readonly moves: readonly Move[]
}

/** How the worker's part in a delivery ends, before anything is told. */
export type Ending =
  /** An outcome to write down and tell. */
  | ({ readonly kind: 'ended'; readonly begun: Begun; readonly outcome: Outcome } & Story)
  /**
   * A decision that stands written already (`again`: since an earlier delivery), or needs no record (class invalid).
   */
  | { readonly kind: 'decided'; readonly decision: Decision; readonly again: boolean; readonly recorded: boolean }
  /** A write was found carried out that is not decided yet: what was noted of it before it was sent. */
  | { readonly kind: 'found'; readonly begun: Begun; readonly intent: Intent }
  /** Tried, not decided: to be tried later, one rung on. */
  | { readonly kind: 'transient'; readonly begun: Begun; readonly reason: 'contended' | 'ledger_unavailable' }
  /**
   * Not to be looked at now: a copy waits a second, without attempt or rung. `begun`: what was begun is given up for
   * that.
   */
  | { readonly kind: 'aside'; readonly begun: Begun | null; readonly reason: 'duplicate' | 'crowded' | 'undecided' }
  /** Another holds it, or the lock, the lease or a dependency is gone: write nothing, tell nothing, hand it back. */
  | { readonly kind: 'stopped'; readonly begun: Begun | null; readonly why: string }

export interface FlowSettings {
  readonly prefix: string
  readonly bytesMax: number
  readonly ladder: readonly Delay[]
  readonly retry: TimeoutPolicy
  /** Races lost within one processing before the request goes to the ladder as `contended`. */
  readonly conflictsMax: number
  /** Deaths of a process with a request alone in hand after which it is `poison`. */
  readonly poisonAfter: number
  /** `host:pid`, as events tell it. */
  readonly worker: string
  readonly workerVersion: string
}

export interface Deps {
  readonly effects: Effects
  readonly journal: Pick<Journal, 'moves' | 'unsettled'>
  readonly ledger: Pick<Ledger, 'decides'>
  readonly locks: LockHolder
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly names: Names
  readonly settings: FlowSettings
  /** Requests that this process is at right now. */
  readonly active: Set<string>
  /** Numbers processings: never given twice within a session. */
  readonly nextToken: () => string
  /** Takes over a processing whose giving up could not be told to the journal, and tells it later. */
  readonly giveUpLater: (leftover: Leftover) => void
}
