// The physical limit beside Ferryman: consume, publish an event of the same size with confirm, acknowledge.
import { connect } from 'amqplib'

export interface RawLoop {
  readonly url: string
  readonly prefetch: number
  readonly requests: number
  readonly eventBytes: number
}

const QUEUE = 'raw.requests'
const EVENTS = 'raw.events'

/** Declares what the loop needs, of the kinds that Ferryman uses: a quorum queue, a topic exchange, a stream. */
export async function declareRaw(url: string): Promise<void> {
  const model = await connect(url)
  const channel = await model.createChannel()
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertExchange(EVENTS, 'topic', { durable: true })
  await channel.assertQueue(`${EVENTS}.journal`, { durable: true, arguments: { 'x-queue-type': 'stream' } })
  await channel.bindQueue(`${EVENTS}.journal`, EVENTS, '#')
  await model.close()
}

export const RAW_QUEUE = QUEUE

/** Works off `requests` messages that wait already; resolves with seconds from the first delivery to the last ack. */
export async function rawLoop({ url, prefetch, requests, eventBytes }: RawLoop): Promise<number> {
  const consuming = await connect(url)
  const publishing = await connect(url)
  const source = await consuming.createChannel()
  const target = await publishing.createConfirmChannel()
  await source.prefetch(prefetch)
  const event = Buffer.alloc(eventBytes, 'x')
  let startedMs = 0
  let done = 0
  const seconds = await new Promise<number>((resolve, reject) => {
    void source.consume(
      QUEUE,
      (message) => {
        if (message === null) {
          reject(new Error('cancelled'))
          return
        }
        if (startedMs === 0) startedMs = performance.now()
        target.publish(
          EVENTS,
          'transfer.transfer.succeeded.applied.bench',
          event,
          { persistent: true, mandatory: true },
          (failure) => {
            if (failure) {
              reject(failure as Error)
              return
            }
            if (done === requests) return
            source.ack(message)
            if (++done === requests) resolve((performance.now() - startedMs) / 1000)
          },
        )
      },
      { noAck: false },
    )
  })
  await consuming.close()
  await publishing.close()
  return seconds
}
