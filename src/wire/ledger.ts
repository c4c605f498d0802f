// The ledger of an installation: in Redis beside the journal, or Placement, with what each needs before it can be used.
import type { Config } from '../config.ts'
import type { Clock } from '../clock/clock.ts'
import type { Journal } from '../journal/journal.ts'
import type { Report } from '../broker/rabbit/declare.ts'
import type { Books } from '../ledger/books.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { tokenAuthorise } from '../ledger/placement/authorise.ts'
import { placementBooks } from '../ledger/placement/placement-books.ts'
import { placementLedger } from '../ledger/placement/placement-ledger.ts'
import { redisBooks } from '../ledger/redis/redis-books.ts'
import { redisLedger } from '../ledger/redis/redis-ledger.ts'
import type { ScriptRunner } from '../redis/scripts.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'

export interface LedgerParts {
  readonly ledger: Ledger
  readonly books: Books
  /** Names of what Ferryman needs in the ledger and is not there; with `make` it is made, and none is missing. */
  readonly prepare: (make: boolean) => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

const ASK_EVERY_MS = 500

/** Unconnected. `config` has been checked: a Placement has its url and token. */
export function ledgerOf(config: Config, clock: Clock, scripts: ScriptRunner, journal: Journal): LedgerParts {
  if (config.ledger === 'redis') {
    return {
      ledger: redisLedger(scripts),
      books: redisBooks(scripts),
      prepare: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
    }
  }
  return placementParts(config, clock, (consumers) => journal.moves(consumers))
}

function placementParts(config: Config, clock: Clock, moves: Journal['moves']): LedgerParts {
  const ledger = placementLedger({
    url: config.placement.url ?? '',
    timeoutMs: config.ledgerTimeoutMs,
    authorise: tokenAuthorise(config.placement.token ?? ''),
    clock,
    namespace: config.redis.namespace,
    markers: config.placement.markers,
    moves,
  })
  return {
    ledger,
    books: placementBooks(ledger.http, ledger.markers, clock),
    prepare: async (make) => {
      const missing = await ledger.markers.missing()
      if (!make || missing.length === 0) return missing
      await ledger.markers.ensure()
      return []
    },
    stop: () => ledger.stop(),
  }
}

/** What a topology lacks when Ferryman's own providers are not in Placement: one row, however many they are. */
export function markerFindings({ placement, redis }: Config, missing: readonly string[]): Report['findings'] {
  if (missing.length === 0) return []
  return [
    {
      object: `placement providers ferryman-mark-${redis.namespace}-<nn>`,
      argument: 'existence',
      wanted: `${placement.markers} providers`,
      found: `${missing.length} missing`,
      fix: 'ferryman topology apply',
    },
  ]
}

/** A report on RabbitMQ, with what the ledger needs of its own added; `act` as it was done there. */
export async function withLedger(
  report: Report,
  act: 'plan' | 'apply' | 'verify',
  config: Config,
  clock: Clock,
): Promise<Report> {
  if (config.ledger !== 'placement') return report
  const { prepare, stop } = placementParts(config, clock, () => Promise.resolve({}))
  try {
    const missing = await prepare(false)
    if (act === 'verify') return { ...report, findings: [...report.findings, ...markerFindings(config, missing)] }
    if (act === 'apply') await prepare(true)
    return { ...report, made: [...report.made, ...missing.map((name) => `placement provider ${name}`)] }
  } finally {
    await stop()
  }
}

/** Asks again while no answer comes, for `timeoutMs` at most; rejects then as the last asking did. */
export async function untilAnswered<T>(ask: () => Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  const endMs = clock.monotonicMs() + timeoutMs
  for (;;) {
    try {
      return await ask()
    } catch (failure) {
      const silent = failure instanceof Unavailable || failure instanceof Unanswered
      if (!silent || clock.monotonicMs() + ASK_EVERY_MS >= endMs) throw failure
      await clock.sleep(ASK_EVERY_MS)
    }
  }
}
