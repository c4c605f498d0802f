// One worker over stores in memory and in virtual time, with a queue whose messages are delivered by hand.
import { namesOf } from '../../src/broker/names.ts'
import type { Broker, Delivery } from '../../src/broker/broker.ts'
import { effectsOf } from '../../src/flow/effects.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { lockSession } from '../../src/locks/session.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import type { Restorer } from '../../src/worker/restore.ts'
import { Worker } from '../../src/worker/worker.ts'
import { D, I, S, SEED } from '../contract/ground.ts'
import { memoryJournal, memoryLedger, memoryLocks } from './memory/ports.ts'
import { seed } from './memory/seed.ts'
import { memorySlot, type MemorySlot } from './memory/slot.ts'
import { virtualClock, type VirtualClock } from './virtual-clock.ts'

export const CONCURRENCY = 8
export const LOOK_MS = 500
const LOCK = { leaseMs: 5_000, holdMs: 60_000, waitMs: 30_000, marginMs: 250, waitersMax: CONCURRENCY }
const SETTINGS = {
  prefix: 'ferryman',
  bytesMax: 65_536,
  ladder: ['1s'],
  retry: { attemptsMax: 2, baseMs: 10, capMs: 20 },
  conflictsMax: 3,
  poisonAfter: 5,
  worker: 'w:1',
  workerVersion: '0',
} as const

type Settled = 'in hand' | 'acknowledged' | 'handed back'

/** A line to one queue: what is delivered by hand, and with which prefetch it is consumed. */
class Line {
  readonly prefetches: (number | 'cancelled')[] = []
  readonly published: string[] = []
  /** Exchanges from which no queue takes anything. */
  readonly unbound = new Set<string>()
  #deliver: (delivery: Delivery) => void = () => undefined

  readonly broker: Broker = {
    ready: true,
    troubles: [],
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    publish: async ({ exchange, routingKey }) => {
      this.published.push(`${exchange}/${routingKey}`)
      return this.unbound.has(exchange) ? 'unroutable' : 'routed'
    },
    consume: async (_queue, prefetch, onDelivery) => {
      this.prefetches.push(prefetch)
      this.#deliver = onDelivery
      return {
        cancel: async () => {
          this.prefetches.push('cancelled')
        },
      }
    },
  }

  /** `more`: fields besides those of a transfer that can be carried out. */
  deliver(request: string, more: Readonly<Record<string, unknown>> = {}): () => Settled {
    let settled: Settled = 'in hand'
    const settle = (how: Settled): void => {
      if (settled === 'in hand') settled = how
    }
    const fields = { version: 1, id: request, operation: 'transfer', consumer: I, source: S, destination: D, ...more }
    this.#deliver({
      body: Buffer.from(JSON.stringify(fields)),
      properties: { headers: {} },
      exchange: 'ferryman.requests',
      routingKey: 'transfer.transfer',
      redelivered: false,
      ack: () => settle('acknowledged'),
      handBack: () => settle('handed back'),
    })
    return () => settled
  }
}

export interface LoneWorker {
  readonly clock: VirtualClock
  readonly slot: MemorySlot
  readonly line: Line
  readonly worker: Worker
  readonly troubles: string[]
}

/** This store never ends. */
const NOTHING_LOST = { look: () => Promise.resolve(), troubles: () => [] } as unknown as Restorer

/** Journal and ledger as the worker finds them, where that is otherwise than they are. */
export interface Otherwise {
  readonly journal?: (journal: Journal, clock: VirtualClock) => Journal
  readonly ledger?: (ledger: Ledger, clock: VirtualClock) => Ledger
}

/** Started, and consuming. */
export async function loneWorker(otherwise: Otherwise = {}): Promise<LoneWorker> {
  const clock = virtualClock(1)
  const slot = memorySlot({ nowUs: clock.nowUs })
  seed(slot, SEED)
  const telemetry = new Telemetry()
  const locks = lockSession({ store: memoryLocks(slot), clock, telemetry, name: 'w:1', options: LOCK })
  const line = new Line()
  const journal = otherwise.journal?.(memoryJournal(slot), clock) ?? memoryJournal(slot)
  const ledger = otherwise.ledger?.(memoryLedger(slot), clock) ?? memoryLedger(slot)
  const effects = effectsOf(journal, ledger, line.broker)
  const names = namesOf('ferryman')
  const deps = { effects, journal, ledger, locks, clock, telemetry, names, settings: SETTINGS }
  const troubles: string[] = []
  const worker = new Worker(
    { broker: line.broker, deps, restorer: NOTHING_LOST, troubles: () => troubles },
    {
      concurrency: CONCURRENCY,
      drainMs: 1_000,
      lookEveryMs: LOOK_MS,
      sweepEveryMs: 600_000,
      packEveryMs: 600_000,
      restoreEveryMs: 600_000,
    },
  )
  await locks.start()
  worker.start()
  await clock.advance(LOOK_MS)
  return { clock, slot, line, worker, troubles }
}
