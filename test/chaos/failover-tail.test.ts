// A failover under Sentinel to a replica that lags: what was told since its link was cut is lost with the others.
import { expect } from 'chai'
import type { Server } from '../../src/demo/servers.ts'
import { crowdBooks, playTimed, randomOf } from '../support/crowd.ts'
import { faultsOfReplay } from '../support/crowd-check.ts'
import { printFigures } from '../support/figures.ts'
import {
  decisionsInOrder,
  faultsOfTelling,
  LEDGERS,
  openInstallation,
  toldOf,
  type Books,
  type Installation,
  type Told,
} from '../support/installation.ts'
import { isDecision } from '../support/installation-line.ts'
import { until, type LogLine, type WorkerUnderTest } from '../support/installation-workers.ts'
import { connected } from '../support/redis-ground.ts'
import { isMaster, ownSentinel, type Sentinel } from '../support/sentinel.ts'
import { ownRedis } from '../support/servers.ts'

/** Outcomes before the link is cut, from then on until the others die, and after the failover. */
const OUTCOMES = { redis: 60, placement: 25 } as const
const DOWN_AFTER_MS = 2_000
const CROWD = { hosts: 8, servers: 40, roomOfHost: 14 }
const ENV = { FERRYMAN_CONCURRENCY: '16', FERRYMAN_LOCK_LEASE_MS: '1500' }

for (const ledger of LEDGERS)
  describe(`a failover to a replica without the tail on ${ledger}`, () => {
    let master: Server
    let near: Server
    let far: Server
    let sentinel: Sentinel
    let installation: Installation
    let workers: WorkerUnderTest[]

    before(async function () {
      this.timeout(100_000)
      master = await ownRedis({ appendonly: true })
      const replica = { appendonly: true, args: ['--replicaof', '127.0.0.1', String(master.port)] }
      near = await ownRedis(replica)
      far = await ownRedis(replica)
      sentinel = await ownSentinel(master, DOWN_AFTER_MS)
      installation = await openInstallation({ redisUrl: sentinel.url, ledger })
      await installation.seed(crowdBooks(CROWD))
      workers = await Promise.all([installation.worker(ENV), installation.worker(ENV)])
    })
    after(async () => {
      await installation.close()
      await sentinel.stop()
      await Promise.all([master, near, far].map((server) => server.stop()))
    })

    it('loses nothing that was told, does nothing twice, and reports what cannot be restored', async () => {
      const sent = new Map<string, Sent>()
      const noting: Installation = {
        ...installation,
        ask: (...requests) => {
          for (const request of requests as Sent[]) if (!sent.has(request.id)) sent.set(request.id, request)
          return installation.ask(...requests)
        },
      }
      const over = new AbortController()
      const load = playTimed(noting, CROWD, randomOf(1), over.signal)
      const more = async (): Promise<void> => {
        const from = installation.events.all.length
        await until('more is told', () => installation.events.all.length >= from + OUTCOMES[ledger], 120_000)
      }
      await more()
      await cutOff(far)
      const cutAt = installation.events.all.length
      await more()
      await Promise.all([master.kill(), near.kill()])
      const tail = installation.events.all.slice(cutAt).filter(isDecision)
      await until('the replica is the master', () => isMaster(far))
      await near.restart()
      await redisSays(near, 'REPLICAOF', '127.0.0.1', String(far.port)) // without any replica nothing would be told
      await more()
      over.abort()
      const { requests, longestMs, longestPauseMs } = await load
      const again = [...new Set(tail.map((message) => toldOf(message).request))]
      const copies = again.map((id) => installation.events.of(id).length)
      await installation.ask(...again.map((id) => sent.get(id)!))
      await until('each copy was answered', () =>
        again.every((id, index) => installation.events.of(id).length > copies[index]!),
      )

      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(faultsOfTelling(installation, requests)).to.deep.equal([])
      const events = decisionsInOrder(installation, requests)
      expect(events.filter(({ outcome }) => ['operator', 'exhausted'].includes(outcome.class))).to.deep.equal([])
      const dump = await installation.dump()
      expect(faultsOfReplay(events, crowdBooks(CROWD), dump, 'told')).to.deep.equal([])
      const [restored] = said(workers, 'restore.done')
      expect(Number(restored?.['decisions']) + Number(restored?.['effects'])).to.be.within(1, again.length)
      const findings = said(workers, 'restore.finding')
      expect(restored!['findings']).to.equal(findings.length)
      expect(unreported(events, sent, dump, findings)).to.deep.equal([])
      printFigures({
        requests: requests.length,
        tail: again.length,
        decisions: restored!['decisions'],
        effects: restored!['effects'],
        findings: findings.length,
        alreadyApplied: events.filter(({ outcome }) => outcome.code === 'already_applied').length,
        longestPauseMs,
        longestMs,
      })
    }).timeout(300_000)
  })

interface Sent {
  readonly id: string
  readonly operation?: string
  /** What a cancel calls off. */
  readonly request?: string
}

/** Cancels told as done whose request was carried out all the same, and owners lost, that no finding names. */
function unreported(
  events: readonly Told[],
  sent: ReadonlyMap<string, Sent>,
  dump: Books,
  findings: readonly LogLine[],
): string[] {
  const named = new Set(findings.flatMap(({ request, consumer }) => [request, consumer]))
  const codes = new Map(events.map(({ request, outcome }) => [request, outcome.code]))
  const done = events.filter(({ operation, outcome }) => operation === 'cancel' && outcome.code === 'applied')
  const broken = done.filter(({ request }) => codes.get(sent.get(request)!.request!) !== 'cancelled')
  const ownerless = dump.consumers.filter(({ project }) => project === 'unknown')
  return [...broken.map(({ request }) => request), ...ownerless.map(({ id }) => id)].filter((id) => !named.has(id))
}

/** It no longer gets into its master, and follows nothing; Sentinel would mend a wrong address, not this. */
async function cutOff(replica: Server): Promise<void> {
  await redisSays(replica, 'CONFIG', 'SET', 'masteruser', 'nobody', 'masterauth', 'nothing')
  await redisSays(replica, 'CLIENT', 'KILL', 'TYPE', 'master')
}

function said(workers: readonly WorkerUnderTest[], name: string): LogLine[] {
  return workers.flatMap((worker) => worker.said(name))
}

async function redisSays({ url }: Server, command: string, ...args: string[]): Promise<void> {
  const redis = await connected(url)
  await redis.call(command, args)
  await redis.stop()
}
