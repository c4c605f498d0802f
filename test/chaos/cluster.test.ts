// A RabbitMQ cluster whose nodes are killed under load, the leading one first: nothing is lost, nothing done twice.
import { expect } from 'chai'
import { crowdBooks, playTimed, randomOf } from '../support/crowd.ts'
import { faultsOfReplay } from '../support/crowd-check.ts'
import { decisionsInOrder, faultsOfTelling, openInstallation, type Installation } from '../support/installation.ts'
import { until } from '../support/installation-workers.ts'
import { ownCluster, type RabbitCluster } from '../support/rabbit-cluster.ts'
import { printFigures } from '../support/figures.ts'

const NODES = 3
/** Outcomes seen before each kill, and after it before the node is started again. */
const OUTCOMES = 40
const CROWD = { hosts: 8, servers: 40, roomOfHost: 14 }
const ENV = { FERRYMAN_CONCURRENCY: '16', FERRYMAN_RABBITMQ_TOPOLOGY: 'create' }

describe(`a RabbitMQ cluster of ${NODES} nodes`, () => {
  let cluster: RabbitCluster
  let installation: Installation
  before(async function () {
    this.timeout(300_000)
    cluster = await ownCluster(NODES)
    installation = await openInstallation({
      rabbitUrl: cluster.urls,
      managementUrl: cluster.nodes[NODES - 1]!.server.managementUrl!,
    })
    await installation.seed(crowdBooks(CROWD))
  })
  after(async () => {
    await installation?.close()
    await cluster?.close()
  })

  it('keeps each queue and each journal on every node', async () => {
    await until('every queue has all its members', async () => (await missing(cluster)).length === 0)
    const types = new Map((await cluster.queues()).map(({ name, type }) => [name, type]))
    const { names } = installation
    expect(types.get(names.requests)).to.equal('quorum')
    expect(types.get(names.eventsJournal)).to.equal('stream')
  }).timeout(120_000)

  it('loses nothing and does nothing twice when its nodes are killed, one after the other', async () => {
    const workers = [await installation.worker(ENV), await installation.worker(ENV)]
    const over = new AbortController()
    const load = playTimed(installation, CROWD, randomOf(1), over.signal)
    const kills = await killEach(cluster, installation)
    over.abort()
    const { requests, longestMs, longestPauseMs } = await load

    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, requests)).to.deep.equal([])
    const events = decisionsInOrder(installation, requests)
    expect(events.filter(({ outcome }) => ['operator', 'exhausted'].includes(outcome.class))).to.deep.equal([])
    expect(faultsOfReplay(events, crowdBooks(CROWD), await installation.dump())).to.deep.equal([])
    // Each connection stood at one of the nodes, so that each worker has lost at least one.
    for (const worker of workers) expect(worker.said('broker.disconnected')).not.to.deep.equal([])
    expect(kills.map(({ led }) => led).slice(0, 2)).to.deep.equal([true, true])
    printFigures({ requests: requests.length, kills, longestPauseMs, longestMs })
  }).timeout(400_000)
})

interface Kill {
  /** Whether the leader of the requests ran there. */
  readonly led: boolean
  /** Outcomes that came before it was back. */
  readonly toldMeanwhile: number
}

/** Kills each node once, the leading one if it has not been killed yet, and starts it again. */
async function killEach(cluster: RabbitCluster, { events, names }: Installation): Promise<Kill[]> {
  const kills: Kill[] = []
  const spared = new Set(cluster.nodes)
  const more = async (): Promise<void> => {
    const from = events.all.length
    await until('more is told', () => events.all.length >= from + OUTCOMES, 120_000)
  }
  while (spared.size > 0) {
    await more()
    const leader = await cluster.leaderOf(names.requests)
    const victim = spared.has(leader) ? leader : [...spared][0]!
    spared.delete(victim)
    const before = events.all.length
    await victim.server.kill()
    await more()
    await until('a living node leads', async () => (await cluster.leaderOf(names.requests)).server.running())
    kills.push({ led: victim === leader, toldMeanwhile: events.all.length - before })
    await victim.server.restart()
    await until('every queue has all its members again', async () => (await missing(cluster)).length === 0, 120_000)
  }
  await more()
  return kills
}

/** Queues that do not have a running member on each node. */
async function missing(cluster: RabbitCluster): Promise<string[]> {
  const queues = await cluster.queues()
  const whole = queues.filter(({ members, online }) => members?.length === NODES && online?.length === NODES)
  return queues.length === 0
    ? ['none is there yet']
    : queues.filter((queue) => !whole.includes(queue)).map(({ name }) => name)
}
