// Acquire, release, resize, adjust and swap-consumer, as a table.
import { expect } from 'chai'
import { ID, inventory, line, moveOf, planned, type Scene } from './world.ts'

type Row = readonly [rule: string, scene: Scene, fields: Readonly<Record<string, unknown>>, result: string]
type Fields = Readonly<Record<string, unknown>>

const acquire = (fields: Fields = {}): Fields => ({
  operation: 'acquire',
  destination: ID.D,
  resources: { VCPU: 2 },
  owner: { project: 'p', user: 'u' },
  ...fields,
})
const release = (fields: Fields = {}): Fields => ({ operation: 'release', ...fields })
const resize = (vcpu: number, fields: Fields = {}): Fields => ({
  operation: 'resize',
  source: ID.S,
  resources: { VCPU: vcpu },
  ...fields,
})
const adjust = (deltas: Readonly<Record<string, number>>, fields: Fields = {}): Fields => ({
  operation: 'adjust',
  ...fields,
  deltas: Object.fromEntries(Object.entries(deltas).map(([name, delta]) => [ID[name as 'S'], { VCPU: delta }])),
})
const swap = (fields: Fields = {}): Fields => ({ operation: 'swap-consumer', newConsumer: ID.N, ...fields })
const open: Scene = { holds: 'I=D:2, M=S:2', move: moveOf() }
const ofAnother: Scene = { holds: 'I=S:2', move: moveOf({ consumer: ID.N, migration: ID.I }) }
const disabled = { traits: ['COMPUTE_STATUS_DISABLED'] }

const ROWS: readonly Row[] = [
  ['acquire', { holds: 'I=-' }, acquire(), 'applied I=D:2'],
  ['acquire: I holds something', { holds: 'I=D:2' }, acquire(), 'source_unexpected: state'],
  ['acquire: an open move', { holds: 'I=-, M=S:2', move: moveOf() }, acquire(), 'conflicting_operation: open_move'],
  [
    'acquire: no such destination',
    { holds: 'I=-', providers: { D: null } },
    acquire(),
    'destination_missing: provider',
  ],
  ['acquire: disabled', { holds: 'I=-', providers: { D: disabled } }, acquire(), 'destination_disabled: disabled'],
  ['acquire: traits', { holds: 'I=-' }, acquire({ requires: { traits: ['HW_A'] } }), 'traits_unmet: trait'],
  [
    'acquire: aggregates',
    { holds: 'I=-' },
    acquire({ requires: { aggregates: [ID.G] } }),
    'aggregates_unmet: aggregate',
  ],
  ['acquire: no inventory', { holds: 'I=-' }, acquire({ resources: { VCPU: 1, VGPU: 1 } }), 'no_inventory: inventory'],
  ['acquire: units', { holds: 'I=-' }, acquire({ resources: { VCPU: 65 } }), 'unit_violation: max_unit capacity'],
  [
    'acquire: no room',
    { holds: 'I=-', providers: { D: { usages: { VCPU: 63 } } } },
    acquire(),
    'capacity_exceeded: capacity',
  ],

  ['release', { holds: 'I=S:2' }, release(), 'applied I=-'],
  ['release: of several providers', { holds: 'I=S:2 E:1' }, release(), 'applied I=-'],
  [
    'release: the source holds',
    { holds: 'I=S:2' },
    release({ source: ID.S, expect: { consumerGeneration: 3 } }),
    'applied I=-',
  ],
  ['release: of nothing', { holds: 'I=-' }, release({ source: ID.S }), 'nothing_to_do'],
  ['release: with its open move, M too', open, release(), 'applied I=- M=- (released)'],
  [
    'release: either side of the open move is its source',
    open,
    release({ source: ID.S }),
    'applied I=- M=- (released)',
  ],
  [
    'release: of a doubled move',
    { holds: 'I=S:2 D:2', move: moveOf({ mode: 'doubled', migration: null }) },
    release(),
    'applied I=- (released)',
  ],
  ['release: of nothing ends an open move', { holds: 'I=-', move: moveOf() }, release(), 'nothing_to_do (released)'],
  [
    'release: M without a record is released when it is named',
    { holds: 'I=D:2, M=S:2' },
    release({ migration: ID.M }),
    'applied I=- M=-',
  ],
  ['release: elsewhere', { holds: 'I=S:2' }, release({ source: ID.D }), 'source_unexpected: state'],
  ['release: more than the source', { holds: 'I=S:2 E:1' }, release({ source: ID.S }), 'source_unexpected: state'],
  ['release: not as the open move left it', { ...open, holds: 'I=D:1, M=S:2' }, release(), 'source_unexpected: state'],
  ['release: the open move is gone from I', { ...open, holds: 'I=-, M=S:2' }, release(), 'source_missing: state'],
  ['release: another M', open, release({ migration: ID.N }), 'source_unexpected: state'],
  ['release: another owner', { holds: 'I=S:2' }, release({ expect: { type: 'VOLUME' } }), 'owner_mismatch: owner'],
  [
    'release: M of another project',
    { holds: 'I=D:2, M=S:2', consumers: { M: { project: 'q' } } },
    release({ migration: ID.M }),
    'owner_mismatch: owner',
  ],
  [
    'release: another generation',
    { holds: 'I=S:2' },
    release({ expect: { consumerGeneration: 2 } }),
    'generation_mismatch: generation',
  ],
  ['release: of M of an open move', ofAnother, release(), 'conflicting_operation: open_move'],
  ['release: of M of an open move, forced', ofAnother, release({ force: true }), 'conflicting_operation: open_move'],
  [
    'release: force compares nothing',
    { ...open, holds: 'I=E:1, M=S:1' },
    release({ force: true, source: ID.X, expect: { project: 'q' } }),
    'applied I=- M=- (released)',
  ],
  [
    'release: force, I is gone',
    { ...open, holds: 'I=-, M=S:2' },
    release({ force: true }),
    'applied M=- I! (released)',
  ],

  ['resize: the larger of both', { holds: 'I=S:2' }, resize(4), 'applied I=S:4 (open)'],
  [
    'resize: a smaller size is held at the larger until it is confirmed',
    { holds: 'I=S:4' },
    resize(2),
    'applied I=S:4 (open)',
  ],
  ['resize: the sum', { holds: 'I=S:2' }, resize(4, { policy: 'sum' }), 'applied I=S:6 (open)'],
  ['resize: replaced', { holds: 'I=S:4' }, resize(2, { policy: 'replace' }), 'applied I=S:2 (open)'],
  [
    'resize: what it gives up counts',
    { holds: 'I=S:2', providers: { S: { usages: { VCPU: 60 } } } },
    resize(4),
    'applied I=S:4 (open)',
  ],
  [
    'resize: no room',
    { holds: 'I=S:2', providers: { S: { usages: { VCPU: 61 } } } },
    resize(4),
    'capacity_exceeded: capacity',
  ],
  [
    'resize: over already, and no worse',
    { holds: 'I=S:4', providers: { S: { usages: { VCPU: 64 } } } },
    resize(3, { policy: 'replace' }),
    'applied I=S:3 (open)',
  ],
  ['resize: units', { holds: 'I=S:2' }, resize(65), 'unit_violation: max_unit capacity'],
  [
    'resize: no inventory',
    { holds: 'I=S:2', providers: { S: { inventories: {} } } },
    resize(4),
    'no_inventory: inventory',
  ],
  ['resize: disabled', { holds: 'I=S:2', providers: { S: disabled } }, resize(4), 'destination_disabled: disabled'],
  ['resize: traits', { holds: 'I=S:2' }, resize(4, { requires: { traits: ['HW_A'] } }), 'traits_unmet: trait'],
  [
    'resize: aggregates',
    { holds: 'I=S:2' },
    resize(4, { requires: { aggregates: [ID.G] } }),
    'aggregates_unmet: aggregate',
  ],
  ['resize: I holds nothing', { holds: 'I=-' }, resize(4), 'source_missing: state'],
  [
    'resize: the source does not exist',
    { holds: 'I=-', providers: { S: null } },
    resize(4),
    'source_missing: provider state',
  ],
  ['resize: I is elsewhere', { holds: 'I=E:2' }, resize(4), 'source_unexpected: state'],
  ['resize: another owner', { holds: 'I=S:2' }, resize(4, { expect: { project: 'q' } }), 'owner_mismatch: owner'],
  [
    'resize: another generation',
    { holds: 'I=S:2' },
    resize(4, { expect: { consumerGeneration: 2 } }),
    'generation_mismatch: generation',
  ],
  ['resize: an open move', open, resize(4, { source: ID.D }), 'conflicting_operation: open_move'],
  [
    'resize: its record is lost',
    { holds: 'I=S:4', move: moveOf({ request: ID.R, mode: 'resize', migration: null, destination: ID.S }) },
    resize(4),
    'already_applied',
  ],

  ['adjust: more', { holds: 'I=S:2 E:1' }, adjust({ S: 2 }), 'applied I=S:4 E:1'],
  ['adjust: a provider given up', { holds: 'I=S:2 E:1' }, adjust({ E: -1 }), 'applied I=S:2'],
  [
    'adjust: less on a disabled provider',
    { holds: 'I=S:2', providers: { S: disabled } },
    adjust({ S: -1 }),
    'applied I=S:1',
  ],
  [
    'adjust: more on a disabled provider',
    { holds: 'I=S:2', providers: { S: disabled } },
    adjust({ S: 1 }),
    'destination_disabled: disabled',
  ],
  ['adjust: below zero', { holds: 'I=S:2 E:1' }, adjust({ S: -3 }), 'source_unexpected: amount'],
  ['adjust: to nothing', { holds: 'I=S:2' }, adjust({ S: -2 }), 'source_unexpected: state'],
  ['adjust: a provider not in use', { holds: 'I=S:2' }, adjust({ E: 1 }), 'source_unexpected: state'],
  ['adjust: I holds nothing', { holds: 'I=-' }, adjust({ S: 1 }), 'source_missing: state'],
  [
    'adjust: no room',
    { holds: 'I=S:2', providers: { S: { usages: { VCPU: 62 } } } },
    adjust({ S: 1 }),
    'capacity_exceeded: capacity',
  ],
  [
    'adjust: off the step',
    { holds: 'I=S:4', providers: { S: { inventories: { VCPU: inventory({ step_size: 2 }) } } } },
    adjust({ S: -1 }),
    'unit_violation: step_size',
  ],
  [
    'adjust: no inventory',
    { holds: 'I=S:2', providers: { S: { inventories: {} } } },
    adjust({ S: 1 }),
    'no_inventory: inventory',
  ],
  ['adjust: another owner', { holds: 'I=S:2' }, adjust({ S: 1 }, { expect: { user: 'v' } }), 'owner_mismatch: owner'],
  [
    'adjust: another generation',
    { holds: 'I=S:2' },
    adjust({ S: 1 }, { expect: { consumerGeneration: 2 } }),
    'generation_mismatch: generation',
  ],
  ['adjust: an open move', open, adjust({ D: 1 }), 'conflicting_operation: open_move'],

  ['swap-consumer', { holds: 'I=S:2 E:1' }, swap(), 'applied I=- N=S:2 E:1'],
  [
    'swap-consumer: on a provider that is over already',
    { holds: 'I=S:2', providers: { S: { inventories: {} } } },
    swap(),
    'applied I=- N=S:2',
  ],
  ['swap-consumer: I holds nothing', { holds: 'I=-' }, swap(), 'source_missing: state'],
  ['swap-consumer: the new one holds something', { holds: 'I=S:2, N=E:1' }, swap(), 'source_unexpected: state'],
  ['swap-consumer: another owner', { holds: 'I=S:2' }, swap({ expect: { project: 'q' } }), 'owner_mismatch: owner'],
  [
    'swap-consumer: another generation',
    { holds: 'I=S:2' },
    swap({ expect: { consumerGeneration: 2 } }),
    'generation_mismatch: generation',
  ],
  ['swap-consumer: an open move', open, swap(), 'conflicting_operation: open_move'],
  [
    'swap-consumer: the new one has an open move',
    { holds: 'I=S:2', move: moveOf({ consumer: ID.N }) },
    swap(),
    'conflicting_operation: open_move',
  ],
]

describe('plan of acquire, release, resize, adjust and swap-consumer', () => {
  for (const [rule, scene, fields, result] of ROWS) {
    it(`${rule}: ${result}`, () => expect(line(planned(scene, fields))).to.equal(result))
  }

  it('acquire takes the owner given', () => {
    const result = planned({ holds: 'I=-' }, acquire({ owner: { project: 'a', user: 'b' } }))
    const after = result.kind === 'write' ? result.write.changes[0]?.after : undefined
    expect(after).to.deep.include({ project: 'a', user: 'b', type: 'INSTANCE', generation: 1 })
  })

  it('swap-consumer keeps project, user and type', () => {
    const result = planned({ holds: 'I=S:2', consumers: { I: { type: 'VOLUME' } } }, swap())
    const after = result.kind === 'write' ? result.write.changes[1]?.after : undefined
    expect(after).to.deep.include({ project: 'p', user: 'u', type: 'VOLUME', generation: 1 })
  })
})
