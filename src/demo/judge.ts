// The verdict: whether every message had exactly one outcome and the books balance, from all that was seen. Pure.
import type { Letter } from '../dead-letters/desk.ts'
import { capacityOf } from '../transfer/capacity.ts'
import type { Consumer, Provider } from '../transfer/snapshot.ts'
import { keyOf, type SeenEvent, type SeenLetter } from './watch.ts'
import type { Step } from './story.ts'

export interface BooksSeen {
  readonly providers: readonly Provider[]
  readonly consumers: readonly Pick<Consumer, 'id' | 'type' | 'allocations'>[]
}

/** All that was seen of a run. */
export interface Evidence {
  readonly steps: readonly Step[]
  readonly events: readonly SeenEvent[]
  readonly letters: readonly SeenLetter[]
  /** What the desk lists, in every state. */
  readonly desk: readonly Letter[]
  readonly before: BooksSeen
  readonly after: BooksSeen
}

export interface Check {
  readonly name: string
  readonly holds: boolean
  /** What was found, in one sentence; for a check that fails, its first fault. */
  readonly found: string
}

/** Units by resource class. */
type Units = Map<string, number>

/** All checks, in the order in which they are told. */
export function judge(evidence: Evidence): readonly Check[] {
  return [
    oneDecision(evidence),
    equalCopies(evidence),
    asForetold(evidence),
    oneLetter(evidence),
    usagesAgree(evidence.after),
    withinCapacity(evidence),
    nothingHalfMoved(evidence.after),
    eventsExplain(evidence),
    conserved(evidence),
  ]
}

function check(name: string, faults: readonly string[], found: string): Check {
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return { name, holds: faults.length === 0, found: faults.length === 0 ? found : `${faults[0]}${more}` }
}

function oneDecision({ steps, events }: Evidence): Check {
  const decisions = new Map<string, string[]>(
    steps.map((step) => [keyOf(step.foretold, step.request, step.eventId), []]),
  )
  const faults: string[] = []
  for (const { body } of events) {
    const found = decisions.get(keyOf(body.outcome.code, body.request, body.id))
    if (found === undefined) faults.push(`event ${body.id} answers nothing that was asked`)
    else found.push(body.id)
  }
  for (const [key, ids] of decisions) {
    if (ids.length === 0) faults.push(`request ${key} was not decided`)
    if (ids.length > 1) faults.push(`request ${key} was decided ${ids.length} times: ${ids.join(', ')}`)
  }
  return check('one decision each', faults, `${decisions.size} requests, ${events.length} decisions`)
}

function equalCopies({ steps, events }: Evidence): Check {
  const seen = new Map(events.map((event) => [event.body.id, event]))
  const faults = events
    .filter(({ differing }) => differing > 0)
    .map(({ body, differing }) => `event ${body.id} was told in ${differing + 1} versions`)
  for (const { request, copies, eventId } of steps) {
    const told = seen.get(eventId)?.copies ?? 0
    if (told > 0 && told < copies) faults.push(`request ${request} was sent ${copies} times and answered ${told} times`)
  }
  const sent = steps.reduce((sum, { copies }) => sum + copies, 0)
  const told = events.reduce((sum, { copies }) => sum + copies, 0)
  return check('copies are answered alike', faults, `${sent} messages, ${told} answers, byte for byte`)
}

function asForetold({ steps, events }: Evidence): Check {
  const seen = new Set(events.map(({ body }) => body.id))
  const faults = steps
    .filter(({ eventId }) => !seen.has(eventId))
    .map(({ operation, request, foretold }) => {
      const found = events.filter(({ body }) => body.request === request).map(({ body }) => body.outcome.code)
      return `${operation} ${request} should end ${foretold}, and ended ${found.join(' and ') || 'not at all'}`
    })
  const codes = new Set(steps.map(({ foretold }) => foretold)).size
  return check('outcomes as foretold', faults, `${steps.length} outcomes of ${codes} kinds`)
}

function oneLetter({ events, letters, desk }: Evidence): Check {
  const nameOf = (request: string, code: string): string => `${request} ${code}`
  const failed = new Set(
    events
      .filter(({ body }) => body.outcome.class !== 'done')
      .map(({ body }) => nameOf(body.request, body.outcome.code)),
  )
  const faults: string[] = []
  const told = new Map<string, string>()
  for (const { id, request, code } of letters) {
    const name = nameOf(request, code)
    if (!failed.has(name)) faults.push(`dead letter ${id} tells of no failure: ${name}`)
    if (told.has(name)) faults.push(`failure ${name} has two dead letters: ${told.get(name)}, ${id}`)
    told.set(name, id)
  }
  for (const name of failed) if (!told.has(name)) faults.push(`failure ${name} has no dead letter`)
  const listed = new Set(desk.map(({ id }) => id))
  for (const { id } of letters) if (!listed.has(id)) faults.push(`the desk does not list dead letter ${id}`)
  for (const id of listed) if (!letters.some((letter) => letter.id === id)) faults.push(`the desk invented ${id}`)
  return check(
    'one dead letter for each failure',
    faults,
    `${failed.size} failures, ${listed.size} letters at the desk`,
  )
}

function usagesAgree({ providers, consumers }: BooksSeen): Check {
  const sums = new Map<string, Units>(providers.map(({ id }) => [id, new Map()]))
  const faults: string[] = []
  for (const { id, allocations } of consumers) {
    for (const [provider, amounts] of Object.entries(allocations)) {
      const sum = sums.get(provider)
      if (sum === undefined) faults.push(`consumer ${id} holds provider ${provider}, which does not exist`)
      else addAll(sum, amounts)
    }
  }
  for (const { id, name, usages, inventories } of providers) {
    const sum = sums.get(id)!
    for (const resourceClass of new Set([...sum.keys(), ...Object.keys(usages), ...Object.keys(inventories)])) {
      const [used, held] = [usages[resourceClass] ?? 0, sum.get(resourceClass) ?? 0]
      if (used !== held) faults.push(`${name} counts ${used} ${resourceClass} as used, its servers hold ${held}`)
    }
  }
  return check('usages equal allocations', faults, `${providers.length} hosts, ${consumers.length} servers`)
}

function withinCapacity({ before, after }: Evidence): Check {
  const over = ({ providers }: BooksSeen): string[] =>
    providers.flatMap(({ name, usages, inventories }) =>
      Object.entries(usages).flatMap(([resourceClass, used]) => {
        const inventory = inventories[resourceClass]
        const capacity = inventory === undefined ? 0 : capacityOf(inventory)
        return used > capacity ? [`${name} has ${used} of ${capacity} ${resourceClass} in use`] : []
      }),
    )
  return check('nothing over capacity', [...over(before), ...over(after)], 'no class of any host')
}

function nothingHalfMoved({ consumers }: BooksSeen): Check {
  const faults = consumers.flatMap(({ id, type, allocations }) => {
    const hosts = Object.keys(allocations).length
    if (type === 'MIGRATION') return [`migration ${id} still holds its source`]
    return hosts === 1 ? [] : [`server ${id} holds ${hosts} hosts`]
  })
  return check('nothing half moved', faults, 'every server is on one host')
}

/** The books as the events alone tell them must be the books as they are. */
function eventsExplain({ events, before, after }: Evidence): Check {
  const told = new Map(before.consumers.map(({ id, allocations }) => [id, allocations]))
  for (const { body } of events) {
    if (body.outcome.class !== 'done') continue
    for (const [id, view] of Object.entries(body.after ?? {})) {
      if (Object.keys(view.allocations).length === 0) told.delete(id)
      else told.set(id, view.allocations)
    }
  }
  const found = new Map(after.consumers.map(({ id, allocations }) => [id, allocations]))
  const faults = [...new Set([...told.keys(), ...found.keys()])]
    .filter((id) => textOf(told.get(id)) !== textOf(found.get(id)))
    .map((id) => `consumer ${id} holds ${textOf(found.get(id))}, the events say ${textOf(told.get(id))}`)
  return check('events explain the books', faults, `${found.size} servers are where they say`)
}

/** Operations after which more or less may be held than before; the others must leave the sum as it was. */
const MAY_CHANGE: Readonly<Record<string, string>> = {
  acquire: 'acquired',
  release: 'released',
  resize: 'resized',
  adjust: 'adjusted',
  claim: 'claimed',
  confirm: 'confirmed',
  revert: 'reverted',
}
const CHANGES = Object.values(MAY_CHANGE)

function conserved({ events, before, after }: Evidence): Check {
  const faults: string[] = []
  const changed = new Map<string, Units>(CHANGES.map((word) => [word, new Map()]))
  for (const { body } of events) {
    const delta = sumOf(Object.values(body.after ?? {}))
    for (const [name, units] of sumOf(Object.values(body.before ?? {}))) addAll(delta, { [name]: -units })
    const moved = Object.fromEntries([...delta].filter(([, units]) => units !== 0))
    const word = body.outcome.class === 'done' ? MAY_CHANGE[body.operation] : undefined
    if (word !== undefined) addAll(changed.get(word)!, moved)
    else for (const name of Object.keys(moved)) faults.push(`${body.operation} ${body.request} made or lost ${name}`)
  }
  const [had, has] = [sumOf(before.consumers), sumOf(after.consumers)]
  for (const name of new Set([...had.keys(), ...has.keys()])) {
    const explained = CHANGES.reduce((sum, word) => sum + (changed.get(word)?.get(name) ?? 0), had.get(name) ?? 0)
    const held = has.get(name) ?? 0
    if (explained !== held) faults.push(`${held} ${name} are held, ${explained} are explained`)
  }
  const terms = CHANGES.map((word) => [word, changed.get(word)?.get('VCPU') ?? 0] as const)
    .filter(([, units]) => units !== 0)
    .map(([word, units]) => ` ${units < 0 ? '-' : '+'} ${Math.abs(units)} ${word}`)
  return check(
    'units are conserved',
    faults,
    `VCPU: ${had.get('VCPU') ?? 0}${terms.join('')} = ${has.get('VCPU') ?? 0}`,
  )
}

type Holding = Pick<Consumer, 'allocations'>

function sumOf(holdings: readonly Holding[]): Units {
  const sum: Units = new Map()
  for (const { allocations } of holdings) for (const amounts of Object.values(allocations)) addAll(sum, amounts)
  return sum
}

function addAll(sum: Units, amounts: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(amounts)) sum.set(name, (sum.get(name) ?? 0) + amount)
}

/** Equal for equal allocations, whatever the order of their keys. */
function textOf(allocations: Holding['allocations'] | undefined): string {
  if (allocations === undefined) return 'nothing'
  const sorted = (record: Readonly<Record<string, unknown>>): [string, unknown][] =>
    Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1))
  return JSON.stringify(sorted(allocations).map(([id, amounts]) => [id, sorted(amounts as Record<string, unknown>)]))
}
