// The settings of a run: those of this process, but for the servers found and a name that nobody else has.
import type { Config } from '../config.ts'
import type { Servers } from './find-servers.ts'
import type { Environment } from './kept-process.ts'

/** The configuration under which the demo itself works. */
export function configFor(config: Config, servers: Servers, prefix: string): Config {
  const { rabbitmq, redis } = config
  const broker =
    servers.rabbitmq === null
      ? {}
      : { urls: [servers.rabbitmq.url], managementUrl: servers.rabbitmq.managementUrl, tls: {} }
  const store = servers.redis === null ? {} : { url: servers.redis.url, tls: {} }
  return {
    ...config,
    ledger: 'redis',
    rabbitmq: { ...rabbitmq, ...broker, prefix, topology: 'off' },
    redis: { ...redis, ...store, namespace: prefix },
  }
}

/** The same for its workers. What this process has as a file is taken out: both at once is an error. */
export function environmentFor({ rabbitmq, redis }: Config): Environment {
  return {
    FERRYMAN_RABBITMQ_URL: rabbitmq.urls.join(','),
    FERRYMAN_RABBITMQ_URL_FILE: undefined,
    FERRYMAN_RABBITMQ_MANAGEMENT_URL: rabbitmq.managementUrl ?? undefined,
    FERRYMAN_RABBITMQ_MANAGEMENT_URL_FILE: undefined,
    FERRYMAN_RABBITMQ_PREFIX: rabbitmq.prefix,
    FERRYMAN_RABBITMQ_TOPOLOGY: 'create',
    FERRYMAN_REDIS_URL: redis.url,
    FERRYMAN_REDIS_URL_FILE: undefined,
    FERRYMAN_REDIS_NAMESPACE: redis.namespace,
    FERRYMAN_LEDGER: 'redis',
    FERRYMAN_LOG_LEVEL: 'info',
  }
}
