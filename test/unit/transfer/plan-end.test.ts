// Retarget, confirm and revert, as a table: with a record, without one, and after the end.
import { expect } from 'chai'
import type { Move } from '../../../src/transfer/snapshot.ts'
import { ID, inventory, line, moveOf, planned, type Scene } from './world.ts'

type Row = readonly [rule: string, scene: Scene, fields: Readonly<Record<string, unknown>>, result: string]
type Fields = Readonly<Record<string, unknown>>

const retarget = (fields: Fields = {}): Fields => ({
  operation: 'retarget',
  source: ID.D,
  destination: ID.E,
  ...fields,
})
const confirm = (fields: Fields = {}): Fields => ({ operation: 'confirm', ...fields })
const revert = (fields: Fields = {}): Fields => ({ operation: 'revert', ...fields })
const all = { migration: ID.M, source: ID.S, destination: ID.D }
const open: Scene = { holds: 'I=D:2, M=S:2', move: moveOf() }
const doubled: Scene = { holds: 'I=S:2 D:2', move: moveOf({ mode: 'doubled', migration: null }) }
const resized = (now: string, from: string, to: string): Scene => ({
  holds: `I=${now}`,
  move: moveOf({ mode: 'resize', migration: null, destination: ID.S }, from, to),
})
const ended = (state: Move['state'], holds: string): Scene => ({ holds, move: moveOf({ state }) })
const tight = { S: { inventories: { VCPU: inventory({ total: 1 }) } } }

const ROWS: readonly Row[] = [
  ['retarget: the new destination instead of the old one', open, retarget(), 'applied I=E:2 M! (open)'],
  ['retarget: M is named', open, retarget({ migration: ID.M }), 'applied I=E:2 M! (open)'],
  ['retarget: another size', open, retarget({ destinationResources: { VCPU: 3 } }), 'applied I=E:3 M! (open)'],
  ['retarget: no record', { holds: 'I=D:2, M=S:2' }, retarget({ migration: ID.M }), 'source_unexpected: state'],
  ['retarget: neither record nor M', { holds: 'I=D:2' }, retarget(), 'source_unexpected: state'],
  ['retarget: the move has ended', ended('confirmed', 'I=D:2'), retarget(), 'source_unexpected: state'],
  ['retarget: a doubled move has no M', doubled, retarget(), 'source_unexpected: state state'],
  ['retarget: another M', open, retarget({ migration: ID.N }), 'source_unexpected: state'],
  ['retarget: M is not as it was left', { ...open, holds: 'I=D:2, M=S:1' }, retarget(), 'source_unexpected: state'],
  ['retarget: I is elsewhere', { ...open, holds: 'I=X:2, M=S:2' }, retarget(), 'source_unexpected: state'],
  ['retarget: the old destination is another', open, retarget({ source: ID.X }), 'source_unexpected: state state'],
  ['retarget: back to the source is a revert', open, retarget({ destination: ID.S }), 'source_unexpected: state'],
  ['retarget: I holds nothing', { ...open, holds: 'I=-, M=S:2' }, retarget(), 'source_missing: state'],
  ['retarget: the guard of amounts', open, retarget({ resources: { VCPU: 1 } }), 'source_unexpected: amount'],
  ['retarget: another project', open, retarget({ expect: { project: 'q' } }), 'owner_mismatch: owner'],
  [
    'retarget: another generation',
    open,
    retarget({ expect: { consumerGeneration: 1 } }),
    'generation_mismatch: generation',
  ],
  ['retarget: no such destination', { ...open, providers: { E: null } }, retarget(), 'destination_missing: provider'],
  [
    'retarget: disabled',
    { ...open, providers: { E: { traits: ['COMPUTE_STATUS_DISABLED'] } } },
    retarget(),
    'destination_disabled: disabled',
  ],
  ['retarget: traits', open, retarget({ requires: { traits: ['HW_A'] } }), 'traits_unmet: trait'],
  ['retarget: aggregates', open, retarget({ requires: { aggregates: [ID.G] } }), 'aggregates_unmet: aggregate'],
  ['retarget: no inventory', { ...open, providers: { E: { inventories: {} } } }, retarget(), 'no_inventory: inventory'],
  [
    'retarget: units',
    { ...open, providers: { E: { inventories: { VCPU: inventory({ min_unit: 3 }) } } } },
    retarget(),
    'unit_violation: min_unit',
  ],
  [
    'retarget: no room',
    { ...open, providers: { E: { usages: { VCPU: 63 } } } },
    retarget(),
    'capacity_exceeded: capacity',
  ],
  [
    'retarget: the move of another',
    { holds: 'I=D:2, M=S:2', move: moveOf({ consumer: ID.N }) },
    retarget({ migration: ID.M }),
    'conflicting_operation: open_move state',
  ],

  ['confirm: M is gone', open, confirm(), 'applied M=- I! (confirmed)'],
  [
    'confirm: all guards hold',
    open,
    confirm({ ...all, expect: { project: 'p', consumerGeneration: 3 } }),
    'applied M=- I! (confirmed)',
  ],
  ['confirm: doubled, the source is dropped', doubled, confirm(), 'applied I=D:2 (confirmed)'],
  ['confirm: resize, the new size', resized('S:4', 'S:2', 'S:4'), confirm(), 'applied I=S:4 (confirmed)'],
  ['confirm: resize by sum', resized('S:6', 'S:2', 'S:4'), confirm(), 'applied I=S:4 (confirmed)'],
  ['confirm: confirmed before', ended('confirmed', 'I=D:2'), confirm(), 'nothing_to_do'],
  ['confirm: M is gone while I holds D', { ...open, holds: 'I=D:2' }, confirm(), 'nothing_to_do (confirmed)'],
  ['confirm: after revert', ended('reverted', 'I=S:2'), confirm(), 'source_unexpected: state'],
  ['confirm: after release', ended('released', 'I=-'), confirm(), 'source_missing: state'],
  ['confirm: I holds nothing', { ...open, holds: 'I=-, M=S:2' }, confirm(), 'source_missing: state'],
  ['confirm: I is elsewhere', { ...open, holds: 'I=E:2, M=S:2' }, confirm(), 'source_unexpected: state'],
  ['confirm: I has another amount', { ...open, holds: 'I=D:1, M=S:2' }, confirm(), 'source_unexpected: state'],
  ['confirm: M has another amount', { ...open, holds: 'I=D:2, M=S:1' }, confirm(), 'source_unexpected: state'],
  ['confirm: M is gone and I is elsewhere', { ...open, holds: 'I=E:2' }, confirm(), 'source_unexpected: state'],
  [
    'confirm: the first code counts, whatever is found first',
    { ...open, holds: 'I=E:2, M=S:2' },
    confirm({ expect: { project: 'q', consumerGeneration: 9 } }),
    'source_unexpected: state owner generation',
  ],
  ['confirm: doubled, only one side is left', { ...doubled, holds: 'I=D:2' }, confirm(), 'source_unexpected: state'],
  ['confirm: another source', open, confirm({ source: ID.E }), 'source_unexpected: state'],
  ['confirm: another M than recorded', open, confirm({ migration: ID.N }), 'source_unexpected: state'],
  [
    'confirm: M of another project',
    { ...open, consumers: { M: { project: 'q' } } },
    confirm(),
    'owner_mismatch: owner',
  ],
  ['confirm: another owner than expected', open, confirm({ expect: { user: 'v' } }), 'owner_mismatch: owner'],
  [
    'confirm: another generation',
    open,
    confirm({ expect: { consumerGeneration: 2 } }),
    'generation_mismatch: generation',
  ],
  [
    'confirm: guards hold also for nothing to do',
    ended('confirmed', 'I=D:2'),
    confirm({ destination: ID.E }),
    'source_unexpected: state',
  ],
  [
    'confirm: I is M of the move of another',
    { holds: 'I=S:2', move: moveOf({ consumer: ID.N, migration: ID.I }) },
    confirm(),
    'conflicting_operation: open_move',
  ],

  ['revert: M is gone, I holds the source', open, revert(), 'applied I=S:2 M=- (reverted)'],
  ['revert: doubled, the destination is dropped', doubled, revert(), 'applied I=S:2 (reverted)'],
  ['revert: resize, the old size', resized('S:4', 'S:2', 'S:4'), revert(), 'applied I=S:2 (reverted)'],
  ['revert: a source that is over already', { ...open, providers: tight }, revert(), 'applied I=S:2 M=- (reverted)'],
  [
    'revert: a replaced size for which there is no room any more',
    { ...resized('S:1', 'S:2', 'S:1'), providers: tight },
    revert(),
    'capacity_exceeded: capacity',
  ],
  [
    'revert: a replaced size, no inventory any more',
    { ...resized('S:1', 'S:2', 'S:1'), providers: { S: { inventories: {} } } },
    revert(),
    'no_inventory: inventory',
  ],
  [
    'revert: a replaced size, units',
    { ...resized('S:1', 'S:2', 'S:1'), providers: { S: { inventories: { VCPU: inventory({ max_unit: 1 }) } } } },
    revert(),
    'unit_violation: max_unit',
  ],
  ['revert: reverted before', ended('reverted', 'I=S:2'), revert(), 'nothing_to_do'],
  ['revert: the ledger shows it reverted', { ...open, holds: 'I=S:2' }, revert(), 'nothing_to_do (reverted)'],
  ['revert: after confirm', ended('confirmed', 'I=D:2'), revert(), 'source_missing: state'],
  ['revert: M is gone', { ...open, holds: 'I=D:2' }, revert(), 'source_missing: state'],
  ['revert: never resurrects I', { ...open, holds: 'I=-, M=S:2' }, revert(), 'source_missing: state'],
  ['revert: I is elsewhere', { ...open, holds: 'I=E:2, M=S:2' }, revert(), 'source_unexpected: state'],
  ['revert: M of another user', { ...open, consumers: { M: { user: 'v' } } }, revert(), 'owner_mismatch: owner'],
  [
    'revert: another generation',
    open,
    revert({ expect: { consumerGeneration: 2 } }),
    'generation_mismatch: generation',
  ],
  [
    'revert: M is of the move of another',
    { holds: 'I=D:2, M=S:2', move: moveOf({ consumer: ID.N }) },
    revert(all),
    'conflicting_operation: open_move',
  ],

  ['no record: confirm what matches exactly', { holds: 'I=D:2, M=S:2' }, confirm(all), 'applied M=- I! (confirmed)'],
  ['no record: revert what matches exactly', { holds: 'I=D:2, M=S:2' }, revert(all), 'applied I=S:2 M=- (reverted)'],
  ['no record: M gone while I holds D', { holds: 'I=D:2' }, confirm(all), 'nothing_to_do'],
  ['no record: nothing to revert to', { holds: 'I=D:2' }, revert(all), 'source_missing: state'],
  ['no record and no M', { holds: 'I=D:2, M=S:2' }, confirm(), 'source_missing: state'],
  ['no record, M alone', { holds: 'I=D:2, M=S:2' }, confirm({ migration: ID.M }), 'source_unexpected: state'],
  ['no record, M alone and gone', { holds: 'I=D:2' }, revert({ migration: ID.M }), 'source_missing: state'],
  ['no record: other amounts', { holds: 'I=D:3, M=S:2' }, confirm(all), 'source_unexpected: state'],
  ['no record: M holds more', { holds: 'I=D:2, M=S:2 E:1' }, revert(all), 'source_unexpected: state'],
  ['no record: I holds more', { holds: 'I=D:2 E:1, M=S:2' }, confirm(all), 'source_unexpected: state'],
  [
    'no record: another project',
    { holds: 'I=D:2, M=S:2', consumers: { M: { project: 'q' } } },
    confirm(all),
    'owner_mismatch: owner',
  ],
  [
    'an older ended move says nothing about another M',
    { holds: 'I=D:2, N=S:2', move: moveOf({ state: 'confirmed' }) },
    confirm({ ...all, migration: ID.N }),
    'applied N=- I! (confirmed)',
  ],
]

describe('plan of retarget, confirm and revert', () => {
  for (const [rule, scene, fields, result] of ROWS) {
    it(`${rule}: ${result}`, () => expect(line(planned(scene, fields))).to.equal(result))
  }

  it('retarget leads the recorded move elsewhere and keeps where it came from', () => {
    const result = planned(open, retarget())
    const put = result.kind === 'write' ? result.write.moves.put : []
    expect(put).to.deep.equal([moveOf({ destination: ID.E }, 'S:2', 'E:2')])
  })
})
