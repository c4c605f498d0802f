// Sends an effect again after a timeout, as its mark and the request allow, and tells of it.
import { Unanswered, type Unavailable } from '../retry/failures.ts'
import type { Effect } from '../retry/effect.ts'
import { retryOnTimeout, type RetryContext } from '../retry/retry-on-timeout.ts'
import type { Deps, Job } from './job.ts'

/** `allowed` false: one send only, because the sender forbids repeating. Rejects as the last send did. */
export function repeat<Input, Output>(
  effect: Effect<Input, Output, 'idempotent'>,
  input: Input,
  job: Job | null,
  deps: Deps,
  allowed = true,
): Promise<Output> {
  const policy = allowed ? deps.settings.retry : { ...deps.settings.retry, attemptsMax: 1 }
  return retryOnTimeout(effect, input, policy, new Telling(effect.name, job, deps, allowed))
}

/** One object and no closures: there are four or more sends in every request, and hardly any fails. */
class Telling implements RetryContext {
  readonly #phase: string
  readonly #job: Job | null
  readonly #deps: Deps
  readonly #allowed: boolean

  constructor(phase: string, job: Job | null, deps: Deps, allowed: boolean) {
    this.#phase = phase
    this.#job = job
    this.#deps = deps
    this.#allowed = allowed
  }

  get clock(): Deps['clock'] {
    return this.#deps.clock
  }

  onRetry(sends: number, cause: Unanswered | Unavailable): void {
    this.onFailure(cause)
    const reason = cause instanceof Unanswered ? 'unanswered' : 'unavailable'
    this.#deps.telemetry.emit('effect.retry', { phase: this.#phase, sends, reason })
  }

  onFailure(cause: unknown): void {
    if (!(cause instanceof Unanswered)) return
    const request = this.#job?.request.id ?? null
    this.#deps.telemetry.emit('effect.timeout', { request, phase: this.#phase, idempotent: this.#allowed })
  }
}
