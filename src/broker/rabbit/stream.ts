// Reading a stream queue from an offset on, without changing it: the journals, as often as anybody likes.
import type { Subscription, Delivery } from '../broker.ts'
import { Consumer, type ConsumerDeps } from './consumer.ts'
import { Unavailable } from '../../retry/failures.ts'

/** Where reading begins: `last` is the last chunk (one or more messages), a number an offset, a date a time. */
export type StreamFrom = 'first' | 'last' | 'next' | number | Date

export interface StreamMessage extends Pick<Delivery, 'body' | 'properties' | 'exchange' | 'routingKey'> {
  readonly offset: number
}

const PREFETCH = 200
/** So long (ms) at least nothing came of a stream that is empty. */
const EMPTY_MS = 1_000
/** So long (ms) at least nothing more came of a last chunk that has been told whole: it arrives in one burst. */
const QUIET_MS = 250
/** How often (ms) it is asked for the end. */
const ASK_MS = 50

/** A reading that goes on. `count`: as a consumer's. */
export interface StreamReading extends Subscription {
  count(): Promise<number | null>
}

/**
 * Reads on and on, each message once and in order, also across reconnects. More is asked for as the promises of
 * `onMessage` resolve; one that rejects ends the reading, and `onFailure` is told.
 */
export async function readStream(
  queue: string,
  from: StreamFrom,
  onMessage: (message: StreamMessage) => void | Promise<void>,
  onFailure: (cause: unknown) => void,
  limitMs: number,
  deps: ConsumerDeps,
): Promise<StreamReading> {
  let next: number | null = null
  let reading = Promise.resolve()
  let over = false
  const read = async (message: StreamMessage, delivery: Delivery): Promise<void> => {
    try {
      if (!over) await onMessage(message)
    } finally {
      delivery.ack()
    }
  }
  const consumer = new Consumer(
    {
      queue,
      prefetch: PREFETCH,
      argumentsNow: () => ({ 'x-stream-offset': offsetArgument(next ?? from) }),
      onDelivery: (delivery) => {
        const offset = offsetOf(delivery)
        // n.b. The broker begins at the chunk that holds the offset, so what lies before it comes too.
        if (offset < (next ?? (typeof from === 'number' ? from : 0))) return delivery.ack()
        next = offset + 1
        const { body, properties, exchange, routingKey } = delivery
        reading = reading
          .then(() => read({ body, properties, exchange, routingKey, offset }, delivery))
          .catch((cause: unknown) => {
            if (over) return
            over = true
            void consumer.cancel()
            onFailure(cause)
          })
      },
    },
    deps,
  )
  await consumer.begun(limitMs)
  return {
    count: () => consumer.count(),
    cancel: () => {
      over = true
      return consumer.cancel()
    },
  }
}

/**
 * Offset of the last message the stream holds now, or null while it is empty. Silence alone proves neither: it counts
 * when an answer has come after it on the same channel, behind which nothing can be under way, and a stream is empty
 * only by the broker's own count besides. Rejects with `Unavailable` when that is not known within `limitMs`.
 */
export async function lastOffsetOf(queue: string, limitMs: number, deps: ConsumerDeps): Promise<number | null> {
  const { clock } = deps
  const beganMs = clock.monotonicMs()
  const seen = { offset: null as number | null, atMs: beganMs }
  const onMessage = ({ offset }: StreamMessage): void => {
    seen.offset = offset
    seen.atMs = clock.monotonicMs()
  }
  const reading = await readStream(queue, 'last', onMessage, () => undefined, limitMs, deps)
  if (seen.offset === null) seen.atMs = clock.monotonicMs()
  try {
    for (;;) {
      await clock.sleep(ASK_MS)
      const askedMs = clock.monotonicMs()
      // n.b. The broker counts a stream with a delay of some seconds; what it counts is there.
      const held = await reading.count()
      const quietMs = askedMs - seen.atMs
      if (held !== null && seen.offset !== null && quietMs >= QUIET_MS) return seen.offset
      if (held === 0 && seen.offset === null && quietMs >= EMPTY_MS) return null
      if (clock.monotonicMs() - beganMs >= limitMs) {
        const counted = held === null ? 'it does not answer' : `it counts ${held} messages`
        throw new Unavailable(`${queue}: RabbitMQ does not show its last message within ${limitMs} ms; ${counted}`)
      }
    }
  } finally {
    await reading.cancel()
  }
}

/**
 * Reads from `from` up to what is the last message when it begins, then stops; resolves with that message's offset,
 * null when there is none. Rejects as `onMessage` does, and with `Unavailable` when nothing comes for `limitMs`.
 */
export async function readStreamToEnd(
  queue: string,
  from: 'first' | number,
  onMessage: (message: StreamMessage) => void | Promise<void>,
  limitMs: number,
  deps: ConsumerDeps,
): Promise<number | null> {
  const last = await lastOffsetOf(queue, limitMs, deps)
  if (last === null || (typeof from === 'number' && from > last)) return last
  const { clock } = deps
  let seenMs = clock.monotonicMs()
  let reach = (): void => undefined
  let fail = (_cause: unknown): void => undefined
  const reached = new Promise<void>((resolve, reject) => {
    reach = resolve
    fail = reject
  })
  reached.catch(() => undefined)
  const each = async (message: StreamMessage): Promise<void> => {
    seenMs = clock.monotonicMs()
    if (message.offset <= last) await onMessage(message)
    if (message.offset >= last) reach()
  }
  let cancelTimer = (): void => undefined
  const watch = (): void => {
    const leftMs = seenMs + limitMs - clock.monotonicMs()
    if (leftMs <= 0) fail(new Unavailable(`${queue}: offset ${last} was not reached, nothing came for ${limitMs} ms`))
    else cancelTimer = clock.timer(leftMs, watch)
  }
  const subscription = await readStream(queue, from, each, (cause) => fail(cause), limitMs, deps)
  try {
    watch()
    await reached
    return last
  } finally {
    cancelTimer()
    await subscription.cancel()
  }
}

function offsetOf(delivery: Delivery): number {
  const offset = delivery.properties.headers['x-stream-offset']
  if (typeof offset !== 'number') throw new Error('a message without x-stream-offset: is this queue a stream?')
  return offset
}

/** n.b. A time is encoded as an AMQP timestamp, in seconds; amqplib would turn a Date into an empty table. */
function offsetArgument(from: StreamFrom): unknown {
  return from instanceof Date ? { '!': 'timestamp', value: Math.floor(from.getTime() / 1000) } : from
}
