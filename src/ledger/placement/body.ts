// A write as one POST /allocations: every consumer with the generation seen, all or nothing.
import { holdsNothing } from '../../transfer/allocations.ts'
import type { Write } from '../../transfer/plan.ts'
import type { Allocations, Consumer } from '../../transfer/snapshot.ts'
import type { MarkerRow } from './markers.ts'

type Row = Pick<MarkerRow, 'allocations' | 'project_id' | 'user_id' | 'consumer_generation' | 'consumer_type'>

/** Uuid of a consumer to what it becomes. Placement reads them in this order. */
export type Body = Readonly<Record<string, Row>>

export interface BodyOptions {
  /** Below 1.38 Placement knows no consumer types. */
  readonly typed: boolean
  /** Guards that hold something are written as they are, which compares their generation (and raises it). */
  readonly guarded: boolean
  /** Generation given for consumers that hold nothing: null, or 0 for one that a refused write left behind. */
  readonly absentAt: null | 0
}

/**
 * A consumer that is emptied keeps its owner to the end. One that holds nothing is never given as empty: it would be
 * left behind without allocations, where `null` is refused ever after. K (if any) comes last: Placement raises the
 * generations of providers in this order, and a busy one is better met before K's than after it (docs/placement.md).
 */
export function bodyOf(write: Write, marker: readonly [string, MarkerRow] | null, options: BodyOptions): Body {
  const body: Record<string, Row> = {}
  for (const { before, after } of write.changes) {
    if (holdsNothing(after) && before.generation === null) continue
    body[before.id] = rowOf(after.allocations, after, before.generation ?? options.absentAt, options.typed)
  }
  for (const guard of options.guarded ? write.guards : []) {
    if (guard.generation === null || body[guard.id] !== undefined) continue
    body[guard.id] = rowOf(guard.allocations, guard, guard.generation, options.typed)
  }
  if (marker !== null) body[marker[0]] = marker[1]
  return body
}

/** Providers whose generation a body raises: those it allocates of, and those that an emptied consumer held of. */
export function raisedBy(write: Write, body: Body): ReadonlySet<string> {
  const raised = new Set(Object.values(body).flatMap(({ allocations }) => Object.keys(allocations)))
  for (const { before, after } of write.changes) {
    if (holdsNothing(after)) for (const provider of Object.keys(before.allocations)) raised.add(provider)
  }
  return raised
}

function rowOf(
  allocations: Allocations,
  owner: Pick<Consumer, 'project' | 'user' | 'type'>,
  generation: number | null,
  typed: boolean,
): Row {
  const rows = Object.entries(allocations).filter(([, amounts]) => Object.keys(amounts).length > 0)
  return {
    allocations: Object.fromEntries(rows.map(([provider, resources]) => [provider, { resources }])),
    project_id: owner.project ?? '',
    user_id: owner.user ?? '',
    consumer_generation: generation,
    ...(typed && { consumer_type: owner.type ?? 'INSTANCE' }),
  }
}
