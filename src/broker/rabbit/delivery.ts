// A delivery and the channel it belongs to: settled once, and never on another channel.
import type { Channel, ConsumeMessage } from 'amqplib'
import type { Delivery, Properties } from '../broker.ts'
import { closeQuietly } from './channel.ts'
import { propertiesOf } from './properties.ts'

/** One channel's deliveries. After `end` settling does nothing: the broker has taken back what was not settled. */
export class Session {
  readonly channel: Channel
  #open = true
  #unsettled = 0
  #closing = false

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
    if (this.#unsettled === 0) this.#close()
  }

  took(): void {
    this.#unsettled += 1
  }

  settle(message: ConsumeMessage, how: 'ack' | 'return'): void {
    if (!this.#open) return
    try {
      if (how === 'ack') this.channel.ack(message, false)
      else this.channel.nack(message, false, true)
    } catch {
      /* closed in this very moment: the broker takes it back */
    }
    this.#unsettled -= 1
    if (this.#closing && this.#unsettled === 0) this.#close()
  }

  #close(): void {
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
    session.took()
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
