// A failover under Sentinel: what was told was on the replica before, and the workers go on with the new master.
import { expect } from 'chai'
import type { Server } from '../../src/demo/servers.ts'
import { faultsOfTelling, LEDGERS, openInstallation, type Installation } from '../support/installation.ts'
import { holdings, movedBooks, moversBooks, moves, requestOf, requestsOf } from '../support/installation-moves.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { isMaster, ownSentinel, type Sentinel } from '../support/sentinel.ts'
import { ownRedis } from '../support/servers.ts'

const COUNT = 40
const FIRST = 5

for (const ledger of LEDGERS)
  describe(`a failover under Sentinel on ${ledger}`, () => {
    let master: Server
    let replica: Server
    let sentinel: Sentinel
    let installation: Installation
    let workers: WorkerUnderTest[]
    const asked = moves(COUNT)

    before(async () => {
      master = await ownRedis({ appendonly: true })
      replica = await ownRedis({ appendonly: true, args: ['--replicaof', '127.0.0.1', String(master.port)] })
      sentinel = await ownSentinel(master)
      installation = await openInstallation({ redisUrl: sentinel.url, ledger })
      await installation.seed(moversBooks(COUNT))
      workers = await Promise.all([installation.worker(), installation.worker()])
      await installation.ask(...asked.slice(0, FIRST))
      await installation.decisions(requestsOf(FIRST))
    })
    after(async () => {
      replica.thaw()
      await installation.close()
      await sentinel.stop()
      await Promise.all([replica.stop(), master.stop()])
    })

    it('finds nothing told that the replica does not have', async () => {
      replica.freeze()
      await installation.ask(asked[FIRST]!)
      const stopped = (): boolean =>
        workers.some((worker) => worker.said('request.stopped').some(({ why }) => /no replica/.test(String(why))))
      await until('a worker says that no replica has it', stopped)
      expect(installation.events.of(requestOf(FIRST))).to.deep.equal([])
      replica.thaw()
      expect((await installation.decision(requestOf(FIRST))).outcome.code).to.equal('applied')
    }).timeout(120_000)

    it('contradicts nothing that was told, and carries out each request once', async () => {
      const rest = installation.ask(...asked.slice(FIRST + 1))
      await until('some are told', () => installation.events.all.length > FIRST + 10)
      await master.kill()
      await until('the replica is the master', () => isMaster(replica))
      await master.restart() // without any replica nothing would be told
      await rest
      const told = await installation.decisions(requestsOf(COUNT))
      expect(told.filter(({ outcome }) => outcome.code !== 'applied')).to.deep.equal([])
      const copies = requestsOf(COUNT).map((id) => installation.events.of(id).length)
      await installation.ask(...asked)
      await until('each copy was answered', () =>
        requestsOf(COUNT).every((id, index) => installation.events.of(id).length > copies[index]!),
      )
      expect(faultsOfTelling(installation, requestsOf(COUNT))).to.deep.equal([])
      expect(holdings(await installation.dump())).to.deep.equal(movedBooks(COUNT))
    }).timeout(180_000)
  })
