// The faults of workers, of Redis, of RabbitMQ and of the ways to them; each is mended before it resolves.
import type { Argument, RedisClient } from '../../src/redis/client.ts'
import { until } from '../support/installation-workers.ts'
import type { SilentProxy } from '../support/silent-proxy.ts'
import { LEASE_MS, type Ground } from './ground.ts'
import { PLACEMENT_FAULTS } from './placement-faults.ts'
import type { Fault } from './storm.ts'

export const WORKER_FAULTS: readonly Fault[] = [
  { name: 'worker killed', weight: 6, strike: ({ crew, random }) => crew.kill(random) },
  { name: 'worker replaced', weight: 2, strike: ({ crew }) => crew.replace() },
  {
    name: 'worker frozen past its lease',
    weight: 3,
    strike: async ({ crew, random, last }) => {
      const worker = crew.anyone(random)
      worker.signal('SIGSTOP')
      await last(LEASE_MS + 500, 3 * LEASE_MS)
      worker.signal('SIGCONT')
    },
  },
  {
    name: 'copies of requests',
    weight: 2,
    strike: ({ load }) => load.copies(40),
  },
]

/** Faults of the way to a server, by the name that people know it under. */
const wayFaults = (name: string, proxyOf: (ground: Ground) => SilentProxy): readonly Fault[] => [
  { name: `${name} connections cut`, weight: 3, strike: async ({ ground }) => proxyOf(ground).cut() },
  {
    name: `${name} refuses`,
    weight: 2,
    strike: async ({ ground, last }) => {
      const proxy = proxyOf(ground)
      proxy.refuse()
      proxy.cut()
      await last(1_000, 6_000)
      proxy.serve()
    },
  },
  {
    name: `${name} silent`,
    weight: 2,
    strike: async ({ ground, last }) => {
      const proxy = proxyOf(ground)
      proxy.freeze()
      await last(1_000, 12_000)
      proxy.thaw()
    },
  },
  {
    name: `${name} answers lost`,
    weight: 2,
    strike: async ({ ground, last }) => {
      const proxy = proxyOf(ground)
      proxy.loseReplies()
      await last(1_000, 5_000)
      proxy.cut()
    },
  },
  {
    name: `${name} hears nothing`,
    weight: 1,
    strike: async ({ ground, last }) => {
      const proxy = proxyOf(ground)
      proxy.loseRequests()
      await last(1_000, 5_000)
      proxy.cut()
    },
  },
]

const REDIS_FAULTS: readonly Fault[] = [
  ...wayFaults('Redis', ({ redis }) => redis.proxy),
  {
    name: 'Redis killed and started with its AOF',
    weight: 2,
    strike: async ({ ground: { redis }, last }) => {
      await redis.server.kill()
      await last(0, 3_000)
      await redis.server.restart()
    },
  },
  {
    name: 'Redis frozen',
    weight: 1,
    strike: async ({ ground: { redis }, last }) => {
      redis.server.freeze()
      await last(500, 5_000)
      redis.server.thaw()
    },
  },
  {
    name: 'Redis CLIENT PAUSE',
    weight: 2,
    strike: async ({ ground: { redis }, random, last }) => {
      const ms = 500 + Math.floor(random() * 4_000)
      await told(redis.client, 'CLIENT', ['PAUSE', ms])
      await last(ms, ms)
    },
  },
  {
    name: 'Redis scripts forgotten',
    weight: 1,
    strike: ({ ground: { redis } }) => told(redis.client, 'SCRIPT', ['FLUSH']),
  },
]

/** Says it to Redis until it is heard: the client may be on its way back from an earlier fault. */
function told(client: RedisClient, command: string, args: readonly Argument[]): Promise<void> {
  const said = (): Promise<boolean> =>
    client.call(command, args).then(
      () => true,
      () => false,
    )
  return until(`Redis takes ${command} ${args.join(' ')}`, said)
}

const RABBIT_FAULTS: readonly Fault[] = wayFaults('RabbitMQ', ({ rabbit }) => rabbit.proxy)

const OWN_RABBIT_FAULTS: readonly Fault[] = [
  {
    name: 'RabbitMQ killed and started',
    weight: 1,
    strike: async ({ ground: { rabbit }, last }) => {
      await rabbit.server.kill()
      await last(0, 2_000)
      await rabbit.server.restart()
    },
  },
  { name: 'RabbitMQ restarted', weight: 1, strike: ({ ground: { rabbit } }) => rabbit.server.restart() },
  {
    name: 'RabbitMQ frozen',
    weight: 1,
    strike: async ({ ground: { rabbit }, last }) => {
      rabbit.server.freeze()
      await last(500, 5_000)
      rabbit.server.thaw()
    },
  },
  {
    name: 'RabbitMQ low on memory',
    weight: 2,
    strike: async ({ ground: { rabbit }, last }) => {
      await rabbit.server.rabbitmqctl('set_vm_memory_high_watermark', 'absolute', '1000000')
      await last(500, 6_000)
      await rabbit.server.rabbitmqctl('set_vm_memory_high_watermark', '0.4')
    },
  },
]

/** Faults of what the workers need, as far as it may be hurt. */
export function dependencyFaults({ rabbit, placement }: Ground): readonly Fault[] {
  return [
    ...REDIS_FAULTS,
    ...RABBIT_FAULTS,
    ...(rabbit.own ? OWN_RABBIT_FAULTS : []),
    ...(placement === null ? [] : PLACEMENT_FAULTS),
  ]
}
