// The journal's long life: what was told long ago is packed by the workers, and a copy is still answered, never run.
import { expect } from 'chai'
import { keysOf } from '../../src/redis/keys.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { holdings, moverOf, moversBooks, moves, requestOf, sourceOf } from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'
import { connected } from '../support/redis-ground.ts'

describe('a request whose record was packed', () => {
  let installation: Installation
  let redis: RedisClient
  const [first] = moves(1)
  const claim = { ...moves(2)[1]!, operation: 'claim' }
  const refused = { ...moves(3)[2]!, id: uuidOf('refused'), source: sourceOf(0) }

  before(async () => {
    installation = await openInstallation()
    redis = await connected(installation.env['FERRYMAN_REDIS_URL']!)
    await installation.seed(moversBooks(3))
    await Promise.all([installation.worker(), installation.worker()])
    await installation.ask(first!, claim, refused)
    await installation.decisions([requestOf(0), requestOf(1), refused.id])
    const { told } = keysOf(installation.env['FERRYMAN_REDIS_NAMESPACE']!)
    await until('all are told', async () => (await redis.call('ZCARD', [told])) === 3)
    // As if journal.days had gone by.
    await redis.call('ZADD', [told, 1, requestOf(0), 1, requestOf(1), 1, refused.id])
    await until('the workers have packed', async () => (await redis.call('ZCARD', [told])) === 1)
  })
  after(async () => {
    await redis.stop()
    await installation.close()
  })

  const stateOf = async (id: string): Promise<unknown> => {
    const { out } = await installation.cli(['transfers', 'show', id, '--json'])
    return (JSON.parse(out) as { state: string }).state
  }

  it('is answered with the same event id, what is no longer known is null, and nothing is written', async () => {
    expect(await stateOf(requestOf(0))).to.equal('packed')
    await installation.ask(first!)
    await until('it was told again', () => installation.events.of(requestOf(0)).length === 2)
    const [then, now] = installation.events.of(requestOf(0))
    const [before, again] = [toldOf(then!), toldOf(now!)]
    expect(now!.properties.messageId).to.equal(then!.properties.messageId)
    expect(now!.routingKey).to.equal(then!.routingKey)
    expect(now!.properties.headers).to.deep.equal(then!.properties.headers)
    expect(Object.keys(again)).to.deep.equal(Object.keys(before))
    const {
      before: was,
      after: is,
      violations,
      worker,
      outcome,
      ...known
    } = again as unknown as Record<string, unknown>
    expect([was, is, violations, worker, known['open'], known['mappings'], known['durationMs']]).to.deep.equal(
      Array.from({ length: 7 }, () => null),
    )
    expect(outcome).to.deep.equal({ ...before.outcome, message: null })
    expect(before).to.deep.include({
      ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null)),
    })
    expect(holdings(await installation.dump())[moverOf(0)]).to.deep.equal(toldOf(then!).after![moverOf(0)]!.allocations)
  }).timeout(60_000)

  it('keeps its id from other content', async () => {
    await installation.ask({ ...first, context: { other: true } })
    await until('it was answered', () => installation.events.of(requestOf(0)).length === 3)
    expect(toldOf(installation.events.of(requestOf(0))[2]!).outcome.code).to.equal('id_reused')
  }).timeout(60_000)

  it('that failed has the same letter again', async () => {
    expect(await stateOf(refused.id)).to.equal('packed')
    await installation.ask(refused)
    await until('both were told again', () => {
      return installation.letters.of(refused.id).length === 2 && installation.events.of(refused.id).length === 2
    })
    const [letter, again] = installation.letters.of(refused.id)
    expect(again!.properties.messageId).to.equal(letter!.properties.messageId)
    expect(again!.routingKey).to.equal(letter!.routingKey)
    expect(again!.body.equals(letter!.body)).to.equal(true)
    const kept = ['dl-id', 'dl-reason', 'dl-class', 'dl-effect', 'dl-request-id', 'dl-attempts', 'dl-last-failed-at']
    for (const name of kept) {
      expect(again!.properties.headers![name], name).to.equal(letter!.properties.headers![name])
    }
  }).timeout(60_000)

  it('is never one whose move is open', async () => {
    expect(await stateOf(requestOf(1))).to.equal('told')
  }).timeout(60_000)
})
