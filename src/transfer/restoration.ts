// From an event that was told to what it must have left, where the books stand as they did before it.
import { holdsNothing, NOTHING, sameAllocations } from './allocations.ts'
import type { EventBody } from './event.ts'
import type { Change } from './plan.ts'
import type { Owner } from './request.ts'
import type { Consumer, Move, Snapshot, Target, View } from './snapshot.ts'

/** What a lost decision must have written. */
export interface Restoration {
  readonly changes: readonly Change[]
  readonly moves: readonly Move[]
  /** Consumers that are neither as they were before the decision nor as it left them. */
  readonly elsewhere: readonly string[]
  /** Consumers whose project and user nothing tells. */
  readonly ownerless: readonly string[]
}

export interface Found {
  readonly consumers: Snapshot['consumers']
  readonly moves: Readonly<Record<string, Move>>
  /** Owner that the request names, where it is known. */
  readonly owner: Owner | null
}

const UNKNOWN = 'unknown'

/** Consumers that an event tells of. */
export function consumersOf({ consumer, migration, before, after }: EventBody): readonly string[] {
  const named = [consumer, migration].filter((id) => id !== null)
  return [...new Set([...named, ...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
}

/** Changes are listed only where every consumer stands as before, or as after, which needs none. */
export function restorationOf(event: EventBody, found: Found): Restoration {
  const happened = event.outcome.effect === 'happened'
  const moved = happened
    ? Object.entries(event.after ?? {}).filter(([id, after]) => differs(event.before?.[id], after))
    : []
  const elsewhere: string[] = []
  const changes: Change[] = []
  const ownerless: string[] = []
  for (const [id, after] of moved) {
    const stored = found.consumers[id]!
    const before = event.before?.[id] ?? NOTHING
    if (stands(stored, after)) continue
    if (!stands(stored, before)) {
      elsewhere.push(id)
      continue
    }
    const owner = ownerOf(stored, event, found)
    if (owner === null && !holdsNothing(after)) ownerless.push(id)
    changes.push({ before: stored, after: targetOf(after, stored, owner) })
  }
  const whole = elsewhere.length === 0
  return {
    changes: whole ? changes : [],
    moves: happened && whole ? movesOf(event, found.moves) : [],
    elsewhere,
    ownerless,
  }
}

function differs(before: View | undefined, after: View): boolean {
  const was = before ?? NOTHING
  return was.generation !== after.generation || !sameAllocations(was.allocations, after.allocations)
}

function stands(stored: Consumer, view: View): boolean {
  return stored.generation === view.generation && sameAllocations(stored.allocations, view.allocations)
}

/** Its own; else that of another consumer of the same request, since both sides of a move have one owner. */
function ownerOf(
  stored: Consumer,
  event: EventBody,
  { consumers, owner }: Found,
): Pick<Owner, 'project' | 'user'> | null {
  const others = consumersOf(event).map((id) => consumers[id])
  for (const one of [stored, ...others]) {
    if (typeof one?.project === 'string' && typeof one.user === 'string')
      return { project: one.project, user: one.user }
  }
  return owner
}

function targetOf(after: View, stored: Consumer, owner: Pick<Owner, 'project' | 'user'> | null): Target {
  return {
    generation: after.generation ?? stored.nextGeneration,
    type: after.type ?? UNKNOWN,
    project: owner?.project ?? UNKNOWN,
    user: owner?.user ?? UNKNOWN,
    allocations: after.allocations,
  }
}

const ENDS: Readonly<Record<string, Move['state']>> = { confirm: 'confirmed', revert: 'reverted', release: 'released' }

function movesOf(event: EventBody, moves: Found['moves']): readonly Move[] {
  const { consumer, source, destination, open, operation } = event
  const known = moves[consumer ?? ''] ?? moves[event.migration ?? '']
  if (open === null) {
    const state = ENDS[operation]
    return state === undefined || known?.state !== 'open' ? [] : [{ ...known, state }]
  }
  if (operation === 'retarget' && known?.state === 'open') {
    return [{ ...known, destination: destination ?? known.destination, confirm: open.confirm, revert: open.revert }]
  }
  if (consumer === null || source === null) return []
  const mode = operation === 'resize' ? 'resize' : open.migration === null ? 'doubled' : 'migration'
  const { migration, confirm, revert } = open
  const to = destination ?? source
  return [
    { request: event.request, consumer, migration, mode, source, destination: to, state: 'open', confirm, revert },
  ]
}
