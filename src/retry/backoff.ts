// Attempt number to delay. Pure: the random number comes in.

export interface Backoff {
  /** Delay (ms) before the second send, before jitter. */
  readonly baseMs: number
  /** No delay is longer (ms). */
  readonly capMs: number
}

/** Between half and all of an exponentially growing ceiling (equal jitter): `random` in [0, 1), `attempt` from 1. */
export function backoffMs(attempt: number, backoff: Backoff, random: number): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** (attempt - 1))
  return Math.ceil(ceiling * (0.5 + random / 2))
}
