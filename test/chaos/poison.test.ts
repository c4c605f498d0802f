// A request that kills its process is found out alone; its neighbours go through, and kills by others count nothing.
import { expect } from 'chai'
import { faultsOfTelling, openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { holdings, movedBooks, moversBooks, moves, requestOf, requestsOf } from '../support/installation-moves.ts'
import { holdingProxy } from '../support/installation-proxies.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'

const LEASE = { FERRYMAN_LOCK_LEASE_MS: '1000', FERRYMAN_LOG_LEVEL: 'debug' }
const NEIGHBOURS = 50
const KILLER = 40
const POISON_AFTER = 5
const KILLS = 25
const INNOCENT = 300

describe('a process that dies with requests begun', () => {
  let installation: Installation
  afterEach(() => installation.close())

  const opened = async (count: number): Promise<void> => {
    installation = await openInstallation()
    await installation.seed(moversBooks(count))
    await installation.ask(...moves(count))
  }

  /** A worker that dies when it is about to write for the killer: nothing of what it then says arrives. */
  const doomed = async (): Promise<WorkerUnderTest> => {
    const redis = installation.env['FERRYMAN_REDIS_URL']!
    const proxy = await holdingProxy(Number(new URL(redis).port))
    const writing = proxy.holdFrom(`${requestOf(KILLER)}/applied`)
    const worker = installation.spawn({ ...LEASE, FERRYMAN_REDIS_URL: proxy.urlOf(redis) })
    void writing.then(() => worker.signal('SIGKILL'))
    void worker.ended.then(proxy.close)
    return worker
  }

  it('because of one of them ends that one as poison after 5 deaths alone, and no neighbour', async () => {
    await opened(NEIGHBOURS + 1)
    let deaths = 0
    const told = installation.events.decision(requestOf(KILLER))
    for (let decided = false; !decided; ) {
      const worker = await doomed()
      decided = await Promise.race([told.then(() => true), worker.ended.then(() => false)])
      if (!decided) deaths += 1
    }
    const poison = toldOf(await told)
    expect(poison.outcome).to.include({ code: 'poison', class: 'operator', effect: 'did_not_happen' })
    expect(poison.outcome.message).to.include(`${POISON_AFTER} processes died`)
    expect(deaths, 'the first one in company, then alone').to.equal(POISON_AFTER + 1)
    expect(poison.attempts).to.equal(deaths + 1)

    const neighbours = requestsOf(NEIGHBOURS + 1).filter((id) => id !== requestOf(KILLER))
    const decided = await installation.decisions(neighbours)
    expect(decided.map(({ outcome }) => outcome.code)).to.deep.equal(neighbours.map(() => 'applied'))
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, requestsOf(NEIGHBOURS + 1))).to.deep.equal([])
    expect(installation.letters.all).to.have.length(1)
    const { [Object.keys(movedBooks(KILLER + 1))[KILLER]!]: stayed, ...moved } = holdings(await installation.dump())
    expect(stayed).to.deep.equal(Object.values(holdings(moversBooks(KILLER + 1)))[KILLER])
    expect(moved).to.include.keys(Object.keys(movedBooks(KILLER)))
  }).timeout(180_000)

  it(`${KILLS} times because of others decides nothing about them`, async () => {
    await opened(INNOCENT)
    let told = 0
    for (let kills = 0; kills < KILLS; kills++) {
      const worker = installation.spawn({ ...LEASE, FERRYMAN_CONCURRENCY: '16' })
      await until('it has told some', () => worker.said('request.told').length > kills % 4)
      worker.signal('SIGKILL')
      await worker.ended
      told += worker.said('request.told').length
    }
    expect(told, 'requests were left for the last').to.be.below(INNOCENT)
    await installation.worker(LEASE)
    const decided = await installation.decisions(requestsOf(INNOCENT))
    expect(decided.map(({ outcome }) => outcome.code)).to.deep.equal(Array(INNOCENT).fill('applied'))
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(installation.letters.all).to.deep.equal([])
    expect(holdings(await installation.dump())).to.deep.equal(movedBooks(INNOCENT))
  }).timeout(240_000)
})
