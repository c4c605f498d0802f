// Sends an effect again after a timeout, as its mark and the request allow, and tells of it.
import { Unanswered } from '../retry/failures.ts'
import type { Effect } from '../retry/effect.ts'
import { retryOnTimeout } from '../retry/retry-on-timeout.ts'
import type { Deps, Job } from './job.ts'

/** `allowed` false: one send only, because the sender forbids repeating. Rejects as the last send did. */
export async function repeat<Input, Output>(
  effect: Effect<Input, Output, 'idempotent'>,
  input: Input,
  job: Job | null,
  deps: Deps,
  allowed = true,
): Promise<Output> {
  const told = (failure: unknown): void => {
    if (failure instanceof Unanswered) {
      deps.telemetry.emit('effect.timeout', {
        request: job?.request.id ?? null,
        phase: effect.name,
        idempotent: allowed,
      })
    }
  }
  const policy = allowed ? deps.settings.retry : { ...deps.settings.retry, attemptsMax: 1 }
  try {
    return await retryOnTimeout(effect, input, policy, {
      clock: deps.clock,
      onRetry: (sends, cause) => {
        told(cause)
        deps.telemetry.emit('effect.retry', {
          phase: effect.name,
          sends,
          reason: cause instanceof Unanswered ? 'unanswered' : 'unavailable',
        })
      },
    })
  } catch (failure) {
    told(failure)
    throw failure
  }
}
