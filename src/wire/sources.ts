// What the gauges ask: open letters from the desk, strays from the broker, requests under way from the journal's keys.
import type { Names } from '../broker/names.ts'
import type { RabbitBroker } from '../broker/rabbit/rabbit-broker.ts'
import type { Sources } from '../telemetry/metrics.ts'
import type { Store } from './parts.ts'

/** Beyond so many requests under way their oldest is not looked for: it would cost Redis more than it tells. */
const INTERSECT_MAX = 10_000

export function sourcesOf({ desk, redis, keys }: Store, broker: RabbitBroker, names: Names): Required<Sources> {
  return {
    letters: () => desk.counts(),
    unroutable: async () => (await broker.counts([names.unroutable]))[names.unroutable] ?? 0,
    transfers: async () => {
      const open = Number(await redis.call('ZCARD', [keys.open]))
      if (open === 0 || open > INTERSECT_MAX) return { open, oldestAtMs: null }
      // Weight 0 takes away when the sweep is due, which leaves when the request was first begun.
      const begun = await redis.call('ZINTER', [2, keys.open, keys.recent, 'WEIGHTS', 0, 1, 'WITHSCORES'])
      const oldest = Array.isArray(begun) && begun.length > 1 ? Number(begun[1]) : null
      return { open, oldestAtMs: oldest }
    },
  }
}
