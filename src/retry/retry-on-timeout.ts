// Repeats an effect after a timeout, and compiles only for effects marked idempotent.
import type { Clock } from '../clock/clock.ts'
import { backoffMs, type Backoff } from './backoff.ts'
import { isIdempotent, type Effect, type Safety } from './effect.ts'
import { Paused, Unanswered, Unavailable } from './failures.ts'

/** Never exists at run time: its text is the compiler error that a caller reads. */
interface NotCompiled<Why extends string> {
  readonly __why__: Why
}

type OnlyIdempotent<Mark extends Safety> = [Mark] extends ['idempotent']
  ? unknown
  : NotCompiled<'retryOnTimeout takes only effects made with idempotent(); after a timeout read the state back instead'>

export interface TimeoutPolicy extends Backoff {
  /** Sends at most, the first included. 1 forbids repeating. */
  readonly attemptsMax: number
}

export interface RetryContext {
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Told before each wait: how many sends were made, and why the next is needed. */
  readonly onRetry?: (sends: number, cause: Unanswered | Unavailable) => void
  /** Told of the failure that is thrown. */
  readonly onFailure?: (cause: unknown) => void
}

/** An effect that `retryOnTimeout` accepts, checked when it is wired: fails at start where types were circumvented. */
export function assertIdempotent(effect: { readonly name: string }): void {
  if (!isIdempotent(effect)) {
    throw new TypeError(`${effect.name} is not marked idempotent, so it must not be repeated after a timeout`)
  }
}

/**
 * Carries out `effect`; after `Unanswered` or `Unavailable` the identical input is sent again, never overlapping, with
 * exponential backoff and jitter, at most `attemptsMax` sends. Any other failure, `Paused` too, and the last one, is
 * thrown as it is.
 */
export async function retryOnTimeout<Input, Output, Mark extends Safety>(
  effect: Effect<Input, Output, Mark> & OnlyIdempotent<Mark>,
  input: Input,
  policy: TimeoutPolicy,
  context: RetryContext,
): Promise<Output> {
  assertIdempotent(effect)
  for (let sends = 1; ; sends++) {
    try {
      return await effect.once(input)
    } catch (cause) {
      const mayRepeat = (cause instanceof Unanswered || cause instanceof Unavailable) && !(cause instanceof Paused)
      if (!mayRepeat || sends >= policy.attemptsMax || context.signal?.aborted) {
        context.onFailure?.(cause)
        throw cause
      }
      context.onRetry?.(sends, cause)
      await context.clock.sleep(backoffMs(sends, policy, context.clock.random()), context.signal)
    }
  }
}
