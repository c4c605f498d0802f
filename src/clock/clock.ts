// The port for time, timers and chance. Nothing else in src/ asks the machine for any of them.

export interface Clock {
  /** Wall clock, ms since 1970. For people only (event times, log lines); deadlines use `monotonicMs` or Redis time. */
  nowMs(): number
  /** Never steps back; ms with fractions, from an arbitrary origin. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. Keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `run` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  timer(ms: number, run: () => void): () => void
  /** Uniform in [0, 1). For jitter, never for ids. */
  random(): number
  /** A new random uuid (v4). */
  uuid(): string
}
