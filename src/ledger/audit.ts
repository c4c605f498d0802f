// What does not add up in the books: over-commitment, usages, consumers on both sides or on neither, moves and their M.
import { capacityOf } from '../transfer/capacity.ts'
import { holdsNothing } from '../transfer/allocations.ts'
import { notAsLeft } from '../transfer/open-move.ts'
import { named, sentenceOf } from '../transfer/sentence.ts'
import type { Move, Provider } from '../transfer/snapshot.ts'
import type { Dump, DumpedConsumer } from './books.ts'

export type AuditRule =
  /** More is used of a provider than it has, or something of a class that it does not offer. */
  | 'over_committed'
  | 'no_inventory'
  /** What the provider says is used is not the sum of what consumers hold. */
  | 'usage_differs'
  /** A consumer holds something of a provider that does not exist. */
  | 'unknown_provider'
  /** A consumer without an open move holds the same class in two trees. */
  | 'both_sides'
  /** A consumer whose move is open holds nothing. */
  | 'neither_side'
  /** A consumer, or the M of its open move, does not hold what the move left on it. */
  | 'move_differs'
  /** A consumer of type MIGRATION belongs to no open move. */
  | 'orphaned_migration'

/** What is not concerned is null. */
export interface AuditFinding {
  readonly rule: AuditRule
  readonly provider: string | null
  readonly resourceClass: string | null
  readonly consumer: string | null
  /** The request that opened the move. */
  readonly request: string | null
  /** One sentence with names and numbers. */
  readonly message: string
}

/**
 * Pure. `moves`: every recorded move by its consumer. `busy`: consumers and M of requests under way, which are not
 * judged, since journal and ledger may tell of two moments.
 */
export function auditOf(dump: Dump, moves: ReadonlyMap<string, Move>, busy: ReadonlySet<string>): AuditFinding[] {
  const providers = new Map(dump.providers.map((provider) => [provider.id, provider]))
  const consumers = new Map(dump.consumers.map((consumer) => [consumer.id, consumer]))
  const open = [...moves.values()].filter(({ state }) => state === 'open')
  const held = sumsOf(dump.consumers)
  const moving = new Set(
    open.flatMap(({ consumer, migration }) => (migration === null ? consumer : [consumer, migration])),
  )
  return [
    ...dump.providers.flatMap((provider) => ofProvider(provider, held.get(provider.id) ?? new Map())),
    ...dump.consumers
      .filter(({ id }) => !busy.has(id))
      .flatMap((consumer) => ofConsumer(consumer, moving.has(consumer.id), providers)),
    ...open
      .filter(({ consumer, migration }) => !busy.has(consumer) && !busy.has(migration ?? ''))
      .flatMap((move) => ofMove(move, consumers, providers)),
  ]
}

function finding(rule: AuditRule, message: string, about: Partial<AuditFinding>): AuditFinding {
  return { rule, provider: null, resourceClass: null, consumer: null, request: null, ...about, message }
}

type Sums = Map<string, Map<string, number>>

/** Units held by provider and class. */
function sumsOf(consumers: readonly DumpedConsumer[]): Sums {
  const sums: Sums = new Map()
  for (const { allocations } of consumers) {
    for (const [provider, amounts] of Object.entries(allocations)) {
      const classes = sums.get(provider) ?? new Map<string, number>()
      sums.set(provider, classes)
      for (const [name, amount] of Object.entries(amounts)) classes.set(name, (classes.get(name) ?? 0) + amount)
    }
  }
  return sums
}

function ofProvider(provider: Provider, held: ReadonlyMap<string, number>): AuditFinding[] {
  const { id, name, inventories, usages } = provider
  const place = named(id, () => name)
  const classes = [...new Set([...Object.keys(usages), ...held.keys()])].toSorted()
  return classes.flatMap((resourceClass) => {
    const about = { provider: id, resourceClass }
    const [used, sum] = [usages[resourceClass] ?? 0, held.get(resourceClass) ?? 0]
    const inventory = inventories[resourceClass]
    const found: AuditFinding[] = []
    if (used !== sum) {
      const message = `Provider ${place} says that ${used} ${resourceClass} are used; its consumers hold ${sum}.`
      found.push(finding('usage_differs', message, about))
    }
    if (inventory === undefined) {
      const message = `Provider ${place} has no inventory of ${resourceClass}, of which ${used} are used.`
      if (used > 0) found.push(finding('no_inventory', message, about))
    } else if (used > capacityOf(inventory)) {
      const message = `Provider ${place} has ${capacityOf(inventory)} ${resourceClass}, of which ${used} are used.`
      found.push(finding('over_committed', message, about))
    }
    return found
  })
}

type Providers = ReadonlyMap<string, Provider>

function ofConsumer(
  { id, type, allocations }: DumpedConsumer,
  isMoving: boolean,
  providers: Providers,
): AuditFinding[] {
  const about = { consumer: id }
  const found = Object.keys(allocations)
    .filter((provider) => !providers.has(provider))
    .map((provider) =>
      finding('unknown_provider', `Consumer ${id} holds something of provider ${provider}, which does not exist.`, {
        ...about,
        provider,
      }),
    )
  if (isMoving) return found
  if (type === 'MIGRATION') {
    const where = Object.keys(allocations).map((provider) => named(provider, nameIn(providers)))
    const message = `Migration ${id} holds ${where.join(', ')}, and no open move has it as its M.`
    return [...found, finding('orphaned_migration', message, about)]
  }
  return [...found, ...onBothSides(id, allocations, providers)]
}

/** n.b. Trees that give different classes, as a host and its shared storage, are not two sides. */
function onBothSides(id: string, allocations: DumpedConsumer['allocations'], providers: Providers): AuditFinding[] {
  const roots = new Map<string, Set<string>>()
  for (const [provider, amounts] of Object.entries(allocations)) {
    for (const name of Object.keys(amounts)) {
      roots.set(name, (roots.get(name) ?? new Set()).add(rootOf(provider, providers)))
    }
  }
  return [...roots].flatMap(([resourceClass, trees]) => {
    if (trees.size < 2) return []
    const where = [...trees].toSorted().map((root) => named(root, nameIn(providers)))
    const message = `Consumer ${id} holds ${resourceClass} of ${where.join(' and ')}, and has no open move.`
    return [finding('both_sides', message, { consumer: id, resourceClass })]
  })
}

function ofMove(move: Move, consumers: ReadonlyMap<string, DumpedConsumer>, providers: Providers): AuditFinding[] {
  const heldBy = (id: string): Pick<DumpedConsumer, 'id' | 'allocations'> =>
    consumers.get(id) ?? { id, allocations: {} }
  const consumer = heldBy(move.consumer)
  const migration = move.migration === null ? null : heldBy(move.migration)
  const about = { consumer: move.consumer, request: move.request }
  return notAsLeft(move, consumer, migration).map(({ violation }) => {
    const rule = holdsNothing(consumer) && violation.consumer === move.consumer ? 'neither_side' : 'move_differs'
    return finding(rule, sentenceOf(violation, nameIn(providers)), about)
  })
}

function nameIn(providers: Providers): (id: string) => string | null {
  return (id) => providers.get(id)?.name ?? null
}

/** The top of a provider's tree. A ring, which no ledger should have, ends where it closes. */
function rootOf(provider: string, providers: Providers): string {
  const passed = new Set<string>()
  let root = provider
  for (let parent = providers.get(root)?.parent ?? null; parent !== null && !passed.has(parent); ) {
    passed.add(root)
    root = parent
    parent = providers.get(root)?.parent ?? null
  }
  return root
}
