// Processings whose giving up the journal could not be told of: told as soon as it answers, so nobody waits for them.
import type { Effects } from '../flow/effects.ts'
import type { Leftover } from '../flow/job.ts'

export interface Leftovers {
  add(leftover: Leftover): void
  /** Gives up what was left; what still gets no answer stays for the next time. */
  giveUp(): Promise<void>
  readonly size: number
}

export function leftoversOf(effects: Pick<Effects, 'aside'>): Leftovers {
  let waiting: Leftover[] = []
  return {
    add: (leftover) => {
      waiting.push(leftover)
    },
    giveUp: async () => {
      const now = waiting
      waiting = []
      for (const leftover of now) {
        const aside = { reason: 'handed_back', rung: 0, delayMs: 0 } as const
        try {
          await effects.aside.once({ processing: leftover, aside })
        } catch {
          waiting.push(leftover)
        }
      }
    },
    get size() {
      return waiting.length
    },
  }
}
