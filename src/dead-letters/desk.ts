// The port to the desk: the index of dead letters, readable at any time.
import type { Effect } from '../transfer/outcome.ts'

/** `told` waits for nobody (classes `refused`, `invalid`); the last three are what a person made of an `open` one. */
export const STATES = ['open', 'told', 'replayed', 'resolved', 'discarded'] as const

export type State = (typeof STATES)[number]

/** Classes of requests that end in a letter. */
export const LETTER_CLASSES = ['invalid', 'refused', 'exhausted', 'operator'] as const

export type LetterClass = (typeof LETTER_CLASSES)[number]

/** One dead letter as lists show it. Ids that its body does not have are null. */
export interface Letter {
  /** Its `dl-id`. */
  readonly id: string
  readonly request: string
  readonly operation: string
  readonly consumer: string | null
  readonly source: string | null
  readonly destination: string | null
  /** An outcome code, or `event_unroutable`. */
  readonly code: string
  readonly class: LetterClass
  readonly effect: Effect
  readonly state: State
  /** RFC 3339. */
  readonly firstFailedAt: string
  readonly lastFailedAt: string
  readonly attempts: number
}

/** Something that happened to a letter at the desk. */
export interface HistoryEntry {
  readonly at: string
  readonly what: string
  readonly by: string | null
  readonly why: string | null
}

export interface WholeLetter extends Letter {
  /** The original bytes. */
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string | number | boolean>>
  readonly history: readonly HistoryEntry[]
}

/** A letter as it comes in, before the desk has given it a state. */
export interface NewLetter extends Omit<WholeLetter, 'state' | 'history'> {
  /** Every provider that its request names, for `list --provider`. */
  readonly providers: readonly string[]
}

export interface Filter {
  readonly state: State | 'all'
  readonly code?: string
  readonly class?: string
  readonly provider?: string
  readonly request?: string
  /** Last failed at this time (ms since 1970) or later. */
  readonly sinceMs?: number
  readonly limit?: number
  /** Begins behind the letter with this id. */
  readonly after?: string
}

export interface Counts {
  readonly open: readonly { readonly class: string; readonly code: string; readonly count: number }[]
  readonly told: number
  /** When the oldest open letter of each class first failed (ms since 1970); classes without one are absent. */
  readonly oldestAtMs: Readonly<Record<string, number>>
}

/** Rejects with `Unanswered` or `Unavailable`. Everything may be done again after a lost reply. */
export interface Desk {
  /** Writes a letter into the index, once: another copy only moves `lastFailedAt` and `attempts` on. */
  take(letter: NewLetter): Promise<'taken' | 'again'>
  counts(): Promise<Counts>
  /** Oldest failure first. */
  list(filter: Filter): AsyncIterable<Letter>
  /** The letters of a `dl-id`, or of a request; newest failure first. */
  find(id: string): Promise<readonly WholeLetter[]>
  /** Removes letters told before `beforeMs`, a few at a time; resolves with how many. */
  forget(beforeMs: number): Promise<number>
  /** Takes or renews the right to take letters in, for `leaseMs`. False while another has it. */
  holdIntake(holder: string, leaseMs: number): Promise<boolean>
  releaseIntake(holder: string): Promise<void>
}
