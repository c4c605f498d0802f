// Publishes one claim, waits until the broker has stored it, and prints its id.
//   node publish-a-claim.mjs CONSUMER SOURCE DESTINATION [ID]
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

const url = process.env.FERRYMAN_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672'
const prefix = process.env.FERRYMAN_RABBITMQ_PREFIX ?? 'ferryman'
const [consumer, source, destination, id = randomUUID()] = process.argv.slice(2)

const request = { version: 1, id, operation: 'claim', consumer, source, destination, origin: 'node-example' }
const connection = await connect(url)
const channel = await connection.createConfirmChannel()
channel.publish(`${prefix}.requests`, 'transfer.claim', Buffer.from(JSON.stringify(request)), {
  messageId: id,
  contentType: 'application/json',
  persistent: true,
  mandatory: true,
})
// Rejects where the broker could not store it. Publishing again under the same id is always safe.
await channel.waitForConfirms()
await connection.close()
console.log(id)
