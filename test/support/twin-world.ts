// The small world in which twins live: a few ids, providers with little room, and writes planned on old or new reads.
import type { Entry } from '../../src/journal/journal.ts'
import type { Decision } from '../../src/transfer/event.ts'
import type { Change, Write } from '../../src/transfer/plan.ts'
import type { Allocations, Consumer, Inventory, Move, Snapshot } from '../../src/transfer/snapshot.ts'

export const id = (letter: string, number: number): string =>
  `${letter.repeat(8)}-0000-4000-8000-${String(number).padStart(12, '0')}`
export const CONSUMERS = [1, 2, 3].map((number) => id('c', number))
export const PROVIDERS = [1, 2, 3].map((number) => id('a', number))
/** Requests that come again and again; `carry` adds others, each of which comes once. */
export const REQUESTS = [1, 2, 3, 4].map((number) => id('b', number))
const OWNER = { type: 'INSTANCE', project: 'p', user: 'u' }

export function providerOf(provider: string, total: number, ratio: number): ReturnType<typeof definition> {
  return definition(provider, { total, reserved: 0, allocation_ratio: ratio, min_unit: 1, max_unit: 8, step_size: 1 })
}

function definition(
  provider: string,
  vcpu: Inventory,
): {
  id: string
  name: string
  parent: null
  traits: string[]
  aggregates: string[]
  inventories: { [name: string]: Inventory }
} {
  const memory = { ...vcpu, total: 8, allocation_ratio: 1, min_unit: 2, step_size: 2 }
  return {
    id: provider,
    name: `host-${provider.slice(-1)}`,
    parent: null,
    traits: [],
    aggregates: [],
    inventories: { MEMORY_MB: memory, VCPU: vcpu },
  }
}

export function entryOf(request: string, digest: string): Entry {
  return {
    id: request,
    digest,
    operation: 'claim',
    body: Buffer.from(`{"id":"${request}"}`),
    properties: '{}',
    exchange: 'x',
    routingKey: 'transfer.claim',
  }
}

export function decisionOf(request: string, code: number): Decision {
  const name = (['applied', 'expired', 'outcome_unknown'] as const)[code]!
  return {
    request,
    code: name,
    operation: 'claim',
    origin: 'none',
    event: `{"id":"${request}/${name}"}`,
    letter: code === 0 ? null : { 'dl-reason': name },
  }
}

/** None, or a move of the first consumer to the second, open or ended. */
export function movesOf(number: number): Move[] {
  const state = (['open', 'confirmed', 'reverted'] as const)[number]
  if (state === undefined) return []
  const [consumer, migration] = CONSUMERS as [string, string]
  const [source, destination] = PROVIDERS as [string, string]
  return [
    {
      request: REQUESTS[0]!,
      consumer,
      migration: number === 2 ? null : migration,
      mode: 'migration',
      source,
      destination,
      state,
      confirm: {},
      revert: {},
    },
  ]
}

export interface Wanted {
  readonly consumer: number
  readonly provider: number
  readonly vcpu: number
  readonly memory: number
}

/** A write planned on what was read at some time; `guard` and `relied` below 3 name one more consumer or provider. */
export function writeOf(
  read: Snapshot,
  now: Snapshot,
  wanted: readonly Wanted[],
  guard: number,
  relied: number,
  put: readonly Move[],
): Write {
  const seen = (consumer: string): Consumer => read.consumers[consumer] ?? now.consumers[consumer]!
  const changes = new Map<string, Change>()
  for (const { consumer, provider, vcpu, memory } of wanted) {
    const before = seen(CONSUMERS[consumer]!)
    const earlier = changes.get(before.id)?.after.allocations ?? {}
    const units = { ...(memory > 0 ? { MEMORY_MB: memory } : {}), ...(vcpu > 0 ? { VCPU: vcpu } : {}) }
    const allocations: Allocations = vcpu + memory > 0 ? { ...earlier, [PROVIDERS[provider]!]: units } : earlier
    changes.set(before.id, {
      before,
      after: { generation: before.nextGeneration, ...OWNER, allocations: sortedByKey(allocations) },
    })
  }
  const provider = PROVIDERS[relied]
  const generation =
    provider === undefined
      ? undefined
      : (read.providers[provider]?.generation ?? now.providers[provider]?.generation ?? 7)
  return {
    changes: [...changes.values()],
    guards: CONSUMERS[guard] === undefined ? [] : [seen(CONSUMERS[guard])],
    providers: generation === undefined ? {} : { [provider!]: generation },
    moves: { put },
  }
}

function sortedByKey<T>(map: Readonly<{ [key: string]: T }>): { [key: string]: T } {
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)))
}
