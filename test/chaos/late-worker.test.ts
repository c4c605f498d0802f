// A worker that was stopped past its lease with requests in hand writes nothing that counts when it wakes.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { uuidOf } from '../support/crowd.ts'
import {
  faultsOfTelling,
  LEDGERS,
  openInstallation,
  type Installation,
  type LedgerName,
} from '../support/installation.ts'
import { holdings, movedBooks, moversBooks, moves, requestsOf } from '../support/installation-moves.ts'
import { holdingProxy } from '../support/installation-proxies.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { placementProxy } from '../support/placement-proxy.ts'

/** Servers that move. */
const COUNTS = { redis: 20, placement: 8 } as const
const LEASE = { FERRYMAN_LOCK_LEASE_MS: '1500' }

interface Trap {
  /** What the late worker is started with. */
  readonly env: Readonly<Record<string, string>>
  /** Resolves once its writes are on the way, and held there. */
  writing(): Promise<unknown>
  /** Lets them go on. */
  release(): unknown
  /** Whether the worker has noticed what became of its writes. */
  refused(late: WorkerUnderTest): boolean
  close(): Promise<void>
}

for (const ledger of LEDGERS)
  describe(`a worker that sleeps past its lease on ${ledger}`, () => {
    const COUNT = COUNTS[ledger]
    let installation: Installation
    beforeEach(async () => {
      installation = await openInstallation({ ledger })
      await installation.seed(moversBooks(COUNT))
    })
    afterEach(() => installation.close())

    it('is refused by the ledger when its writes arrive after others have gone on', async () => {
      const trap = await TRAPS[ledger](installation)
      const full = { FERRYMAN_CONCURRENCY: `${COUNT}` } // so that it is given no copies
      const late = await installation.worker({ ...LEASE, ...full, ...trap.env })
      const writing = trap.writing()
      await installation.ask(...moves(COUNT))
      await writing
      late.signal('SIGSTOP')
      const other = await installation.worker(LEASE)
      await installation.ask(...moves(COUNT)) // the broker has not noticed; the scheduler asks again
      const decided = await installation.decisions(requestsOf(COUNT))
      expect(decided.map(({ outcome }) => outcome.code)).to.deep.equal(Array(COUNT).fill('applied'))
      expect(new Set(decided.map(({ worker }) => worker.split(':').at(-1)))).to.deep.equal(new Set([`${other.pid}`]))
      const before = await installation.dump()
      await trap.release()
      late.signal('SIGCONT')
      await until('the late write was refused', () => trap.refused(late))
      await until('it consumes again', async () => (await late.readyz()).status === 200)
      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(await installation.dump()).to.deep.equal(before)
      expect(holdings(before)).to.deep.equal(movedBooks(COUNT))
      expect(late.said('request.told').filter(({ again }) => again === false)).to.deep.equal([])
      expect(faultsOfTelling(installation, requestsOf(COUNT))).to.deep.equal([])
      await trap.close()
    }).timeout(120_000)

    it('takes part again afterwards, with one decision for each request, by whoever', async () => {
      const sleeper = await installation.worker({ ...LEASE, FERRYMAN_RABBITMQ_HEARTBEAT_S: '1' })
      await installation.ask(...moves(COUNT))
      await installation.events.decision(requestsOf(1)[0]!)
      sleeper.signal('SIGSTOP')
      const asleepMs = systemClock.monotonicMs()
      const other = await installation.worker(LEASE)
      await installation.decisions(requestsOf(COUNT)) // the broker takes back what the sleeper had in hand
      await until('it has slept past its lease', () => systemClock.monotonicMs() > asleepMs + 2_500)
      sleeper.signal('SIGCONT')
      await until('it consumes again', async () => (await sleeper.readyz()).status === 200)
      await until('it tells that it stood still', () => sleeper.said('process.stalled').length > 0)
      other.signal('SIGTERM')
      expect(await other.ended).to.equal(0)
      const back = moves(COUNT).map((move, server) => {
        const { source, destination } = move as Record<string, string>
        return { ...move, id: uuidOf('back', server), source: destination, destination: source }
      })
      await installation.ask(...back)
      const told = await installation.decisions(back.map(({ id }) => id))
      expect(told.map(({ outcome }) => outcome.code)).to.deep.equal(Array(COUNT).fill('applied'))
      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(faultsOfTelling(installation, [...requestsOf(COUNT), ...back.map(({ id }) => id)])).to.deep.equal([])
      expect(holdings(await installation.dump())).to.deep.equal(holdings(moversBooks(COUNT)))
    }).timeout(120_000)
  })

const TRAPS: Readonly<Record<LedgerName, (installation: Installation) => Promise<Trap>>> = {
  /** Its first write is on the way, and all else it says is held. */
  redis: async ({ env }) => {
    const url = env['FERRYMAN_REDIS_URL']!
    const proxy = await holdingProxy(Number(new URL(url).port))
    return {
      ...proxy,
      env: { FERRYMAN_REDIS_URL: proxy.urlOf(url) },
      writing: () => proxy.holdFrom('ferryman.transfer.succeeded'),
      refused: (late) => late.said('fence.rejected').length > 0,
    }
  },
  /** All its writes are on the way, and Placement refuses each of them when it comes at last. */
  placement: async ({ env }) => {
    const proxy = await placementProxy(Number(new URL(env['FERRYMAN_PLACEMENT_URL']!).port))
    proxy.fault((method) => (method === 'POST' ? { kind: 'hold' } : null))
    const count = COUNTS.placement
    const held = (): number => proxy.seen.filter(({ method }) => method === 'POST').length
    return {
      env: { FERRYMAN_PLACEMENT_URL: proxy.url, FERRYMAN_LEDGER_TIMEOUT_MS: '60000' },
      writing: () => until('every write is on the way', () => held() === count),
      release: async () => {
        proxy.fault(() => null)
        expect(await proxy.release()).to.deep.equal(Array(count).fill(409))
      },
      refused: (late) => late.said('request.stopped').length === count,
      close: () => proxy.close(),
    }
  },
}
