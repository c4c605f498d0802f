// Opens and closes consumption: closed while something needed is down, opened one request at a time, then fully.
import type { Broker, Delivery, Subscription } from '../broker/broker.ts'
import type { Clock } from '../clock/clock.ts'
import type { Telemetry } from '../telemetry/events.ts'

/**
 * closed ──(no troubles)──▶ careful (prefetch 1) ──(a request went through)──▶ open (prefetch = concurrency)
 *    ▲                          │                                                 │
 *    └───────(a trouble)────────┴──────────────────(a trouble)────────────────────┘
 * The first opening is full: nothing has failed yet. Ended is for ever.
 */
type State = 'closed' | 'careful' | 'open' | 'ended'

export interface TapOptions {
  readonly queue: string
  readonly concurrency: number
  readonly onDelivery: (delivery: Delivery) => void
  /** Why requests cannot be processed now; empty when they can. */
  readonly troubles: () => readonly string[]
  /** Told when it closes because of a trouble. */
  readonly onPause: () => void
}

export class Tap {
  readonly #broker: Broker
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #options: TapOptions
  #state: State = 'closed'
  #subscription: Subscription | null = null
  #closedAtMs: number | null = null

  constructor(broker: Broker, clock: Clock, telemetry: Telemetry, options: TapOptions) {
    this.#broker = broker
    this.#clock = clock
    this.#telemetry = telemetry
    this.#options = options
  }

  get consuming(): boolean {
    return this.#state === 'careful' || this.#state === 'open'
  }

  /** Looks once and moves one step. Called again and again, never overlapping. */
  async look(): Promise<void> {
    const troubles = this.#options.troubles()
    if (this.#state === 'ended') return
    if (troubles.length > 0) {
      if (this.consuming) await this.#close(troubles.join('; '))
    } else if (this.#state === 'closed') {
      await this.#open(this.#closedAtMs === null ? 'open' : 'careful')
    }
  }

  /** A request went through: what was down is back for sure. */
  async widen(): Promise<void> {
    if (this.#state !== 'careful') return
    this.#state = 'closed'
    await this.#subscription?.cancel()
    if ((this.#state as State) === 'closed') await this.#open('open')
  }

  /** Takes no more deliveries, for ever. */
  async end(): Promise<void> {
    this.#state = 'ended'
    const subscription = this.#subscription
    this.#subscription = null
    await subscription?.cancel()
  }

  async #open(state: 'careful' | 'open'): Promise<void> {
    const prefetch = state === 'careful' ? 1 : this.#options.concurrency
    this.#state = state
    try {
      this.#subscription = await this.#broker.consume(this.#options.queue, prefetch, this.#options.onDelivery)
    } catch (failure) {
      if (this.consuming) this.#state = 'closed'
      throw failure
    }
    if ((this.#state as State) === 'ended') return this.end()
    if (this.#closedAtMs !== null && state === 'careful') {
      this.#telemetry.emit('worker.resumed', { pausedMs: this.#clock.monotonicMs() - this.#closedAtMs })
    }
  }

  async #close(why: string): Promise<void> {
    this.#state = 'closed'
    this.#closedAtMs = this.#clock.monotonicMs()
    this.#telemetry.emit('worker.paused', { why })
    this.#options.onPause()
    const subscription = this.#subscription
    this.#subscription = null
    await subscription?.cancel()
  }
}
