// Placement's rule of what fits: existence, status, traits, aggregates, inventory, units and room, in numbers.
import type { Finding } from './refusal.ts'
import type { Change } from './plan.ts'
import type { Requires } from './request.ts'
import type { Inventory, Provider } from './snapshot.ts'

/** Trait of a provider that takes no new allocations. */
export const DISABLED_TRAIT = 'COMPUTE_STATUS_DISABLED'

type Providers = Readonly<Record<string, Provider | null>>

/** `(total - reserved) * allocation_ratio` in doubles, not rounded, as Placement computes it. */
export function capacityOf(inventory: Inventory): number {
  return (inventory.total - inventory.reserved) * inventory.allocation_ratio
}

/** Whether provider `id` exists, takes allocations, and offers what is required. All that does not hold is found. */
export function offers(id: string, provider: Provider | null, requires: Requires): readonly Finding[] {
  if (provider === null) return [{ code: 'destination_missing', violation: { rule: 'provider', provider: id } }]
  const findings: Finding[] = []
  const traits = new Set(provider.traits)
  const aggregates = new Set(provider.aggregates)
  if (traits.has(DISABLED_TRAIT))
    findings.push({ code: 'destination_disabled', violation: { rule: 'disabled', provider: id } })
  for (const trait of new Set(requires.traits)) {
    if (!traits.has(trait))
      findings.push({ code: 'traits_unmet', violation: { rule: 'trait', provider: id, trait, required: true } })
  }
  for (const trait of new Set(requires.forbiddenTraits)) {
    if (traits.has(trait))
      findings.push({ code: 'traits_unmet', violation: { rule: 'trait', provider: id, trait, forbidden: true } })
  }
  for (const aggregate of new Set(requires.aggregates)) {
    if (!aggregates.has(aggregate)) {
      findings.push({ code: 'aggregates_unmet', violation: { rule: 'aggregate', provider: id, aggregate } })
    }
  }
  return findings
}

/** What one write does to one class of one provider, summed over its consumers. */
interface Row {
  readonly provider: string
  readonly resourceClass: string
  /** Units held before and after by the consumers of the write. */
  before: number
  after: number
  /** Amounts of single consumers: an amount that only changes hands is not measured again. */
  readonly held: Set<number>
  readonly wanted: Set<number>
}

/** What does not fit of a write, and the providers whose definition that depends on. */
export interface Room {
  readonly findings: readonly Finding[]
  readonly reliedOn: readonly string[]
}

/**
 * Measures a write. Units (`min_unit`, `max_unit`, `step_size`) hold for each amount that no consumer of the write held
 * before on that provider; room is judged by the sum, less what the same write gives up there. A provider that is over
 * already is accepted where the write makes it no worse. Providers that do not exist are passed over: see `offers`.
 */
export function roomFor(changes: readonly Change[], providers: Providers): Room {
  const findings: Finding[] = []
  const reliedOn = new Set<string>()
  for (const row of rowsOf(changes)) {
    const amounts = [...row.wanted].filter((amount) => !row.held.has(amount))
    if (amounts.length === 0 && row.after <= row.before) continue
    const provider = providers[row.provider]
    if (provider === undefined) throw new Error(`provider ${row.provider} is written to, but was not read`)
    if (provider === null) continue
    reliedOn.add(row.provider)
    findings.push(...misfits(row, amounts, provider))
  }
  return { findings, reliedOn: [...reliedOn] }
}

function misfits(row: Row, amounts: readonly number[], provider: Provider): readonly Finding[] {
  const at = { provider: row.provider, resourceClass: row.resourceClass }
  const inventory = provider.inventories[row.resourceClass]
  if (inventory === undefined)
    return [{ code: 'no_inventory', violation: { rule: 'inventory', ...at, requested: row.after } }]
  const findings: Finding[] = []
  for (const requested of amounts) {
    const breach = (rule: 'min_unit' | 'max_unit' | 'step_size'): void => {
      findings.push({ code: 'unit_violation', violation: { rule, ...at, requested, limit: inventory[rule] } })
    }
    if (requested < inventory.min_unit) breach('min_unit')
    if (requested > inventory.max_unit) breach('max_unit')
    if (requested % inventory.step_size !== 0) breach('step_size')
  }
  const capacity = capacityOf(inventory)
  const used = (provider.usages[row.resourceClass] ?? 0) - row.before
  if (row.after > row.before && used + row.after > capacity) {
    findings.push({
      code: 'capacity_exceeded',
      violation: { rule: 'capacity', ...at, requested: row.after, used, capacity },
    })
  }
  return findings
}

function rowsOf(changes: readonly Change[]): Iterable<Row> {
  const rows = new Map<string, Row>()
  const rowOf = (provider: string, resourceClass: string): Row => {
    const key = `${provider}/${resourceClass}`
    const found = rows.get(key) ?? { provider, resourceClass, before: 0, after: 0, held: new Set(), wanted: new Set() }
    rows.set(key, found)
    return found
  }
  for (const { before, after } of changes) {
    for (const [provider, amounts] of Object.entries(before.allocations)) {
      for (const [resourceClass, amount] of Object.entries(amounts)) {
        const row = rowOf(provider, resourceClass)
        row.before += amount
        row.held.add(amount)
      }
    }
    for (const [provider, amounts] of Object.entries(after.allocations)) {
      for (const [resourceClass, amount] of Object.entries(amounts)) {
        const row = rowOf(provider, resourceClass)
        row.after += amount
        row.wanted.add(amount)
      }
    }
  }
  return rows.values()
}
