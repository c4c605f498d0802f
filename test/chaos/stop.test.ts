// A worker told to stop: what it has in hand is finished or handed back, nothing is lost, and the exit code says which.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, openInstallation, type Installation } from '../support/installation.ts'
import {
  destinationOf,
  holdings,
  movedBooks,
  moverOf,
  moversBooks,
  moves,
  requestsOf,
  sourceOf,
} from '../support/installation-moves.ts'
import { holdingProxy, type HoldingProxy } from '../support/installation-proxies.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'

const COUNT = 200
const HANDED_BACK = 75

describe('a worker told to stop', () => {
  let installation: Installation
  beforeEach(async () => {
    installation = await openInstallation()
    await installation.seed(moversBooks(COUNT))
  })
  afterEach(() => installation.close())

  it('under load finishes what it has in hand and exits with 0; others do the rest', async () => {
    const worker = await installation.worker({ FERRYMAN_CONCURRENCY: '8' })
    const asked = installation.ask(...moves(COUNT))
    await until('some were told', () => installation.events.all.length > 5)
    worker.signal('SIGTERM')
    expect(await worker.ended).to.equal(0)
    await asked
    const [stopped] = worker.said('worker.stopped')
    expect(stopped!['handedBack']).to.deep.equal([])
    expect(stopped!['finished']).to.be.greaterThan(5)
    expect(worker.said('request.stopped')).to.deep.equal([])
    const undecided = (await installation.transfers()).filter(({ state }) => state !== 'told')
    expect(undecided).to.deep.equal([])
    await installation.worker()
    const decided = await installation.decisions(requestsOf(COUNT))
    expect(decided.map(({ outcome, attempts }) => [outcome.code, attempts])).to.deep.equal(
      requestsOf(COUNT).map(() => ['applied', 1]),
    )
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(installation.events.all).to.have.length(COUNT)
    expect(holdings(await installation.dump())).to.deep.equal(movedBooks(COUNT))
  }).timeout(90_000)

  describe('while what it has in hand cannot be finished', () => {
    /** Another holds the lock: it is stopped in the middle of its write, and its lease is long. */
    let holder: WorkerUnderTest
    let proxy: HoldingProxy
    const [held] = moves(1)
    const behind = {
      ...held,
      id: uuidOf('behind'),
      consumer: moverOf(1),
      source: sourceOf(1),
      destination: destinationOf(0),
    }

    beforeEach(async () => {
      const redis = installation.env['FERRYMAN_REDIS_URL']!
      proxy = await holdingProxy(Number(new URL(redis).port))
      const env = { FERRYMAN_REDIS_URL: proxy.urlOf(redis), FERRYMAN_LOCK_LEASE_MS: '60000', FERRYMAN_CONCURRENCY: '1' }
      holder = await installation.worker(env)
      const writing = proxy.holdFrom('ferryman.transfer.succeeded')
      await installation.ask(held!)
      await writing
    })
    afterEach(() => proxy.close())

    /** All is lost to neither: the stuck one goes on, a third takes what was handed back. */
    const expectNothingLost = async (): Promise<void> => {
      proxy.release()
      await installation.worker()
      const decided = await installation.decisions([requestsOf(1)[0]!, behind.id])
      expect(decided.map(({ outcome }) => outcome.code)).to.deep.equal(['applied', 'applied'])
      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(faultsOfTelling(installation, [requestsOf(1)[0]!, behind.id])).to.deep.equal([])
      expect(holder.text).not.to.include('fatal')
    }

    it('hands it back when the time to drain is over, and exits with 75', async () => {
      const worker = await installation.worker({ FERRYMAN_DRAIN_MS: '1000', FERRYMAN_LOG_LEVEL: 'debug' })
      await installation.ask(behind)
      await until('it has begun it', () => worker.said('request.begun').some(({ request }) => request === behind.id))
      const startedMs = systemClock.monotonicMs()
      worker.signal('SIGTERM')
      await until('it says that it drains', async () => (await worker.readyz()).body.includes('draining'), 900)
      expect(await worker.ended).to.equal(HANDED_BACK)
      expect(systemClock.monotonicMs() - startedMs, worker.text).to.be.within(900, 4_000)
      expect(worker.said('worker.stopped')[0]!['handedBack']).to.deep.equal([behind.id])
      await expectNothingLost()
    }).timeout(90_000)

    it('is forced by a second signal, long before the time to drain is over', async () => {
      const worker = await installation.worker({ FERRYMAN_DRAIN_MS: '60000', FERRYMAN_LOG_LEVEL: 'debug' })
      await installation.ask(behind)
      await until('it has begun it', () => worker.said('request.begun').some(({ request }) => request === behind.id))
      worker.signal('SIGTERM')
      await until('it drains', () => worker.said('worker.draining').length > 0)
      await systemClock.sleep(300)
      expect(worker.isOver).to.equal(false)
      const startedMs = systemClock.monotonicMs()
      worker.signal('SIGTERM')
      expect(await worker.ended).to.equal(HANDED_BACK)
      expect(systemClock.monotonicMs() - startedMs, worker.text).to.be.below(3_000)
      await expectNothingLost()
    }).timeout(90_000)
  })
})
