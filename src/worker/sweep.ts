// Recovery: what was begun or decided and is in no live process's hands is published again; the flow does the rest.
import type { Properties } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import type { Effects } from '../flow/effects.ts'
import { Unavailable } from '../retry/failures.ts'
import type { Telemetry } from '../telemetry/events.ts'

const BATCH = 100

/**
 * One pass. A request published twice is harmless: the journal answers the second with what stands. Rejects as journal
 * or broker do when they do not answer; what was not published is swept again later.
 */
export async function sweep(
  effects: Pick<Effects, 'sweep' | 'publish'>,
  names: Names,
  telemetry: Telemetry,
): Promise<void> {
  const entries = await effects.sweep.once(BATCH)
  for (const entry of entries) {
    const properties = JSON.parse(entry.properties) as Properties
    const routed = await effects.publish.once({
      exchange: '',
      routingKey: names.requests,
      body: entry.body,
      properties,
    })
    if (routed === 'unroutable')
      throw new Unavailable(`queue ${names.requests} is not there; run ferryman topology apply`)
  }
  if (entries.length > 0) telemetry.emit('sweep.republished', { requests: entries.length })
}
