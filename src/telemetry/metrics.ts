// Events to counters and histograms, polled facts to gauges: Prometheus text, all there from the first scrape.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Clock } from '../clock/clock.ts'
import { CODES, classOf, type Class } from '../transfer/outcome.ts'
import { OPERATIONS } from '../transfer/request.ts'
import type { EventName, Events, Listener } from './events.ts'

/** What has to be asked for. Polled every few seconds, so that a scrape depends on neither Redis nor the broker. */
export interface Sources {
  /** Letters that wait for a person, by class and code, and the time (ms since 1970) of the oldest of each class. */
  readonly letters?: () => Promise<{
    readonly open: readonly { readonly class: string; readonly code: string; readonly count: number }[]
    readonly oldestAtMs: Readonly<Record<string, number>>
  }>
  /** Messages in the queue of what no binding wanted. */
  readonly unroutable?: () => Promise<number>
  /** Requests begun and not yet told, and when (ms since 1970) the oldest was begun. */
  readonly transfers?: () => Promise<{ readonly open: number; readonly oldestAtMs: number | null }>
}

export interface MetricsOptions {
  readonly version: string
  readonly clock: Clock
  /** Names of the effects and whether they are idempotent, for series that exist before the first timeout. */
  readonly effects?: readonly { readonly name: string; readonly idempotent: boolean }[]
  /** Requests in hand right now; asked at each scrape. */
  readonly inHand?: () => number
  readonly sources?: Sources
  readonly pollMs?: number
}

export interface Metrics {
  readonly listener: Listener
  /** All of it as Prometheus text, with the content type it has. */
  text(): Promise<{ readonly body: string; readonly contentType: string }>
  /** Asks the sources now. */
  poll(): Promise<void>
  /** Starts polling; the returned function ends it. */
  start(): () => void
}

/** Classes whose letters stay open until a person has dealt with them. */
const OPEN_CLASSES: readonly Class[] = ['exhausted', 'operator']
const OPEN_CODES: readonly { readonly class: Class; readonly code: string }[] = [
  ...CODES.map((code) => ({ class: classOf(code), code })).filter((labels) => OPEN_CLASSES.includes(labels.class)),
  { class: 'operator', code: 'event_unroutable' },
]
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]
const POLL_MS = 5_000

/** Opens a registry of its own, so that two of them in one process do not meet. */
export function openMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'ferryman_' })
  const make = makerOf(registry)
  const listeners = [countRequests(make), countTroubles(make, options.effects ?? []), showBroker(make)]
  make.gauge('build_info', 'Always 1; the version is a label.', ['version']).set({ version: options.version }, 1)
  const poll = openGauges(make, options)
  return {
    listener: (name, fields) => {
      for (const listener of listeners) listener(name, fields)
    },
    text: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
    poll,
    start: () => {
      let cancel = (): void => undefined
      let ended = false
      const again = (): void => {
        void poll().then(() => {
          if (!ended) cancel = options.clock.timer(options.pollMs ?? POLL_MS, again)
        })
      }
      again()
      return () => {
        ended = true
        cancel()
      }
    },
  }
}

/** Makes metrics of one registry, named `ferryman_…`. */
interface Maker {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  gauge(name: string, help: string, labels?: readonly string[], collect?: (gauge: Gauge) => void): Gauge
  histogram(name: string, help: string): Histogram
}

function makerOf(registry: Registry): Maker {
  const shared = (name: string, help: string, labels: readonly string[]) => ({
    name: `ferryman_${name}`,
    help,
    labelNames: [...labels],
    registers: [registry],
  })
  return {
    counter: (name, help, labels = []) => new Counter(shared(name, help, labels)),
    gauge: (name, help, labels = [], collect) =>
      new Gauge({
        ...shared(name, help, labels),
        ...(collect === undefined
          ? {}
          : {
              collect(this: Gauge) {
                collect(this)
              },
            }),
      }),
    histogram: (name, help) => new Histogram({ ...shared(name, help, []), buckets: SECONDS }),
  }
}

/** What becomes of requests. `operation` is one of a closed set: a sender must not be able to make series. */
function countRequests(make: Maker): Listener {
  const operations: readonly string[] = [...OPERATIONS, 'unknown']
  const received = make.counter('requests_received_total', 'Requests delivered to a worker, redeliveries included.')
  const outcomes = make.counter('outcomes_total', 'Decisions told for the first time.', ['operation', 'class', 'code'])
  const duration = make.histogram('request_duration_seconds', 'From delivery to the confirmed event of a decision.')
  const age = make.histogram('request_age_seconds', 'Age of a request when received, by the timestamp its sender gave.')
  const aside = make.counter('requests_set_aside_total', 'Requests that left a worker undecided.', ['reason'])
  for (const reason of ASIDE_REASONS) aside.inc({ reason }, 0)
  for (const operation of operations) {
    for (const code of CODES) outcomes.inc({ operation, class: classOf(code), code }, 0)
  }
  return on({
    'request.received': ({ ageMs }) => {
      received.inc()
      if (ageMs !== null) age.observe(Math.max(0, ageMs) / 1_000)
    },
    'request.told': ({ operation, code, again, durationMs }) => {
      if (again) return
      outcomes.inc({ operation: operations.includes(operation) ? operation : 'unknown', class: classOf(code), code })
      duration.observe(durationMs / 1_000)
    },
    'request.set_aside': ({ reason }) => {
      aside.inc({ reason })
    },
    'request.stopped': () => {
      aside.inc({ reason: 'handed_back' })
    },
  })
}

const ASIDE_REASONS = ['duplicate', 'crowded', 'contended', 'ledger_unavailable', 'handed_back']
/** Reasons for which a request climbs the delay ladder. */
const LADDER_REASONS = ['contended', 'ledger_unavailable']

/** What goes wrong on the way: repeats, timeouts, locks, standstills. */
function countTroubles(make: Maker, effects: readonly { name: string; idempotent: boolean }[]): Listener {
  const retries = make.counter('retries_total', 'Effects sent again, and requests put on the delay ladder.', ['reason'])
  for (const reason of ['unanswered', 'unavailable', ...LADDER_REASONS]) retries.inc({ reason }, 0)
  const timeouts = make.counter('timeouts_total', 'Sends that ended without an answer.', ['phase', 'idempotent'])
  for (const { name, idempotent } of effects) timeouts.inc({ phase: name, idempotent: String(idempotent) }, 0)
  const wait = make.histogram('lock_wait_seconds', 'Time from asking for locks to having them.')
  const lost = make.counter('locks_lost_total', 'Locks that ended before their work did.')
  const fenced = make.counter('fence_rejections_total', 'Writes that the ledger refused since the lock had passed on.')
  const stalls = make.counter('stalls_total', 'Times that the process stood still for a second or more.')
  const stalled = make.counter('stalled_seconds_total', 'For how long it stood still then.')
  return on({
    'effect.retry': ({ reason }) => {
      retries.inc({ reason })
    },
    'request.set_aside': ({ reason }) => {
      if (LADDER_REASONS.includes(reason)) retries.inc({ reason })
    },
    'effect.timeout': ({ phase, idempotent }) => {
      timeouts.inc({ phase, idempotent: String(idempotent) })
    },
    'lock.granted': ({ waitMs }) => {
      wait.observe(waitMs / 1_000)
    },
    'lock.lost': () => {
      lost.inc()
    },
    'fence.rejected': () => {
      fenced.inc()
    },
    'process.stalled': ({ stalledMs }) => {
      stalls.inc()
      stalled.inc(stalledMs / 1_000)
    },
  })
}

/** How the connections to the broker stand. */
function showBroker(make: Maker): Listener {
  const connected = make.gauge('broker_connected', '1 while the connection stands.', ['role'])
  const blocked = make.gauge('broker_blocked', '1 while the broker blocks the connection.', ['role'])
  const losses = make.counter('broker_disconnects_total', 'Connections lost.', ['role'])
  const cancelled = make.counter('consumer_cancelled_total', 'Consumers that the broker ended.')
  for (const role of ['consume', 'publish']) {
    connected.set({ role }, 0)
    blocked.set({ role }, 0)
    losses.inc({ role }, 0)
  }
  return on({
    'broker.connected': ({ role }) => {
      connected.set({ role }, 1)
    },
    'broker.disconnected': ({ role }) => {
      connected.set({ role }, 0)
      blocked.set({ role }, 0)
      losses.inc({ role })
    },
    'broker.blocked': ({ role }) => {
      blocked.set({ role }, 1)
    },
    'broker.unblocked': ({ role }) => {
      blocked.set({ role }, 0)
    },
    'broker.cancelled': () => {
      cancelled.inc()
    },
  })
}

/** Facts that nobody tells, so that they have to be asked for. An age goes on growing between two polls. */
function openGauges(make: Maker, { sources = {}, clock, inHand = () => 0 }: MetricsOptions): () => Promise<void> {
  let oldestLetters: Readonly<Record<string, number>> = {}
  let oldestTransfer: number | null = null
  const ageOf = (atMs: number | null): number => (atMs === null ? 0 : Math.max(0, clock.nowMs() - atMs) / 1_000)
  make.gauge('requests_in_progress', 'Requests in hand.', [], (gauge) => {
    gauge.set(inHand())
  })
  const open = make.gauge('dead_letters_open', 'Dead letters that wait for a person.', ['class', 'code'])
  for (const labels of OPEN_CODES) open.set(labels, 0)
  make.gauge('dead_letter_oldest_seconds', 'Age of the oldest open dead letter.', ['class'], (gauge) => {
    for (const name of OPEN_CLASSES) gauge.set({ class: name }, ageOf(oldestLetters[name] ?? null))
  })
  const unknown = make.gauge('outcome_unknown_open', 'Open dead letters whose effect is unknown.')
  const unroutable = make.gauge('unroutable_messages', 'Messages that no binding wanted.')
  const transfers = make.gauge('transfers_open', 'Requests begun and not yet told.')
  make.gauge('transfer_oldest_open_seconds', 'Age of the oldest request begun and not yet told.', [], (gauge) => {
    gauge.set(ageOf(oldestTransfer))
  })
  const failures = make.counter('poll_failures_total', 'Polls without an answer; gauges keep their values.', ['source'])
  for (const source of ['letters', 'unroutable', 'transfers']) failures.inc({ source }, 0)

  const ask = async <Answer>(
    source: keyof Sources,
    question: (() => Promise<Answer>) | undefined,
    use: (answer: Answer) => void,
  ): Promise<void> => {
    if (question === undefined) return
    try {
      use(await question())
    } catch {
      failures.inc({ source })
    }
  }
  return async () => {
    await Promise.all([
      ask('letters', sources.letters, (letters) => {
        const countOf = (code: string): number => letters.open.find((entry) => entry.code === code)?.count ?? 0
        for (const labels of OPEN_CODES) open.set(labels, countOf(labels.code))
        unknown.set(countOf('outcome_unknown'))
        oldestLetters = letters.oldestAtMs
      }),
      ask('unroutable', sources.unroutable, (count) => {
        unroutable.set(count)
      }),
      ask('transfers', sources.transfers, (found) => {
        transfers.set(found.open)
        oldestTransfer = found.oldestAtMs
      }),
    ])
  }
}

type Handlers = { readonly [Name in EventName]?: (fields: Events[Name]) => void }

function on(handlers: Handlers): Listener {
  return (name, fields) => {
    handlers[name]?.(fields)
  }
}
