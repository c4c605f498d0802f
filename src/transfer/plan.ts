// Request and snapshot before -> the exact state after, or the refusal with every violation.
import { migrationOfClaim } from './migration.ts'
import { OPERATION_TABLE } from './operations.ts'
import type { Outcome } from './outcome.ts'
import { planEnd } from './plan-end.ts'
import { planMove } from './plan-move.ts'
import { planAcquire, planAdjust, planResize, planSwap } from './plan-own.ts'
import { planRelease } from './plan-release.ts'
import { planRetarget } from './plan-retarget.ts'
import type { Request } from './request.ts'
import type { Consumer, Move, Snapshot, Target } from './snapshot.ts'

export { refusedBefore } from './deadline.ts'
export { migrationOf } from './migration.ts'

/** What the plan may know: all of it read under the lock, in one snapshot. */
export interface Facts {
  readonly snapshot: Snapshot
  /** Moves recorded for the consumers of the request (I and M), open or lately ended. */
  readonly moves: Readonly<Record<string, Move>>
  /** The destination being tried: `destination` or one of `alternates`. Null where the operation has none. */
  readonly destination: string | null
}

/** One consumer of a write: what it must be (compared by generation) and what it becomes. */
export interface Change {
  readonly before: Consumer
  readonly after: Target
}

/**
 * What the write does to the record of moves, in the same atomic step. Moves are recorded under their consumer and
 * their M.
 */
export interface MoveChange {
  readonly put: readonly Move[]
}

/** One atomic ledger write, fixed by what was read: absolute amounts, and the generations seen. */
export interface Write {
  readonly changes: readonly Change[]
  /** Consumers that are not changed but must still be at the generation seen (confirm relies on I, retarget on M). */
  readonly guards: readonly Consumer[]
  /** Providers whose definition the plan relied on: uuid → generation seen. */
  readonly providers: Readonly<Record<string, number>>
  readonly moves: MoveChange
}

export type Plan =
  /** `outcome` is what it is decided as once reading back has given exactly the target. */
  | { readonly kind: 'write'; readonly write: Write; readonly used: Parties; readonly outcome: Outcome }
  /** Nothing is to be written. `moves`: the record of a move that the ledger shows to have ended already. */
  | { readonly kind: 'decided'; readonly outcome: Outcome; readonly used: Parties; readonly moves: MoveChange }

/** Who the request really concerned, for the event; null where not known. */
export interface Parties {
  readonly consumer: string | null
  readonly migration: string | null
  readonly source: string | null
  readonly destination: string | null
}

/** What must be read (and locked) before `plan` can decide. Uuids, each once. */
export interface Scope {
  readonly consumers: readonly string[]
  readonly providers: readonly string[]
  /**
   * Also the providers that these consumers, and the M of their recorded moves, hold now (confirm, revert, release).
   */
  readonly held: boolean
}

/** Decides an operation other than `cancel` (which is the journal's). Pure: the same facts give the same plan. */
export function plan(request: Request, facts: Facts): Plan {
  switch (request.operation) {
    case 'claim':
    case 'transfer':
      return planMove(request, facts)
    case 'retarget':
      return planRetarget(request, facts)
    case 'confirm':
    case 'revert':
      return planEnd(request, facts)
    case 'acquire':
      return planAcquire(request, facts)
    case 'release':
      return planRelease(request, facts)
    case 'resize':
      return planResize(request, facts)
    case 'adjust':
      return planAdjust(request, facts)
    case 'swap-consumer':
      return planSwap(request, facts)
    case 'cancel':
      throw new Error('a cancel writes to the journal only; there is nothing to plan')
  }
}

/** What must be read and locked while `destination` is tried. */
export function scopeOf(request: Request, destination: string | null): Scope {
  const row = OPERATION_TABLE[request.operation]
  if (request.operation === 'cancel') return { consumers: [], providers: [], held: false }
  const consumers = [request.consumer, migrationOfClaim(request), request.newConsumer]
  const providers = [
    row.openMove === 'acts' && !row.goesToDestination ? null : request.source,
    row.goesToDestination ? destination : null,
    ...Object.keys(request.deltas ?? {}),
  ]
  return { consumers: given(consumers), providers: given(providers), held: row.readsHeld }
}

/** Destinations in the order in which they are tried; `[null]` where the operation goes nowhere. */
export function candidatesOf(request: Request): readonly (string | null)[] {
  if (!OPERATION_TABLE[request.operation].goesToDestination) return [null]
  return given([request.destination, ...request.alternates])
}

function given(ids: readonly (string | null)[]): readonly string[] {
  const named = ids.filter((id) => id !== null)
  return named.length < 8 ? named.filter((id, i) => named.indexOf(id) === i) : [...new Set(named)]
}
