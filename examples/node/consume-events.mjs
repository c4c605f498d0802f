// Follows the outcome events of this example's requests in a queue of its own, and prints one line each.
//   node consume-events.mjs [COUNT]      ends after COUNT events; without it, never
import { once } from 'node:events'
import { connect } from 'amqplib'

const url = process.env.FERRYMAN_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672'
const prefix = process.env.FERRYMAN_RABBITMQ_PREFIX ?? 'ferryman'
const queue = `${prefix}-node-example`
const wanted = Number(process.argv[2] ?? Infinity)
/** Event ids seen. The same fact may be told more than once, always under the same id; a real reader stores them. */
const seen = new Set()
const enough = new AbortController()
const ended = once(enough.signal, 'abort')

const connection = await connect(url)
const channel = await connection.createChannel()
// Durable: events told while this program is not running wait for it.
await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
await channel.bindQueue(queue, `${prefix}.events`, 'transfer.*.*.*.node-example')
await channel.prefetch(16)
await channel.consume(queue, (message) => {
  if (message === null || seen.size >= wanted) return
  const { id, request, outcome } = JSON.parse(message.content.toString('utf8'))
  if (!seen.has(id)) {
    seen.add(id)
    console.log(`${request} ${outcome.code} ${outcome.effect}`)
  }
  channel.ack(message)
  if (seen.size >= wanted) enough.abort()
})
console.error('listening')
await ended
await channel.close()
await connection.close()
