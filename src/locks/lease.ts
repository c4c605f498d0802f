// One session's lease: heartbeats while it lives, and until when it may be trusted, counted from before each was sent.
import type { Clock } from '../clock/clock.ts'
import { backoffMs } from '../retry/backoff.ts'
import type { Heartbeat, LockStore } from './locks.ts'

export interface LeaseOptions {
  readonly leaseMs: number
  /** Taken off the end of every lease: what clocks that run at different rates, and late timers, may cost. */
  readonly marginMs: number
}

export interface LeaseParts {
  readonly store: LockStore
  readonly clock: Clock
  readonly options: LeaseOptions
  /** Told once, when the lease is over for any reason. */
  readonly onEnd: (why: string) => void
}

/** Share of a lease by which a heartbeat is too late for anything but a process that stands still. */
const STILL = 0.5
/** Heartbeats a lease, so that one that is missed twice is still made up for in time. */
const BEATS = 3.3
const RETRY = { baseMs: 50, capMs: 250 }

/**
 * Opens `session`, an id never used before, and renews it until it ends. Rejects as the store does; then the id must
 * not be used again, since a copy of the lost command may still open it.
 */
export async function openLease(session: string, parts: LeaseParts): Promise<Lease> {
  const sentAtMs = parts.clock.monotonicMs()
  const answer = await parts.store.heartbeat(session, parts.options.leaseMs, true)
  if (!answer.alive) throw new Error(`session ${session} was used before; ids must be new`)
  return new Lease(session, parts, sentAtMs, answer.nowMs)
}

/** Made by `openLease`. Once its time is over it is never trusted again, whatever is answered later. */
export class Lease {
  readonly session: string
  readonly #parts: LeaseParts
  /** The newest heartbeat that was answered: when it was sent, and what the store's clock then showed. */
  #sentAtMs: number
  #storeMs: number
  #over = false
  #failures = 0
  /** Monotonic ms at which the next heartbeat is to be sent. */
  #dueMs: number
  #stoodStill = false
  #cancelBeat: () => void
  #cancelEnd: () => void

  constructor(session: string, parts: LeaseParts, sentAtMs: number, storeMs: number) {
    this.session = session
    this.#parts = parts
    this.#sentAtMs = sentAtMs
    this.#storeMs = storeMs
    this.#dueMs = parts.clock.monotonicMs() + this.#everyMs
    this.#cancelBeat = parts.clock.timer(this.#everyMs, this.#beat)
    this.#cancelEnd = parts.clock.timer(this.#leftMs(), this.#endOfTrust)
  }

  /** A comparison, not a flag: a process that slept through its timers must not trust it. */
  get trusted(): boolean {
    return !this.#over && this.#leftMs() > 0
  }

  /** Whether the process did not come to send its heartbeats, rather than the store to answer them. */
  get stoodStill(): boolean {
    this.#noteLate()
    return this.#stoodStill
  }

  /** The earliest monotonic ms at which the store's clock can have shown `storeMs`; never later than now. */
  earliestMs(storeMs: number): number {
    return Math.min(this.#parts.clock.monotonicMs(), this.#sentAtMs + storeMs - this.#storeMs)
  }

  /** Ends it, telling `onEnd`. The second time does nothing. */
  end(why: string): void {
    if (this.#over) return
    this.#noteLate()
    this.#over = true
    this.#cancelBeat()
    this.#cancelEnd()
    this.#parts.onEnd(why)
  }

  get #everyMs(): number {
    return this.#parts.options.leaseMs / BEATS
  }

  #leftMs(): number {
    const { leaseMs, marginMs } = this.#parts.options
    return this.#sentAtMs + leaseMs - marginMs - this.#parts.clock.monotonicMs()
  }

  /** The next beat is due whether or not this one is answered: a command that hangs must not cost the lease. */
  readonly #beat = (): void => {
    this.#noteLate()
    this.#beatIn(this.#everyMs)
    void this.#send()
  }

  #beatIn(ms: number): void {
    this.#cancelBeat()
    this.#dueMs = this.#parts.clock.monotonicMs() + ms
    this.#cancelBeat = this.#parts.clock.timer(ms, this.#beat)
  }

  #noteLate(): void {
    if (this.#over) return
    const { clock, options } = this.#parts
    if (clock.monotonicMs() - this.#dueMs > options.leaseMs * STILL) this.#stoodStill = true
  }

  async #send(): Promise<void> {
    const { store, clock, options } = this.#parts
    const sentAtMs = clock.monotonicMs()
    try {
      this.#answered(sentAtMs, await store.heartbeat(this.session, options.leaseMs, false))
    } catch {
      if (!this.#over) this.#beatIn(backoffMs(++this.#failures, RETRY, clock.random()))
    }
  }

  #answered(sentAtMs: number, answer: Heartbeat): void {
    if (this.#over) return
    if (!answer.alive) return this.end('the store no longer knows the session')
    if (this.#leftMs() <= 0) return this.end('its time was over before a heartbeat was answered')
    this.#failures = 0
    this.#stoodStill = false
    if (sentAtMs <= this.#sentAtMs) return
    this.#sentAtMs = sentAtMs
    this.#storeMs = answer.nowMs
    this.#cancelEnd()
    this.#cancelEnd = this.#parts.clock.timer(this.#leftMs(), this.#endOfTrust)
  }

  readonly #endOfTrust = (): void => {
    const leftMs = this.#leftMs()
    if (leftMs <= 0) return this.end('no heartbeat was answered in time')
    // Timers may come early by a fraction of a ms.
    this.#cancelEnd = this.#parts.clock.timer(Math.ceil(leftMs), this.#endOfTrust)
  }
}
