// With locks switched off the fault runs hold all the same, and only more is tried in vain: no lock makes a write safe.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { printFigures } from '../support/figures.ts'
import {
  faultsOfTelling,
  LEDGERS,
  openInstallation,
  UNLOCKED,
  type Installation,
  type LedgerName,
} from '../support/installation.ts'
import { destinationOf, holdings, moverOf, providerOf } from '../support/installation-moves.ts'
import type { WorkerUnderTest } from '../support/installation-workers.ts'
import { projectRoot } from '../support/project-root.ts'
import { unlockedMain } from '../support/unlocked-build.ts'
import { uuidOf } from '../support/crowd.ts'

const FAULT_RUNS = ['storm', 'duplicates', 'hot-destination', 'late-worker']
const HOT = uuidOf('hot host')
const SERVERS = 3
/** Of each server at once: how often one unit more is asked for, and how often that it leaves. */
const ASKED = { redis: [20, 5], placement: [8, 3] } as const
const ENV = { FERRYMAN_RETRY_LADDER: '1s,1s,1s', FERRYMAN_LOG_LEVEL: 'debug' }

describe('with locks switched off', () => {
  for (const ledger of LEDGERS)
    for (const locked of [true, false]) {
      const title = locked ? 'with locks on, for comparison' : 'at the same servers and host'
      it(`many requests ${title} on ${ledger}: each effect once, each answer true`, async () => {
        const main = locked ? {} : { main: unlockedMain() }
        const installation = await openInstallation({ ledger, env: ENV, ...main })
        try {
          const workers = await meet(installation, ledger)
          const [more, leave] = ASKED[ledger]
          const requests = SERVERS * (more + leave)
          const granted = workers.flatMap((worker) => worker.said('lock.granted'))
          const waited = granted.filter((line) => line['waited'] === true).length
          printFigures({ requests, granted: granted.length, waited, aside: asideOf(workers) })
          if (locked) expect(waited).to.be.above(0)
          else expect(waited).to.equal(0)
          // Who writes in vain, or meets what is not settled, is begun again.
          if (!locked) expect(granted.length).to.be.above(requests)
        } finally {
          await installation.close()
        }
      }).timeout(200_000)
    }

  it(`the fault runs hold: ${FAULT_RUNS.join(', ')}`, async () => {
    const files = FAULT_RUNS.map((name) => join(import.meta.dirname, `${name}.test.js`))
    const setup = join(import.meta.dirname, '..', 'support', 'global-setup.js')
    const mocha = join(projectRoot(), 'node_modules', 'mocha', 'bin', 'mocha.js')
    const child = spawn(process.execPath, [mocha, '--exit', '--timeout', '100000', '--require', setup, ...files], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, [UNLOCKED]: '1' },
    })
    expect(await new Promise((resolve) => child.once('exit', resolve))).to.equal(0)
  }).timeout(900_000)
})

/** How many were set aside, by reason. */
function asideOf(workers: readonly WorkerUnderTest[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { reason } of workers.flatMap((worker) => worker.said('request.set_aside'))) {
    counts[String(reason)] = (counts[String(reason)] ?? 0) + 1
  }
  return counts
}

/** All at once; what was told then explains what stands in the books. */
async function meet(installation: Installation, ledger: LedgerName): Promise<readonly WorkerUnderTest[]> {
  const [more, leave] = ASKED[ledger]
  const servers = Array.from({ length: SERVERS }, (_, server) => server)
  await installation.seed({
    providers: [
      providerOf(HOT, 'hot', 64),
      ...servers.map((server) => providerOf(destinationOf(server), `to-${server}`)),
    ],
    consumers: servers.map((server) => {
      const owner = { type: 'INSTANCE', project: 'p', user: 'u' }
      return { id: moverOf(server), ...owner, allocations: { [HOT]: { VCPU: 2 } } }
    }),
  })
  const workers = await Promise.all([1, 2, 3].map(() => installation.worker()))
  const asked = servers.flatMap((server) => {
    const one = (name: string, n: number, fields: object) => {
      return { version: 1, id: uuidOf(name, server, n), consumer: moverOf(server), ...fields }
    }
    const grow = { operation: 'adjust', deltas: { [HOT]: { VCPU: 1 } } }
    const go = { operation: 'transfer', source: HOT, destination: destinationOf(server) }
    return [
      ...Array.from({ length: more }, (_, n) => one('grow', n, grow)),
      ...Array.from({ length: leave }, (_, n) => one('go', n, go)),
    ]
  })
  await installation.ask(...asked)
  const told = await installation.decisions(asked.map(({ id }) => id))
  expect(await installation.faultsAtRest()).to.deep.equal([])
  expect(
    faultsOfTelling(
      installation,
      asked.map(({ id }) => id),
    ),
  ).to.deep.equal([])
  const applied = told.filter(({ outcome }) => outcome.code === 'applied')
  const happened = told.filter(({ outcome }) => outcome.effect !== 'did_not_happen')
  expect(happened).to.deep.equal(applied)
  const wanted = servers.map((server) => {
    const done = applied.filter(({ before }) => Object.keys(before ?? {}).includes(moverOf(server)))
    const gone = done.filter(({ operation }) => operation === 'transfer')
    expect(gone.length).to.be.at.most(1)
    const amount = 2 + done.length - gone.length
    return [moverOf(server), { [gone.length === 1 ? destinationOf(server) : HOT]: { VCPU: amount } }]
  })
  expect(holdings(await installation.dump())).to.deep.equal(Object.fromEntries(wanted))
  return workers
}
