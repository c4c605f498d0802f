// After a write: what reading back gave must equal the plan, and usages must have moved by exactly its amounts.
import { holdsNothing, providersOf } from './allocations.ts'
import { outcome, type Outcome, type Violation } from './outcome.ts'
import type { Change, Write } from './plan.ts'
import type { Consumer } from './snapshot.ts'

/**
 * Compares what the ledger holds after `write` with its targets: `applied`, or `postcondition_failed` with every
 * difference. Where a generation has moved on since, another write came after this one and comparing is moot.
 */
export function verify(write: Write, after: Readonly<Record<string, Consumer>>): Outcome {
  const violations = write.changes.flatMap((change) => differences(change, after[change.before.id]))
  if (violations.length === 0) return outcome('applied', 'The write is in the books, exactly as planned.')
  const consumers = [...new Set(violations.map(({ consumer }) => consumer))].join(', ')
  return outcome(
    'postcondition_failed',
    `The write was carried out, but reading back consumer ${consumers} gave something else than was planned.`,
    violations,
  )
}

/** Units by which a write changes the usage of each class of each provider; zeros are left out. */
export function usageDeltas(write: Pick<Write, 'changes'>): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const deltas: Record<string, Record<string, number>> = {}
  const add = (consumer: Pick<Consumer, 'allocations'>, sign: 1 | -1): void => {
    for (const [provider, amounts] of Object.entries(consumer.allocations)) {
      for (const [resourceClass, amount] of Object.entries(amounts)) {
        const ofProvider = (deltas[provider] ??= {})
        const sum = (ofProvider[resourceClass] ?? 0) + sign * amount
        if (sum === 0) delete ofProvider[resourceClass]
        else ofProvider[resourceClass] = sum
      }
    }
  }
  for (const { before, after } of write.changes) {
    add(before, -1)
    add(after, 1)
  }
  return Object.fromEntries(Object.entries(deltas).filter(([, amounts]) => Object.keys(amounts).length > 0))
}

function differences({ before, after }: Change, found: Consumer | undefined): readonly Violation[] {
  const consumer = before.id
  if (found === undefined) return [{ rule: 'state', consumer, message: `Consumer ${consumer} was not read back.` }]
  const empty = holdsNothing(after)
  if (found.generation !== null && found.generation > after.generation) return []
  const violations: Violation[] = []
  const expected = empty ? null : after.generation
  if (found.generation !== expected && !(empty && holdsNothing(found))) {
    violations.push({ rule: 'generation', consumer, expected, found: found.generation })
  }
  if (!empty) {
    for (const field of ['project', 'user', 'type'] as const) {
      if (found[field] !== after[field])
        violations.push({ rule: 'owner', consumer, field, expected: after[field], found: found[field] })
    }
  }
  for (const provider of new Set([...providersOf(after.allocations), ...providersOf(found.allocations)])) {
    const wanted = after.allocations[provider] ?? {}
    const held = found.allocations[provider] ?? {}
    for (const resourceClass of new Set([...Object.keys(wanted), ...Object.keys(held)])) {
      const [one, other] = [wanted[resourceClass] ?? 0, held[resourceClass] ?? 0]
      if (one !== other)
        violations.push({ rule: 'amount', consumer, provider, resourceClass, expected: one, found: other })
    }
  }
  return violations
}
