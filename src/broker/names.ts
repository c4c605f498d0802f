// Every exchange and queue name of one installation, from its prefix. The contract's section 1.

/** The five delays of the ladder: the queue's suffix and its delay in ms, shortest first. */
export const DELAYS = { '1s': 1_000, '5s': 5_000, '30s': 30_000, '2m': 120_000, '10m': 600_000 } as const

export type Delay = keyof typeof DELAYS

export interface Names {
  readonly requests: string
  readonly events: string
  readonly eventsJournal: string
  readonly deadLetters: string
  readonly deadLettersJournal: string
  readonly unroutable: string
  /** Queue of one delay. */
  retry(delay: Delay): string
}

/** Names under `prefix` (`^[a-z0-9][a-z0-9_-]{0,63}$`). Exchange and queue of one purpose share a name. */
export function namesOf(prefix: string): Names {
  return {
    requests: `${prefix}.requests`,
    events: `${prefix}.events`,
    eventsJournal: `${prefix}.events.journal`,
    deadLetters: `${prefix}.dead-letters`,
    deadLettersJournal: `${prefix}.dead-letters.journal`,
    unroutable: `${prefix}.unroutable`,
    retry: (delay) => `${prefix}.retry.${delay}`,
  }
}
