// Consumes requests with bounded concurrency: start, pause while something needed is down, drain, stop.
import { setMaxListeners } from 'node:events'
import type { Broker, Delivery } from '../broker/broker.ts'
import { every } from '../clock/every.ts'
import { flow } from '../flow/flow.ts'
import type { Deps } from '../flow/job.ts'
import { Refused, Unanswered, Unavailable } from '../retry/failures.ts'
import { leftoversOf, type Leftovers } from './leftovers.ts'
import { pack } from './pack.ts'
import type { Restorer } from './restore.ts'
import { sweep } from './sweep.ts'
import { Tap } from './tap.ts'
import { Turns } from './turns.ts'

export interface WorkerOptions {
  readonly concurrency: number
  /** Longest a drain may take (ms) before what is in hand is handed back. */
  readonly drainMs: number
  /** How often (ms) dependencies are looked at. */
  readonly lookEveryMs: number
  readonly sweepEveryMs: number
  readonly packEveryMs: number
  /** How often (ms) it is asked whether another run of the store has taken over. */
  readonly restoreEveryMs: number
}

export interface WorkerParts {
  readonly deps: Omit<Deps, 'active' | 'nextToken' | 'giveUpLater'>
  readonly broker: Broker
  /** Why requests cannot be processed now, one phrase each. */
  readonly troubles: () => readonly string[]
  readonly restorer: Pick<Restorer, 'look' | 'troubles'>
}

export interface Drained {
  readonly finished: number
  /** Requests that were in hand when the time was over. */
  readonly handedBack: readonly string[]
}

/**
 * The loop that looks at dependencies comes round many times a second, and each of its waits is bounded, for Redis and
 * RabbitMQ too: after so long (ms) it hangs where nothing outside can help.
 */
const STUCK_MS = 600_000

/** Made over parts that are started already. It owns none of them: who made the parts stops them after `drain`. */
export class Worker {
  readonly #parts: WorkerParts
  readonly #options: WorkerOptions
  readonly #deps: Deps
  readonly #tap: Tap
  readonly #leftovers: Leftovers
  readonly #turns = new Turns()
  readonly #inHand = new Set<Promise<void>>()
  readonly #forced = heardByMany()
  /** Ends waiting (for locks, for a turn) of what is in hand now. */
  #handingBack = heardByMany()
  readonly #draining = new AbortController()
  #tokens = 0
  #finished = 0
  #lookedMs: number | null = null
  #drained: Promise<Drained> | null = null

  constructor(parts: WorkerParts, options: WorkerOptions) {
    const { locks, effects, clock, telemetry, names } = parts.deps
    this.#parts = parts
    this.#options = options
    this.#leftovers = leftoversOf(effects)
    this.#deps = {
      ...parts.deps,
      active: new Set(),
      nextToken: () => `${locks.session}.${++this.#tokens}`,
      giveUpLater: this.#leftovers.add,
    }
    this.#tap = new Tap(parts.broker, clock, telemetry, {
      queue: names.requests,
      concurrency: options.concurrency,
      troubles: () => this.#troubles(),
      onDelivery: (delivery) => {
        this.#take(delivery)
      },
      onPause: () => {
        this.#handBack('paused')
      },
    })
  }

  /** Consumes as soon as nothing is in the way. */
  start(): void {
    const { clock } = this.#deps
    const warn = (failure: unknown): void => {
      this.#warn(failure)
    }
    this.#lookedMs = clock.monotonicMs()
    void every(clock, this.#options.lookEveryMs, this.#draining.signal, () => this.#look(), warn)
    void every(clock, this.#options.restoreEveryMs, this.#draining.signal, () => this.#parts.restorer.look(), warn)
    void every(clock, this.#options.sweepEveryMs, this.#draining.signal, () => this.#sweep(), warn)
    void every(clock, this.#options.packEveryMs, this.#draining.signal, () => this.#pack(), warn)
  }

  /** Soft: no new requests, those in hand finish within `drainMs`. Calling it again returns the same end. */
  drain(): Promise<Drained> {
    return (this.#drained ??= this.#drain())
  }

  /** Hard: aborts what is in hand at once. */
  force(): void {
    this.#forced.abort(new Error('forced to stop'))
    this.#handBack('forced to stop')
  }

  /** Why it is not consuming; empty when it is. */
  reasons(): readonly string[] {
    if (this.#drained !== null) return ['draining']
    const troubles = this.#troubles()
    return this.#tap.consuming ? troubles : [...troubles, 'not consuming yet']
  }

  /** In what it is stuck, so that only a new process helps; null: in nothing. Never because of Redis or RabbitMQ. */
  stuck(): string | null {
    if (this.#lookedMs === null || this.#drained !== null) return null
    const quietMs = this.#deps.clock.monotonicMs() - this.#lookedMs
    return quietMs < STUCK_MS ? null : `stuck: the worker has not come round for ${Math.round(quietMs / 1_000)} s`
  }

  get inHand(): number {
    return this.#inHand.size
  }

  #take(delivery: Delivery): void {
    const carried = this.#carry(delivery).finally(() => {
      this.#inHand.delete(carried)
    })
    this.#inHand.add(carried)
  }

  async #carry(delivery: Delivery): Promise<void> {
    const { signal } = this.#handingBack
    const turn = await this.#turns.enter(signal)
    if (turn === null) return delivery.handBack()
    try {
      const settlement = await flow(delivery, this.#deps, signal, turn)
      turn.leave()
      this.#finished += 1
      if (settlement === 'acknowledged') await this.#tap.widen()
    } catch (failure) {
      turn.leave()
      this.#warn(failure)
      // n.b. Without the pause a delivery that meets a bug would come back at once, and spin.
      await this.#deps.clock.sleep(1_000, this.#forced.signal).catch(() => undefined)
      delivery.handBack()
    }
  }

  /** What only waits goes back to the queue; what is being written or told comes to its end first. */
  #handBack(why: string): void {
    this.#handingBack.abort(new Error(why))
    if (!this.#forced.signal.aborted) this.#handingBack = heardByMany()
  }

  #troubles(): readonly string[] {
    return [...this.#parts.troubles(), ...this.#parts.restorer.troubles()]
  }

  async #look(): Promise<void> {
    try {
      if (this.#troubles().length === 0) await this.#leftovers.giveUp()
      await this.#tap.look()
    } finally {
      this.#lookedMs = this.#deps.clock.monotonicMs()
    }
  }

  async #sweep(): Promise<void> {
    const { effects, names, telemetry } = this.#deps
    if (this.#tap.consuming) await sweep(effects, names, telemetry)
  }

  async #pack(): Promise<void> {
    const { effects, telemetry } = this.#deps
    if (this.#tap.consuming) await pack(effects, telemetry)
  }

  async #drain(): Promise<Drained> {
    const { clock, telemetry, active } = this.#deps
    telemetry.emit('worker.draining', { inHand: this.#inHand.size })
    this.#draining.abort(new Error('draining'))
    await this.#tap.end()
    const over = new AbortController()
    const late = clock
      .sleep(this.#options.drainMs, AbortSignal.any([over.signal, this.#forced.signal]))
      .catch(() => undefined)
    await Promise.race([Promise.all(this.#inHand), late])
    const handedBack = [...active]
    over.abort()
    this.force()
    telemetry.emit('worker.stopped', { finished: this.#finished, handedBack })
    return { finished: this.#finished, handedBack }
  }

  #warn(failure: unknown): void {
    if (failure instanceof Unanswered || failure instanceof Unavailable) return
    if (failure instanceof Refused) {
      return this.#deps.telemetry.emit('warning', { what: failure.message, fix: 'ferryman doctor' })
    }
    const what = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
    this.#deps.telemetry.emit('warning', { what, fix: 'this is a bug; nothing is lost, the message is handed back' })
  }
}

/** As many listen to it as requests are in hand. */
function heardByMany(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
