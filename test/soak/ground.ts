// The ground of a soak: servers of its own, a proxy before each, an installation whose workers speak through them.
import type { RedisClient } from '../../src/redis/client.ts'
import type { PlacementServer, RabbitServer, Server } from '../../src/demo/servers.ts'
import { vhostOf } from '../../src/broker/rabbit/urls.ts'
import { openInstallation, type Installation, type LedgerName } from '../support/installation.ts'
import { placementProxy, type PlacementProxy } from '../support/placement-proxy.ts'
import { ownPlacement } from '../support/placement-server.ts'
import { managementApi } from '../support/rabbit-api.ts'
import { connected } from '../support/redis-ground.ts'
import { ownRabbit, ownRedis } from '../support/servers.ts'
import { silentProxy, type SilentProxy } from '../support/silent-proxy.ts'

export interface Ground {
  readonly installation: Installation
  readonly redis: { readonly server: Server; readonly proxy: SilentProxy; readonly client: RedisClient }
  readonly rabbit: Rabbit
  /** Null on the Redis ledger. */
  readonly placement: { readonly server: PlacementServer; readonly proxy: PlacementProxy } | null
  /** What a worker is started with, so that it goes through the proxies. */
  readonly workerEnv: Readonly<Record<string, string>>
}

interface Rabbit {
  readonly server: RabbitServer
  readonly proxy: SilentProxy
  /** False: others use the node too, so that it must not be hurt itself. */
  readonly own: boolean
  /** The installation's virtual host, as a path of the management API names it. */
  readonly vhost: string
  api(method: string, path: string): Promise<unknown>
}

export interface GroundOptions {
  readonly ledger: LedgerName
  /** Default: one of its own. */
  readonly rabbit?: RabbitServer | undefined
}

/** Longest time without a renewal after which a worker counts as dead (ms). */
export const LEASE_MS = 1_500

const WORKER_ENV = {
  FERRYMAN_LOCK_LEASE_MS: String(LEASE_MS),
  FERRYMAN_CONCURRENCY: '16',
  FERRYMAN_RABBITMQ_TOPOLOGY: 'create',
  FERRYMAN_RETRY_LADDER: '1s,5s,30s,30s,30s',
  FERRYMAN_PLACEMENT_MARKERS: '8',
  FERRYMAN_START_TIMEOUT_MS: '120000',
}

/** Every server that is started puts its end into `ends`, so that all of them end also when a later one fails. */
export async function openGround(options: GroundOptions, ends: (() => Promise<void>)[]): Promise<Ground> {
  const closed = <One>(one: One, close: () => Promise<void>): One => {
    ends.push(close)
    return one
  }
  const server = await ownRedis({ appendonly: true })
  ends.push(server.stop)
  const proxy = await silentProxy(server.port)
  const redis = { server, proxy: closed(proxy, proxy.close), client: await connected(server.url) }
  ends.push(redis.client.stop)
  const rabbit = await openRabbit(options.rabbit, ends)
  const placement = options.ledger === 'placement' ? await openPlacement(ends) : null
  const installation = await openInstallation({
    redisUrl: redis.server.url,
    rabbitUrl: rabbit.url,
    managementUrl: rabbit.server.managementUrl ?? '',
    env: {
      FERRYMAN_PLACEMENT_MARKERS: WORKER_ENV.FERRYMAN_PLACEMENT_MARKERS,
      ...(placement !== null && {
        FERRYMAN_LEDGER: 'placement',
        FERRYMAN_PLACEMENT_URL: placement.server.url,
        FERRYMAN_PLACEMENT_TOKEN: placement.server.token,
      }),
    },
  })
  ends.push(installation.close)
  const workerEnv = {
    ...WORKER_ENV,
    FERRYMAN_REDIS_URL: redis.proxy.urlOf(redis.server.url),
    FERRYMAN_RABBITMQ_URL: rabbit.proxy.urlOf(rabbit.url),
    ...(placement !== null && { FERRYMAN_PLACEMENT_URL: placement.proxy.url }),
  }
  return { installation, redis, rabbit, placement, workerEnv }
}

async function openRabbit(
  given: RabbitServer | undefined,
  ends: (() => Promise<void>)[],
): Promise<Rabbit & { readonly url: string }> {
  const server = given ?? (await ownRabbit())
  if (given === undefined) ends.push(server.stop)
  const proxy = await silentProxy(server.port)
  ends.push(proxy.close)
  const url = await server.addVhost()
  const vhost = encodeURIComponent(vhostOf(url))
  const api = (method: string, path: string): Promise<unknown> => managementApi(server.managementUrl!, method, path)
  return { server, proxy, own: given === undefined, url, vhost, api }
}

async function openPlacement(ends: (() => Promise<void>)[]): Promise<NonNullable<Ground['placement']>> {
  const server = await ownPlacement()
  ends.push(server.stop)
  const proxy = await placementProxy(server.port)
  ends.push(proxy.close)
  return { server, proxy }
}
