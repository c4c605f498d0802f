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
  #move = 0
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
    const move = this.#turnTo('closed')
    await this.#letGo()
    if (move === this.#move) await this.#open('open')
  }

  /** Takes no more deliveries, for ever. */
  async end(): Promise<void> {
    this.#turnTo('ended')
    await this.#letGo()
  }

  async #open(state: 'careful' | 'open'): Promise<void> {
    const prefetch = state === 'careful' ? 1 : this.#options.concurrency
    const move = this.#turnTo(state)
    let subscription: Subscription
    try {
      subscription = await this.#broker.consume(this.#options.queue, prefetch, this.#options.onDelivery)
    } catch (failure) {
      if (move === this.#move) this.#state = 'closed'
      throw failure
    }
    if (move !== this.#move) return subscription.cancel()
    this.#subscription = subscription
    if (this.#closedAtMs !== null && state === 'careful') {
      this.#telemetry.emit('worker.resumed', { pausedMs: this.#clock.monotonicMs() - this.#closedAtMs })
    }
  }

  async #close(why: string): Promise<void> {
    this.#turnTo('closed')
    this.#closedAtMs = this.#clock.monotonicMs()
    this.#telemetry.emit('worker.paused', { why })
    this.#options.onPause()
    await this.#letGo()
  }

  /** The number of this move: whoever finds another one after waiting has been overtaken, and leaves nothing behind. */
  #turnTo(state: State): number {
    if (this.#state !== 'ended') this.#state = state
    return ++this.#move
  }

  async #letGo(): Promise<void> {
    const subscription = this.#subscription
    this.#subscription = null
    await subscription?.cancel()
  }
}
