// Processings whose giving up the journal could not be told of: told as soon as it answers, so that nobody waits for them.
import type { Effects } from '../flow/effects.ts'
import type { Begun } from '../flow/job.ts'

export interface Leftovers {
  add(begun: Begun): void
  /** Gives up what was left; what still gets no answer stays for the next time. */
  giveUp(): Promise<void>
  readonly size: number
}

export function leftoversOf(effects: Pick<Effects, 'aside'>): Leftovers {
  let waiting: Begun[] = []
  return {
    add: (begun) => { waiting.push(begun) },
    giveUp: async () => {
      const now = waiting
      waiting = []
      for (const begun of now) {
        const aside = { reason: 'handed_back', rung: begun.processing.rung, delayMs: 0 } as const
        try {
          await effects.aside.once({ processing: begun.processing, ticket: begun.held, aside })
        } catch {
          waiting.push(begun)
        }
      }
    },
    get size() { return waiting.length },
  }
}
