// What locks promise by themselves: order of arrival, and that no process trusts what another has been granted.
import type { InVain, Lock, LockHolder } from '../../src/locks/lock.ts'
import type { MemorySlot, Place } from '../support/memory/slot.ts'
import type { Broken } from './rules.ts'

/** A lock as a process believes to hold it. */
interface Belief {
  readonly who: string
  readonly lock: Lock
  readonly resources: readonly string[]
}

export class LockRules {
  readonly #slot: MemorySlot
  readonly #broken: Broken
  readonly #beliefs = new Map<Lock, Belief>()
  /** Granted when last looked at. */
  #granted = new Map<number, Place>()
  #clockWasSet = false

  constructor(slot: MemorySlot, broken: Broken) {
    this.#slot = slot
    this.#broken = broken
  }

  /** A lease of a store whose clock jumps lasts as long as the clock says. */
  clockSet(): void {
    this.#clockWasSet = true
  }

  /** Nothing that was alive in the process `who` believes anything any more. */
  died(who: string): void {
    for (const [lock, belief] of this.#beliefs) if (belief.who === who) this.#beliefs.delete(lock)
  }

  /** The locks of the process `who`, with what it believes of them listened to. */
  listening(who: string, locks: LockHolder): LockHolder {
    const noted = <Held extends Lock | InVain>(held: Held, resources: readonly string[]): Held => {
      if (!('inVain' in held)) this.#beliefs.set(held, { who, lock: held, resources })
      return held
    }
    return {
      get session() {
        return locks.session
      },
      get trusted() {
        return locks.trusted
      },
      crowded: (resources) => locks.crowded(resources),
      hold: async (ticket, resources, signal, takenBy) =>
        noted(await locks.hold(ticket, resources, signal, takenBy), resources),
      change: async (lock, key, resources, signal) => {
        this.#beliefs.delete(lock)
        return noted(await locks.change(lock, key, resources, signal), resources)
      },
      stoodStill: (session) => locks.stoodStill(session),
      forget: (ticket) => {
        locks.forget(ticket)
      },
    }
  }

  /** A command of the process `who` was carried out. */
  look(who: string): void {
    const { tickets, queues } = this.#slot
    const granted = new Map<number, Place>()
    for (const place of tickets.values()) {
      if (place.state !== 'granted') continue
      granted.set(place.number, place)
      const blocked = place.resources.find((resource) => queues.get(resource)?.[0] !== place.number)
      if (blocked !== undefined)
        this.#broken('I9 order', `ticket ${place.number} is granted, and does not head the queue of ${blocked}`)
    }
    for (const [resource, queue] of queues) {
      if (queue.some((number, position) => position > 0 && number < queue[position - 1]!))
        this.#broken('I9 order', `the queue of ${resource} is ${queue.join(', ')}`)
    }
    this.#lookAtBeliefs(who, granted)
    this.#granted = granted
  }

  #lookAtBeliefs(who: string, granted: ReadonlyMap<number, Place>): void {
    const trusted: Belief[] = []
    for (const belief of this.#beliefs.values()) {
      const { lock } = belief
      // What its own process has given up is believed until the answer has come; it does nothing with it.
      const gaveUp = this.#granted.has(lock.ticket) && !granted.has(lock.ticket) && belief.who === who
      if (gaveUp || lock.signal.aborted) this.#beliefs.delete(lock)
      else if (lock.trusted()) trusted.push(belief)
    }
    if (this.#clockWasSet) return
    for (const [position, one] of trusted.entries()) {
      const meets = (other: Belief): boolean =>
        other.who !== one.who && other.resources.some((resource) => one.resources.includes(resource))
      const other = trusted.slice(position + 1).find(meets)
      if (other === undefined) continue
      this.#broken(
        'I8 beliefs',
        `${one.who} trusts ticket ${one.lock.ticket}, and ${other.who} trusts ${other.lock.ticket}`,
      )
    }
  }
}
