// The rules of room in a ledger: capacity to the last bit of a double, units, and what is over-committed already.
import { expect } from 'chai'
import type { Inventory } from '../../src/transfer/snapshot.ts'
import type { Store } from '../support/store.ts'
import { carryOut, change, D, holding, I, idOf, M, open, providerOf, S, scopeOf, write, type Rule } from './ground.ts'

/** Seeds D with `inventory` of VCPU of which `used` units are taken, and lets I take `units` more. */
async function take(store: Store, inventory: Partial<Inventory>, used: number, units: number): Promise<string> {
  await store.seed({
    providers: [providerOf(D, { VCPU: inventory }), providerOf(S, { VCPU: {} })],
    consumers: used === 0 ? [] : [holding(M, { [D]: { VCPU: used } })],
  })
  await open(store, 'a')
  const applied = await carryOut(
    store,
    idOf('b', 1),
    'a.1',
    ({ consumers }) => write([change(consumers[I]!, { [D]: { VCPU: units } })]),
    scopeOf([I], [D]),
  )
  return applied.kind === 'conflict' ? applied.reason : applied.kind
}

const CAPACITY = `capacity ${D} VCPU`

/** Inventory, used, units asked for, and whether they fit: `used + units <= (total - reserved) * ratio` in doubles. */
const EDGES: readonly (readonly [string, Partial<Inventory>, number, number, boolean])[] = [
  ['the last unit', { total: 64 }, 60, 4, true],
  ['one more than the last', { total: 64 }, 60, 5, false],
  ['reserved units are not for use', { total: 64, reserved: 4 }, 58, 3, false],
  ['ratio 16.0, the last', { total: 64, allocation_ratio: 16 }, 1000, 24, true],
  ['ratio 16.0, one more', { total: 64, allocation_ratio: 16 }, 1000, 25, false],
  ['ratio 1.1 of 10 is 11.000000000000002', { total: 10, allocation_ratio: 1.1 }, 0, 11, true],
  ['ratio 1.1 of 10 is not 12', { total: 10, allocation_ratio: 1.1 }, 0, 12, false],
  ['ratio 1.1 of 70 is 77.00000000000001', { total: 70, allocation_ratio: 1.1 }, 70, 7, true],
  ['ratio 1.15 of 100 is 114.99999999999999, as in Placement', { total: 100, allocation_ratio: 1.15 }, 100, 15, false],
  ['ratio 1.15 of 100 has room for 114', { total: 100, allocation_ratio: 1.15 }, 100, 14, true],
  ['ratio 0.999 of 1000', { total: 1000, allocation_ratio: 0.999 }, 998, 1, true],
  ['ratio 0.999 of 1000, one more', { total: 1000, allocation_ratio: 0.999 }, 998, 2, false],
  [
    'ratio 0.999999999 of the largest integer',
    { total: 2_147_483_647, allocation_ratio: 0.999999999 },
    2_147_483_644,
    1,
    false,
  ],
  ['the largest integer', { total: 2_147_483_647 }, 2_147_483_646, 1, true],
  ['a ratio of a third', { total: 3, allocation_ratio: 1 / 3 }, 0, 1, true],
  ['a ratio above what a float would keep', { total: 10, allocation_ratio: 1.0999999999999999 }, 0, 11, false],
]

const UNITS: Inventory = { total: 64, reserved: 0, allocation_ratio: 1, min_unit: 4, max_unit: 12, step_size: 4 }

export const ROOM: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    EDGES.map(([name, inventory, used, units, fits]): [string, Rule] => [
      `${name}: ${fits ? 'fits' : 'is refused'}`,
      async (store) => {
        expect(await take(store, inventory, used, units)).to.equal(fits ? 'applied' : CAPACITY)
      },
    ]),
  ),
  'less than min_unit is refused': async (store) => {
    expect(await take(store, { ...UNITS, step_size: 1 }, 0, 3)).to.equal(`min_unit ${D} VCPU`)
  },
  'more than max_unit is refused': async (store) => {
    expect(await take(store, UNITS, 0, 16)).to.equal(`max_unit ${D} VCPU`)
  },
  'what is no multiple of step_size is refused': async (store) => {
    expect(await take(store, UNITS, 0, 6)).to.equal(`step_size ${D} VCPU`)
  },
  'what min_unit, max_unit and step_size allow fits': async (store) => {
    expect(await take(store, UNITS, 0, 12)).to.equal('applied')
  },
  'a class that the provider does not offer is refused': async (store) => {
    await store.seed({ providers: [providerOf(D, { MEMORY_MB: {} })], consumers: [] })
    await open(store, 'a')
    expect(
      await carryOut(
        store,
        idOf('b', 1),
        'a.1',
        ({ consumers }) => write([change(consumers[I]!, { [D]: { VCPU: 1 } })]),
        scopeOf([I], [D]),
      ),
    ).to.deep.equal({ kind: 'conflict', reason: `inventory ${D} VCPU` })
  },
  'what one consumer gives and another takes on a full provider needs no room': async (store) => {
    await store.seed({
      providers: [providerOf(D, { VCPU: { total: 4 } })],
      consumers: [holding(M, { [D]: { VCPU: 4 } })],
    })
    await open(store, 'a')
    expect(
      await carryOut(
        store,
        idOf('b', 1),
        'a.1',
        ({ consumers }) => write([change(consumers[I]!, { [D]: { VCPU: 4 } }), change(consumers[M]!, {})]),
        scopeOf([I, M], [D]),
      ),
    ).to.include({ kind: 'applied' })
  },
  'two consumers that fit one by one and not together are refused': async (store) => {
    await store.seed({ providers: [providerOf(D, { VCPU: { total: 4 } })], consumers: [] })
    await open(store, 'a')
    expect(
      await carryOut(
        store,
        idOf('b', 1),
        'a.1',
        ({ consumers }) =>
          write([change(consumers[I]!, { [D]: { VCPU: 3 } }), change(consumers[M]!, { [D]: { VCPU: 3 } })]),
        scopeOf([I, M], [D]),
      ),
    ).to.deep.equal({ kind: 'conflict', reason: CAPACITY })
  },
  'a provider that is over-committed already accepts what makes it no worse': async (store) => {
    expect(await overCommitted(store, 8, 8)).to.equal('applied')
  },
  'a provider that is over-committed already accepts what makes it better': async (store) => {
    expect(await overCommitted(store, 8, 7)).to.equal('applied')
  },
  'a provider that is over-committed already refuses what makes it worse': async (store) => {
    expect(await overCommitted(store, 8, 9)).to.equal(CAPACITY)
  },
}

/** M holds `held` of 4 units; it gives all to I, which takes `units`. */
async function overCommitted(store: Store, held: number, units: number): Promise<string> {
  await store.seed({
    providers: [providerOf(D, { VCPU: { total: 4 } })],
    consumers: [holding(M, { [D]: { VCPU: held } })],
  })
  await open(store, 'a')
  const applied = await carryOut(
    store,
    idOf('b', 1),
    'a.1',
    ({ consumers }) => write([change(consumers[M]!, {}), change(consumers[I]!, { [D]: { VCPU: units } })]),
    scopeOf([I, M], [D]),
  )
  return applied.kind === 'conflict' ? applied.reason : applied.kind
}
