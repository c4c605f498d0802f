// What a request does to one consumer by itself, and cancel: acquire, release, resize, adjust, swap-consumer.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { until } from '../support/installation-workers.ts'
import { cloud, openGround, refusalOf, request, type Answer, type Fields, type Ground, type Held } from './ground.ts'

const { books, host, server } = cloud()
const units = { total: 64, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 }
const [HOST, NEW] = [
  host('own', null, { inventories: { VCPU: units, MEMORY_MB: units } }),
  host('own new', null, { inventories: { VCPU: units, MEMORY_MB: units } }),
]
const OTHER = host('own other')
const on = (provider: string, VCPU: number, MEMORY_MB: number): Held => ({ [provider]: { VCPU, MEMORY_MB } })
const big = (name: string): string => server(name, on(HOST, 4, 8))
const [MAX, SUM, REPLACE, ADJUSTED] = [big('max'), big('sum'), big('replace'), big('adjusted')]
const [PASSED, RELEASED, FORCED, TARGET] = [big('passed'), big('released'), big('forced'), big('target')]

describe('an operation on one consumer', () => {
  let ground: Ground
  const decide = (operation: string, fields: Fields): Promise<Answer> => ground.decide(operation, fields)
  const codeOf = ({ outcome }: Answer): string => outcome.code
  const held = ({ after }: Answer, consumer: string): Held | undefined => after?.[consumer]?.allocations
  before(async () => {
    ground = await openGround(books)
  })
  after(() => ground.close())

  it('acquire gives what is asked to a consumer that holds nothing, under the owner given', async () => {
    const [consumer, typed] = [uuidOf('acquirer'), uuidOf('typed acquirer')]
    const fields = { destination: NEW, resources: { VCPU: 3 }, owner: { project: 'pp', user: 'uu' } }
    const told = await decide('acquire', { consumer, ...fields })
    expect([codeOf(told), held(told, consumer)]).to.deep.equal(['applied', { [NEW]: { VCPU: 3 } }])
    expect(told.before![consumer]!.allocations).to.deep.equal({})
    await decide('acquire', { consumer: typed, ...fields, owner: { ...fields.owner, type: 'RESERVATION' } })
    const { consumers } = (await ground.dump()) as unknown as { consumers: Fields[] }
    const rows = consumers.filter(({ id }) => id === consumer || id === typed)
    expect(rows.map(({ project, user, type }) => [project, user, type])).to.have.deep.members([
      ['pp', 'uu', 'INSTANCE'],
      ['pp', 'uu', 'RESERVATION'],
    ])
    expect(codeOf(await decide('acquire', { consumer, ...fields }))).to.equal('source_unexpected')
  })

  it('release leaves nothing, then there is nothing to do; guards hold, and force skips them', async () => {
    const guards: Fields[] = [{ source: OTHER }, { expect: { project: 'q' } }, { expect: { consumerGeneration: 9 } }]
    const codes = []
    for (const guard of guards) codes.push(codeOf(await decide('release', { consumer: RELEASED, ...guard })))
    expect(codes).to.deep.equal(['source_unexpected', 'owner_mismatch', 'generation_mismatch'])
    const told = await decide('release', { consumer: RELEASED, source: HOST })
    expect([codeOf(told), held(told, RELEASED)]).to.deep.equal(['applied', {}])
    expect(codeOf(await decide('release', { consumer: RELEASED }))).to.equal('nothing_to_do')
    const forced = await decide('release', { consumer: FORCED, source: OTHER, expect: { project: 'q' }, force: true })
    expect([codeOf(forced), held(forced, FORCED)]).to.deep.equal(['applied', {}])
  })

  it('resize holds the larger of both sizes a class, and ends at the new one or the old one', async () => {
    const told = await decide('resize', { consumer: MAX, source: HOST, resources: { VCPU: 6, MEMORY_MB: 2 } })
    expect([codeOf(told), held(told, MAX)]).to.deep.equal(['applied', on(HOST, 6, 8)])
    expect(told.open).to.deep.include({ migration: null })
    const ended = await decide('confirm', { consumer: MAX })
    expect([codeOf(ended), held(ended, MAX)]).to.deep.equal(['applied', on(HOST, 6, 2)])
    await decide('resize', { consumer: MAX, source: HOST, resources: { VCPU: 1 } })
    const back = await decide('revert', { consumer: MAX })
    expect(held(back, MAX)).to.deep.equal(on(HOST, 6, 2))
    const smaller = await decide('resize', { consumer: MAX, source: HOST, resources: { VCPU: 1 } })
    expect(held(smaller, MAX)).to.deep.equal(on(HOST, 6, 2))
    const only = await decide('confirm', { consumer: MAX })
    expect(held(only, MAX), 'a class left out is given up').to.deep.equal({ [HOST]: { VCPU: 1 } })
  })

  it('resize with policy sum holds both sizes, with replace the new one', async () => {
    const both = await decide('resize', { consumer: SUM, source: HOST, resources: { VCPU: 1 }, policy: 'sum' })
    expect(held(both, SUM)).to.deep.equal(on(HOST, 5, 8))
    const fresh = await decide('resize', { consumer: REPLACE, source: HOST, resources: { VCPU: 1 }, policy: 'replace' })
    expect(held(fresh, REPLACE)).to.deep.equal({ [HOST]: { VCPU: 1 } })
    expect(held(await decide('revert', { consumer: REPLACE }), REPLACE)).to.deep.equal(on(HOST, 4, 8))
    expect(codeOf(await decide('resize', { consumer: REPLACE, source: NEW, resources: { VCPU: 1 } }))).to.equal(
      'source_unexpected',
    )
  })

  it('adjust changes amounts by their differences', async () => {
    const told = await decide('adjust', { consumer: ADJUSTED, deltas: { [HOST]: { VCPU: 1, MEMORY_MB: -8 } } })
    expect([codeOf(told), held(told, ADJUSTED)]).to.deep.equal(['applied', { [HOST]: { VCPU: 5 } }])
    const refused: [Fields, unknown][] = [
      [{ [HOST]: { VCPU: -6 } }, 'amount'],
      [{ [HOST]: { VCPU: -5 } }, 'state'],
      [{ [OTHER]: { VCPU: 1 } }, 'state'],
    ]
    for (const [deltas, rule] of refused) {
      const answer = await decide('adjust', { consumer: ADJUSTED, deltas })
      expect(refusalOf(answer, 'rule').slice(0, 2)).to.deep.equal(['source_unexpected', { rule }])
    }
    const nobody = await decide('adjust', { consumer: uuidOf('nobody'), deltas: { [HOST]: { VCPU: 1 } } })
    expect(codeOf(nobody)).to.equal('source_missing')
  })

  it('swap-consumer passes all on, with owner and type, to one that holds nothing', async () => {
    const heir = uuidOf('an heir')
    const taken = await decide('swap-consumer', { consumer: PASSED, newConsumer: SUM })
    expect(codeOf(taken)).to.equal('conflicting_operation')
    const full = await decide('swap-consumer', { consumer: PASSED, newConsumer: ADJUSTED })
    expect(refusalOf(full, 'rule')).to.deep.equal(['source_unexpected', { rule: 'state' }])
    const told = await decide('swap-consumer', { consumer: PASSED, newConsumer: heir })
    expect([codeOf(told), held(told, PASSED), held(told, heir)]).to.deep.equal(['applied', {}, on(HOST, 4, 8)])
    const shown = JSON.parse((await ground.cli(['ledger', 'show', '--consumer', heir, '--json'])).out) as Fields
    expect(shown).to.include({ project: 'p', user: 'u', type: 'INSTANCE' })
  })

  it('cancel comes before its request, again for nothing to do, or too late: superseded', async () => {
    const target = request('transfer', { consumer: TARGET, source: HOST, destination: NEW })
    const first = await decide('cancel', { request: target.id })
    expect([first.outcome.code, first.outcome.class]).to.deep.equal(['applied', 'done'])
    expect(codeOf(await decide('cancel', { request: target.id }))).to.equal('nothing_to_do')
    await ground.ask(target)
    const told = (await ground.decision(target.id)) as Answer
    expect(told.outcome).to.include({ code: 'cancelled', class: 'refused', effect: 'did_not_happen' })
    await until('its letter came', () => ground.letters.of(target.id).length === 1)
    expect(ground.letters.of(target.id)[0]!.routingKey).to.equal('refused.cancelled')
    expect(codeOf(await decide('cancel', { request: target.id })), 'after it was told').to.equal('nothing_to_do')
    const done = request('transfer', { consumer: TARGET, source: HOST, destination: NEW })
    await ground.ask(done)
    expect((await ground.decision(done.id)).outcome.code).to.equal('applied')
    const late = await decide('cancel', { request: done.id })
    expect(late.outcome).to.include({ code: 'superseded', class: 'refused', effect: 'did_not_happen' })
    const expired = request('transfer', {
      consumer: TARGET,
      source: NEW,
      destination: HOST,
      notAfter: '2020-01-01T00:00:00Z',
    })
    await decide('cancel', { request: expired.id })
    await ground.ask(expired)
    expect((await ground.decision(expired.id)).outcome.code, 'by precedence').to.equal('expired')
  })
})
