// The seed format: providers and consumers as a document, checked as a whole with every violation at once.
import type { Allocations, Inventory } from '../transfer/snapshot.ts'

export interface SeedProvider {
  readonly id: string
  readonly name: string
  readonly parent: string | null
  readonly traits: readonly string[]
  readonly aggregates: readonly string[]
  readonly inventories: Readonly<Record<string, Inventory>>
}

export interface SeedConsumer {
  readonly id: string
  readonly type: string
  readonly project: string
  readonly user: string
  readonly allocations: Allocations
}

/** A valid seed: uuids lower-case, defaults filled in, lists sorted and each entry once. */
export interface SeedDocument {
  readonly providers: readonly SeedProvider[]
  readonly consumers: readonly SeedConsumer[]
}

/** `path` is the JSON pointer of the value that is wrong. */
export interface SeedViolation {
  readonly path: string
  readonly message: string
}

/** Providers that stand in the ledger already, with their resource classes. */
export type KnownProviders = ReadonlyMap<string, ReadonlySet<string>>

export interface ParsedSeed {
  /** Null where something is wrong. */
  readonly seed: SeedDocument | null
  readonly violations: readonly SeedViolation[]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const NAME = /^[A-Z0-9_]{1,255}$/
const INTEGER_MAX = 2_147_483_647
const PROVIDER_FIELDS = ['id', 'name', 'parent', 'traits', 'aggregates', 'inventories', 'generation', 'usages']
const DEFAULTS = { reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: INTEGER_MAX, step_size: 1 }

/** Notes what is wrong and where; each `read…` answers a usable value even then, so that the rest is checked too. */
type Note = (path: string, message: string) => void
type Fields = Readonly<Record<string, unknown>>

/** Checks a parsed JSON document. Consumers and parents may refer to its own providers and to `known` ones. */
export function parseSeed(document: unknown, known: KnownProviders = new Map()): ParsedSeed {
  const violations: SeedViolation[] = []
  const note: Note = (path, message) => {
    violations.push({ path, message })
  }
  const top = readObject(document, '', ['providers', 'consumers'], note)
  const providers = readList(top['providers'] ?? [], '/providers', note).map((value, i) =>
    readProvider(value, `/providers/${i}`, note),
  )
  const consumers = readList(top['consumers'] ?? [], '/consumers', note).map((value, i) =>
    readConsumer(value, `/consumers/${i}`, note),
  )
  refuseRepeated(
    providers.map(({ id }) => id),
    '/providers',
    'id',
    note,
  )
  refuseRepeated(
    providers.map(({ name }) => name),
    '/providers',
    'name',
    note,
  )
  refuseRepeated(
    consumers.map(({ id }) => id),
    '/consumers',
    'id',
    note,
  )
  const own = providers.map(({ id, inventories }) => [id, new Set(Object.keys(inventories))] as const)
  const classes = new Map([...known, ...own])
  refuseLostParents(providers, classes, note)
  consumers.forEach((consumer, i) => refuseUnknown(consumer, `/consumers/${i}`, classes, note))
  return { seed: violations.length > 0 ? null : { providers, consumers }, violations }
}

function readProvider(value: unknown, path: string, note: Note): SeedProvider {
  const fields = readObject(value, path, PROVIDER_FIELDS, note)
  const id = readUuid(fields['id'], `${path}/id`, note)
  const parent = fields['parent'] ?? null
  const inventories = readObject(fields['inventories'], `${path}/inventories`, null, note)
  const traits = readList(fields['traits'] ?? [], `${path}/traits`, note)
  const aggregates = readList(fields['aggregates'] ?? [], `${path}/aggregates`, note)
  return {
    id,
    name: fields['name'] === undefined ? id : readText(fields['name'], `${path}/name`, 200, note),
    parent: parent === null ? null : readUuid(parent, `${path}/parent`, note),
    traits: once(traits.map((trait, i) => readName(trait, `${path}/traits/${i}`, note))),
    aggregates: once(aggregates.map((aggregate, i) => readUuid(aggregate, `${path}/aggregates/${i}`, note))),
    inventories: Object.fromEntries(
      Object.keys(inventories)
        .sort()
        .map((name) => {
          const where = `${path}/inventories/${pointer(name)}`
          return [readName(name, where, note), readInventory(inventories[name], where, note)]
        }),
    ),
  }
}

function readInventory(value: unknown, path: string, note: Note): Inventory {
  const fields = readObject(value, path, ['total', ...Object.keys(DEFAULTS)], note)
  const read = (name: keyof Inventory, least: number): number =>
    readInteger(fields[name] ?? (DEFAULTS as Fields)[name], `${path}/${name}`, least, note)
  const ratio = fields['allocation_ratio'] ?? DEFAULTS.allocation_ratio
  if (typeof ratio !== 'number' || !Number.isFinite(ratio) || ratio <= 0) {
    note(`${path}/allocation_ratio`, `${shown(ratio)} is no number above 0`)
  }
  const inventory = {
    total: read('total', 0),
    reserved: read('reserved', 0),
    allocation_ratio: Number(ratio),
    min_unit: read('min_unit', 1),
    max_unit: read('max_unit', 1),
    step_size: read('step_size', 1),
  }
  if (inventory.min_unit > inventory.max_unit) {
    note(`${path}/min_unit`, `min_unit ${inventory.min_unit} is above max_unit ${inventory.max_unit}`)
  }
  return inventory
}

function readConsumer(value: unknown, path: string, note: Note): SeedConsumer {
  const fields = readObject(value, path, ['id', 'type', 'project', 'user', 'allocations', 'generation'], note)
  const allocations = readObject(fields['allocations'], `${path}/allocations`, null, note)
  if (Object.keys(allocations).length === 0) note(`${path}/allocations`, 'a consumer that holds nothing is left out')
  const read = new Map<string, Readonly<Record<string, number>>>()
  for (const provider of Object.keys(allocations)) {
    const where = `${path}/allocations/${pointer(provider)}`
    const id = readUuid(provider, where, note)
    if (read.has(id)) note(where, `provider ${id} is named twice`)
    const units = readObject(allocations[provider], where, null, note)
    if (Object.keys(units).length === 0) note(where, 'no resource class is named')
    read.set(
      id,
      Object.fromEntries(
        Object.keys(units)
          .sort()
          .map((name) => {
            const place = `${where}/${pointer(name)}`
            return [readName(name, place, note), readInteger(units[name], place, 1, note)]
          }),
      ),
    )
  }
  return {
    id: readUuid(fields['id'], `${path}/id`, note),
    type: fields['type'] === undefined ? 'INSTANCE' : readName(fields['type'], `${path}/type`, note),
    project: readText(fields['project'], `${path}/project`, 255, note),
    user: readText(fields['user'], `${path}/user`, 255, note),
    allocations: Object.fromEntries([...read].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/** A parent must be there, and nobody may be its own ancestor. */
function refuseLostParents(providers: readonly SeedProvider[], classes: KnownProviders, note: Note): void {
  const parents = new Map(providers.map(({ id, parent }) => [id, parent]))
  providers.forEach(({ id, parent }, i) => {
    if (parent !== null && !classes.has(parent)) note(`/providers/${i}/parent`, `there is no provider ${parent}`)
    const seen = new Set([id])
    for (let above = parent; above !== null; above = parents.get(above) ?? null) {
      if (above === id) note(`/providers/${i}/parent`, `provider ${id} is its own ancestor`)
      if (seen.has(above)) return
      seen.add(above)
    }
  })
}

function refuseUnknown(consumer: SeedConsumer, path: string, classes: KnownProviders, note: Note): void {
  for (const [provider, units] of Object.entries(consumer.allocations)) {
    const offered = classes.get(provider)
    const where = `${path}/allocations/${provider}`
    if (offered === undefined) {
      if (UUID.test(provider)) note(where, `there is no provider ${provider}`)
      continue
    }
    for (const name of Object.keys(units)) {
      if (offered.has(name)) continue
      note(`${where}/${pointer(name)}`, `provider ${provider} has no inventory of ${shown(name)}`)
    }
  }
}

function refuseRepeated(values: readonly string[], path: string, field: string, note: Note): void {
  const seen = new Set<string>()
  values.forEach((value, i) => {
    if (value !== '' && seen.has(value)) note(`${path}/${i}/${field}`, `${shown(value)} stands in the list before`)
    seen.add(value)
  })
}

/** `allowed` null: any field. */
function readObject(value: unknown, path: string, allowed: readonly string[] | null, note: Note): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    note(path, `${shown(value)} is no object`)
    return {}
  }
  for (const name of Object.keys(value)) {
    if (allowed === null || allowed.includes(name)) continue
    note(`${path}/${pointer(name)}`, `unknown field; known are ${allowed.join(', ')}`)
  }
  return value as Fields
}

function readList(value: unknown, path: string, note: Note): readonly unknown[] {
  if (Array.isArray(value)) return value
  note(path, `${shown(value)} is no list`)
  return []
}

function readUuid(value: unknown, path: string, note: Note): string {
  if (typeof value === 'string' && UUID.test(value)) return value.toLowerCase()
  note(path, `${shown(value)} is no uuid with hyphens`)
  return ''
}

function readName(value: unknown, path: string, note: Note): string {
  if (typeof value === 'string' && NAME.test(value)) return value
  note(path, `${shown(value)} must be 1 to 255 of A-Z 0-9 _`)
  return String(value)
}

function readText(value: unknown, path: string, lengthMax: number, note: Note): string {
  if (typeof value === 'string' && value.length >= 1 && value.length <= lengthMax) return value
  note(path, `${shown(value)} is no text of 1 to ${lengthMax} characters`)
  return ''
}

function readInteger(value: unknown, path: string, least: number, note: Note): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= INTEGER_MAX) return value + 0
  note(path, `${shown(value)} is no whole number from ${least} to ${INTEGER_MAX}`)
  return least
}

function once(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort()
}

/** A name as part of a JSON pointer. */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100)
}
