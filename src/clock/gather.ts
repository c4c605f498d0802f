// What one turn of the event loop writes goes out together: a busy worker pays more for writing than for deciding.

/** What of a socket is needed to hold writes back for a moment. */
export interface Corkable {
  readonly writableCorked: number
  cork(): void
  uncork(): void
}

/** Holds back what is written to `stream` in this turn, and lets it go together when the turn is over. */
export function gather(stream: Corkable): void {
  if (stream.writableCorked > 0) return
  stream.cork()
  afterThisTurn(() => {
    stream.uncork()
  })
}

/**
 * Runs `run` when all that follows from the present callback has been done, the promises it resolved included. Not
 * later: what waits for the end of a whole round of the loop keeps the other side idle meanwhile.
 */
export function afterThisTurn(run: () => void): void {
  process.nextTick(run)
}
