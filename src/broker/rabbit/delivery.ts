// A delivery and the channel it belongs to: settled once, and never on another channel.
import type { Channel, ConsumeMessage } from 'amqplib'
import type { Delivery, Properties } from '../broker.ts'
import { afterThisTurn } from '../../clock/gather.ts'
import { closeQuietly } from './channel.ts'
import { propertiesOf } from './properties.ts'

/**
 * One channel's deliveries. After `end` settling does nothing: the broker has taken back what was not settled.
 * Acknowledgements of one turn of the event loop go out together: where all up to a tag are settled, one frame (and for
 * the broker one entry in the queue's log) says so.
 */
export class Session {
  readonly channel: Channel
  #open = true
  #closing = false
  /** Deliveries neither acknowledged nor returned, by their tags, which rise. */
  readonly #inHand = new Map<number, ConsumeMessage>()
  readonly #acked = new Set<number>()

  constructor(channel: Channel) {
    this.channel = channel
  }

  get open(): boolean {
    return this.#open
  }

  end(): void {
    this.#open = false
  }

  /** Closes the channel as soon as all that was delivered is settled. */
  closeWhenSettled(): void {
    this.#closing = true
    this.#closeIfSettled()
  }

  took(message: ConsumeMessage): void {
    this.#inHand.set(message.fields.deliveryTag, message)
  }

  settle(message: ConsumeMessage, how: 'ack' | 'return'): void {
    if (!this.#open) return
    const { deliveryTag } = message.fields
    if (how === 'ack') {
      this.#acked.add(deliveryTag)
      if (this.#acked.size === 1) afterThisTurn(() => this.#acknowledge())
    } else {
      this.#inHand.delete(deliveryTag)
      this.#send(() => this.channel.nack(message, false, true))
    }
    this.#closeIfSettled()
  }

  #acknowledge(): void {
    if (!this.#open) return
    let upTo: ConsumeMessage | null = null
    for (const [tag, message] of this.#inHand) {
      if (!this.#acked.delete(tag)) break
      upTo = message
      this.#inHand.delete(tag)
    }
    if (upTo !== null) this.#send(() => this.channel.ack(upTo, true))
    for (const tag of this.#acked) {
      const message = this.#inHand.get(tag)!
      this.#inHand.delete(tag)
      this.#send(() => this.channel.ack(message, false))
    }
    this.#acked.clear()
  }

  #send(frame: () => void): void {
    try {
      frame()
    } catch {
      /* closed in this very moment: the broker takes it back */
    }
  }

  #closeIfSettled(): void {
    if (!this.#closing || !this.#open || this.#acked.size < this.#inHand.size) return
    this.#acknowledge()
    this.#open = false
    closeQuietly(this.channel)
  }
}

export class RabbitDelivery implements Delivery {
  readonly body: Buffer
  readonly properties: Properties
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly #session: Session
  readonly #message: ConsumeMessage
  #settled = false

  constructor(session: Session, message: ConsumeMessage) {
    this.body = message.content
    this.properties = propertiesOf(message.properties)
    this.exchange = message.fields.exchange
    this.routingKey = message.fields.routingKey
    this.redelivered = message.fields.redelivered
    this.#session = session
    this.#message = message
    session.took(message)
  }

  ack(): void {
    this.#settle('ack')
  }

  handBack(): void {
    this.#settle('return')
  }

  #settle(how: 'ack' | 'return'): void {
    if (this.#settled) return
    this.#settled = true
    this.#session.settle(this.#message, how)
  }
}
