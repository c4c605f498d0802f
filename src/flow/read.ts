// Reading the ledger: again after a timeout, and one question without answer told apart from a ledger that is gone.
import type { Effect } from '../retry/effect.ts'
import { Paused, Unanswered, Unavailable } from '../retry/failures.ts'
import type { Scope } from '../transfer/plan.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Deps, Job } from './job.ts'
import { repeat } from './repeat.ts'

/** The ledger answers others, and this question not, however often it is asked. */
export class Silent extends Error {
  override readonly name = 'Silent'
}

/** Reads for `job`. Rejects with `Silent`; where nobody is answered with what is known of that. */
export function readerOf(job: Job, deps: Deps): Pick<Ledger, 'snapshot' | 'sketch'> {
  const ask = async <Answer>(effect: Effect<Scope, Answer, 'idempotent'>, scope: Scope): Promise<Answer> => {
    try {
      return await repeat(effect, scope, job, deps)
    } catch (cause) {
      if (cause instanceof Paused) throw cause
      if (cause instanceof Unanswered || cause instanceof Unavailable) throw new Silent(cause.message, { cause })
      throw cause
    }
  }
  return { snapshot: (scope) => ask(deps.effects.read, scope), sketch: (scope) => ask(deps.effects.sketch, scope) }
}
