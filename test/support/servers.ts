// The servers of a test run: one Redis and one RabbitMQ shared by all files, or one of your own.
import { randomBytes } from 'node:crypto'
import { startRabbit, startRedis, type RabbitServer, type RedisOptions, type Server } from '../../src/demo/servers.ts'

let redis: Promise<Server> | undefined
let rabbit: Promise<RabbitServer> | undefined

/** The shared Redis, also in FERRYMAN_TEST_REDIS_URL. Never flush, freeze or stop it: take `ownRedis` for that. */
export function sharedRedis(): Promise<Server> {
  redis ??= startRedis().then((server) => {
    process.env['FERRYMAN_TEST_REDIS_URL'] = server.url
    return server
  })
  return redis
}

/** The shared RabbitMQ, also in FERRYMAN_TEST_RABBITMQ_URL and FERRYMAN_TEST_RABBITMQ_MANAGEMENT_URL. */
export function sharedRabbit(): Promise<RabbitServer> {
  rabbit ??= startRabbit().then((server) => {
    process.env['FERRYMAN_TEST_RABBITMQ_URL'] = server.url
    process.env['FERRYMAN_TEST_RABBITMQ_MANAGEMENT_URL'] = server.managementUrl ?? ''
    return server
  })
  return rabbit
}

/** AMQP URL of an empty virtual host on the shared RabbitMQ. */
export async function freshVhost(): Promise<string> {
  return (await sharedRabbit()).addVhost()
}

/** A namespace (or prefix) that no other test uses. */
export function freshNamespace(): string {
  return `t-${randomBytes(6).toString('hex')}`
}

/** A Redis of one's own, to be stopped by the test; at the latest it ends with the run. */
export function ownRedis(options: RedisOptions = {}): Promise<Server> {
  return startRedis(options)
}

/** A RabbitMQ of one's own, to be stopped by the test; it takes 6 to 13 s to start. */
export function ownRabbit(): Promise<RabbitServer> {
  return startRabbit()
}
