// A message broker in virtual time: quorum queues, the ladder, and exchanges whose messages are kept as lists.
import { DELAYS, type Delay, type Names } from '../../src/broker/names.ts'
import type { Outgoing, Properties } from '../../src/broker/broker.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

/** A message in a queue. */
export interface Message {
  readonly number: number
  readonly body: Buffer
  readonly properties: Properties
  readonly exchange: string
  readonly routingKey: string
  /** How often it was given to a consumer and came back. */
  readonly returns: number
}

/** Told of what the broker stores; the simulation's judge listens here. */
export interface StoreWatch {
  stored(message: Outgoing): void
}

/** One consumer on one channel: what it was given and has not settled goes back when the channel closes. */
export interface Channel {
  readonly open: boolean
  /** Settles one delivery; without effect once the channel is closed or the delivery settled. */
  settle(message: Message, how: 'ack' | 'return'): void
  /** Gives it nothing new; what it has may still be settled. */
  stop(): void
  close(): void
}

interface Consumer {
  readonly prefetch: number
  readonly give: (message: Message) => void
  readonly unsettled: Map<number, Message>
  wants: boolean
  open: boolean
}

/** The server: one queue of requests, the ladder in front of it, and the journals of events and letters. */
export class MemoryBroker {
  readonly events: Outgoing[] = []
  readonly letters: Outgoing[] = []
  readonly names: Names
  /** A memory alarm: nobody's messages are taken. */
  blocked = false
  /** Whether a queue is bound that would take the events. */
  eventsBound = true
  readonly #clock: VirtualClock
  readonly #watch: StoreWatch
  readonly #delays: ReadonlyMap<string, number>
  readonly #consumers = new Set<Consumer>()
  #ready: Message[] = []
  /** What came back stands before all that is new. */
  #returned: Message[] = []
  #delayed = 0
  #numbers = 0
  #pumping = false

  constructor(clock: VirtualClock, names: Names, watch: StoreWatch) {
    this.#clock = clock
    this.names = names
    this.#watch = watch
    this.#delays = new Map((Object.keys(DELAYS) as Delay[]).map((delay) => [names.retry(delay), DELAYS[delay]]))
  }

  /** Messages in the queues: ready, given out, and on the ladder. */
  get depths(): { readonly ready: number; readonly unsettled: number; readonly delayed: number } {
    const unsettled = [...this.#consumers].reduce((sum, consumer) => sum + consumer.unsettled.size, 0)
    return { ready: this.#ready.length + this.#returned.length, unsettled, delayed: this.#delayed }
  }

  get empty(): boolean {
    const { ready, unsettled, delayed } = this.depths
    return ready + unsettled + delayed === 0
  }

  /** Stores at once. `ahead`: places further to the front than the end of the queue (messages overtake each other). */
  publish(message: Outgoing, ahead = 0): 'routed' | 'unroutable' {
    const { exchange, routingKey } = message
    const { names } = this
    if (exchange === names.events && !this.eventsBound) return 'unroutable'
    if (exchange === names.events) this.events.push(message)
    else if (exchange === names.deadLetters) this.letters.push(message)
    else if (exchange === names.requests && routingKey.startsWith('transfer.')) this.#enqueue(message, ahead)
    else if (exchange === '' && routingKey === names.requests) this.#enqueue(message, ahead)
    else if (exchange === '' && this.#delays.has(routingKey)) this.#delay(message, this.#delays.get(routingKey)!)
    else return 'unroutable'
    this.#watch.stored(message)
    return 'routed'
  }

  /** A consumer of the queue of requests; `give` is called with each message for it, in order. */
  consume(prefetch: number, give: (message: Message) => void): Channel {
    const consumer: Consumer = { prefetch, give, unsettled: new Map(), wants: true, open: true }
    this.#consumers.add(consumer)
    this.#pump()
    return {
      get open() {
        return consumer.open
      },
      settle: (message, how) => this.#settle(consumer, message, how),
      stop: () => {
        consumer.wants = false
      },
      close: () => this.#close(consumer),
    }
  }

  #settle(consumer: Consumer, message: Message, how: 'ack' | 'return'): void {
    if (!consumer.unsettled.delete(message.number)) return
    if (how === 'return') this.#takeBack(message)
    this.#pump()
  }

  #close(consumer: Consumer): void {
    consumer.open = false
    consumer.wants = false
    const messages = [...consumer.unsettled.values()]
    consumer.unsettled.clear()
    this.#consumers.delete(consumer)
    for (const message of messages) this.#takeBack(message)
    this.#pump()
  }

  #takeBack(message: Message): void {
    this.#returned.push({ ...message, returns: message.returns + 1 })
  }

  #enqueue(message: Outgoing, ahead: number): void {
    const { body, properties, exchange, routingKey } = message
    const queued = { number: ++this.#numbers, body, properties, exchange, routingKey, returns: 0 }
    this.#ready.splice(Math.max(0, this.#ready.length - ahead), 0, queued)
    this.#pump()
  }

  /** What waits long enough goes to the queue of requests through the default exchange. */
  #delay(message: Outgoing, delayMs: number): void {
    this.#delayed += 1
    this.#clock.timer(delayMs, () => {
      this.#delayed -= 1
      this.#enqueue({ ...message, exchange: '', routingKey: this.names.requests }, 0)
    })
  }

  /** Gives out what is ready to consumers that have room, in turn. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    for (;;) {
      const free = [...this.#consumers].filter(({ wants, unsettled, prefetch }) => wants && unsettled.size < prefetch)
      const message = free.length === 0 ? undefined : (this.#returned.shift() ?? this.#ready.shift())
      if (message === undefined) break
      const consumer = free[0]!
      this.#consumers.delete(consumer)
      this.#consumers.add(consumer) // the last in turn now
      consumer.unsettled.set(message.number, message)
      consumer.give(message)
    }
    this.#pumping = false
  }
}
