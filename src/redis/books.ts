// Consumers and providers as the books store them, and back. What is compared as text is written in one form only.
import type { Allocations, Consumer, Inventory, Provider, Snapshot, Target } from '../transfer/snapshot.ts'
import type { Owner } from '../transfer/request.ts'
import type { Reply } from './client.ts'
import { sortedKeys } from '../transfer/digest.ts'
import { dictionary } from '../transfer/dictionary.ts'
import { listOf, textOf, unexpected, wholeOrNull } from './replies.ts'

/** Sorted by provider and class, so that equal allocations are equal texts. */
export function allocationsText(allocations: Allocations): string {
  const providers = sortedKeys(allocations).map((provider) => {
    const classes = allocations[provider]!
    const units = sortedKeys(classes).map((name) => `${JSON.stringify(name)}:${JSON.stringify(classes[name])}`)
    return `${JSON.stringify(provider)}:{${units.join(',')}}`
  })
  return `{${providers.join(',')}}`
}

/** A consumer as stored; `''` for one that is to hold nothing. */
export function consumerText(target: Target): string {
  if (Object.keys(target.allocations).length === 0) return ''
  return `{"generation":${target.generation},"allocations":${allocationsText(target.allocations)},${ownerText(target)}`
}

/** The end of a stored consumer, from its type on. */
export function ownerText({ type, project, user }: Owner): string {
  return JSON.stringify({ type, project, user }).slice(1)
}

type Definition = Omit<Provider, 'id' | 'generation' | 'usages'>

/** A provider as stored, from behind its generation on. Lists and classes are sorted. */
export function definitionText(provider: Definition): string {
  const inventories = Object.keys(provider.inventories)
    .sort()
    .map((resourceClass) => {
      const { total, reserved, allocation_ratio, min_unit, max_unit, step_size } = provider.inventories[resourceClass]!
      const inventory = { total, reserved, allocation_ratio, min_unit, max_unit, step_size }
      return `${JSON.stringify(resourceClass)}:${JSON.stringify(inventory)}`
    })
  const { name, parent, traits, aggregates } = provider
  const rest = JSON.stringify({ name, parent, traits: [...traits].sort(), aggregates: [...aggregates].sort() })
  return `"inventories":{${inventories.join(',')}},${rest.slice(1)}`
}

interface StoredConsumer {
  readonly generation: number
  readonly allocations: Allocations
  readonly type: string
  readonly project: string
  readonly user: string
}

/** `json` `''` or null: it holds nothing; `last` is its last generation then, if it ever had one. */
export function consumerOf(id: string, json: string | null, last: number | null): Consumer {
  if (json === null || json === '') {
    const nextGeneration = (last ?? 0) + 1
    return { id, generation: null, nextGeneration, type: null, project: null, user: null, allocations: {} }
  }
  const { generation, allocations, type, project, user } = JSON.parse(json) as StoredConsumer
  return { id, generation, nextGeneration: generation + 1, type, project, user, allocations }
}

interface StoredProvider {
  readonly generation: number
  readonly inventories: Readonly<Record<string, Inventory>>
  readonly name: string
  readonly parent: string | null
  readonly traits: readonly string[]
  readonly aggregates: readonly string[]
}

/** Providers as parsed last. Their definitions hardly ever change, and are read with nearly every request. */
const parsedProviders = new Map<string, { readonly json: string; readonly stored: StoredProvider }>()
const PARSED_MAX = 4_096

export function providerOf(id: string, json: string, usages: string): Provider {
  const { generation, inventories, name, parent, traits, aggregates } = storedProvider(id, json)
  return { id, name, parent, generation, traits, aggregates, inventories, usages: usagesOf(usages) }
}

function storedProvider(id: string, json: string): StoredProvider {
  const known = parsedProviders.get(id)
  if (known?.json === json) return known.stored
  const stored = JSON.parse(json) as StoredProvider
  if (parsedProviders.size >= PARSED_MAX) parsedProviders.clear()
  parsedProviders.set(id, { json, stored })
  return stored
}

/** `CLASS=used,CLASS=used` as a record. */
export function usagesOf(text: string): Readonly<Record<string, number>> {
  const usages: Record<string, number> = {}
  for (let start = 0; start < text.length; ) {
    const equals = text.indexOf('=', start)
    const comma = text.indexOf(',', equals)
    const end = comma === -1 ? text.length : comma
    usages[text.slice(start, equals)] = Number(text.slice(equals + 1, end))
    start = end + 1
  }
  return usages
}

/** The snapshot as `snapshot.lua` and `begin.lua` answer it. */
export function snapshotOf(script: string, reply: Reply): Snapshot {
  const [consumerRows, providerRows] = listOf(script, reply)
  const consumers = dictionary<Consumer>()
  const providers = dictionary<Provider | null>()
  eachRow(script, consumerRows, (id, json, last) => {
    consumers[id] = consumerOf(id, json, wholeOrNull(script, last))
  })
  eachRow(script, providerRows, (id, json, usages) => {
    providers[id] = json === '' ? null : providerOf(id, json, textOf(script, usages))
  })
  return { consumers, providers }
}

type UseRow = (id: string, json: string, third: Reply | undefined) => void

function eachRow(script: string, reply: Reply | undefined, use: UseRow): void {
  const flat = listOf(script, reply ?? null)
  if (flat.length % 3 !== 0) throw unexpected(script, reply)
  for (let i = 0; i < flat.length; i += 3) use(textOf(script, flat[i]), textOf(script, flat[i + 1]), flat[i + 2])
}

/** Pairs of a flat reply: id, value, id, … */
export function pairsOf(script: string, reply: Reply | undefined): readonly (readonly [string, string])[] {
  const flat = listOf(script, reply ?? null)
  const pairs: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([textOf(script, flat[i]), textOf(script, flat[i + 1])])
  return pairs
}
