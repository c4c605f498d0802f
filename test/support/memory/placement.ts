// What Placement answers to one request, on books in memory: the same code writes and reads here as over HTTP.
import type { Answer, Method, PlacementHttp } from '../../../src/ledger/placement/http.ts'
import { MARKER_CLASS } from '../../../src/ledger/placement/marker-providers.ts'
import type { Allocations, Inventory } from '../../../src/transfer/snapshot.ts'
import { recountUsages } from './books.ts'
import type { MemorySlot, StoredConsumer, StoredProvider } from './slot.ts'

/** Rules that tests take away one by one. */
export interface PlacementRules {
  /** A marker is written only where it stands reserved; else a write makes it, whatever it is by then. */
  readonly markersCompared: boolean
  /** A provider that is over-committed takes no write, be it no worse: so it is before version 14. */
  readonly refusesOverCommitted: boolean
}

export const PLACEMENT_RULES: PlacementRules = { markersCompared: true, refusesOverCommitted: true }

/** `books`: providers and consumers; what else a slot has is not used. Generations of an emptied consumer restart. */
export interface MemoryPlacement {
  readonly books: MemorySlot
  readonly rules: PlacementRules
  /** Markers that are written (1 unit) or closed (2). */
  readonly markers: Map<string, StoredConsumer>
  /** Consumers at generation 0, which hold nothing: reserved markers, and what a refused write has left behind. */
  readonly left: Set<string>
  /** Whether a write that is refused leaves the consumers behind that it would have made. */
  readonly leaves: () => boolean
  /** Whether too many write to one provider just now. */
  readonly contended: () => boolean
}

export function memoryPlacement(books: MemorySlot, parts: Partial<MemoryPlacement> = {}): MemoryPlacement {
  const never = (): boolean => false
  const none = { rules: PLACEMENT_RULES, leaves: never, contended: never }
  return { books, markers: new Map(), left: new Set(), ...none, ...parts }
}

/** One request and its answer, each a call of its own: a fault layer may lose either way. */
export type Exchange = (request: Asked, run: () => Answer) => Promise<Answer>

export interface Asked {
  readonly method: Method
  readonly path: string
  readonly body: object | undefined
}

const MINOR = 39

export function memoryPlacementHttp(placement: MemoryPlacement, exchange: Exchange): PlacementHttp {
  const send: PlacementHttp['send'] = (method, path, body) =>
    exchange({ method, path, body }, () => answerTo(placement, { method, path, body }))
  return {
    send,
    list: (path) => send('GET', path),
    minor: () => Promise.resolve(MINOR),
    close: () => Promise.resolve(),
  }
}

export interface Row {
  readonly allocations: Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>
  readonly project_id: string
  readonly user_id: string
  readonly consumer_generation: number | null
  readonly consumer_type?: string
}

type Rows = readonly (readonly [string, Row])[]
type Said = Omit<Answer, 'asked'>

const DONE: Said = { status: 204, body: null }
const ABSENT: Said = refused(404, 'placement.undefined_code', 'not found')

/** One step: nothing happens between its reading and its writing. */
export function answerTo(placement: MemoryPlacement, { method, path, body }: Asked): Answer {
  const [collection, id, part] = path.split('?')[0]!.split('/').slice(1)
  const asked = `${method} ${path}`
  return { ...said(), asked }

  function said(): Said {
    if (collection === 'resource_providers' && method === 'GET') return shown(placement, id!, part ?? '')
    if (collection !== 'allocations') throw new Error(`this Placement knows no ${asked}`)
    switch (method) {
      case 'GET':
        return held(placement, id!)
      case 'DELETE':
        return removed(placement, id!)
      case 'PUT':
        return written(placement, [[id!, body as Row]])
      case 'POST':
        return written(placement, Object.entries(body as Record<string, Row>))
    }
  }
}

function standing({ books, markers }: MemoryPlacement, id: string): StoredConsumer | undefined {
  return books.consumers.get(id) ?? markers.get(id)
}

function generationOf(placement: MemoryPlacement, id: string): number | null {
  return standing(placement, id)?.generation ?? (placement.left.has(id) ? 0 : null)
}

function held(placement: MemoryPlacement, id: string): Said {
  const stored = standing(placement, id)
  if (stored === undefined) return { status: 200, body: { allocations: {} } }
  const { generation, type, project, user, allocations } = stored
  const rows = Object.entries(allocations).map(([provider, resources]) => {
    return [provider, { resources, generation: placement.books.providers.get(provider)?.generation ?? 0 }] as const
  })
  const owner = { project_id: project, user_id: user, consumer_type: type }
  return { status: 200, body: { allocations: Object.fromEntries(rows), consumer_generation: generation, ...owner } }
}

function shown({ books }: MemoryPlacement, id: string, part: string): Said {
  const stored = books.providers.get(id)
  if (stored === undefined) return ABSENT
  const { generation, name, parent, inventories, traits, aggregates } = stored
  const at = { resource_provider_generation: generation }
  switch (part) {
    case 'inventories':
      return { status: 200, body: { ...at, inventories } }
    case 'usages':
      return { status: 200, body: { ...at, usages: books.usages.get(id) ?? {} } }
    case 'traits':
      return { status: 200, body: { ...at, traits } }
    case 'aggregates':
      return { status: 200, body: { ...at, aggregates } }
    default:
      return { status: 200, body: { uuid: id, name, parent_provider_uuid: parent, generation } }
  }
}

function removed(placement: MemoryPlacement, id: string): Said {
  const stored = standing(placement, id)
  if (stored === undefined) return ABSENT
  put(placement, id, { ...rowOf(stored), allocations: {} })
  raise(placement, Object.keys(stored.allocations))
  recountUsages(placement.books)
  return DONE
}

function rowOf({ project, user, type }: StoredConsumer): Omit<Row, 'allocations'> {
  return { project_id: project, user_id: user, consumer_type: type, consumer_generation: null }
}

/** Wholly or not at all: generations first, then room, as Placement does. */
function written(placement: MemoryPlacement, rows: Rows): Said {
  const absent = rows.flatMap(([, row]) => providersOf(placement, row)).find((id) => !placement.books.providers.has(id))
  if (absent !== undefined) {
    const detail = `Allocation for resource provider '${absent}' that does not exist.`
    return refused(400, 'placement.undefined_code', detail)
  }
  const conflict = generationConflict(placement, rows)
  if (conflict !== null) return refused(409, 'placement.concurrent_update', conflict)
  const reason = roomConflict(placement, rows)
  const contended = reason === null && rows.length > 1 && placement.contended()
  if (reason !== null || contended) {
    if (placement.leaves()) leaveBehind(placement, rows)
    if (reason !== null) return refused(409, 'placement.undefined_code', reason)
    const detail = 'Another thread concurrently updated the resource provider data. Please retry your update'
    return refused(409, 'placement.concurrent_update', detail)
  }
  const before = rows.flatMap(([id]) => Object.keys(standing(placement, id)?.allocations ?? {}))
  raise(placement, [...before, ...rows.flatMap(([, row]) => providersOf(placement, row))])
  for (const [id, row] of rows) put(placement, id, row)
  recountUsages(placement.books)
  return DONE
}

/** Hosts that a row allocates of: providers of markers are there always, with room for all. */
function providersOf({ books }: MemoryPlacement, { allocations }: Row): string[] {
  return Object.keys(allocations).filter(
    (id) => books.providers.has(id) || !(MARKER_CLASS in allocations[id]!.resources),
  )
}

function isMarker(row: Pick<Row, 'project_id'>): boolean {
  return row.project_id === 'ferryman'
}

function generationConflict(placement: MemoryPlacement, rows: Rows): string | null {
  const { rules, books } = placement
  for (const [id, row] of rows) {
    const unwatched = isMarker(row) ? rows.length > 1 && !rules.markersCompared : !books.rules.generationsChecked
    const expected = generationOf(placement, id)
    const given = row.consumer_generation
    if (!unwatched && expected !== given) {
      return `consumer generation conflict - expected ${expected} but got ${given ?? 'None'}`
    }
  }
  return null
}

/** What a request allocates counts beside what all others hold. */
function roomConflict(placement: MemoryPlacement, rows: Rows): string | null {
  const { books, rules } = placement
  if (!books.rules.capacityChecked) return null
  for (const id of new Set(rows.flatMap(([, row]) => providersOf(placement, row)))) {
    const stored = books.providers.get(id)!
    const wanted = rows.map(([, row]) => row.allocations[id]?.resources ?? {})
    const own = rows.map(([consumer]) => books.consumers.get(consumer)?.allocations[id] ?? {})
    for (const name of new Set(wanted.flatMap((amounts) => Object.keys(amounts)))) {
      const now = books.usages.get(id)?.[name] ?? 0
      const then = now - sum(own, name) + sum(wanted, name)
      const amounts = wanted.flatMap((one) => one[name] ?? [])
      const noWorse = !rules.refusesOverCommitted && then <= now
      const reason = refusalOf(stored, id, name, amounts, noWorse ? 0 : then)
      if (reason !== null) return reason
    }
  }
  return null
}

function refusalOf(
  { inventories }: StoredProvider,
  id: string,
  name: string,
  amounts: readonly number[],
  then: number,
): string | null {
  const inventory: Inventory | undefined = inventories[name]
  if (inventory === undefined) return `Inventory for '${name}' on resource provider '${id}' invalid.`
  const { total, reserved, allocation_ratio: ratio, min_unit: min, max_unit: max, step_size: step } = inventory
  const on = `Unable to create allocation for '${name}' on resource provider '${id}'. The requested amount would`
  if (amounts.some((amount) => amount < min || amount > max || amount % step !== 0)) {
    return `${on} violate inventory constraints.`
  }
  return then > (total - reserved) * ratio ? `${on} exceed the capacity.` : null
}

function sum(of: readonly Readonly<Record<string, number>>[], name: string): number {
  return of.reduce((total, amounts) => total + (amounts[name] ?? 0), 0)
}

function leaveBehind(placement: MemoryPlacement, rows: Rows): void {
  for (const [id] of rows) if (generationOf(placement, id) === null) placement.left.add(id)
}

/** A consumer that is emptied is forgotten; one that is made empty is left at generation 0. */
function put(placement: MemoryPlacement, id: string, row: Row): void {
  const { books, markers, left } = placement
  const generation = generationOf(placement, id)
  const rows = Object.entries(row.allocations)
  left.delete(id)
  books.consumers.delete(id)
  markers.delete(id)
  if (rows.length === 0) {
    if (generation === null) left.add(id)
    return
  }
  const allocations: Allocations = Object.fromEntries(rows.map(([provider, { resources }]) => [provider, resources]))
  const owner = { type: row.consumer_type ?? 'INSTANCE', project: row.project_id, user: row.user_id }
  const stored = { generation: (generation ?? 0) + 1, ...owner, allocations }
  if (isMarker(row)) markers.set(id, stored)
  else books.consumers.set(id, stored)
}

function raise({ books }: MemoryPlacement, providers: readonly string[]): void {
  for (const id of new Set(providers)) {
    const stored = books.providers.get(id)
    if (stored !== undefined) books.providers.set(id, { ...stored, generation: stored.generation + 1 })
  }
}

function refused(status: number, code: string, detail: string): Said {
  return { status, body: { errors: [{ status, code, detail }] } }
}
