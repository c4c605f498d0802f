// The ledger's contract suite on a real Placement and on its model: rules that are otherwise there are told and tested.
import { expect } from 'chai'
import type { PlacementServer } from '../../src/demo/servers.ts'
import { emptied, sharedPlacement } from '../support/placement-server.ts'
import { memoryPlacementStore } from '../support/memory/placement-store.ts'
import type { Store } from '../support/store.ts'
import { placementStore, type PlacementStore } from '../support/placement-store.ts'
import { LEDGER } from './ledger.contract.ts'
import { INSTEAD } from './placement.rules.ts'

/** Defines the contract's rules as they hold on Placement; `store` gives that of the test. */
function exerciseOnPlacement(store: () => Store): void {
  for (const [subject, rules] of Object.entries(LEDGER)) {
    describe(`ledger, ${subject}`, () => {
      const instead = INSTEAD[subject] ?? {}
      for (const [name, rule] of Object.entries(rules)) {
        if (instead[name] === undefined && instead[''] === undefined) it(name, () => rule(store()))
      }
      for (const [name, { why, rule }] of Object.entries(instead)) {
        it(`instead of '${name === '' ? 'all rules' : name}', since ${why}`, () => rule(store()))
      }
    })
  }
}

describe('on a model of Placement', () => {
  exerciseOnPlacement(memoryPlacementStore)
})

describe('on Placement', function () {
  this.timeout(60_000)
  let server: PlacementServer
  let store: PlacementStore

  before(async () => {
    server = await sharedPlacement()
  })
  beforeEach(async () => {
    store = await placementStore(await emptied(server))
  })
  afterEach(async () => {
    await store.ledger.stop()
  })

  exerciseOnPlacement(() => store)

  it('differs only in rules that the contract has', () => {
    for (const [subject, rules] of Object.entries(INSTEAD)) {
      for (const name of Object.keys(rules)) {
        expect(Object.keys(LEDGER), subject).to.include(subject)
        if (name !== '') expect(Object.keys(LEDGER[subject]!)).to.include(name)
      }
    }
  })
})
