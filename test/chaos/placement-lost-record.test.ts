// A journal that has lost the record of a request which Placement carried out: the marker speaks before any refusal.
import { expect } from 'chai'
import { keysOf } from '../../src/redis/keys.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import { destinationOf, holdings, moverOf, moversBooks, moves } from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'
import { connected } from '../support/redis-ground.ts'

const WITHIN_MS = 6_000

describe('a record that is lost after its write on Placement', () => {
  let installation: Installation
  before(async () => {
    installation = await openInstallation({ ledger: 'placement', env: { FERRYMAN_PLACEMENT_MARKERS: '8' } })
    await installation.seed(moversBooks(2))
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
})
