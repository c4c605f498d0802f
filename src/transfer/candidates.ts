// The choice among destinations: in order, the next one only where the refusal lies in the destination.
import type { Outcome } from './outcome.ts'
import { candidatesOf } from './plan.ts'
import { noCandidate, triesNext } from './refusal.ts'
import type { Request } from './request.ts'

/** A destination that refused for lack of room or fit, so that the next one was tried. */
export interface Passed {
  readonly destination: string | null
  readonly outcome: Outcome
}

export interface Tried<Attempt> {
  /** The last attempt. */
  readonly attempt: Attempt
  /** How the request ends where it was refused, else null. `destination`: told as the one that refused; all did. */
  readonly refusal: { readonly outcome: Outcome; readonly destination?: string | null } | null
  /** Destinations tried before it, in order. */
  readonly passed: readonly Passed[]
}

/** Tries the destination, then each alternate while the refusal is one of room or fit. */
export async function tryCandidates<Attempt>(
  request: Request,
  attemptAt: (destination: string | null, isFirst: boolean) => Promise<Attempt>,
  outcomeOfRefusal: (attempt: Attempt) => Outcome | null,
): Promise<Tried<Attempt>> {
  const candidates = candidatesOf(request)
  const passed: Passed[] = []
  for (const destination of candidates) {
    const attempt = await attemptAt(destination, passed.length === 0)
    const outcome = outcomeOfRefusal(attempt)
    if (outcome === null) return { attempt, refusal: null, passed }
    if (!triesNext(outcome) || candidates.length === 1) return { attempt, refusal: { outcome }, passed }
    if (passed.length === candidates.length - 1) {
      const outcomes = [...passed.map((one) => one.outcome), outcome]
      return { attempt, refusal: { outcome: noCandidate(outcomes), destination: candidates[0]! }, passed }
    }
    passed.push({ destination, outcome })
  }
  throw new Error(`request ${request.id} names no destination, which its operation requires`)
}
