// What the lock scripts do, on the memory slot: all or nothing, first come first served, the dead swept away.
import type { Heartbeat, Ticket } from '../../../src/locks/locks.ts'
import { nowMs, prelude, type MemorySlot, type Place } from './slot.ts'

const PROMOTE_BUDGET = 256
/** What the key of a processing leads to, instead of a ticket, once its session has died with the lock held. */
const DIED = { alone: -1, inCompany: -2 } as const

export function alive(slot: MemorySlot, session: string): boolean {
  return !slot.rules.sessionChecked || (slot.sessions.get(session) ?? 0) > nowMs(slot)
}

/** The ticket of a processing, whose key is its token. */
export function ticketOfToken(slot: MemorySlot, token: string): Place | null {
  const ticket = slot.tickets.get(slot.keys.get(token) ?? -1)
  return ticket !== undefined && ticket.session === sessionOf(token) ? ticket : null
}

/** Gives up what a processing holds or waits for. Who does so lives, whatever became of its lease. */
export function giveUp(slot: MemorySlot, token: string): void {
  const ticket = ticketOfToken(slot, token)
  if (ticket !== null) promote(slot, drop(slot, ticket.number))
  else takeDeath(slot, token)
}

/** Clears what a session left whose lease is over: what it had begun has seen a death, who only waited has not. */
export function bury(slot: MemorySlot, session: string): string[] {
  slot.sessions.delete(session)
  const held = [...slot.tickets.values()].filter(
    ({ session: holder, state, key, unheard = false }) =>
      holder === session && state === 'granted' && !unheard && sessionOf(key) === session,
  )
  const freed = dropAll(slot, session)
  const mark = held.length === 1 ? DIED.alone : DIED.inCompany
  for (const { key } of held) slot.keys.set(key, mark)
  return freed
}

/** The mark that a death left of a processing, or null. It is taken away. */
export function takeDeath(slot: MemorySlot, token: string): 'alone' | 'in_company' | null {
  const mark = slot.keys.get(token)
  if (mark !== DIED.alone && mark !== DIED.inCompany) return null
  slot.keys.delete(token)
  return mark === DIED.alone ? 'alone' : 'in_company'
}

/** Number of a processing token: what follows its last dot. */
export function numberOf(token: string): number {
  return Number(token.slice(token.lastIndexOf('.') + 1)) || 0
}

/** Session of a processing token: all before its last dot. */
export function sessionOf(token: string): string {
  return token.slice(0, Math.max(0, token.lastIndexOf('.')))
}

export function heartbeat(slot: MemorySlot, session: string, leaseMs: number, open: boolean): Heartbeat {
  prelude(slot)
  const now = nowMs(slot)
  const starts = open && !slot.sessions.has(session)
  if (!starts && !alive(slot, session)) return { alive: false, nowMs: now }
  slot.sessions.set(session, now + leaseMs)
  sweep(slot, 32)
  return { alive: true, nowMs: now }
}

export function acquire(
  slot: MemorySlot,
  session: string,
  key: string,
  resources: readonly string[],
  instead: number | null,
): Ticket | null {
  prelude(slot)
  if (!alive(slot, session)) return null
  if (instead !== null && !slot.tickets.has(instead)) {
    const known = slot.tickets.get(slot.keys.get(key) ?? -1)
    return known?.session === session ? standing(slot, known.number) : null
  }
  const freed = instead === null ? [] : dropOf(slot, session, instead)
  const ticket = take(slot, session, key, resources)
  promote(slot, freed)
  return standing(slot, ticket)
}

/** Finds the session's ticket under `key`, or queues a new one and grants it if nothing is in front. */
export function take(slot: MemorySlot, session: string, key: string, resources: readonly string[]): number {
  const known = slot.keys.get(key)
  if (known !== undefined && slot.tickets.get(known)?.session === session) {
    hear(slot, known)
    return known
  }
  const now = nowMs(slot)
  const number = Math.max(slot.sequence + 1, slot.nowUs())
  slot.sequence = number
  const deadlineMs = now + slot.options.waitMs + slot.options.leaseMs
  slot.tickets.set(number, {
    number,
    session,
    key,
    resources: [...new Set(resources)],
    state: 'waiting',
    grantedAtMs: 0,
    deadlineMs,
  })
  for (const resource of new Set(resources)) slot.queues.set(resource, [...(slot.queues.get(resource) ?? []), number])
  slot.keys.set(key, number)
  grant(slot, number)
  return number
}

export function poke(slot: MemorySlot, session: string, ticket: number): Ticket | null {
  prelude(slot)
  sweep(slot, 16)
  const place = slot.tickets.get(ticket)
  if (place === undefined || place.session !== session) return null
  promote(slot, place.resources)
  hear(slot, ticket)
  return standing(slot, ticket)
}

export function release(slot: MemorySlot, session: string, ticket: number): void {
  prelude(slot)
  promote(slot, dropOf(slot, session, ticket))
}

export function close(slot: MemorySlot, session: string): void {
  prelude(slot)
  slot.sessions.delete(session)
  promote(slot, dropAll(slot, session))
}

/** Where a ticket stands; null when it is gone. */
export function standing(slot: MemorySlot, ticket: number): Ticket | null {
  const place = slot.tickets.get(ticket)
  if (place === undefined) return null
  const { state, grantedAtMs } = place
  if (state === 'granted') return { number: ticket, state, grantedAtMs, etaMs: 0, ahead: 0 }
  return { number: ticket, state, grantedAtMs: 0, etaMs: etaMs(slot, place), ahead: ahead(slot, place) }
}

/** Until the last of those at the head of its queues, and the grace, must have ended by themselves. */
function etaMs(slot: MemorySlot, place: Place): number {
  const ends = [slot.graceUntilMs]
  for (const resource of place.resources) {
    const head = slot.tickets.get(slot.queues.get(resource)![0]!)!
    if (head.number !== place.number) ends.push(Math.min(slot.sessions.get(head.session) ?? 0, head.deadlineMs))
  }
  return Math.max(1, Math.max(...ends) - nowMs(slot))
}

function ahead(slot: MemorySlot, place: Place): number {
  return Math.max(...place.resources.map((resource) => slot.queues.get(resource)!.indexOf(place.number)))
}

/** Its process asks for it: from then on it knows how it stands. */
function hear(slot: MemorySlot, ticket: number): void {
  const place = slot.tickets.get(ticket)
  if (place?.unheard === true) slot.tickets.set(ticket, { ...place, unheard: false })
}

/** Grants a waiting ticket if it heads all its queues. */
function grant(slot: MemorySlot, ticket: number): boolean {
  const place = slot.tickets.get(ticket)!
  const now = nowMs(slot)
  if (now < slot.graceUntilMs && slot.rules.graceKept) return false
  const isFirst = place.resources.every((resource) => slot.queues.get(resource)![0] === ticket)
  if (!isFirst && slot.rules.queuesKept) return false
  slot.tickets.set(ticket, { ...place, state: 'granted', grantedAtMs: now, deadlineMs: now + slot.options.holdMs })
  return true
}

/** Grants what now heads all its queues. A dead head is dropped, and its other queues are looked at too. */
export function promote(slot: MemorySlot, resources: readonly string[]): void {
  const list = [...resources]
  for (let budget = PROMOTE_BUDGET; budget > 0 && list.length > 0; budget--) {
    const head = slot.queues.get(list.shift()!)?.[0]
    const place = head === undefined ? undefined : slot.tickets.get(head)
    if (place === undefined || place.state === 'granted') continue
    if (!alive(slot, place.session)) list.push(...drop(slot, place.number))
    else if (grant(slot, place.number)) {
      slot.publish(place.session, { kind: 'granted', ticket: place.number, grantedAtMs: nowMs(slot) })
      const unheard = !slot.listeners.has(place.session)
      slot.tickets.set(place.number, { ...slot.tickets.get(place.number)!, unheard })
    }
  }
}

/** At most `limit` dead sessions and `limit` overdue tickets go, and what they stood in front of moves on. */
function sweep(slot: MemorySlot, limit: number): void {
  const now = nowMs(slot)
  const freed: string[] = []
  for (const session of due(slot.sessions, now, limit)) freed.push(...bury(slot, session))
  const deadlines = new Map([...slot.tickets.values()].map((place) => [place.number, place.deadlineMs]))
  for (const ticket of due(deadlines, now, limit)) {
    const { session } = slot.tickets.get(ticket)!
    freed.push(...drop(slot, ticket))
    slot.publish(session, { kind: 'lost', ticket })
  }
  promote(slot, freed)
}

/** The earliest `limit` keys whose time has come. */
export function due<Key extends string | number>(times: ReadonlyMap<Key, number>, now: number, limit: number): Key[] {
  return [...times]
    .filter(([, at]) => at <= now)
    .sort(([left, leftAt], [right, rightAt]) => leftAt - rightAt || (left < right ? -1 : 1))
    .slice(0, limit)
    .map(([key]) => key)
}

function dropAll(slot: MemorySlot, session: string): string[] {
  return [...slot.tickets.values()]
    .filter((place) => place.session === session)
    .flatMap((place) => drop(slot, place.number))
}

/** Drops `ticket` if it is of `session`; the resources it frees. */
export function dropOf(slot: MemorySlot, session: string, ticket: number): string[] {
  return slot.tickets.get(ticket)?.session === session ? drop(slot, ticket) : []
}

export function drop(slot: MemorySlot, ticket: number): string[] {
  const place = slot.tickets.get(ticket)
  if (place === undefined) return []
  slot.tickets.delete(ticket)
  if (slot.keys.get(place.key) === ticket) slot.keys.delete(place.key)
  for (const resource of place.resources) {
    const rest = slot.queues.get(resource)!.filter((number) => number !== ticket)
    if (rest.length > 0) slot.queues.set(resource, rest)
    else slot.queues.delete(resource)
  }
  return [...place.resources]
}
