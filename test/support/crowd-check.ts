// Whether what was told explains what the books say: every write told, replayed from the seed, ends in the dump.
import type { Allocations } from '../../src/transfer/snapshot.ts'
import type { Books, Told } from './installation.ts'

interface Step {
  readonly request: string
  /** Null: not told, since the request was found to have been carried out before. */
  readonly before: { readonly generation: number | null; readonly allocations: Allocations } | null
  readonly after: { readonly generation: number | null; readonly allocations: Allocations }
}

/**
 * How the steps of a consumer are put in order: by generations, where the ledger never restarts them; else as they were
 * told, since the crowd asks for a consumer only after the last answer about it.
 */
export type Order = 'generations' | 'told'

export const ORDER_ON = { redis: 'generations', placement: 'told' } as const

/**
 * Empty where the events, each decision once and in the order of their telling, lead from `seed` to `dump` without a
 * gap or a second way.
 */
export function faultsOfReplay(events: readonly Told[], seed: Books, dump: Books, by: Order = 'generations'): string[] {
  const steps = stepsOf(events)
  const start = new Map(seed.consumers.map(({ id, allocations }) => [id, allocations]))
  const end = new Map(dump.consumers.map(({ id, allocations }) => [id, allocations]))
  const consumers = new Set([...start.keys(), ...end.keys(), ...steps.keys()])
  return [
    ...[...consumers].flatMap((id) =>
      faultsOfChain(id, inOrder(steps.get(id) ?? [], by), start.get(id) ?? {}, end.get(id) ?? {}),
    ),
    ...(by === 'generations' ? faultsOfViews(events) : []),
  ]
}

function stepsOf(events: readonly Told[]): Map<string, Step[]> {
  const steps = new Map<string, Step[]>()
  for (const { request, outcome, before, after } of events) {
    if (outcome.code === 'already_applied') {
      for (const [id, later] of Object.entries(after ?? {})) {
        steps.set(id, [...(steps.get(id) ?? []), { request, before: null, after: later }])
      }
    }
    if (outcome.code !== 'applied') continue
    for (const [id, view] of Object.entries(before ?? {})) {
      const later = after?.[id]
      if (later === undefined || (later.generation === view.generation && same(later, view))) continue
      steps.set(id, [...(steps.get(id) ?? []), { request, before: view, after: later }])
    }
  }
  return steps
}

/** By generations, a removal comes after what it removes. */
function inOrder(steps: readonly Step[], by: Order): readonly Step[] {
  const order = ({ before, after }: Step): number => after.generation ?? (before?.generation ?? 0) + 0.5
  return by === 'told' ? steps : [...steps].sort((one, other) => order(one) - order(other))
}

function faultsOfChain(id: string, steps: readonly Step[], start: Allocations, end: Allocations): string[] {
  const faults: string[] = []
  let stands = start
  for (const { request, before, after } of steps) {
    if (before !== null && !same(before, { allocations: stands })) {
      faults.push(`${id}: ${request} began at ${text(before.allocations)}, but ${text(stands)} stood there`)
    }
    stands = after.allocations
  }
  if (!same({ allocations: stands }, { allocations: end })) {
    faults.push(`${id}: the events end at ${text(stands)}, the books at ${text(end)}`)
  }
  return faults
}

/** A generation of a consumer is one state, whoever saw it. */
function faultsOfViews(events: readonly Told[]): string[] {
  const seen = new Map<string, string>()
  const faults: string[] = []
  for (const { request, before, after } of events) {
    for (const views of [before, after]) {
      for (const [id, { generation, allocations }] of Object.entries(views ?? {})) {
        if (generation === null) continue
        const key = `${id} at generation ${generation}`
        const shown = text(allocations)
        if ((seen.get(key) ?? shown) !== shown) faults.push(`${key}: ${seen.get(key)}, yet ${request} tells ${shown}`)
        seen.set(key, shown)
      }
    }
  }
  return faults
}

function same(one: { readonly allocations: Allocations }, other: { readonly allocations: Allocations }): boolean {
  return text(one.allocations) === text(other.allocations)
}

function text(allocations: Allocations): string {
  const held = Object.entries(allocations).flatMap(([provider, amounts]) =>
    Object.entries(amounts).map(([name, amount]) => `${provider} ${name}=${amount}`),
  )
  return held.sort().join(', ')
}
