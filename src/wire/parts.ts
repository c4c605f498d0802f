// The parts of one installation, each opened at its first use: what commands take one by one, and the worker all of.
import type { Config } from '../config.ts'
import { namesOf, type Names } from '../broker/names.ts'
import type { Publisher } from '../broker/broker.ts'
import type { Reader } from '../broker/reader.ts'
import { openReader } from '../broker/rabbit/reader.ts'
import type { Report } from '../broker/rabbit/declare.ts'
import { rabbitBroker, type RabbitBroker } from '../broker/rabbit/rabbit-broker.ts'
import type { Clock } from '../clock/clock.ts'
import type { Desk } from '../dead-letters/desk.ts'
import { intakeEffectsOf } from '../dead-letters/intake.ts'
import { actEffectsOf } from '../dead-letters/outbox.ts'
import { redisDesk } from '../dead-letters/redis/redis-desk.ts'
import { effectsOf, type EffectRow } from '../flow/effects.ts'
import type { Journal } from '../journal/journal.ts'
import type { Overview } from '../journal/overview.ts'
import { redisJournal } from '../journal/redis/redis-journal.ts'
import { redisOverview } from '../journal/redis/redis-overview.ts'
import { redisLocks } from '../locks/redis/redis-locks.ts'
import { addressOf } from '../redis/address.ts'
import { redisClient, type RedisClient } from '../redis/client.ts'
import { checkServer, probe, type Finding as RedisFinding } from '../redis/check.ts'
import { keysOf, type Keys } from '../redis/keys.ts'
import { loadScripts, scriptRunner } from '../redis/scripts.ts'
import type { Effect, Safety } from '../retry/effect.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { ledgerOf, withLedger, type LedgerParts } from './ledger.ts'

export type { Books, Dump, DumpedConsumer, Seeded } from '../ledger/books.ts'
export type { RabbitBroker } from '../broker/rabbit/rabbit-broker.ts'
export { UnsafeTopology, type Report } from '../broker/rabbit/declare.ts'

/** What stands on Redis, and the ledger wherever it is. */
export interface Store extends Pick<LedgerParts, 'ledger' | 'books'> {
  readonly redis: RedisClient
  readonly keys: Keys
  /** What the promises need of the server and does not hold. */
  readonly checkServer: () => Promise<readonly RedisFinding[]>
  /** Writes a key of the namespace. */
  readonly probe: () => Promise<void>
  /** Redis time (ms since 1970). */
  readonly serverNowMs: () => Promise<number>
  readonly journal: Journal
  readonly ledgerParts: LedgerParts
  readonly overview: Overview
  readonly locks: ReturnType<typeof redisLocks>
  readonly desk: Desk
  stop(): Promise<void>
}

export interface Parts {
  readonly config: Config
  readonly names: Names
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** Connected. It declares nothing by itself. */
  broker(): Promise<RabbitBroker>
  reader(): Promise<Reader>
  store(): Promise<Store>
  /** What of the topology is missing, made or different: on RabbitMQ, and in a ledger that needs something too. */
  topology(act: 'plan' | 'apply' | 'verify'): Promise<Report>
  /** Every effect, declared without connecting anywhere. */
  effects(): readonly EffectRow[]
  /** Closes what was opened. May be called twice. */
  close(): Promise<void>
}

/** Longest (ms) that a command waits for a connection. */
const START_MS = 5_000
const SWEEP_AFTER_MS = 60_000
const DAY_MS = 86_400_000
/** After a restart of Redis nothing is granted until every lease has surely ended. */
const GRACE_MORE_MS = 500

export function openParts(config: Config, clock: Clock, telemetry: Telemetry): Parts {
  const closers: (() => Promise<void>)[] = []
  const once = <Part>(open: () => Promise<Part>, close: (part: Part) => Promise<void>): (() => Promise<Part>) => {
    let opened: Promise<Part> | null = null
    return () =>
      (opened ??= open().then((part) => {
        closers.push(() => close(part))
        return part
      }))
  }
  const broker = once(
    async () => {
      const opened = rabbitBroker(brokerOptionsOf(config), clock, telemetry)
      await opened.start()
      return opened
    },
    (opened) => opened.stop(),
  )
  const { urls, heartbeatS, tls } = config.rabbitmq
  const readerOptions = { urls, heartbeatS, tls, timeoutMs: START_MS }
  const reader = once(
    () => openReader(readerOptions, clock),
    (opened) => opened.close(),
  )
  const store = once(
    async () => {
      const opened = storeOf(config, clock, telemetry)
      await opened.redis.start(START_MS)
      return opened
    },
    (opened) => opened.stop(),
  )
  return {
    config,
    clock,
    telemetry,
    names: namesOf(config.rabbitmq.prefix),
    broker,
    reader,
    store,
    topology: async (act) => {
      const opened = await broker()
      const run = {
        plan: () => opened.planTopology(),
        apply: () => opened.createTopology(),
        verify: () => opened.verifyTopology(),
      }[act]
      return withLedger(await run(), act, config, clock)
    },
    effects: () => effectRows(config, clock, telemetry),
    close: async () => {
      await Promise.all(closers.splice(0).map((close) => close()))
    },
  }
}

function brokerOptionsOf(config: Config): Parameters<typeof rabbitBroker>[0] {
  const { urls, prefix, managementUrl, heartbeatS, journalDays, tls } = config.rabbitmq
  return {
    urls,
    prefix,
    managementUrl,
    heartbeatS,
    journalDays,
    tls,
    topology: 'off',
    startTimeoutMs: START_MS,
    clientName: 'ferryman command',
  }
}

/** Builds it unconnected. */
export function storeOf(config: Config, clock: Clock, telemetry: Telemetry): Store {
  const { url, namespace, tls } = config.redis
  const { leaseMs, holdMs, waitMs } = config.lock
  const redis = redisClient({ url, timeoutMs: config.ledgerTimeoutMs, tls }, clock, telemetry)
  const keys = keysOf(namespace)
  const scripts = scriptRunner(
    redis,
    keys,
    {
      leaseMs,
      graceMs: leaseMs + GRACE_MORE_MS,
      holdMs,
      waitMs,
      sweepAfterMs: SWEEP_AFTER_MS,
      journalMs: config.journal.days * DAY_MS,
      tombstoneMs: config.journal.tombstoneDays * DAY_MS,
    },
    loadScripts(),
  )
  // With Sentinel another server may take over, which has only what it was sent.
  const replicas = addressOf(url).master === null ? 0 : 1
  const journal = redisJournal(scripts, { booksHere: config.ledger === 'redis', replicas })
  const ledgerParts = ledgerOf(config, clock, scripts, journal)
  return {
    redis,
    keys,
    checkServer: () => checkServer(redis, keys),
    probe: () => probe(redis, keys),
    serverNowMs: () => serverNowMs(redis),
    journal,
    ledgerParts,
    ledger: ledgerParts.ledger,
    books: ledgerParts.books,
    overview: redisOverview(scripts, () => serverNowMs(redis)),
    locks: redisLocks(scripts),
    desk: redisDesk(redis, namespace),
    stop: async () => {
      await Promise.all([redis.stop(), ledgerParts.stop()])
    },
  }
}

async function serverNowMs(redis: RedisClient): Promise<number> {
  const [seconds, micros] = (await redis.call('TIME', [])) as readonly string[]
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

type Declared = Pick<Effect<never, unknown, Safety>, 'name' | 'safety' | 'because'>

/** n.b. Declaring an effect sends nothing; the publisher here is never asked. */
function effectRows(config: Config, clock: Clock, telemetry: Telemetry): readonly EffectRow[] {
  const { journal, ledger, locks, desk } = storeOf(config, clock, telemetry)
  const publisher: Publisher = { publish: () => Promise.reject(new Error('declared, not carried out')) }
  const flow = Object.values<Declared | null>({ ...effectsOf(journal, ledger, publisher) }).filter(
    (one) => one !== null,
  )
  const desks = Object.values<Declared>({
    ...intakeEffectsOf({ desk, publisher }),
    ...actEffectsOf({ desk, publisher }),
  })
  return [...flow, ...locks.effects, ...desks].map(({ name, safety, because }) => ({
    name,
    ledger: name.startsWith('ledger.') ? ledger.name : 'any',
    idempotent: safety === 'idempotent',
    because,
  }))
}
