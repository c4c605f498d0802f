// What Placement answers, read field by field: an answer of another form is never taken for "none" or "no room".
import { Unanswered } from '../../retry/failures.ts'
import { canonicalUuid } from '../../transfer/uuid.ts'
import type { Allocations, Inventory } from '../../transfer/snapshot.ts'
import type { Answer } from './http.ts'

/** What Placement says of a consumer. Null: it holds nothing (or has never been there; Placement does not tell). */
export interface Holding {
  readonly allocations: Allocations
  readonly generation: number
  readonly project: string
  readonly user: string
  /** Null below 1.38, and for a consumer that was written without one. */
  readonly type: string | null
  /** Generations of the providers it holds of. */
  readonly providers: Readonly<Record<string, number>>
}

export interface Located {
  readonly id: string
  readonly name: string
  readonly parent: string | null
  readonly generation: number
}

/** A list or record of a provider together with the provider's generation at that moment. */
export interface At<Value> {
  readonly generation: number
  readonly value: Value
}

type Fields = Readonly<Record<string, unknown>>

const UNTYPED = 'unknown'

export function holdingOf(answer: Answer): Holding | null {
  const body = record(answer.body, answer, '')
  const rows = Object.entries(record(body['allocations'], answer, 'allocations'))
  if (rows.length === 0) return null
  const allocations: Record<string, Readonly<Record<string, number>>> = {}
  const providers: Record<string, number> = {}
  for (const [provider, row] of rows) {
    const fields = record(row, answer, `allocations.${provider}`)
    allocations[provider] = amountsOf(fields['resources'], answer, `allocations.${provider}.resources`)
    providers[provider] = whole(fields['generation'], answer, `allocations.${provider}.generation`)
  }
  const type = body['consumer_type'] ?? UNTYPED
  return {
    allocations,
    providers,
    generation: whole(body['consumer_generation'], answer, 'consumer_generation'),
    project: text(body['project_id'], answer, 'project_id'),
    user: text(body['user_id'], answer, 'user_id'),
    type: type === UNTYPED ? null : text(type, answer, 'consumer_type'),
  }
}

export function usagesOf(answer: Answer): At<Readonly<Record<string, number>>> {
  const body = record(answer.body, answer, '')
  const used = Object.entries(amountsOf(body['usages'], answer, 'usages')).filter(([, amount]) => amount > 0)
  return { generation: generationOf(body, answer), value: Object.fromEntries(used) }
}

export function inventoriesOf(answer: Answer): At<Readonly<Record<string, Inventory>>> {
  const body = record(answer.body, answer, '')
  const inventories: Record<string, Inventory> = {}
  for (const [name, given] of Object.entries(record(body['inventories'], answer, 'inventories'))) {
    const fields = record(given, answer, `inventories.${name}`)
    const read = (field: string): number => whole(fields[field], answer, `inventories.${name}.${field}`)
    inventories[name] = {
      total: read('total'),
      reserved: read('reserved'),
      allocation_ratio: number(fields['allocation_ratio'], answer, `inventories.${name}.allocation_ratio`),
      min_unit: read('min_unit'),
      max_unit: read('max_unit'),
      step_size: read('step_size'),
    }
  }
  return { generation: generationOf(body, answer), value: inventories }
}

/** `field`: `traits` or `aggregates`. */
export function wordsOf(answer: Answer, field: 'traits' | 'aggregates'): At<readonly string[]> {
  const body = record(answer.body, answer, '')
  const words = list(body[field], answer, field).map((word, i) => id(word, answer, `${field}.${i}`))
  return { generation: generationOf(body, answer), value: words.toSorted() }
}

export function locatedOf(body: unknown, answer: Answer): Located {
  const fields = record(body, answer, '')
  const parent = fields['parent_provider_uuid'] ?? null
  return {
    id: id(fields['uuid'], answer, 'uuid'),
    name: text(fields['name'], answer, 'name'),
    parent: parent === null ? null : id(parent, answer, 'parent_provider_uuid'),
    generation: whole(fields['generation'], answer, 'generation'),
  }
}

export function providersOf(answer: Answer): readonly Located[] {
  const body = record(answer.body, answer, '')
  return list(body['resource_providers'], answer, 'resource_providers').map((one) => locatedOf(one, answer))
}

/** Consumers that hold something of a provider. */
export function consumersOf(answer: Answer): readonly string[] {
  return Object.keys(record(record(answer.body, answer, '')['allocations'], answer, 'allocations'))
}

/** Minor part of the highest microversion that the root document names; null where it is none of Placement. */
export function versionOf(body: unknown): number | null {
  const versions: unknown = (body as Fields | null)?.['versions']
  const first: unknown = Array.isArray(versions) ? versions[0] : null
  const highest = /^1\.(\d{1,4})$/.exec(String((first as Fields | null)?.['max_version']))
  return highest === null ? null : Number(highest[1])
}

export function malformed(answer: Answer, what: string): Unanswered {
  const shown = JSON.stringify(answer.body)?.slice(0, 120)
  return new Unanswered(`${answer.asked} was answered with ${answer.status} and no ${what}: ${shown}`)
}

function generationOf(body: Fields, answer: Answer): number {
  return whole(body['resource_provider_generation'], answer, 'resource_provider_generation')
}

function amountsOf(value: unknown, answer: Answer, path: string): Readonly<Record<string, number>> {
  const fields = Object.entries(record(value, answer, path))
  return Object.fromEntries(fields.map(([name, amount]) => [name, whole(amount, answer, `${path}.${name}`)]))
}

function record(value: unknown, answer: Answer, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw malformed(answer, path === '' ? 'object' : `object ${path}`)
}

function list(value: unknown, answer: Answer, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw malformed(answer, `list ${path}`)
}

function text(value: unknown, answer: Answer, path: string): string {
  if (typeof value === 'string' && value.length <= 1_024) return value
  throw malformed(answer, `text ${path}`)
}

/** A uuid in lower case. Names, projects and users are told as they are, also where they look like one. */
function id(value: unknown, answer: Answer, path: string): string {
  const given = text(value, answer, path)
  return canonicalUuid(given) ?? given
}

function number(value: unknown, answer: Answer, path: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw malformed(answer, `number ${path}`)
}

function whole(value: unknown, answer: Answer, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw malformed(answer, `whole number ${path}`)
}
