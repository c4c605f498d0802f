// Looking at RabbitMQ over one connection that does not come back: exclusive queues and single messages, for commands.
import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { Refused, Unavailable } from '../../retry/failures.ts'
import type { Delivery } from '../broker.ts'
import type { Reader, Received } from '../reader.ts'
import { destroy, dial, type TlsOptions } from './dial.ts'
import { answered, textOf, within } from './failure.ts'
import { propertiesOf } from './properties.ts'

export interface ReaderOptions {
  readonly urls: readonly string[]
  readonly heartbeatS: number
  /** Longest wait (ms) for a connection or an answer. */
  readonly timeoutMs: number
  readonly tls: TlsOptions
}

/** Connects to the first address that answers. */
export async function openReader(options: ReaderOptions, clock: Clock): Promise<Reader> {
  const model = await dialAny(options, clock)
  const lost = new Promise<never>((_, reject) => {
    model.on('error', (cause) => {
      reject(new Unavailable(`the connection to RabbitMQ was lost: ${textOf(cause)}`))
    })
    model.on('close', () => {
      reject(new Unavailable('the connection to RabbitMQ was lost'))
    })
  })
  lost.catch(() => undefined)
  return readerOn(model, lost, options, clock)
}

/** A connection to the first address that answers. */
export async function dialAny(options: ReaderOptions, clock: Clock): Promise<ChannelModel> {
  let failure: Error = new Unavailable('no address of RabbitMQ is given')
  for (const url of options.urls) {
    try {
      return await dial(url, { ...options, name: 'ferryman command' }, clock)
    } catch (cause) {
      if (cause instanceof Refused) throw cause
      failure = cause as Error
    }
  }
  throw failure
}

function readerOn(model: ChannelModel, lost: Promise<never>, options: ReaderOptions, clock: Clock): Reader {
  const ask = <Answer>(answer: Promise<Answer>, what: string): Promise<Answer> =>
    answered(answer, options.timeoutMs, what, clock)
  const channel = async (): Promise<Channel> => {
    const opened = await ask(model.createChannel(), 'opening a channel')
    opened.on('error', () => undefined)
    return opened
  }
  let getting: Promise<Channel> | null = null
  return {
    lost,
    tap: async (exchange, pattern, onMessage) => {
      const taps = await channel()
      await ask(taps.checkExchange(exchange), `exchange ${exchange}`)
      const own = { exclusive: true, autoDelete: true, durable: false }
      const { queue } = await ask(taps.assertQueue('', own), 'declaring a queue')
      await ask(taps.bindQueue(queue, exchange, pattern), `binding to ${exchange}`)
      const onDelivery = (message: ConsumeMessage | null): void => {
        if (message !== null) onMessage(receivedOf(message))
      }
      await ask(taps.consume(queue, onDelivery, { noAck: true }), queue)
    },
    get: async (queue) => {
      const gets = await (getting ??= channel())
      const message = await ask(gets.get(queue, { noAck: false }), `queue ${queue}`)
      return message === false ? null : deliveryOf(message, gets)
    },
    close: async () => {
      await within(model.close(), options.timeoutMs, 'closing', clock).catch(() => undefined)
      destroy(model, 'closed')
    },
  }
}

function receivedOf(message: ConsumeMessage): Received {
  return { body: message.content, properties: propertiesOf(message.properties), routingKey: message.fields.routingKey }
}

function deliveryOf(message: GetMessage, channel: Channel): Delivery {
  let settled = false
  const settle = (act: () => void): void => {
    if (settled) return
    settled = true
    try {
      act()
    } catch {
      /* the channel is gone, and with it the delivery */
    }
  }
  return {
    body: message.content,
    properties: propertiesOf(message.properties),
    exchange: message.fields.exchange,
    routingKey: message.fields.routingKey,
    redelivered: message.fields.redelivered,
    ack: () => {
      settle(() => {
        channel.ack(message)
      })
    },
    handBack: () => {
      settle(() => {
        channel.nack(message, false, true)
      })
    },
  }
}
