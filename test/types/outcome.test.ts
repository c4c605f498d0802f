// Adding an outcome code does not compile until it is classified; the tables here are the second half of that promise.
import { expect } from 'chai'
import { CODES, classOf, effectOf, type Class, type Code, type Effect } from '../../src/transfer/outcome.ts'
import { tellingOf } from '../../src/transfer/settlement.ts'

/** Class and effect of every code, as the contract lists them. A missing or unknown key is a compile error. */
const CONTRACT = {
  applied: ['done', 'happened'],
  already_applied: ['done', 'happened'],
  nothing_to_do: ['done', 'happened'],
  too_large: ['invalid', 'did_not_happen'],
  malformed: ['invalid', 'did_not_happen'],
  unsupported_version: ['invalid', 'did_not_happen'],
  schema_invalid: ['invalid', 'did_not_happen'],
  id_reused: ['invalid', 'did_not_happen'],
  expired: ['refused', 'did_not_happen'],
  cancelled: ['refused', 'did_not_happen'],
  superseded: ['refused', 'did_not_happen'],
  conflicting_operation: ['refused', 'did_not_happen'],
  source_missing: ['refused', 'did_not_happen'],
  source_unexpected: ['refused', 'did_not_happen'],
  owner_mismatch: ['refused', 'did_not_happen'],
  generation_mismatch: ['refused', 'did_not_happen'],
  source_overcommitted: ['refused', 'did_not_happen'],
  destination_missing: ['refused', 'did_not_happen'],
  destination_disabled: ['refused', 'did_not_happen'],
  traits_unmet: ['refused', 'did_not_happen'],
  aggregates_unmet: ['refused', 'did_not_happen'],
  no_inventory: ['refused', 'did_not_happen'],
  unit_violation: ['refused', 'did_not_happen'],
  capacity_exceeded: ['refused', 'did_not_happen'],
  no_candidate: ['refused', 'did_not_happen'],
  contended: ['exhausted', 'did_not_happen'],
  ledger_unavailable: ['exhausted', 'did_not_happen'],
  outcome_unknown: ['operator', 'unknown'],
  diverged: ['operator', 'unknown'],
  postcondition_failed: ['operator', 'happened'],
  poison: ['operator', 'did_not_happen'],
  internal_error: ['operator', 'did_not_happen'],
} as const satisfies Record<Code, readonly [Class, Effect]>

// @ts-expect-error a table that leaves a code out does not compile
const incomplete: Record<Code, Class> = { applied: 'done' }

describe('outcome codes', () => {
  it('are in order of precedence', () => {
    expect(Object.keys(CONTRACT)).to.deep.equal(CODES)
    expect(Object.keys(incomplete)).to.have.length(1)
  })

  for (const code of CODES) {
    it(`${code} is ${CONTRACT[code].join(', ')}`, () => {
      expect([classOf(code), effectOf(code)]).to.deep.equal(CONTRACT[code])
    })
  }

  it('only done has no letter, and only exhausted and operator wait for a person', () => {
    const letters = (['done', 'invalid', 'refused', 'exhausted', 'operator'] as const).map((one) => {
      const { event, letter, asks } = tellingOf(one)
      return `${one} ${event} ${letter} ${asks}`
    })
    expect(letters).to.deep.equal([
      'done succeeded false nothing',
      'invalid failed true news',
      'refused failed true news',
      'exhausted failed true work',
      'operator failed true work',
    ])
  })
})
