// Workers replaced one after the other under load: nothing is lost, nothing dead-lettered, and no restart is a death.
import { expect } from 'chai'
import { printFigures } from '../support/figures.ts'
import { crowdBooks, playTimed, randomOf } from '../support/crowd.ts'
import { faultsOfReplay, ORDER_ON } from '../support/crowd-check.ts'
import {
  decisionsInOrder,
  faultsOfTelling,
  LEDGERS,
  openInstallation,
  type Installation,
} from '../support/installation.ts'
import type { WorkerUnderTest } from '../support/installation-workers.ts'

const RESTARTS = Number(process.env['FERRYMAN_ROLLING_RESTARTS'] ?? 25)
const AT_ONCE = 2
const SEED = 1
const CROWD = { hosts: 8, servers: 40, roomOfHost: 14 }
const ENV = { FERRYMAN_CONCURRENCY: '16' }

for (const ledger of LEDGERS)
  describe(`${RESTARTS} rolling restarts under load on ${ledger}`, () => {
    let installation: Installation
    before(async () => {
      installation = await openInstallation({ ledger })
      await installation.seed(crowdBooks(CROWD))
    })
    after(() => installation.close())

    it('lose nothing, leave no letter but of refusals, and are no deaths', async () => {
      const workers = await Promise.all(Array.from({ length: AT_ONCE }, () => installation.worker(ENV)))
      const over = new AbortController()
      const load = playTimed(installation, CROWD, randomOf(SEED), over.signal)
      const codes = await roll(installation, workers)
      over.abort()
      const { requests, longestMs, longestPauseMs } = await load

      expect(codes).to.deep.equal(Array(RESTARTS).fill(0))
      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(faultsOfTelling(installation, requests)).to.deep.equal([])
      const events = decisionsInOrder(installation, requests)
      expect(events.filter(({ outcome }) => ['operator', 'exhausted'].includes(outcome.class))).to.deep.equal([])
      expect(faultsOfReplay(events, crowdBooks(CROWD), await installation.dump(), ORDER_ON[ledger])).to.deep.equal([])
      for (const worker of workers) {
        expect(worker.said('request.suspected'), worker.text).to.deep.equal([])
        expect(worker.said('intake.returned'), worker.text).to.deep.equal([])
      }
      printFigures({ requests: requests.length, longestMs, longestPauseMs })
    }).timeout(600_000)
  })

/** Replaces the oldest, once its successor consumes; the exit codes in their order. */
async function roll(installation: Installation, workers: WorkerUnderTest[]): Promise<(number | null)[]> {
  const codes: (number | null)[] = []
  for (let oldest = 0; oldest < RESTARTS; oldest++) {
    workers.push(await installation.worker(ENV))
    workers[oldest]!.signal('SIGTERM')
    codes.push(await workers[oldest]!.ended)
  }
  return codes
}
