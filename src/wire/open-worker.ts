// The worker process, joined: everything it needs is opened in order, and closed in the reverse one.
import type { Config } from '../config.ts'
import { namesOf } from '../broker/names.ts'
import { rabbitBroker, type RabbitBroker } from '../broker/rabbit/rabbit-broker.ts'
import type { Clock } from '../clock/clock.ts'
import { every } from '../clock/every.ts'
import { openIntake } from '../dead-letters/intake.ts'
import { effectsOf } from '../flow/effects.ts'
import type { FlowSettings } from '../flow/job.ts'
import { lockSession, type LockSession } from '../locks/session.ts'
import { checkServer, memoryOf, probe } from '../redis/check.ts'
import { Unavailable } from '../retry/failures.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { Worker, type Drained } from '../worker/worker.ts'
import { storeOf, type Store } from './parts.ts'

export interface OpenWorker {
  /** Connects, checks, declares as configured, and consumes. Rejects with `Refused`, `Unavailable` or `UnsafeTopology`. */
  start(): Promise<void>
  /** `drain` finishes what is in hand within `drainMs`; `force` aborts it. Either closes everything, once. */
  stop(mode: 'drain' | 'force'): Promise<Drained>
  /** Why requests are not being consumed; empty when they are. */
  reasons(): readonly string[]
  readonly inHand: number
  readonly broker: RabbitBroker
  readonly store: Store
}

const LOOK_EVERY_MS = 500
const SWEEP_EVERY_MS = 10_000
const PROBE_EVERY_MS = 2_000
/** Longest (ms) that a forced stop goes on closing. */
const FORCED_MS = 250
const CONFLICTS_MAX = 8
const RETRY_CAP_MS = 5_000
/** Part of a lease or hold that is not relied on, for timers that are late. */
const MARGIN_SHARE = 0.05

export function openWorker(config: Config, clock: Clock, telemetry: Telemetry, identity: { worker: string; version: string }): OpenWorker {
  const names = namesOf(config.rabbitmq.prefix)
  const store = storeOf(config, clock, telemetry)
  const broker = rabbitBroker(brokerOptions(config, identity.worker), clock, telemetry)
  const locks = lockSession({ store: store.locks, clock, telemetry, name: identity.worker, options: lockOptions(config) })
  const health = redisHealth(store, locks)
  const effects = effectsOf(store.journal, store.ledger, broker)
  const worker = new Worker({
    broker,
    deps: { effects, journal: store.journal, ledger: store.ledger, locks, clock, telemetry, names, settings: flowSettings(config, identity) },
    troubles: () => [...broker.troubles, ...health.troubles()],
  }, { concurrency: config.concurrency, drainMs: config.drainMs, lookEveryMs: LOOK_EVERY_MS, sweepEveryMs: SWEEP_EVERY_MS })
  const intake = openIntake({ desk: store.desk, publisher: broker, clock, names, telemetry }, broker,
    { holder: identity.worker, leaseMs: config.lock.leaseMs, toldDays: config.desk.toldDays })
  const closing = new AbortController()
  let force = (): void => undefined
  const forced = new Promise<void>((resolve) => { force = resolve })

  const start = async (): Promise<void> => {
    await store.redis.start(config.start.timeoutMs)
    for (const { what, fix } of await checkServer(store.redis, store.keys)) telemetry.emit('warning', { what, fix })
    await locks.start()
    await broker.start()
    void every(clock, PROBE_EVERY_MS, closing.signal, health.probe, () => undefined)
    intake.start()
    worker.start()
    telemetry.emit('worker.started', { worker: identity.worker, concurrency: config.concurrency })
  }

  /** Requests first, while locks and broker still work; then the letters, the locks (others need not wait), the connections. */
  const close = async (): Promise<void> => {
    closing.abort(new Error('stopping'))
    await intake.stop()
    await locks.stop()
    await broker.stop()
    await store.redis.stop()
  }

  /** Forced, nothing is waited for that a silent dependency could hold up: what is in hand comes back to others by itself. */
  const stop = async (): Promise<Drained> => {
    const drained = await worker.drain()
    const forcedLong = forced.then(() => clock.sleep(FORCED_MS))
    await Promise.race([close(), forcedLong])
    return drained
  }

  let stopped: Promise<Drained> | null = null
  return {
    start,
    stop: (mode) => {
      if (mode === 'force') {
        worker.force()
        force()
      }
      return stopped ??= stop()
    },
    reasons: () => worker.reasons(),
    get inHand() { return worker.inHand },
    broker, store,
  }
}

interface RedisHealth {
  troubles(): readonly string[]
  /** Writes and measures; what it finds stands until the next time. */
  probe(): Promise<void>
}

/** n.b. A full disk lets PING through and refuses every write, so the probe writes. */
function redisHealth({ redis, keys }: Store, locks: LockSession): RedisHealth {
  let found: string | null = null
  return {
    troubles: () => {
      if (!redis.ready) return ['redis is not connected']
      if (!locks.trusted) return ['the lease of this process is not trusted']
      return found === null ? [] : [found]
    },
    probe: async () => {
      try {
        await probe(redis, keys)
        const memory = await memoryOf(redis)
        found = memory.pressed ? `redis uses ${memory.usedBytes} of ${memory.maxBytes} bytes: at least 80 % of maxmemory` : null
      } catch (failure) {
        found = `redis takes no writes: ${failure instanceof Error ? failure.message : String(failure)}`
        if (!(failure instanceof Unavailable)) throw failure
      }
    },
  }
}

function flowSettings(config: Config, identity: { worker: string; version: string }): FlowSettings {
  const { attemptsMax, baseMs, ladder } = config.retry
  return {
    prefix: config.rabbitmq.prefix, bytesMax: config.requests.bytesMax, ladder,
    retry: { attemptsMax, baseMs, capMs: RETRY_CAP_MS }, conflictsMax: CONFLICTS_MAX,
    worker: identity.worker, workerVersion: identity.version,
  }
}

function lockOptions(config: Config): Parameters<typeof lockSession>[0]['options'] {
  const { leaseMs, holdMs, waitMs } = config.lock
  return { leaseMs, holdMs, waitMs, marginMs: Math.ceil(leaseMs * MARGIN_SHARE), waitersMax: Math.max(1, Math.ceil(config.concurrency / 4)) }
}

function brokerOptions(config: Config, worker: string): Parameters<typeof rabbitBroker>[0] {
  const { urls, prefix, topology, managementUrl, heartbeatS, journalDays, tls } = config.rabbitmq
  return { urls, prefix, topology, managementUrl, heartbeatS, journalDays, tls, startTimeoutMs: config.start.timeoutMs, clientName: `ferryman ${worker}` }
}
