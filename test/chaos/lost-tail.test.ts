// A Redis that comes back without what it wrote last: what was told is restored from the events journal, and stands.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { expect } from 'chai'
import type { Server } from '../../src/demo/servers.ts'
import { keysOf } from '../../src/redis/keys.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, LEDGERS, openInstallation, toldOf, type Installation } from '../support/installation.ts'
import {
  destinationOf,
  holdings,
  moverOf,
  moversBooks,
  moves,
  requestOf,
  requestsOf,
  sourceOf,
} from '../support/installation-moves.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { connected } from '../support/redis-ground.ts'
import { ownRedis } from '../support/servers.ts'

const COUNT = 30
const KEPT = 10

for (const ledger of LEDGERS)
  describe(`a Redis that has lost its tail, beside the books on ${ledger}`, () => {
    let server: Server
    let redis: RedisClient
    let installation: Installation
    let workers: WorkerUnderTest[]
    const asked = moves(COUNT) as { id: string }[]
    // The last five of those that get lost are claims, of which one is confirmed; and one is refused.
    const claims = asked.slice(COUNT - 5).map((move) => ({ ...move, operation: 'claim' }))
    const lost = [...asked.slice(KEPT, COUNT - 5), ...claims]
    const end = (n: number, operation: string): { readonly id: string; readonly [field: string]: unknown } => {
      return { version: 1, id: uuidOf(operation, n), operation, consumer: moverOf(n) }
    }
    const confirm = end(COUNT - 5, 'confirm')
    const refused = { ...asked[0]!, id: uuidOf('refused'), source: sourceOf(1) }
    // Away and back again: told in whatever order, it fits in one only.
    const back = { ...asked[KEPT]!, id: uuidOf('back'), source: destinationOf(KEPT), destination: sourceOf(KEPT) }
    // Of a request that has not come yet: nothing tells which.
    const cancel = { version: 1, id: uuidOf('cancel'), operation: 'cancel', request: uuidOf('not yet') }
    const all = [...asked.slice(0, KEPT), ...lost, confirm, refused, back, cancel]
    let books: Readonly<Record<string, unknown>>

    before(async () => {
      server = await ownRedis()
      redis = await connected(server.url)
      installation = await openInstallation({ redisUrl: server.url, ledger })
      await installation.seed(moversBooks(COUNT))
      workers = await Promise.all([installation.worker(), installation.worker()])
      await installation.ask(...asked.slice(0, KEPT))
      await installation.decisions(requestsOf(KEPT))
      const { meta, told } = keysOf(installation.env['FERRYMAN_REDIS_NAMESPACE']!)
      await until('all are told', async () => (await redis.call('ZCARD', [told])) === KEPT)
      await until('it is noted how far the events journal is kept', async () => redis.call('HGET', [meta, 'offset']))
      await redis.call('SAVE', [])
      copyFileSync(join(server.dir, 'dump.rdb'), join(server.dir, 'old.rdb'))
      await installation.ask(...lost, refused)
      await installation.decisions(lost.map(({ id }) => id))
      await installation.ask(confirm, back, cancel)
      await installation.decisions([confirm.id, refused.id, back.id, cancel.id])
      books = holdings(await installation.dump())
      await publishNoEvents(installation)
      await server.kill()
      copyFileSync(join(server.dir, 'old.rdb'), join(server.dir, 'dump.rdb'))
      await server.restart()
    })
    after(async () => {
      await redis.stop()
      await installation.close()
      await server.stop()
    })

    it('has every decision and effect again that was told, before anything is begun', async () => {
      await until('one worker has restored', () => workers.some((worker) => worker.said('restore.done').length > 0))
      const [restored] = workers.flatMap((worker) => worker.said('restore.done'))
      // Placement has lost nothing: there only the decisions are missing, and which moves are open.
      const written = COUNT - KEPT + 2
      const counts = ledger === 'redis' ? { decisions: 2, effects: written } : { decisions: written + 2, effects: 0 }
      expect(restored).to.include({ ...counts, findings: 1 })
      const [finding, ...others] = workers.flatMap((worker) => worker.said('restore.finding'))
      expect(finding).to.include({ request: cancel.id, consumer: null })
      expect(finding!['what']).to.include(cancel.request)
      expect(others).to.deep.equal([])
      expect(holdings(await installation.dump())).to.deep.equal(books)
    }).timeout(120_000)

    it('carries out no copy again, and tells the same bytes', async () => {
      const copies = all.map(({ id }) => installation.events.of(id).length)
      await installation.ask(...all)
      await until('each copy was answered', () =>
        all.every(({ id }, index) => installation.events.of(id).length > copies[index]!),
      )
      expect(
        faultsOfTelling(
          installation,
          all.map(({ id }) => id),
        ),
      ).to.deep.equal([])
      expect(holdings(await installation.dump())).to.deep.equal(books)
    }).timeout(120_000)

    it('knows the moves that are open, and those that have ended', async () => {
      const revert = end(COUNT - 4, 'revert')
      const late = end(COUNT - 5, 'revert')
      await installation.ask(revert, late)
      expect((await installation.decision(revert.id)).outcome.code).to.equal('applied')
      expect(toldOf(installation.events.of(revert.id)[0]!).after![moverOf(COUNT - 4)]!.allocations).to.deep.equal({
        [sourceOf(COUNT - 4)]: { VCPU: 2 },
      })
      expect((await installation.decision(late.id)).outcome.code).to.equal('source_missing')
      expect((await installation.decision(requestOf(0))).outcome.code).to.equal('applied')
    }).timeout(120_000)

    it('leaves books, queues and journal at rest', async () => {
      expect(await installation.faultsAtRest()).to.deep.equal([])
    }).timeout(120_000)
  })

/** Into the journal of events what is no event: nobody keeps others from it. */
async function publishNoEvents({ env, names }: Installation): Promise<void> {
  const model = await connect(env['FERRYMAN_RABBITMQ_URL']!)
  const channel = await model.createConfirmChannel()
  for (const body of ['no JSON', '{}', '{"version":1,"request":"x"}', 'null']) {
    channel.sendToQueue(names.eventsJournal, Buffer.from(body))
  }
  await channel.waitForConfirms()
  await model.close()
}
