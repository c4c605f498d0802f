// The port to the desk: the index of dead letters, readable at any time, and the acts on them.
import type { Outgoing } from '../broker/broker.ts'
import type { Effect } from '../transfer/outcome.ts'

export type { Outgoing } from '../broker/broker.ts'

/**
 * `told` waits for nobody (classes `refused`, `invalid`), `open` for a person. `replayed` was tried again under a new
 * id; `resolved` when that, or the request itself, turned out to have happened; `discarded` until somebody restores it.
 */
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
  /** What is known by now; what was decided stands in the header `dl-effect`. */
  readonly effect: Effect
  readonly state: State
  /** RFC 3339. */
  readonly firstFailedAt: string
  readonly lastFailedAt: string
  readonly attempts: number
}

/** Something that happened to a letter at the desk. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly at: string
  readonly what: string
  readonly by: string | null
  readonly why: string | null
  /** The new request of a replay. */
  readonly request: string | null
}

export interface WholeLetter extends Letter {
  /** The original bytes. */
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string | number | boolean>>
  readonly history: readonly HistoryEntry[]
  /** How many times it was replayed: the number n of the last one. */
  readonly replays: number
  /** The state that `restore` gives back to a discarded one. */
  readonly before: State | null
  /** Its end is awaited: of its last replay, or of telling its event. */
  readonly watched: boolean
  /** Counts the acts on it. */
  readonly version: number
}

/** What tells whether the awaited end of a letter has come, without its bytes. */
export type Watched = Pick<WholeLetter, 'id' | 'request' | 'code' | 'state' | 'replays'>

/** A letter as it comes in, before the desk has given it a state. */
export interface NewLetter extends Omit<Letter, 'state'>, Pick<WholeLetter, 'body' | 'headers'> {
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

/** What an act makes of a letter; what is not named stays. */
export interface Next {
  readonly state?: State
  readonly effect?: Effect
  readonly replays?: number
  readonly before?: State
  readonly watched?: boolean
}

/** One act on one letter. */
export interface Act {
  /** Never given twice; the same one again changes nothing. */
  readonly id: string
  /** The letter as it was read: where it has changed since, the act is not carried out. */
  readonly letter: WholeLetter
  readonly next: Next
  readonly entry: HistoryEntry
  /** The replay chain as it was read, where the act depends on it. */
  readonly chain?: ChainVersion
  /** What is to be sent because of it, each with a `messageId`; kept until `sent`. */
  readonly messages?: readonly Outgoing[]
}

/** A replay chain is named by its first request. */
export interface ChainVersion {
  readonly root: string
  readonly version: number
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
  /** Removes letters that came into `state` before `beforeMs`, a few at a time; resolves with how many. */
  forget(state: State, beforeMs: number): Promise<number>
  /** Carries out an act, its messages included, in one step. `changed`: read again and decide anew. */
  act(act: Act): Promise<'done' | 'changed'>
  /** How many acts a replay chain has seen lately. */
  chainVersion(root: string): Promise<number>
  /** At most `limit` messages that their senders have had the time to send; each is left to the caller for a while. */
  unsent(nowMs: number, limit: number): Promise<readonly Outgoing[]>
  /** Notes that a message is confirmed by the broker. */
  sent(messageId: string): Promise<void>
  /** At most `limit` letters whose end is awaited, those first that were looked for longest ago. */
  watched(nowMs: number, limit: number): Promise<readonly Watched[]>
  /** Takes or renews the right to take letters in, for `leaseMs`. False while another has it. */
  holdIntake(holder: string, leaseMs: number): Promise<boolean>
  releaseIntake(holder: string): Promise<void>
}
