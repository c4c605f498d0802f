// One consumer of one queue that comes back: after a lost connection, a channel error, a deleted queue.
import type { Channel, ConsumeMessage } from 'amqplib'
import { backoffMs, type Backoff } from '../../retry/backoff.ts'
import { Refused, Unavailable } from '../../retry/failures.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import type { Subscription } from '../broker.ts'
import { closeQuietly, openChannel, type ChannelDeps } from './channel.ts'
import type { Current } from './connection.ts'
import { RabbitDelivery, Session } from './delivery.ts'
import { codeOf, NOT_FOUND, operationFailure, textOf, within } from './failure.ts'

export interface ConsumerDeps extends ChannelDeps {
  readonly telemetry: Telemetry
  readonly reopen: Backoff
  /** Told when the queue is not there (it may be declared again), or may not be read; never rejects. */
  readonly onRefusal: (met: 'missing' | 'refused') => Promise<void>
}

export interface ConsumerSpec {
  readonly queue: string
  readonly prefetch: number
  /** Arguments of basic.consume, asked for each time it begins. */
  readonly argumentsNow?: () => Readonly<Record<string, unknown>>
  readonly onDelivery: (delivery: RabbitDelivery) => void
}

/** A consumer that lived longer (ms) than this was good: the backoff begins anew. */
const STEADY_MS = 5_000

export class Consumer implements Subscription {
  readonly #spec: ConsumerSpec
  readonly #deps: ConsumerDeps
  readonly #unlisten: () => void
  readonly #ending = new AbortController()
  #session: Session | null = null
  #tag = ''
  #trouble: string
  #failures = 0
  #turn = 0
  #cancelling: Promise<void> | null = null
  #begun: { readonly resolve: () => void; readonly reject: (cause: Error) => void } | null = null

  constructor(spec: ConsumerSpec, deps: ConsumerDeps) {
    this.#spec = spec
    this.#deps = deps
    this.#trouble = `queue ${spec.queue} is not consumed yet`
    this.#unlisten = deps.link.listen({
      up: (current) => {
        this.#failures = 0
        void this.#begin(current)
      },
      down: () => {
        this.#turn += 1
      },
    })
  }

  /** One phrase while nothing is consumed, else null. A cancelled consumer has no trouble. */
  get trouble(): string | null {
    return this.#session !== null || this.#ending.signal.aborted ? null : this.#trouble
  }

  /** Resolves once it consumes; after `limitMs`, or when it is refused for good, it is cancelled and rejects. */
  async begun(limitMs: number): Promise<void> {
    if (this.#session !== null) return
    const begun = new Promise<void>((resolve, reject) => {
      this.#begun = { resolve, reject }
    })
    try {
      await within(begun, limitMs, this.#spec.queue, this.#deps.clock)
    } catch (cause) {
      await this.cancel()
      throw cause instanceof Refused ? cause : new Unavailable(this.#trouble, { cause })
    }
  }

  /**
   * How many messages the broker counts in the queue, asked on the consumer's own channel: when the answer is here, so
   * is all that was delivered before it. Null: nobody can tell now.
   */
  async count(): Promise<number | null> {
    const session = this.#session
    if (session === null) return null
    const { clock, answerTimeoutMs } = this.#deps
    const asked = (async () => session.channel.checkQueue(this.#spec.queue))()
    try {
      return (await within(asked, answerTimeoutMs, 'counting', clock)).messageCount
    } catch {
      return null
    }
  }

  cancel(): Promise<void> {
    this.#cancelling ??= this.#cancel()
    return this.#cancelling
  }

  async #cancel(): Promise<void> {
    this.#ending.abort()
    this.#unlisten()
    this.#turn += 1
    const session = this.#session
    this.#session = null
    if (session === null || !session.open) return
    try {
      await within(session.channel.cancel(this.#tag), this.#deps.answerTimeoutMs, 'cancelling', this.#deps.clock)
    } catch {
      /* the channel is gone, or nothing answers: then nothing is delivered either */
    }
    session.closeWhenSettled()
  }

  /** Tries until it consumes, the connection falls, or it is cancelled. */
  async #begin(current: Current): Promise<void> {
    const turn = ++this.#turn
    const { clock, reopen } = this.#deps
    while (turn === this.#turn) {
      if (this.#failures > 0) {
        await clock.sleep(backoffMs(this.#failures, reopen, clock.random()), this.#ending.signal).catch(() => undefined)
        if (turn !== this.#turn) return
      }
      try {
        return await this.#consume(current, turn)
      } catch (cause) {
        if (turn !== this.#turn) return
        await this.#failed(cause)
      }
    }
  }

  async #failed(cause: unknown): Promise<void> {
    const { queue } = this.#spec
    const failure = operationFailure(cause, `queue ${queue} cannot be consumed`)
    this.#failures += 1
    this.#trouble = failure.message
    if (failure instanceof Refused) {
      this.#begun?.reject(failure)
      await this.#deps.onRefusal('refused')
    }
    if (codeOf(cause) !== NOT_FOUND) return
    this.#trouble = `queue ${queue} does not exist`
    await this.#deps.onRefusal('missing')
  }

  async #consume(current: Current, turn: number): Promise<void> {
    const { queue, prefetch, argumentsNow } = this.#spec
    const opened = await openChannel(this.#deps, current, ({ model }) => model.createChannel())
    const session = new Session(opened.channel)
    const startedMs = this.#deps.clock.monotonicMs()
    opened.onClosed((why, alone) => {
      session.end()
      if (this.#session === session) this.#fell(why, alone ? current : null, startedMs)
    })
    this.#tag = await this.#ask(
      session.channel,
      prefetch,
      {
        noAck: false,
        exclusive: false,
        arguments: argumentsNow?.() ?? {},
      },
      (message) => this.#onMessage(session, message, current, startedMs),
    )
    if (turn !== this.#turn || !session.open) {
      closeQuietly(session.channel)
      if (turn === this.#turn) throw new Unavailable(`the channel of ${queue} was closed at once`)
      return
    }
    this.#session = session
    this.#deps.telemetry.emit('broker.consuming', { queue, prefetch })
    this.#begun?.resolve()
  }

  async #ask(
    channel: Channel,
    prefetch: number,
    options: object,
    onMessage: (message: ConsumeMessage | null) => void,
  ): Promise<string> {
    const { clock, answerTimeoutMs } = this.#deps
    const asking = async (): Promise<string> => {
      await channel.prefetch(prefetch, false)
      const { consumerTag } = await channel.consume(this.#spec.queue, onMessage, options)
      return consumerTag
    }
    try {
      return await within(asking(), answerTimeoutMs, 'beginning to consume', clock)
    } catch (cause) {
      closeQuietly(channel)
      throw cause
    }
  }

  /** Nothing thrown here may reach amqplib: it would close the channel, or for a null message the connection. */
  #onMessage(session: Session, message: ConsumeMessage | null, current: Current, startedMs: number): void {
    if (message === null) {
      session.end()
      closeQuietly(session.channel)
      if (this.#session === session) this.#fell('the broker ended it, as when the queue is deleted', current, startedMs)
      return
    }
    const delivery = new RabbitDelivery(session, message)
    if (this.#ending.signal.aborted) return delivery.handBack()
    try {
      this.#spec.onDelivery(delivery)
    } catch (cause) {
      this.#deps.telemetry.emit('warning', {
        what: `taking a delivery of ${this.#spec.queue} failed: ${textOf(cause)}`,
        fix: 'report it; the message was handed back',
      })
      delivery.handBack()
    }
  }

  /** Begins again where the connection stands; where it does not, the next one begins it. */
  #fell(why: string, current: Current | null, startedMs: number): void {
    const { clock, telemetry } = this.#deps
    this.#session = null
    this.#trouble = `queue ${this.#spec.queue} is not consumed: ${why}`
    if (current === null) return
    telemetry.emit('broker.cancelled', { queue: this.#spec.queue, why })
    this.#failures = clock.monotonicMs() - startedMs >= STEADY_MS ? 0 : this.#failures + 1
    void this.#begin(current)
  }
}
