// The servers that a benchmark runs on, and how it fills their queues and starts what it measures.
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { loadConfig } from '../src/config.ts'
import { systemClock } from '../src/clock/system-clock.ts'
import { startRabbit, startRedis } from '../src/demo/servers.ts'
import { Telemetry } from '../src/telemetry/events.ts'
import { openParts, type Parts, type Store } from '../src/wire/parts.ts'
import type { Result, Task } from './child.ts'

export interface Ground {
  readonly rabbitUrl: string
  readonly env: NodeJS.ProcessEnv
  readonly parts: Parts
  readonly store: Store
  stop(): Promise<void>
}

/**
 * Private servers, Redis with its append-only file synced every second, and the topology. `settings`: more variables of
 * the environment for Ferryman.
 */
export async function openGround(concurrency: number, settings: NodeJS.ProcessEnv = {}): Promise<Ground> {
  const [redis, rabbit] = await Promise.all([
    startRedis({ appendonly: true, args: ['--appendfsync', 'everysec'] }),
    startRabbit({ management: true }),
  ])
  const env = {
    ...process.env,
    FERRYMAN_REDIS_URL: redis.url,
    FERRYMAN_RABBITMQ_URL: rabbit.url,
    FERRYMAN_RABBITMQ_MANAGEMENT_URL: rabbit.managementUrl ?? '',
    FERRYMAN_CONCURRENCY: String(concurrency),
    ...settings,
  }
  const parts = openParts(loadConfig({ env }).config, systemClock, new Telemetry())
  const [broker, store] = await Promise.all([parts.broker(), parts.store()])
  await broker.createTopology()
  const stop = async (): Promise<void> => {
    await parts.close()
    await Promise.all([redis.stop(), rabbit.stop()])
  }
  return { rabbitUrl: rabbit.url, env, parts, store, stop }
}

/** Puts messages into a queue, confirmed. */
export async function fill(url: string, queue: string, bodies: readonly Buffer[]): Promise<void> {
  const model = await connect(url)
  const channel = await model.createConfirmChannel()
  for (const [position, body] of bodies.entries()) {
    channel.sendToQueue(queue, body, { persistent: true, contentType: 'application/json' })
    if (position % 500 === 499) await channel.waitForConfirms()
  }
  await channel.waitForConfirms()
  await model.close()
}

export function measure(task: Task, env: NodeJS.ProcessEnv): Promise<Result> {
  const child = fork(join(import.meta.dirname, 'child.js'), {
    env,
    execArgv: (env['BENCH_EXEC_ARGV'] ?? '').split(' ').filter(Boolean),
  })
  return new Promise((resolve, reject) => {
    child.once('message', (result) => {
      resolve(result as Result)
    })
    child.once('exit', (code) => {
      reject(new Error(`the measured process ended with ${code}`))
    })
    child.send(task)
  })
}
