// Many small writes become one system call a turn of the event loop: a busy worker pays more for writing than deciding.

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
  setImmediate(() => {
    stream.uncork()
  })
}
