// Takes one whole installation away again: its objects on RabbitMQ and its keys in Redis, and nothing of any other.
import { topologyOf } from '../broker/topology.ts'
import { removeTopology } from '../broker/rabbit/remove.ts'
import type { Parts } from './parts.ts'

const ANSWER_MS = 5_000
const KEYS_AT_ONCE = 500

/**
 * Removes exchanges, queues and policies of the prefix, and every key of the namespace. Its workers must have ended.
 */
export async function removeInstallation(parts: Parts): Promise<void> {
  const results = await Promise.allSettled([removeObjects(parts), removeKeys(parts)])
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

async function removeObjects({ config, clock }: Parts): Promise<void> {
  const { urls, prefix, managementUrl, heartbeatS, journalDays, tls } = config.rabbitmq
  const topology = topologyOf(prefix, { journalDays, deliveryLimit: 1 })
  await removeTopology(topology, { urls, managementUrl, heartbeatS, tls, timeoutMs: ANSWER_MS }, clock)
}

async function removeKeys(parts: Parts): Promise<void> {
  const { redis, keys } = await parts.store()
  const pattern = `${keys.slot}*`
  let cursor = '0'
  do {
    const reply = await redis.call('SCAN', [cursor, 'MATCH', pattern, 'COUNT', KEYS_AT_ONCE])
    const [next, found] = reply as readonly [string, readonly string[]]
    if (found.length > 0) await redis.call('UNLINK', found)
    cursor = next
  } while (cursor !== '0')
}
