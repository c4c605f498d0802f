// Recovery: what was begun or decided and is in no live process's hands is published again; the flow does the rest.
import type { Outgoing, Properties } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import type { Journal } from '../journal/journal.ts'
import type { Effect } from '../retry/effect.ts'
import type { Telemetry } from '../telemetry/events.ts'

const BATCH = 100

/**
 * One pass. A request published twice is harmless: the journal answers the second with what stands. Rejects as journal
 * or broker do when they do not answer; the next pass goes on.
 */
export async function sweep(
  journal: Journal, publish: Effect<Outgoing, 'routed' | 'unroutable', 'idempotent'>, names: Names, telemetry: Telemetry): Promise<void> {
  const entries = await journal.sweep(BATCH)
  for (const entry of entries) {
    const properties = JSON.parse(entry.properties) as Properties
    await publish.once({ exchange: '', routingKey: names.requests, body: entry.body, properties })
  }
  if (entries.length > 0) telemetry.emit('sweep.republished', { requests: entries.length })
}
