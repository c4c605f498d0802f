// Claim and transfer, as a table: what is held and asked, and what comes of it.
import { expect } from 'chai'
import { derivedM, ID, inventory, line, moveOf, planned, type Scene } from './world.ts'

type Row = readonly [rule: string, scene: Scene, fields: Readonly<Record<string, unknown>>, result: string]

const claim = (fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  operation: 'claim',
  source: ID.S,
  destination: ID.D,
  migration: ID.M,
  ...fields,
})
const transfer = (fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  operation: 'transfer',
  source: ID.S,
  destination: ID.D,
  ...fields,
})
const full = { VCPU: inventory({ total: 3 }) }

const ROWS: readonly Row[] = [
  ['the source passes to M, the destination to I', { holds: 'I=S:2' }, claim(), 'applied I=D:2 M=S:2 (open)'],
  [
    'M is derived when it is not given',
    { holds: 'I=S:2' },
    claim({ migration: undefined }),
    'applied I=D:2 M*=S:2 (open)',
  ],
  [
    'another size may be asked of the destination',
    { holds: 'I=S:2' },
    claim({ destinationResources: { VCPU: 5 } }),
    'applied I=D:5 M=S:2 (open)',
  ],
  ['the guard of amounts holds', { holds: 'I=S:2' }, claim({ resources: { VCPU: 2 } }), 'applied I=D:2 M=S:2 (open)'],
  [
    'doubled: I holds both',
    { holds: 'I=S:2' },
    claim({ migration: undefined, mode: 'doubled' }),
    'applied I=S:2 D:2 (open)',
  ],
  ['transfer: I holds only the destination', { holds: 'I=S:2' }, transfer(), 'applied I=D:2'],
  [
    'an ended move is not in the way',
    { holds: 'I=S:2', move: moveOf({ state: 'confirmed' }) },
    claim({ migration: undefined }),
    'applied I=D:2 M*=S:2 (open)',
  ],
  [
    'a source that is over already may be left',
    { holds: 'I=S:2', providers: { S: { inventories: { VCPU: inventory({ total: 1 }) } } } },
    claim(),
    'applied I=D:2 M=S:2 (open)',
  ],
  [
    'a source whose inventory is gone may be left',
    { holds: 'I=S:2', providers: { S: { inventories: {} } } },
    claim(),
    'applied I=D:2 M=S:2 (open)',
  ],
  [
    'all guards of the consumer hold',
    { holds: 'I=S:2' },
    claim({ expect: { consumerGeneration: 3, project: 'p', user: 'u', type: 'INSTANCE' } }),
    'applied I=D:2 M=S:2 (open)',
  ],

  [
    'I has an open move',
    { holds: 'I=D:2, M=S:2', move: moveOf() },
    claim({ migration: undefined, source: ID.D, destination: ID.E }),
    'conflicting_operation: open_move',
  ],
  [
    'M belongs to the open move of another',
    { holds: 'I=S:2, M=E:2', move: moveOf({ consumer: ID.N }) },
    claim(),
    'conflicting_operation: open_move state',
  ],
  [
    'transfer while a move is open',
    { holds: 'I=D:2, M=S:2', move: moveOf() },
    transfer({ source: ID.D, destination: ID.E }),
    'conflicting_operation: open_move',
  ],
  [
    'I is M of an open move',
    { holds: 'I=S:2', move: moveOf({ consumer: ID.N, migration: ID.I }) },
    transfer(),
    'conflicting_operation: open_move',
  ],
  ['I holds nothing', { holds: 'I=-' }, claim(), 'source_missing: state'],
  ['the source does not exist', { holds: 'I=E:2', providers: { S: null } }, claim(), 'source_missing: provider state'],
  ['I holds something else', { holds: 'I=E:2' }, claim(), 'source_unexpected: state'],
  ['I holds more than the source', { holds: 'I=S:2 E:1' }, claim(), 'source_unexpected: state'],
  [
    'I holds the destination already',
    { holds: 'I=S:2 D:2' },
    claim({ migration: undefined, mode: 'doubled' }),
    'source_unexpected: state',
  ],
  ['I holds other amounts', { holds: 'I=S:2' }, claim({ resources: { VCPU: 3 } }), 'source_unexpected: amount'],
  [
    'a class of the guard is not held at all',
    { holds: 'I=S:2' },
    claim({ resources: { VGPU: 1 } }),
    'source_unexpected: amount',
  ],
  ['M holds something', { holds: 'I=S:2, M=E:1' }, claim(), 'source_unexpected: state'],
  ['another project', { holds: 'I=S:2' }, claim({ expect: { project: 'q' } }), 'owner_mismatch: owner'],
  [
    'another user and type',
    { holds: 'I=S:2' },
    claim({ expect: { user: 'v', type: 'VOLUME' } }),
    'owner_mismatch: owner owner',
  ],
  [
    'another generation',
    { holds: 'I=S:2' },
    claim({ expect: { consumerGeneration: 4 } }),
    'generation_mismatch: generation',
  ],
  [
    'the destination does not exist',
    { holds: 'I=S:2', providers: { D: null } },
    claim(),
    'destination_missing: provider',
  ],
  [
    'the destination is disabled',
    { holds: 'I=S:2', providers: { D: { traits: ['COMPUTE_STATUS_DISABLED'] } } },
    claim(),
    'destination_disabled: disabled',
  ],
  [
    'a required trait is missing',
    { holds: 'I=S:2' },
    claim({ requires: { traits: ['HW_A', 'HW_B'] } }),
    'traits_unmet: trait trait',
  ],
  [
    'a forbidden trait is there',
    { holds: 'I=S:2', providers: { D: { traits: ['HW_A'] } } },
    claim({ requires: { forbiddenTraits: ['HW_A'] } }),
    'traits_unmet: trait',
  ],
  [
    'every aggregate must be there',
    { holds: 'I=S:2', providers: { D: { aggregates: [ID.G] } } },
    claim({ requires: { aggregates: [ID.G, ID.X] } }),
    'aggregates_unmet: aggregate',
  ],
  [
    'the class is not offered',
    { holds: 'I=S:2', providers: { D: { inventories: {} } } },
    claim(),
    'no_inventory: inventory',
  ],
  [
    'fewer than the least',
    { holds: 'I=S:2', providers: { D: { inventories: { VCPU: inventory({ min_unit: 4 }) } } } },
    claim(),
    'unit_violation: min_unit',
  ],
  [
    'more than the most, and off the step',
    { holds: 'I=S:5', providers: { D: { inventories: { VCPU: inventory({ max_unit: 4, step_size: 2 }) } } } },
    claim(),
    'unit_violation: max_unit step_size',
  ],
  [
    'no room',
    { holds: 'I=S:2', providers: { D: { inventories: full, usages: { VCPU: 2 } } } },
    claim(),
    'capacity_exceeded: capacity',
  ],
  [
    'room to the last unit',
    { holds: 'I=S:2', providers: { D: { inventories: full, usages: { VCPU: 1 } } } },
    claim(),
    'applied I=D:2 M=S:2 (open)',
  ],
  [
    'no room for the size asked',
    { holds: 'I=S:2', providers: { D: { inventories: full } } },
    transfer({ destinationResources: { VCPU: 4 } }),
    'capacity_exceeded: capacity',
  ],

  [
    'the first code counts, every violation is told',
    {
      holds: 'I=S:2 E:1',
      providers: { D: { traits: ['COMPUTE_STATUS_DISABLED'], inventories: full, usages: { VCPU: 3 } } },
    },
    claim({ expect: { project: 'q', consumerGeneration: 9 }, requires: { traits: ['HW_A'] } }),
    'source_unexpected: state owner generation disabled trait capacity',
  ],

  [
    'record lost: the derived M proves that it was done',
    { holds: 'I=D:2, M*=S:2' },
    claim({ migration: undefined }),
    'already_applied (open)',
  ],
  [
    'record lost: done on an alternate',
    { holds: 'I=E:2, M*=S:2' },
    claim({ migration: undefined, alternates: [ID.E] }),
    'already_applied (open)',
  ],
  [
    'record lost: the move that it opened is known',
    { holds: 'I=D:2', move: moveOf({ request: ID.R, state: 'confirmed' }) },
    claim(),
    'already_applied',
  ],
  ['a given M proves nothing', { holds: 'I=D:2, M=S:2' }, claim(), 'source_unexpected: state state'],
  [
    'the derived M with other amounts proves nothing',
    { holds: 'I=D:3, M*=S:2' },
    claim({ migration: undefined }),
    'source_unexpected: state state',
  ],
  [
    'the derived M of another project proves nothing',
    { holds: 'I=D:2, M*=S:2', consumers: { 'M*': { project: 'q' } } },
    claim({ migration: undefined }),
    'source_unexpected: state state',
  ],
  [
    'the derived M elsewhere proves nothing',
    { holds: 'I=D:2, M*=E:2' },
    claim({ migration: undefined }),
    'source_unexpected: state state',
  ],
]

describe('plan of claim and transfer', () => {
  for (const [rule, scene, fields, result] of ROWS) {
    it(`${rule}: ${result}`, () => expect(line(planned(scene, fields))).to.equal(result))
  }

  it('keeps the owner: project and user of I for both, type MIGRATION for M', () => {
    const result = planned({ holds: 'I=S:2', consumers: { I: { type: 'SHELVED' } } }, claim())
    if (result.kind !== 'write') throw new Error(line(result))
    const owners = result.write.changes.map(({ after }) => [after.project, after.user, after.type, after.generation])
    expect(owners).to.deep.equal([
      ['p', 'u', 'SHELVED', 4],
      ['p', 'u', 'MIGRATION', 1],
    ])
  })

  it('relies on the definition of the destination only', () => {
    const result = planned({ holds: 'I=S:2' }, claim())
    expect(result.kind === 'write' && result.write.providers).to.deep.equal({ [ID.D]: 7 })
  })

  it('records the move with the states that end it', () => {
    const result = planned({ holds: 'I=S:2' }, claim({ migration: undefined }))
    const expected = moveOf({ request: ID.R, migration: derivedM })
    expect(result.kind === 'write' && result.write.moves.put).to.deep.equal([expected])
  })

  it('tells room in numbers', () => {
    const result = planned({ holds: 'I=S:4', providers: { D: { usages: { VCPU: 62 } } } }, claim())
    expect(result.outcome.message).to.equal(
      `Provider cn-D (${ID.D}) has room for 2 more VCPU (62 of 64 used), but 4 were asked for.`,
    )
    expect(result.outcome.violations).to.deep.equal([
      { rule: 'capacity', provider: ID.D, resourceClass: 'VCPU', requested: 4, used: 62, capacity: 64 },
    ])
  })
})
