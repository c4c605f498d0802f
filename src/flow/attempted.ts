// What one attempt to write came to, as the stages hand it on.
import type { Decision } from '../transfer/event.ts'
import type { Outcome } from '../transfer/outcome.ts'
import type { Write } from '../transfer/plan.ts'
import type { Consumer } from '../transfer/snapshot.ts'
import type { Begun, Deps, Ending, Story } from './job.ts'

/** A write that was carried out, and what reading it back gave (null: found done, so reading back is moot). */
export interface Written {
  readonly kind: 'applied'
  readonly write: Write
  readonly outcome: Outcome
  readonly story: Story
  readonly decision: Decision
  /** Whether the ledger wrote the decision down in the same step. */
  readonly decided: boolean
  readonly after: Readonly<Record<string, Consumer>> | null
}

export interface Refusal extends Story {
  readonly outcome: Outcome
}

export type Attempted =
  | Written
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | Exclude<Ending, { kind: 'decided' }>

/** An attempt that leaves its door open: nothing else may be done before `closeDoor`. */
export interface OpenDoor {
  readonly kind: 'conflict' | 'unclear'
}

export function leavesDoorOpen(attempted: Attempted | OpenDoor): attempted is OpenDoor {
  return attempted.kind === 'conflict' || attempted.kind === 'unclear'
}

export function fenced(begun: Begun, deps: Deps): Attempted {
  deps.telemetry.emit('fence.rejected', { request: begun.processing.request })
  return { kind: 'stopped', begun, why: 'the ledger refused a processing that is no longer current' }
}
