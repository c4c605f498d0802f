// A storm of kills: workers die by SIGKILL all the time, and still every request has one effect and one answer.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { crowdBooks, playOut, randomOf, type Random } from '../support/crowd.ts'
import { faultsOfReplay, ORDER_ON } from '../support/crowd-check.ts'
import {
  decisionsInOrder,
  faultsOfTelling,
  LEDGERS,
  openInstallation,
  toldOf,
  type Installation,
} from '../support/installation.ts'
import { printFigures } from '../support/figures.ts'
import { isDecision } from '../support/installation-line.ts'
import type { WorkerUnderTest } from '../support/installation-workers.ts'

const ASKED = process.env['FERRYMAN_STORM_REQUESTS']
const REQUESTS = { redis: Number(ASKED ?? 400), placement: Number(ASKED ?? 150) } as const
const SEED = Number(process.env['FERRYMAN_STORM_SEED'] ?? systemClock.nowMs() % 1_000_000)
const WORKERS = 4
const KILL_EVERY_MS = 300
const STORM_MS = 22_000
const CROWD = { hosts: 12, servers: 80, roomOfHost: 18 }
const ENV = { FERRYMAN_LOCK_LEASE_MS: '1500', FERRYMAN_LOG_LEVEL: 'debug', FERRYMAN_CONCURRENCY: '16' }

for (const ledger of LEDGERS)
  describe(`a storm of kills on ${ledger}`, () => {
    let installation: Installation
    before(async () => {
      installation = await openInstallation({ ledger })
      await installation.seed(crowdBooks(CROWD))
    })
    after(() => installation.close())

    it(`leaves ${REQUESTS[ledger]} requests with one effect and one answer each, and the books balanced`, async () => {
      const random = randomOf(SEED)
      const startedMs = systemClock.monotonicMs()
      const storm = startStorm(installation, random)
      const { requests, copies, reused } = await playOut(installation, CROWD, REQUESTS[ledger], random)
      const seconds = ((systemClock.monotonicMs() - startedMs) / 1000).toFixed(1)
      const workers = await storm.end()

      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(faultsOfTelling(installation, requests)).to.deep.equal([])
      const events = decisionsInOrder(installation, requests)
      expect(events.filter(({ outcome }) => ['operator', 'exhausted'].includes(outcome.class))).to.deep.equal([])
      expect(faultsOfReplay(events, crowdBooks(CROWD), await installation.dump(), ORDER_ON[ledger])).to.deep.equal([])
      for (const id of reused) {
        const answers = installation.events.of(id).filter((message) => !isDecision(message))
        expect(new Set(answers.map(({ properties }) => properties.messageId as string))).to.have.length(1)
        expect(answers.map((answer) => toldOf(answer).outcome.code)).to.include('id_reused')
      }
      const received = workers.flatMap((worker) => worker.said('request.received'))
      printFigures({
        seed: SEED,
        requests: requests.length,
        seconds,
        kills: storm.kills(),
        copiesSent: copies,
        reused: reused.length,
        deliveries: received.length,
        redelivered: received.filter(({ redelivered }) => redelivered === true).length,
        takenOver: events.filter(({ attempts }) => attempts > 1).length,
        eventCopies: installation.events.all.length - events.length - reused.length,
        fenced: workers.flatMap((worker) => worker.said('fence.rejected')).length,
        codes: countsOf(events),
      })
    }).timeout(400_000)
  })

interface Storm {
  readonly kills: () => number
  /** No more kills; gives all workers there ever were. */
  end(): Promise<readonly WorkerUnderTest[]>
}

/** Kills one of those that are up, any of them, every 300 ms, and starts another; for a bounded time. */
function startStorm(installation: Installation, random: Random): Storm {
  const all = Array.from({ length: WORKERS }, () => installation.spawn(ENV))
  const over = new AbortController()
  let kills = 0
  const blow = async (): Promise<void> => {
    const untilMs = systemClock.monotonicMs() + STORM_MS
    while (!over.signal.aborted && systemClock.monotonicMs() < untilMs) {
      const up = all.filter(({ isUp, isOver }) => isUp && !isOver)
      const victim = up[Math.floor(random() * up.length)]
      if (victim !== undefined) {
        victim.signal('SIGKILL')
        await victim.ended
        kills += 1
        all.push(installation.spawn(ENV))
      }
      await systemClock.sleep(KILL_EVERY_MS, over.signal).catch(() => undefined)
    }
  }
  const blown = blow()
  return {
    kills: () => kills,
    end: async () => {
      over.abort()
      await blown
      return all
    },
  }
}

function countsOf(events: readonly { readonly outcome: { readonly code: string } }[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const {
    outcome: { code },
  } of events)
    counts[code] = (counts[code] ?? 0) + 1
  return counts
}
