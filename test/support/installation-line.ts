// The line of others to an installation: they publish requests and read events and letters, over breaking connections.
import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage, type Options } from 'amqplib'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Names } from '../../src/broker/names.ts'

/** A message as a reader gets it. */
export interface Message {
  readonly exchange: string
  readonly routingKey: string
  readonly body: Buffer
  readonly properties: ConsumeMessage['properties']
}

export interface Outgoing {
  readonly body: Buffer
  readonly routingKey?: string
  readonly properties?: Options.Publish
}

/** What came so far, in order; what the broker gives again to this reader counts once. */
export interface Reading {
  readonly all: readonly Message[]
  /** Those whose correlation id is `request`. */
  of(request: string): readonly Message[]
  /** The first that tells a decision of `request`, not an answer to bytes. */
  decision(request: string): Promise<Message>
}

export interface Line {
  readonly events: Reading
  readonly letters: Reading
  /** Publishes to the exchange of requests; resolves once every message is confirmed, however long that takes. */
  send(messages: readonly Outgoing[]): Promise<void>
  /** Messages ready in each queue. */
  depths(queues: readonly string[]): Promise<Record<string, number>>
  close(): Promise<void>
}

const AGAIN_MS = 200

/** Declares its own two queues and reads them, at whichever of `urls` answers; the exchanges must be there. */
export async function openLine(urls: readonly string[], names: Names): Promise<Line> {
  const [events, letters] = [reading(), reading()]
  let closed = false
  let turn = 0
  let standing: Promise<{ model: ChannelModel; channel: ConfirmChannel }> | null = null
  const open = async (): Promise<{ model: ChannelModel; channel: ConfirmChannel }> => {
    for (;;) {
      try {
        return await openOnce(urls[turn++ % urls.length]!, names, events.take, letters.take, () => {
          standing = null
          if (!closed) void current()
        })
      } catch (failure) {
        if (closed) throw failure
        await systemClock.sleep(AGAIN_MS)
      }
    }
  }
  const current = (): Promise<{ model: ChannelModel; channel: ConfirmChannel }> => (standing ??= open())
  await current()
  return {
    events,
    letters,
    send: async (messages) => {
      await Promise.all(messages.map((message) => sendOne(current, names.requests, message)))
    },
    depths: async (queues) => {
      const { channel } = await current()
      const counted = queues.map(async (name) => [name, (await channel.checkQueue(name)).messageCount] as const)
      return Object.fromEntries(await Promise.all(counted)) as Record<string, number>
    },
    close: async () => {
      closed = true
      const last = await current().catch(() => null) // a broker that is down needs no farewell
      await last?.model.close().catch(() => undefined)
    },
  }
}

async function openOnce(
  url: string,
  names: Names,
  onEvent: (message: ConsumeMessage) => void,
  onLetter: (message: ConsumeMessage) => void,
  onClosed: () => void,
): Promise<{ model: ChannelModel; channel: ConfirmChannel }> {
  const model = await connect(url)
  model.on('error', () => undefined)
  const channel = await model.createConfirmChannel()
  channel.on('error', () => undefined)
  for (const [exchange, take] of [
    [names.events, onEvent],
    [names.deadLetters, onLetter],
  ] as const) {
    const { queue } = await channel.assertQueue(`test.${exchange}`, { arguments: { 'x-queue-type': 'quorum' } })
    await channel.bindQueue(queue, exchange, '#')
    await channel.consume(queue, (message) => {
      if (message === null) return
      take(message)
      channel.ack(message)
    })
  }
  model.once('close', onClosed)
  return { model, channel }
}

async function sendOne(
  current: () => Promise<{ channel: ConfirmChannel }>,
  exchange: string,
  { body, routingKey = 'transfer.test', properties = {} }: Outgoing,
): Promise<void> {
  for (;;) {
    const { channel } = await current()
    const confirmed = await new Promise<boolean>((resolve) => {
      try {
        const options = { deliveryMode: 2, contentType: 'application/json', ...properties }
        channel.publish(exchange, routingKey, body, options, (failure) => {
          resolve(failure === null || failure === undefined)
        })
      } catch {
        resolve(false)
      }
    })
    if (confirmed) return
    await systemClock.sleep(AGAIN_MS)
  }
}

function reading(): Reading & { take(message: ConsumeMessage): void } {
  const all: Message[] = []
  const byRequest = new Map<string, Message[]>()
  const waiting = new Map<string, ((message: Message) => void)[]>()
  const of = (request: string): readonly Message[] => byRequest.get(request) ?? []
  return {
    all,
    of,
    decision: (request) => {
      const found = of(request).find(isDecision)
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve) => {
        waiting.set(request, [...(waiting.get(request) ?? []), resolve])
      })
    },
    take: ({ content: body, fields, properties }) => {
      const message = { exchange: fields.exchange, routingKey: fields.routingKey, body, properties }
      const request = String(properties.correlationId)
      // n.b. What was sent to this reader just before a connection broke may never have arrived here.
      const isSame = ({ body: earlier, routingKey }: Message): boolean =>
        earlier.equals(body) && routingKey === fields.routingKey
      if (fields.redelivered && of(request).some(isSame)) return
      all.push(message)
      byRequest.set(request, [...of(request), message])
      if (!isDecision(message)) return
      for (const resolve of waiting.get(request) ?? []) resolve(message)
      waiting.delete(request)
    },
  }
}

/** `<request>/<code>`; an answer to bytes has a third part. */
export function isDecision({ properties }: Message): boolean {
  return String(properties.messageId).split('/').length === 2
}
