// The markers that this process has made itself: a send goes out under no other.
import type { Attempt, NotApplied } from '../ledger.ts'
import { markerOf } from './markers.ts'

/** What came of the sends under a marker. */
type Sends = 'answered' | 'unanswered' | 'done'

export interface OwnMarkers {
  /** Reserves the marker of an attempt, once for each processing. Null: this processing has it; else why not. */
  take(attempt: Attempt): Promise<NotApplied | null>
  /** Null: this processing has not made the marker. */
  sendsOf(attempt: Attempt): Sends | null
  keep(attempt: Attempt, sends: Sends): void
  drop(attempt: Attempt): void
}

/** `reserve` is asked where the marker is not this processing's: null for reserved, else how the attempt ended. */
export function ownMarkers(reserve: (attempt: Attempt) => Promise<NotApplied | null>): OwnMarkers {
  const own = new Map<string, Own>()
  const sendsOf = (attempt: Attempt): Sends | null => {
    const made = own.get(markerOf(attempt))
    return made?.token === attempt.token ? made.sends : null
  }
  const keep = (attempt: Attempt, sends: Sends): void => {
    own.set(markerOf(attempt), { token: attempt.token, sends })
    if (own.size > OWN_MAX) own.delete(own.keys().next().value!)
  }
  return {
    sendsOf,
    keep,
    take: async (attempt) => {
      if (sendsOf(attempt) !== null) return null
      const ended = await reserve(attempt)
      if (ended === null) keep(attempt, 'answered')
      return ended
    },
    drop: (attempt) => {
      own.delete(markerOf(attempt))
    },
  }
}

interface Own {
  /** The processing that made it. Another one of this process has another plan, where the journal lost the first. */
  readonly token: string
  readonly sends: Sends
}

/** Attempts that others have taken over are never asked for again; one that is forgotten is closed, not sent. */
const OWN_MAX = 10_000
