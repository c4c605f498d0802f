// Placement's rule of room and units, at its edges.
import { expect } from 'chai'
import { capacityOf, offers, roomFor } from '../../../src/transfer/capacity.ts'
import type { Change } from '../../../src/transfer/plan.ts'
import type { Inventory } from '../../../src/transfer/snapshot.ts'
import { consumer, holding, ID, inventory, provider } from './world.ts'

interface Row {
  readonly rule: string
  /** Amounts on S of each consumer of the write, before and after. */
  readonly changes: readonly (readonly [before: number, after: number])[]
  readonly used: number
  readonly inventory?: Partial<Inventory>
  readonly result: string
}

const ROWS: readonly Row[] = [
  { rule: 'the last unit', changes: [[0, 4]], used: 60, result: '' },
  { rule: 'one more', changes: [[0, 5]], used: 60, result: 'capacity 5 60 64' },
  {
    rule: 'reserved units are not given',
    changes: [[0, 4]],
    used: 60,
    inventory: { reserved: 1 },
    result: 'capacity 4 60 63',
  },
  {
    rule: 'the ratio is not rounded down',
    changes: [[0, 1]],
    used: 4,
    inventory: { total: 3, allocation_ratio: 1.5 },
    result: 'capacity 1 4 4.5',
  },
  {
    rule: 'doubles as they are: 49 * (1 / 49) is less than 1',
    changes: [[0, 1]],
    used: 0,
    inventory: { total: 49, allocation_ratio: 1 / 49 },
    result: 'capacity 1 0 0.9999999999999999',
  },
  {
    rule: 'doubles as they are: 10 * 1.1 is at least 11',
    changes: [[0, 11]],
    used: 0,
    inventory: { total: 10, allocation_ratio: 1.1 },
    result: '',
  },
  {
    rule: 'more reserved than there is',
    changes: [[0, 1]],
    used: 0,
    inventory: { reserved: 65 },
    result: 'capacity 1 0 -1',
  },
  { rule: 'what the consumer gives up counts', changes: [[4, 8]], used: 60, result: '' },
  {
    rule: 'what another consumer of the write gives up counts',
    changes: [
      [4, 0],
      [0, 8],
    ],
    used: 60,
    result: '',
  },
  {
    rule: 'and not more than that',
    changes: [
      [4, 0],
      [0, 9],
    ],
    used: 60,
    result: 'capacity 9 56 64',
  },
  {
    rule: 'two consumers of one write count together',
    changes: [
      [0, 3],
      [0, 2],
    ],
    used: 60,
    result: 'capacity 5 60 64',
  },
  { rule: 'over already, and no worse', changes: [[4, 4]], used: 70, result: '' },
  { rule: 'over already, and better', changes: [[4, 3]], used: 70, result: '' },
  { rule: 'over already, and worse', changes: [[4, 5]], used: 70, result: 'capacity 5 66 64' },
  {
    rule: 'an amount that changes hands is not measured again',
    changes: [
      [5, 0],
      [0, 5],
    ],
    used: 5,
    inventory: { max_unit: 4, step_size: 2, min_unit: 6 },
    result: '',
  },
  {
    rule: 'a new amount is',
    changes: [[5, 3]],
    used: 5,
    inventory: { max_unit: 2, step_size: 2, min_unit: 4 },
    result: 'min_unit 3 4, max_unit 3 2, step_size 3 2',
  },
  {
    rule: 'units are those of one consumer, not of all',
    changes: [
      [0, 4],
      [0, 4],
    ],
    used: 0,
    inventory: { max_unit: 4 },
    result: '',
  },
]

describe('room and units', () => {
  for (const row of ROWS) {
    it(`${row.rule}: ${row.result || 'fits'}`, () => {
      const changes = row.changes.map(
        ([before, after], position): Change => ({
          before: consumer([ID.I, ID.M][position] ?? ID.N, before === 0 ? '-' : `S:${before}`),
          after: {
            generation: 4,
            type: 'INSTANCE',
            project: 'p',
            user: 'u',
            allocations: holding(after === 0 ? '-' : `S:${after}`),
          },
        }),
      )
      const S = provider('S', { inventories: { VCPU: inventory(row.inventory) }, usages: { VCPU: row.used } })
      const told = roomFor(changes, { [ID.S]: S }).findings.map(({ violation }) =>
        violation.rule === 'capacity'
          ? `capacity ${violation.requested} ${violation.used} ${violation.capacity}`
          : `${violation.rule} ${violation.requested} ${violation.limit}`,
      )
      expect(told.join(', ')).to.equal(row.result)
    })
  }

  it('a provider that was not read is a bug, not a refusal', () => {
    const change = {
      before: consumer(ID.I, '-'),
      after: { generation: 1, type: 'A', project: 'p', user: 'u', allocations: holding('S:1') },
    }
    expect(() => roomFor([change], {})).to.throw(ID.S)
  })

  it('capacity is (total - reserved) * allocation_ratio, not rounded', () => {
    expect(capacityOf(inventory({ total: 7, reserved: 2, allocation_ratio: 1.3 }))).to.equal(5 * 1.3)
  })

  it('offers tells everything that a provider lacks', () => {
    const S = provider('S', { traits: ['COMPUTE_STATUS_DISABLED', 'BAD'], aggregates: [ID.G] })
    const found = offers(ID.S, S, { traits: ['GOOD'], forbiddenTraits: ['BAD'], aggregates: [ID.G, ID.X] })
    expect(found.map(({ code }) => code)).to.deep.equal([
      'destination_disabled',
      'traits_unmet',
      'traits_unmet',
      'aggregates_unmet',
    ])
  })
})
