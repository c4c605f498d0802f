// The contract suites on the in-memory twin, and proof that they notice each of its guards being taken away.
import { expect } from 'chai'
import { ALL_RULES, type SlotRules } from '../support/memory/slot.ts'
import { memoryStore } from '../support/store.ts'
import { exercise } from './ground.ts'
import { JOURNAL } from './journal.contract.ts'
import { LEDGER } from './ledger.contract.ts'
import { LOCKS } from './locks.contract.ts'

const SUITES = { locks: LOCKS, journal: JOURNAL, ledger: LEDGER }

describe('in memory', () => {
  for (const [name, suite] of Object.entries(SUITES)) exercise(name, suite, async () => memoryStore())
})

describe('the contract suites notice a twin', () => {
  for (const guard of Object.keys(ALL_RULES) as (keyof SlotRules)[]) {
    it(`without ${guard}`, async () => {
      expect(await brokenRules(guard)).not.to.deep.equal([])
    })
  }
})

/** Rules that do not hold without `guard`. No rule needs a timer here: one that goes on for many turns never ends. */
async function brokenRules(guard: keyof SlotRules): Promise<string[]> {
  const holding = new Set<string>()
  const rules = Object.values(SUITES)
    .flatMap((suite) => Object.values(suite))
    .flatMap((subject) => Object.entries(subject))
  for (const [name, rule] of rules)
    rule(memoryStore({ [guard]: false })).then(
      () => holding.add(name),
      () => undefined,
    )
  for (let turns = 0; turns < 200; turns++)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  return rules.map(([name]) => name).filter((name) => !holding.has(name))
}
