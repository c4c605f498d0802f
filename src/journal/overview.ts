// The port to the journal as a whole, for people: what is unfinished, who holds it, and which moves are open.
import type { Move } from '../transfer/snapshot.ts'
import type { RecordView } from './journal.ts'

/** A request that was begun and is not told yet. */
export interface Unfinished {
  readonly record: RecordView
  /** Whether its holder's lease still runs; null where nobody holds it. */
  readonly holderLives: boolean | null
  /** Its place in the queues of what it locks; null where it has none. */
  readonly lock: 'waiting' | 'granted' | null
}

export interface OpenMove {
  readonly move: Move
  /** Of the request that opened it; null where its record has expired. Times are ms (Redis time). */
  readonly operation: string | null
  readonly decidedAtMs: number | null
}

/** Each reads many records one after another, while others write: good for looking, not for deciding. */
export interface Overview {
  unfinished(): Promise<readonly Unfinished[]>
  openMoves(): Promise<readonly OpenMove[]>
  /** Every recorded move by its consumer, also those that have ended lately. */
  moves(): Promise<ReadonlyMap<string, Move>>
  /** The cancel that came before `request` was decided, also where the request was never seen; null: none. */
  cancelledBy(request: string): Promise<string | null>
}
