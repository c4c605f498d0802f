// What fits and what does not: each rule of a destination, with its numbers, and which code comes first.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { cloud, openGround, refusalOf, type Answer, type Fields, type Ground, type Held } from './ground.ts'

const { books, host, server } = cloud()
const on = (provider: string, amount = 2): Held => ({ [provider]: { VCPU: amount } })
const AGGREGATE = uuidOf('an aggregate')
const OLD = host('old', { total: 1_000, max_unit: 1_000 })
const FINE = host('fine', {}, { traits: ['HW_X', 'HW_Y'], aggregates: [AGGREGATE] })
const DISABLED = host('disabled', {}, { traits: ['COMPUTE_STATUS_DISABLED'] })
const BARE = host('bare', null)
const UNITS = host('units', { min_unit: 4, max_unit: 5, step_size: 4 })
const FULL = host('full', { total: 10, reserved: 2, allocation_ratio: 1.5 })
const OVER = host('over', { total: 4 })
const WORST = host('worst', { total: 1, min_unit: 4 }, { traits: ['COMPUTE_STATUS_DISABLED'] })
server('guest', on(FULL, 11))
const CROWD = server('crowd', on(OVER, 6))
const [PROBE, LATE, SMALLER] = [server('probe', on(OLD)), server('late', on(OLD)), server('smaller', on(OLD, 1))]
const NOWHERE = uuidOf('nowhere')

describe('what fits', () => {
  let ground: Ground
  const decide = (operation: string, fields: Fields): Promise<Answer> => ground.decide(operation, fields)
  const go = (destination: string, fields: Fields = {}): Promise<Answer> =>
    decide('transfer', { consumer: PROBE, source: OLD, destination, ...fields })
  before(async () => {
    ground = await openGround(books)
  })
  after(() => ground.close())

  const at = (provider: string, rule: string): Fields => ({ rule, provider })
  const REFUSALS: readonly [string, string, Fields, string, Fields][] = [
    ['a provider that does not exist', NOWHERE, {}, 'destination_missing', at(NOWHERE, 'provider')],
    ['a disabled one', DISABLED, {}, 'destination_disabled', at(DISABLED, 'disabled')],
    [
      'one without a required trait',
      FINE,
      { requires: { traits: ['HW_X', 'HW_Z'] } },
      'traits_unmet',
      { ...at(FINE, 'trait'), trait: 'HW_Z', required: true },
    ],
    [
      'one with a forbidden trait',
      FINE,
      { requires: { forbiddenTraits: ['HW_Y', 'HW_Z'] } },
      'traits_unmet',
      { ...at(FINE, 'trait'), trait: 'HW_Y', forbidden: true },
    ],
    [
      'one that is not in every aggregate',
      FINE,
      { requires: { aggregates: [AGGREGATE, NOWHERE] } },
      'aggregates_unmet',
      { ...at(FINE, 'aggregate'), aggregate: NOWHERE },
    ],
    ['one without the class', BARE, {}, 'no_inventory', { ...at(BARE, 'inventory'), resourceClass: 'VCPU' }],
    [
      'one that is full',
      FULL,
      {},
      'capacity_exceeded',
      { ...at(FULL, 'capacity'), resourceClass: 'VCPU', requested: 2, used: 11, capacity: 12 },
    ],
  ]
  for (const [name, destination, fields, code, violation] of REFUSALS) {
    it(`is not ${name}: ${code}, with its numbers`, async () => {
      const told = await go(destination, fields)
      expect(refusalOf(told, ...Object.keys(violation))).to.deep.equal([code, violation])
      expect(told.outcome).to.include({ class: 'refused', effect: 'did_not_happen' })
      expect(told.before![PROBE]!.allocations).to.deep.equal(on(OLD))
      expect(told.after).to.deep.equal(told.before)
    })
  }

  it('keeps to min_unit, max_unit and step_size, each with what was requested and the limit', async () => {
    const small = await go(UNITS)
    const keys = ['rule', 'provider', 'resourceClass', 'requested', 'limit']
    const rule = (name: string, requested: number, limit: number): Fields => ({
      ...{ rule: name, provider: UNITS, resourceClass: 'VCPU' },
      ...{ requested, limit },
    })
    expect(refusalOf(small, ...keys)).to.deep.equal(['unit_violation', rule('min_unit', 2, 4), rule('step_size', 2, 4)])
    const large = await go(UNITS, { destinationResources: { VCPU: 6 } })
    expect(refusalOf(large, ...keys)).to.deep.equal(['unit_violation', rule('max_unit', 6, 5), rule('step_size', 6, 4)])
  })

  it('is filled to the last unit: used + n <= (total - reserved) * allocation_ratio', async () => {
    const told = await decide('transfer', { consumer: SMALLER, source: OLD, destination: FULL })
    expect(told.outcome.code).to.equal('applied')
    const more = await go(FULL, { destinationResources: { VCPU: 1 } })
    expect(refusalOf(more, 'used', 'capacity')).to.deep.equal(['capacity_exceeded', { used: 12, capacity: 12 }])
  })

  it('may stay on a provider that is over already where it makes that no worse', async () => {
    const less = await decide('adjust', { consumer: CROWD, deltas: { [OVER]: { VCPU: -1 } } })
    expect(less.outcome.code).to.equal('applied')
    const swapped = await decide('swap-consumer', { consumer: CROWD, newConsumer: uuidOf('crowd 2') })
    expect(swapped.outcome.code).to.equal('applied')
    const more = await decide('adjust', { consumer: uuidOf('crowd 2'), deltas: { [OVER]: { VCPU: 1 } } })
    expect(more.outcome.code).to.equal('capacity_exceeded')
  })

  it('is told with all violations, the first code by precedence', async () => {
    const guards = {
      expect: { project: 'q', consumerGeneration: 9 },
      requires: { traits: ['HW_Z'], aggregates: [AGGREGATE] },
    }
    const told = await go(WORST, guards)
    expect(refusalOf(told, 'rule')).to.deep.equal([
      'owner_mismatch',
      ...['owner', 'generation', 'disabled', 'trait', 'aggregate', 'min_unit', 'capacity'].map((rule) => ({ rule })),
    ])
    const later = await go(WORST, { requires: guards.requires, expect: { consumerGeneration: 9 } })
    expect(later.outcome.code).to.equal('generation_mismatch')
    expect((await go(WORST, { requires: guards.requires })).outcome.code).to.equal('destination_disabled')
    const elsewhere = await go(WORST, { ...guards, source: BARE })
    expect(elsewhere.outcome.code).to.equal('source_unexpected')
    const nowhere = await go(WORST, { ...guards, source: NOWHERE })
    expect(nowhere.outcome.code).to.equal('source_missing')
    const late = await go(WORST, { ...guards, notAfter: '2020-01-01T00:00:00Z' })
    expect(late.outcome).to.include({ code: 'expired', class: 'refused', effect: 'did_not_happen' })
    const early = await go(NOWHERE, { notAfter: '2099-01-01T00:00:00Z' })
    expect(early.outcome.code).to.equal('destination_missing')
  })

  it('is tried one by one: no_candidate carries each destination, and the event names the first', async () => {
    const told = await go(FULL, { alternates: [DISABLED, NOWHERE] })
    expect(refusalOf(told, 'rule', 'provider')).to.deep.equal([
      'no_candidate',
      at(FULL, 'capacity'),
      at(DISABLED, 'disabled'),
      at(NOWHERE, 'provider'),
    ])
    expect(told.destination).to.equal(FULL)
    const guarded = await go(FULL, { alternates: [FINE], expect: { project: 'q' } })
    expect(guarded.outcome.code).to.equal('owner_mismatch')
    const same = await go(FULL, { alternates: [FULL] })
    expect(same.outcome.code, 'one candidate, named twice').to.equal('capacity_exceeded')
  })

  it('is the first alternate that fits, which the event names', async () => {
    const fields = { consumer: LATE, source: OLD, destination: FULL, alternates: [DISABLED, FINE, OVER] }
    const told = await decide('claim', fields)
    expect([told.outcome.code, told.destination, told.violations]).to.deep.equal(['applied', FINE, []])
    expect(told.after![LATE]!.allocations).to.deep.equal(on(FINE))
    expect((await decide('confirm', { consumer: LATE })).destination).to.equal(FINE)
  })
})
