// What becomes of a request: which outcomes leave a letter, and where one goes that could not be carried out yet.
import { deadlineExhausted, deadlinePassed, TROUBLE } from './deadline.ts'
import { outcome, type Class, type Outcome } from './outcome.ts'
import type { Request } from './request.ts'

/** What is told of an outcome, and whom it waits for. */
export interface Telling {
  readonly event: 'succeeded' | 'failed'
  readonly letter: boolean
  /** `news` is told and kept for a while; `work` waits for a person. */
  readonly asks: 'nothing' | 'news' | 'work'
}

/** The telling of a class. A new class does not compile until it has one. */
export function tellingOf(ofClass: Class): Telling {
  switch (ofClass) {
    case 'done':
      return { event: 'succeeded', letter: false, asks: 'nothing' }
    case 'invalid':
    case 'refused':
      return { event: 'failed', letter: true, asks: 'news' }
    case 'exhausted':
    case 'operator':
      return { event: 'failed', letter: true, asks: 'work' }
  }
}

/** Why a request could not be carried out this time. */
export type Trouble = 'contended' | 'ledger_unavailable'

/** After trouble: wait for the delay of the next rung, or end. `rung` counts the rungs then used. */
export type Next<Delay> =
  | { readonly kind: 'later'; readonly rung: number; readonly delay: Delay }
  | { readonly kind: 'exhausted'; readonly outcome: Outcome }

/**
 * Where a request goes that met `trouble` after `rung` rungs of `ladder`: one rung on, or its end when the ladder is
 * used up or the deadline has passed. A request whose sender forbade repeating ends at once where the ledger gave no
 * answer.
 * `unclear`: a send of it may have been carried out, and nothing could settle that.
 */
export function afterTransient<Delay>(
  trouble: Trouble,
  rung: number,
  ladder: readonly Delay[],
  request: Request,
  nowMs: number,
  unclear = false,
): Next<Delay> {
  const delay = ladder[rung]
  const late = deadlinePassed(request, nowMs)
  const forbidden = trouble === 'ledger_unavailable' && !request.idempotent
  if (delay !== undefined && !late && !forbidden) return { kind: 'later', rung: rung + 1, delay }
  if (unclear) {
    return {
      kind: 'exhausted',
      outcome: outcome(
        'outcome_unknown',
        `Request ${request.id} was sent to the ledger, and nothing tells whether it was carried out; ` +
          'compare the ledger before doing it again.',
      ),
    }
  }
  if (late) return { kind: 'exhausted', outcome: deadlineExhausted(request, trouble) }
  const end =
    forbidden && delay !== undefined
      ? `and request ${request.id} forbids repeating ("idempotent": false)`
      : `through all ${ladder.length} delays of request ${request.id}`
  return { kind: 'exhausted', outcome: outcome(trouble, `${TROUBLE[trouble]}, ${end}.`) }
}
