// What a soak measures at rest after each round: what a leak would make grow.
import { keysOf } from '../../src/redis/keys.ts'
import { until } from '../support/installation-workers.ts'
import type { Crew } from './crew.ts'
import type { Ground } from './ground.ts'

/** Gauge → value. */
export type Sample = Readonly<Record<string, number>>

interface Counted {
  readonly vhost: string
}

/** Everything once. Waits until the workers are at rest themselves; rejects when they are not for a minute. */
export async function sampled(ground: Ground, { lasting }: Crew): Promise<Sample> {
  await until('the lasting worker is ready', async () => (await lasting.readyz()).status === 200)
  const [worker, redis, rabbit, placement] = await Promise.all([
    workerSample(Number(lasting.said('http.listening')[0]?.['port'])),
    redisSample(ground),
    rabbitSample(ground),
    placementSample(ground),
  ])
  return { ...worker, ...redis, ...rabbit, ...placement }
}

const MIB = 1024 * 1024

/** By its own metrics: memory, files and sockets, what keeps its event loop busy, timers. */
async function workerSample(port: number): Promise<Sample> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const valueOf = (series: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`ferryman_${series} `))
    return Number(line?.slice(line.lastIndexOf(' ')) ?? 0)
  }
  return {
    'worker rss, MiB': Math.round(valueOf('process_resident_memory_bytes') / MIB),
    'worker heap, MiB': Math.round(valueOf('nodejs_heap_size_used_bytes') / MIB),
    'worker files': valueOf('process_open_fds'),
    'worker resources': valueOf('nodejs_active_resources_total'),
    'worker timers': valueOf('nodejs_active_resources{type="Timeout"}'),
  }
}

/** Keys that requests leave on purpose for days: tombstones, letters. */
const KEPT = /:(?:z:[0-9a-f]{4}|letter:.*)$/
/** What only stands while something is under way. */
const PASSING = ['heads', 'q', 't', 'st', 'dl', 'rq', 'open', 'intents'] as const

async function redisSample({ installation, redis }: Ground): Promise<Sample> {
  const keys = keysOf(installation.env['FERRYMAN_REDIS_NAMESPACE']!)
  const all = (await redis.client.call('KEYS', [`${keys.slot}*`])) as string[]
  const [clients, ...passing] = await Promise.all([
    redis.client.call('CLIENT', ['LIST']),
    ...PASSING.map(async (name) => {
      const type = await redis.client.call('TYPE', [keys[name]])
      return type === 'none' ? 0 : Number(await redis.client.call(type === 'hash' ? 'HLEN' : 'ZCARD', [keys[name]]))
    }),
  ])
  return {
    'Redis keys': all.filter((key) => !KEPT.test(key)).length,
    'Redis locks, intents': passing.reduce((sum, count) => sum + count, 0),
    'Redis sessions': Number(await redis.client.call('ZCARD', [keys.s])),
    'Redis clients': String(clients).trimEnd().split('\n').length,
  }
}

async function rabbitSample({ rabbit }: Ground): Promise<Sample> {
  const here = encodeURIComponent
  const ours = async (path: string): Promise<readonly Counted[]> => {
    const all = (await rabbit.api('GET', path)) as readonly Counted[]
    return all.filter(({ vhost }) => here(vhost) === rabbit.vhost)
  }
  const [connections, channels, queues] = await Promise.all(['connections', 'channels', 'queues'].map(ours))
  return {
    'RabbitMQ connections': connections!.length,
    'RabbitMQ channels': channels!.length,
    'RabbitMQ queues': queues!.length,
  }
}

/** Markers stand as long as the record of their request does. */
async function placementSample({ placement }: Ground): Promise<Sample> {
  if (placement === null) return {}
  const markers = await placement.server.sql(
    'SELECT count(*) FROM consumers JOIN consumer_types types ON types.id = consumer_type_id ' +
      "WHERE types.name = 'FERRYMAN_MARK'",
  )
  return { 'Placement markers': Number(markers) }
}
