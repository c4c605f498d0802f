// The broker as one process has it: it breaks and comes back, confirms may not come, its consumer begins again.
import type { Broker, Delivery, Outgoing, Subscription } from '../../src/broker/broker.ts'
import type { Clock } from '../../src/clock/clock.ts'
import { Unanswered, Unavailable } from '../../src/retry/failures.ts'
import type { Connection } from '../support/memory/weather.ts'
import type { Channel, MemoryBroker, Message } from './memory-broker.ts'

/** Told of what passes between the process and the broker. */
export interface ConnectionWatch {
  delivered(delivery: Delivery, message: Message): void
  /** The process says so; the broker hears of it later, or never. */
  settled(delivery: Delivery, how: 'ack' | 'return'): void
  /** Called right before it is sent. */
  publishing(message: Outgoing): void
  confirmed(message: Outgoing): void
}

export interface BrokerParts {
  readonly server: MemoryBroker
  /** Time at the server; `process`: at this end. */
  readonly clock: Clock
  readonly process: Clock
  readonly link: Connection
  readonly watch: ConnectionWatch
  /** Longest wait (ms) of a message that cannot be sent now. */
  readonly sendTimeoutMs: number
}

interface Consuming {
  readonly prefetch: number
  readonly onDelivery: (delivery: Delivery) => void
  channel: Channel | null
  cancelled: boolean
}

export class BrokerConnection implements Broker {
  readonly #parts: BrokerParts
  readonly #consumers = new Set<Consuming>()
  /** Channels on which something may still be settled, the consumer's newest included. */
  readonly #channels = new Set<Channel>()
  readonly #cuts = new Set<() => void>()
  /** As this end knows it. */
  #up = true
  #stopped = false
  /** When the last delivery sent arrives: a channel keeps the order. */
  #lastMs = 0

  constructor(parts: BrokerParts) {
    this.#parts = parts
  }

  get ready(): boolean {
    return this.troubles.length === 0
  }

  get troubles(): readonly string[] {
    if (!this.#up) return ['the broker is not connected']
    return this.#parts.server.blocked ? ['the broker is blocked'] : []
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const consumer of this.#consumers) consumer.cancelled = true
    this.drop()
  }

  async publish(message: Outgoing): Promise<'routed' | 'unroutable'> {
    await this.#wayOpen()
    const { link, server, watch } = this.#parts
    watch.publishing(message)
    const answer = await this.#orCut(link.call('broker.publish', () => server.publish(message)))
    if (answer === 'routed') watch.confirmed(message)
    return answer
  }

  async consume(_queue: string, prefetch: number, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    await this.#wayOpen()
    const consumer: Consuming = { prefetch, onDelivery, channel: null, cancelled: false }
    this.#consumers.add(consumer)
    this.#begin(consumer)
    return { cancel: () => this.#cancel(consumer) }
  }

  /** The server closes every channel of this process; this end may not know it yet. */
  drop(): void {
    for (const channel of this.#channels) channel.close()
    this.#channels.clear()
  }

  /** The connection breaks, this end notices after `noticeMs`, and it stands again `downMs` later. */
  break(noticeMs: number, downMs: number): void {
    const { link, process } = this.#parts
    this.drop()
    link.weather.state = 'silent'
    process.timer(noticeMs, () => {
      this.#up = false
      for (const cut of [...this.#cuts]) cut()
      process.timer(downMs, () => {
        link.weather.state = 'up'
        this.drop()
        this.#up = true
        for (const consumer of this.#consumers) if (!consumer.cancelled) this.#begin(consumer)
      })
    })
  }

  #begin(consumer: Consuming): void {
    if (this.#stopped) return
    const channel = this.#parts.server.consume(consumer.prefetch, (message) => {
      // n.b. The first messages come before `consume` has returned its channel.
      this.#afterWay(() => this.#deliver(consumer, channel, message))
    })
    consumer.channel = channel
    this.#channels.add(channel)
  }

  async #cancel(consumer: Consuming): Promise<void> {
    consumer.cancelled = true
    this.#consumers.delete(consumer)
    const { channel } = consumer
    if (channel === null || !this.#up) return
    await this.#parts.link.call('broker.cancel', () => channel.stop()).catch(() => channel.stop())
  }

  /** Keeps the order of what is sent to this process. */
  #afterWay(run: () => void): void {
    const { clock, process, link } = this.#parts
    this.#lastMs = Math.max(this.#lastMs, clock.monotonicMs() + link.weather.latencyMs * clock.random())
    process.timer(this.#lastMs - clock.monotonicMs(), run)
  }

  #deliver(consumer: Consuming, channel: Channel, message: Message): void {
    if (!this.#up || !this.#channels.has(channel)) return
    const { body, properties, exchange, routingKey, returns } = message
    let settled = false
    const settle = (how: 'ack' | 'return'): void => {
      if (settled) return
      settled = true
      this.#parts.watch.settled(delivery, how)
      const { clock, link } = this.#parts
      clock.timer(link.weather.latencyMs * clock.random(), () => channel.settle(message, how))
    }
    const delivery: Delivery = {
      body,
      properties,
      exchange,
      routingKey,
      redelivered: returns > 0,
      ack: () => settle('ack'),
      handBack: () => settle('return'),
    }
    this.#parts.watch.delivered(delivery, message)
    if (consumer.cancelled) delivery.handBack()
    else consumer.onDelivery(delivery)
  }

  /** Resolves once messages can be sent; rejects when that takes too long. */
  async #wayOpen(): Promise<void> {
    const { process, sendTimeoutMs } = this.#parts
    const sinceMs = process.monotonicMs()
    while (this.troubles.length > 0 && !this.#stopped) {
      if (process.monotonicMs() - sinceMs >= sendTimeoutMs) break
      await process.sleep(100)
    }
    if (this.#stopped) throw new Unavailable('the broker connection has been stopped')
    if (this.troubles.length > 0) throw new Unavailable(this.troubles.join('; '))
  }

  /** What is under way when this end notices a broken connection gets no answer. */
  #orCut<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cut = (): void => reject(new Unanswered('the broker connection broke before a confirm came'))
      this.#cuts.add(cut)
      work.then(resolve, reject).finally(() => this.#cuts.delete(cut))
    })
  }
}
