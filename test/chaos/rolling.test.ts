// Workers replaced one after the other under load: nothing is lost, nothing dead-lettered, and no restart is a death.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { crowdBooks, playOut, randomOf } from '../support/crowd.ts'
import { faultsOfReplay } from '../support/crowd-check.ts'
import { faultsOfTelling, openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { isDecision } from '../support/installation-line.ts'
import type { WorkerUnderTest } from '../support/installation-workers.ts'

const RESTARTS = Number(process.env['FERRYMAN_ROLLING_RESTARTS'] ?? 10)
const AT_ONCE = 2
const ROUND = 100
const CROWD = { hosts: 8, servers: 40, roomOfHost: 14 }
const ENV = { FERRYMAN_CONCURRENCY: '16' }

describe(`${RESTARTS} rolling restarts under load`, () => {
  let installation: Installation
  before(async () => {
    installation = await openInstallation()
    await installation.seed(crowdBooks(CROWD))
  })
  after(() => installation.close())

  it('lose nothing, leave no letter but of refusals, and are no deaths', async () => {
    const workers = await Promise.all(Array.from({ length: AT_ONCE }, () => installation.worker(ENV)))
    const over = new AbortController()
    const load = playOn(installation, over.signal)
    const codes = await roll(installation, workers)
    over.abort()
    const { requests, longestMs } = await load

    expect(codes).to.deep.equal(Array(RESTARTS).fill(0))
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, requests)).to.deep.equal([])
    const events = requests.map((id) => toldOf(installation.events.of(id).find(isDecision)!))
    expect(events.filter(({ outcome }) => ['operator', 'exhausted'].includes(outcome.class))).to.deep.equal([])
    expect(faultsOfReplay(events, crowdBooks(CROWD), await installation.dump())).to.deep.equal([])
    for (const worker of workers) {
      expect(worker.said('request.suspected'), worker.text).to.deep.equal([])
      expect(worker.said('intake.returned'), worker.text).to.deep.equal([])
    }
    process.stdout.write(`      ${JSON.stringify({ requests: requests.length, longestMs })}\n`)
  }).timeout(300_000)
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

interface Load {
  readonly requests: readonly string[]
  /** Longest time from a request to its outcome. */
  readonly longestMs: number
}

/** Round after round, until `over` and the round is done. */
async function playOn(installation: Installation, over: AbortSignal): Promise<Load> {
  const requests: string[] = []
  let longestMs = 0
  const timed: Installation = {
    ...installation,
    decision: async (request) => {
      const sinceMs = systemClock.monotonicMs()
      const told = await installation.decision(request)
      longestMs = Math.max(longestMs, Math.round(systemClock.monotonicMs() - sinceMs))
      return told
    },
  }
  for (let round = 0; !over.aborted; round++) {
    requests.push(...(await playOut(timed, CROWD, ROUND, randomOf(round), `roll ${round}`)).requests)
  }
  return { requests, longestMs }
}
