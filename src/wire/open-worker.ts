// The worker process, joined: everything it needs is opened in order, and closed in the reverse one.
import type { Config } from '../config.ts'
import { namesOf, type Names } from '../broker/names.ts'
import { UnsafeTopology } from '../broker/rabbit/declare.ts'
import { rabbitBroker, type RabbitBroker } from '../broker/rabbit/rabbit-broker.ts'
import type { Clock } from '../clock/clock.ts'
import { every } from '../clock/every.ts'
import { openIntake, type Intake } from '../dead-letters/intake.ts'
import { effectsOf } from '../flow/effects.ts'
import type { FlowSettings } from '../flow/job.ts'
import { Breaker } from '../ledger/breaker.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { lockSession, type LockSession } from '../locks/session.ts'
import { checkServer } from '../redis/check.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { Restorer } from '../worker/restore.ts'
import { Worker, type Drained } from '../worker/worker.ts'
import { eventsJournal } from './events-journal.ts'
import { markerFindings, untilAnswered } from './ledger.ts'
import { storeOf, type Store } from './parts.ts'
import { redisHealth, type RedisHealth } from './redis-health.ts'

const LOOK_EVERY_MS = 500
const SWEEP_EVERY_MS = 10_000
const PACK_EVERY_MS = 1_000
const RESTORE_EVERY_MS = 1_000
/** How often (ms) it is noted how far the events journal is kept; what came since is read again after a failover. */
const NOTE_EVERY_MS = 15_000
const DAY_MS = 86_400_000
const PROBE_EVERY_MS = 2_000
/** Longest (ms) that closing may take, and once the time to drain was over. */
const CLOSE_MS = 5_000
const LATE_CLOSE_MS = 1_000
/** Longest (ms) that a forced stop goes on closing. */
const FORCED_MS = 250
const CONFLICTS_MAX = 8
const RETRY_CAP_MS = 5_000
/** Part of a lease or hold that is not relied on, for timers that are late. */
const MARGIN_SHARE = 0.05

interface Running {
  readonly names: Names
  readonly store: Store
  readonly broker: RabbitBroker
  readonly locks: LockSession
  readonly health: RedisHealth
  readonly breaker: Breaker<Ledger>
  readonly worker: Worker
  readonly intake: Intake
}

/** Who a worker is: `host:pid`, and its version. */
export interface Identity {
  readonly worker: string
  readonly version: string
}

/** Builds a worker, unconnected. */
export function openWorker(config: Config, clock: Clock, telemetry: Telemetry, identity: Identity): OpenWorker {
  return new OpenWorker(config, clock, telemetry, identity)
}

/** Made by `openWorker`. */
export class OpenWorker {
  readonly #config: Config
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #identity: Identity
  readonly #running: Running
  readonly #closing = new AbortController()
  readonly #forced = new AbortController()
  #stopped: Promise<Drained> | null = null

  constructor(config: Config, clock: Clock, telemetry: Telemetry, identity: Identity) {
    this.#config = config
    this.#clock = clock
    this.#telemetry = telemetry
    this.#identity = identity
    this.#running = join(config, clock, telemetry, identity)
  }

  /**
   * Connects, checks, declares as configured, and consumes. Rejects with `Refused`, `Unavailable` or `UnsafeTopology`.
   */
  async start(): Promise<void> {
    const { store, locks, broker, health, breaker, intake, worker } = this.#running
    const { timeoutMs } = this.#config.start
    await store.redis.start(timeoutMs)
    const findings = await untilAnswered(() => checkServer(store.redis, store.keys), timeoutMs, this.#clock)
    for (const { what, fix } of findings) this.#telemetry.emit('warning', { what, fix })
    await this.#prepareLedger()
    await locks.start()
    await broker.start()
    void every(this.#clock, PROBE_EVERY_MS, this.#closing.signal, health.probe, () => undefined)
    void breaker.run(this.#closing.signal)
    intake.start()
    worker.start()
    this.#telemetry.emit('worker.started', { worker: this.#identity.worker, concurrency: this.#config.concurrency })
  }

  /** n.b. In `verify` nothing is made: that is what `topology apply` is for, with the rights it needs. */
  async #prepareLedger(): Promise<void> {
    const { ledgerParts } = this.#running.store
    const { rabbitmq, start } = this.#config
    const make = rabbitmq.topology === 'create'
    const missing = await untilAnswered(() => ledgerParts.prepare(make), start.timeoutMs, this.#clock)
    if (missing.length > 0 && rabbitmq.topology === 'verify') {
      throw new UnsafeTopology(markerFindings(this.#config, missing))
    }
  }

  /** `drain` finishes what is in hand within `drainMs`; `force` aborts it. Either closes everything, once. */
  stop(mode: 'drain' | 'force'): Promise<Drained> {
    if (mode === 'force') {
      this.#running.worker.force()
      this.#forced.abort()
    }
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /** Why requests are not being consumed; empty when they are. */
  reasons(): readonly string[] {
    return this.#running.worker.reasons()
  }

  /** In what the process is stuck, so that only a new one helps; null: in nothing. */
  stuck(): string | null {
    return this.#running.worker.stuck()
  }

  get inHand(): number {
    return this.#running.worker.inHand
  }

  get broker(): RabbitBroker {
    return this.#running.broker
  }

  get store(): Store {
    return this.#running.store
  }

  /** Nothing is waited for without end that a silent dependency could hold up: what is in hand comes back to others. */
  async #stop(): Promise<Drained> {
    const drained = await this.#running.worker.drain()
    const forced = new Promise<void>((resolve) => {
      if (this.#forced.signal.aborted) resolve()
      this.#forced.signal.addEventListener('abort', () => resolve())
    })
    const late = this.#clock.sleep(drained.handedBack.length > 0 ? LATE_CLOSE_MS : CLOSE_MS)
    await Promise.race([this.#close(), late, forced.then(() => this.#clock.sleep(FORCED_MS))])
    return drained
  }

  /**
   * The letters first, while the broker still works, and the locks at once: others need not wait, and a session that is
   * not closed in time would pass for one that died. Then the connections.
   */
  async #close(): Promise<void> {
    const { intake, locks, broker, store } = this.#running
    this.#closing.abort(new Error('stopping'))
    await Promise.all([intake.stop(), locks.stop()])
    await broker.stop()
    await store.stop()
  }
}

function join(config: Config, clock: Clock, telemetry: Telemetry, identity: Identity): Running {
  const names = namesOf(config.rabbitmq.prefix)
  const store = storeOf(config, clock, telemetry)
  const broker = rabbitBroker(brokerOptions(config, identity.worker), clock, telemetry)
  const locks = lockSession({
    store: store.locks,
    clock,
    telemetry,
    name: identity.worker,
    options: lockOptions(config),
  })
  const health = redisHealth(store, locks)
  const { journal } = store
  const breaker = new Breaker(store.ledger, clock)
  const { ledger } = breaker
  const effects = effectsOf(journal, ledger, broker)
  const deps = { effects, journal, ledger, locks, clock, telemetry, names, settings: flowSettings(config, identity) }
  const restorer = new Restorer(
    { effects, journal, ledger, clock, telemetry, events: eventsJournal(broker, names, clock) },
    { holder: identity.worker, journalMs: config.journal.days * DAY_MS, noteEveryMs: NOTE_EVERY_MS },
  )
  const worker = new Worker(
    { broker, deps, restorer, troubles: () => [...broker.troubles, ...health.troubles(), ...breaker.troubles()] },
    {
      concurrency: config.concurrency,
      drainMs: config.drainMs,
      lookEveryMs: LOOK_EVERY_MS,
      sweepEveryMs: SWEEP_EVERY_MS,
      packEveryMs: PACK_EVERY_MS,
      restoreEveryMs: RESTORE_EVERY_MS,
    },
  )
  const { desk, serverNowMs: nowMs } = store
  const intake = openIntake({ desk, journal, publisher: broker, clock, names, telemetry, nowMs }, broker, {
    holder: identity.worker,
    leaseMs: config.lock.leaseMs,
    ...config.desk,
  })
  return { names, store, broker, locks, health, breaker, worker, intake }
}

function flowSettings(config: Config, identity: Identity): FlowSettings {
  const { attemptsMax, baseMs, ladder } = config.retry
  return {
    prefix: config.rabbitmq.prefix,
    bytesMax: config.requests.bytesMax,
    ladder,
    retry: { attemptsMax, baseMs, capMs: RETRY_CAP_MS },
    conflictsMax: CONFLICTS_MAX,
    poisonAfter: config.requests.poisonAfter,
    worker: identity.worker,
    workerVersion: identity.version,
  }
}

function lockOptions(config: Config): Parameters<typeof lockSession>[0]['options'] {
  const { leaseMs, holdMs, waitMs } = config.lock
  return {
    leaseMs,
    holdMs,
    waitMs,
    marginMs: Math.ceil(leaseMs * MARGIN_SHARE),
    waitersMax: Math.max(1, Math.ceil(config.concurrency / 4)),
  }
}

function brokerOptions(config: Config, worker: string): Parameters<typeof rabbitBroker>[0] {
  const { urls, prefix, topology, managementUrl, heartbeatS, journalDays, tls } = config.rabbitmq
  return {
    urls,
    prefix,
    topology,
    managementUrl,
    heartbeatS,
    journalDays,
    tls,
    needsWorkerRights: true,
    startTimeoutMs: config.start.timeoutMs,
    clientName: `ferryman ${worker}`,
  }
}
