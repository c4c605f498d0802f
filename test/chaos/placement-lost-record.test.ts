// A journal that has lost the record of a request which Placement carried out: the marker speaks before any refusal.
import { expect } from 'chai'
import { keysOf } from '../../src/redis/keys.ts'
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { destinationOf, holdings, moverOf, moversBooks, moves, sourceOf } from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'
import { connected } from '../support/redis-ground.ts'

const WITHIN_MS = 6_000

describe('a record that is lost after its write on Placement', () => {
  let installation: Installation
  before(async () => {
    installation = await openInstallation({ ledger: 'placement', env: { FERRYMAN_PLACEMENT_MARKERS: '8' } })
    await installation.seed(moversBooks(4))
    await installation.worker()
  })
  after(() => installation.close())

  const lose = async (id: string): Promise<void> => {
    const { record, recent, told, open } = keysOf(installation.env['FERRYMAN_REDIS_NAMESPACE']!)
    const redis = await connected(installation.env['FERRYMAN_REDIS_URL']!)
    await until('it is noted as told', async () => (await redis.call('ZSCORE', [told, id])) !== null)
    await redis.call('DEL', [record(id)])
    for (const list of [recent, told, open]) await redis.call('ZREM', [list, id])
    await redis.stop()
  }

  for (const [server, name, late] of [
    [0, 'ends already_applied when the request comes again', false],
    [1, 'ends already_applied, not expired, when it comes again after its deadline', true],
  ] as const) {
    it(name, async () => {
      const [plain] = moves(server + 1).slice(server) as [{ id: string }]
      const notAfterMs = Date.now() + WITHIN_MS
      const move = { ...plain, ...(late && { notAfter: new Date(notAfterMs).toISOString() }) }
      await installation.ask(move)
      expect((await installation.decision(move.id)).outcome.code).to.equal('applied')
      await lose(move.id)
      if (late) await until('the deadline has passed', () => Date.now() > notAfterMs + 100)
      const copies = installation.events.of(move.id).length
      await installation.ask(move)
      await until('it was answered', () => installation.events.of(move.id).length > copies)
      const [again] = installation.events.of(move.id).slice(copies)
      const { outcome } = JSON.parse(again!.body.toString()) as { outcome: object }
      expect(outcome).to.include({ code: 'already_applied', effect: 'happened' })
      expect(holdings(await installation.dump())[moverOf(server)]).to.deep.equal({
        [destinationOf(server)]: { VCPU: 2 },
      })
    }).timeout(60_000)
  }

  // What is planned on the books as the request left them could be written once more: it must not be told instead.
  for (const [server, fields, vcpus] of [
    [2, { operation: 'adjust', deltas: { [sourceOf(2)]: { VCPU: 1 } } }, 3],
    [3, { operation: 'resize', source: sourceOf(3), resources: { VCPU: 3 }, policy: 'sum' }, 5],
  ] as const) {
    it(`of ${fields.operation} ends already_applied, and tells the books as they are`, async () => {
      const request = { version: 1, id: uuidOf('again', server), consumer: moverOf(server), ...fields }
      await installation.ask(request)
      expect((await installation.decision(request.id)).outcome.code).to.equal('applied')
      await lose(request.id)
      await installation.ask(request)
      await until('it was answered', () => installation.events.of(request.id).length > 1)
      const again = toldOf(installation.events.of(request.id)[1]!)
      expect(again.outcome).to.include({ code: 'already_applied', effect: 'happened' })
      const held = { [sourceOf(server)]: { VCPU: vcpus } }
      expect(again.after![moverOf(server)]!.allocations).to.deep.equal(held)
      expect(again.open).to.equal(null)
      expect(holdings(await installation.dump())[moverOf(server)]).to.deep.equal(held)
    }).timeout(60_000)
  }
})
