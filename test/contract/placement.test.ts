// The ledger's contract suite on a real Placement; each rule that is otherwise there is told, and tested as it is.
import { expect } from 'chai'
import type { PlacementServer } from '../../src/demo/servers.ts'
import { emptied, sharedPlacement } from '../support/placement-server.ts'
import { placementStore, type PlacementStore } from '../support/placement-store.ts'
import { LEDGER } from './ledger.contract.ts'
import { INSTEAD } from './placement.rules.ts'

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

  for (const [subject, rules] of Object.entries(LEDGER)) {
    describe(`ledger, ${subject}`, () => {
      const instead = INSTEAD[subject] ?? {}
      for (const [name, rule] of Object.entries(rules)) {
        if (instead[name] === undefined && instead[''] === undefined) it(name, () => rule(store))
      }
      for (const [name, { why, rule }] of Object.entries(instead)) {
        it(`instead of '${name === '' ? 'all rules' : name}', since ${why}`, () => rule(store))
      }
    })
  }

  it('differs only in rules that the contract has', () => {
    for (const [subject, rules] of Object.entries(INSTEAD)) {
      for (const name of Object.keys(rules)) {
        expect(Object.keys(LEDGER), subject).to.include(subject)
        if (name !== '') expect(Object.keys(LEDGER[subject]!)).to.include(name)
      }
    }
  })
})
