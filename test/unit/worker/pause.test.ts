// A worker that pauses hands back what only waits, uses no rung for it, and begins again one request at a time.
import { expect } from 'chai'
import { namesOf } from '../../../src/broker/names.ts'
import type { Broker, Delivery } from '../../../src/broker/broker.ts'
import { effectsOf } from '../../../src/flow/effects.ts'
import { lockSession } from '../../../src/locks/session.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { D, I, idOf, R1, R2, S, SEED } from '../../contract/ground.ts'
import { memoryJournal, memoryLedger, memoryLocks } from '../../support/memory/ports.ts'
import { seed } from '../../support/memory/seed.ts'
import { memorySlot, type MemorySlot } from '../../support/memory/slot.ts'
import { acquire, heartbeat, release } from '../../support/memory/tickets.ts'
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts'

const CONCURRENCY = 8
const LOOK_MS = 500
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
  #deliver: (delivery: Delivery) => void = () => undefined

  readonly broker: Broker = {
    ready: true,
    troubles: [],
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    publish: async ({ exchange, routingKey }) => {
      this.published.push(`${exchange}/${routingKey}`)
      return 'routed'
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

  deliver(request: string): () => Settled {
    let settled: Settled = 'in hand'
    const settle = (how: Settled): void => {
      if (settled === 'in hand') settled = how
    }
    const fields = { version: 1, id: request, operation: 'transfer', consumer: I, source: S, destination: D }
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

interface Ground {
  readonly clock: VirtualClock
  readonly slot: MemorySlot
  readonly line: Line
  readonly worker: Worker
  readonly troubles: string[]
}

async function ground(): Promise<Ground> {
  const clock = virtualClock(1)
  const slot = memorySlot({ nowUs: clock.nowUs })
  seed(slot, SEED)
  const telemetry = new Telemetry()
  const locks = lockSession({ store: memoryLocks(slot), clock, telemetry, name: 'w:1', options: LOCK })
  const [journal, ledger, line] = [memoryJournal(slot), memoryLedger(slot), new Line()]
  const effects = effectsOf(journal, ledger, line.broker)
  const names = namesOf('ferryman')
  const deps = { effects, journal, ledger, locks, clock, telemetry, names, settings: SETTINGS }
  const troubles: string[] = []
  const worker = new Worker(
    { broker: line.broker, deps, troubles: () => troubles },
    { concurrency: CONCURRENCY, drainMs: 1_000, lookEveryMs: LOOK_MS, sweepEveryMs: 600_000, packEveryMs: 600_000 },
  )
  await locks.start()
  worker.start()
  await clock.advance(LOOK_MS)
  return { clock, slot, line, worker, troubles }
}

describe('a worker that pauses', () => {
  it('hands back what waits for its lock, without rung, and resumes with prefetch 1', async () => {
    const { clock, slot, line, worker, troubles } = await ground()
    heartbeat(slot, 'other', 600_000, true)
    const held = acquire(slot, 'other', 'k', [`c:${I}`], null)!
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect([settled(), worker.inHand]).to.deep.equal(['in hand', 1])

    troubles.push('the ledger does not answer')
    await clock.advance(2 * LOOK_MS)
    expect([settled(), worker.inHand]).to.deep.equal(['handed back', 0])
    expect(worker.reasons()).to.include('the ledger does not answer')
    expect(slot.records.get(R1)).to.include({ processing: '', rung: 0, reason: null })
    expect([...slot.tickets.keys()], 'its ticket is given up').to.deep.equal([held.number])
    expect(line.published).to.deep.equal([])

    troubles.length = 0
    release(slot, 'other', held.number)
    await clock.advance(2 * LOOK_MS)
    expect(worker.reasons()).to.deep.equal([])
    const again = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect(again()).to.equal('acknowledged')
    expect(line.prefetches).to.deep.equal([CONCURRENCY, 'cancelled', 1, 'cancelled', CONCURRENCY])
    expect(slot.records.get(R1)!.decision!.code).to.equal('applied')
  })

  it('hands back a suspect that waits to be alone, and those that wait for it', async () => {
    const { clock, slot, line, troubles } = await ground()
    heartbeat(slot, 'other', 600_000, true)
    acquire(slot, 'other', 'k', [`c:${I}`], null)
    const busy = line.deliver(R1)
    await clock.advance(LOOK_MS)
    slot.records.set(R2, { ...slot.records.get(R1)!, digest: null, processing: '', suspect: true, last: '' })
    const [suspect, behind] = [line.deliver(R2), line.deliver(idOf('b', 3))]
    await clock.advance(LOOK_MS)
    expect([busy(), suspect(), behind()]).to.deep.equal(['in hand', 'in hand', 'in hand'])
    troubles.push('the ledger does not answer')
    await clock.advance(2 * LOOK_MS)
    expect([busy(), suspect(), behind()]).to.deep.equal(['handed back', 'handed back', 'handed back'])
  })
})
