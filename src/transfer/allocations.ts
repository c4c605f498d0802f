// Arithmetic of allocations: equality, sums, and what a consumer holds where.
import type { Amounts } from './request.ts'
import type { Allocations, Consumer, Target, View } from './snapshot.ts'

/** View of a consumer that holds nothing. */
export const NOTHING: View = { generation: null, type: null, allocations: {} }

/** Providers on which something is held. */
export function providersOf(allocations: Allocations): readonly string[] {
  return Object.keys(allocations).filter((provider) => Object.keys(allocations[provider] ?? {}).length > 0)
}

export function holdsNothing({ allocations }: { readonly allocations: Allocations }): boolean {
  for (const provider in allocations) for (const _class in allocations[provider]) return false
  return true
}

export function sameAmounts(one: Amounts, other: Amounts): boolean {
  const classes = Object.keys(one)
  return classes.length === Object.keys(other).length && classes.every((name) => one[name] === other[name])
}

export function sameAllocations(one: Allocations, other: Allocations): boolean {
  const providers = providersOf(one)
  return (
    providers.length === providersOf(other).length &&
    providers.every((provider) => sameAmounts(one[provider] ?? {}, other[provider] ?? {}))
  )
}

/** Units of both, summed by provider and class. */
export function plus(one: Allocations, other: Allocations): Allocations {
  const sum: Record<string, Amounts> = { ...one }
  for (const [provider, amounts] of Object.entries(other))
    sum[provider] = combined(sum[provider] ?? {}, amounts, (a, b) => a + b)
  return sum
}

/** Amounts of both, class by class; a class that one of them lacks counts as 0 there. Zeros are left out. */
export function combined(one: Amounts, other: Amounts, combine: (one: number, other: number) => number): Amounts {
  const result: Record<string, number> = {}
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const amount = combine(one[name] ?? 0, other[name] ?? 0)
    if (amount !== 0) result[name] = amount
  }
  return result
}

/** What `before` becomes when it holds `allocations`; its owner stays. Only for a consumer that holds something. */
export function becoming(before: Consumer, allocations: Allocations): Target {
  return ownedBy(before, before.type ?? 'INSTANCE', before, allocations)
}

/** What `before` becomes under an owner given. */
export function ownedBy(
  before: Consumer,
  type: string,
  owner: { readonly project: string | null; readonly user: string | null },
  allocations: Allocations,
): Target {
  return { generation: before.nextGeneration, type, project: owner.project ?? '', user: owner.user ?? '', allocations }
}

/** A state that ends a move: without generation, since open moves are compared by allocations. */
export function ending(type: string | null, allocations: Allocations): View {
  return providersOf(allocations).length === 0 ? NOTHING : { generation: null, type, allocations }
}
