// Tickets of one session that wait: told by a notice, or by asking when what stands in front must have ended.
import type { Clock } from '../clock/clock.ts'
import { backoffMs } from '../retry/backoff.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import type { LockLost } from './lock.ts'
import type { Notice, Resource, Ticket } from './locks.ts'

/** How a wait ends: granted, in vain after `waitMs` (`moved`: the queue went on meanwhile), or with a failure. */
export type WaitEnd =
  | { readonly kind: 'granted'; readonly grantedAtMs: number }
  | { readonly kind: 'in_vain'; readonly moved: boolean }

interface Waiter {
  readonly number: number
  readonly resources: readonly Resource[]
  readonly aheadFirst: number
  readonly resolve: (end: WaitEnd) => void
  readonly reject: (failure: unknown) => void
  ahead: number
  failures: number
  cancelPoke: () => void
  cancelLimit: () => void
}

export interface WaitingParts {
  readonly clock: Clock
  readonly waitMs: number
  /** Asks the store where a ticket stands. */
  readonly poke: (ticket: number) => Promise<Ticket | null>
  readonly lost: (why: LockLost['why']) => LockLost
}

const POKE_JITTER_MS = 50
const POKE_RETRY = { baseMs: 100, capMs: 2_000 }

export class Waiting {
  readonly #parts: WaitingParts
  readonly #waiters = new Map<number, Waiter>()
  /** Waiters of each resource. */
  readonly #crowds = new Map<Resource, number>()

  constructor(parts: WaitingParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#waiters.size
  }

  get resources(): number {
    return this.#crowds.size
  }

  /** Tickets of this process that wait for `resource`. */
  count(resource: Resource): number {
    return this.#crowds.get(resource) ?? 0
  }

  /** Waits for `ticket`. Rejects with `LockLost` when it is gone, or `signal` aborts. */
  async wait(ticket: Ticket, resources: readonly Resource[], signal: AbortSignal): Promise<WaitEnd> {
    const onAbort = (): void => this.fail(ticket.number, 'abort')
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await new Promise<WaitEnd>((resolve, reject) => this.#enter(ticket, resources, resolve, reject))
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** False when no such ticket waits here. */
  notice(notice: Notice): boolean {
    const waiter = this.#waiters.get(notice.ticket)
    if (waiter === undefined) return false
    if (notice.kind === 'lost') this.fail(notice.ticket, 'ticket')
    else if (this.#leave(waiter)) waiter.resolve(notice)
    return true
  }

  fail(ticket: number, why: LockLost['why']): void {
    const waiter = this.#waiters.get(ticket)
    if (waiter !== undefined) this.#fail(waiter, this.#parts.lost(why))
  }

  failAll(why: LockLost['why']): void {
    for (const number of [...this.#waiters.keys()]) this.fail(number, why)
  }

  /** Notices may have been lost: asks for every ticket. */
  pokeAll(): void {
    for (const waiter of this.#waiters.values()) void this.#poke(waiter)
  }

  #enter(ticket: Ticket, resources: readonly Resource[], resolve: Waiter['resolve'], reject: Waiter['reject']): void {
    const nothing = (): void => undefined
    const waiter: Waiter = {
      number: ticket.number,
      resources,
      aheadFirst: ticket.ahead,
      ahead: ticket.ahead,
      resolve,
      reject,
      failures: 0,
      cancelPoke: nothing,
      cancelLimit: nothing,
    }
    this.#waiters.set(waiter.number, waiter)
    for (const resource of resources) this.#crowds.set(resource, this.count(resource) + 1)
    this.#pokeIn(waiter, ticket.etaMs)
    waiter.cancelLimit = this.#parts.clock.timer(this.#parts.waitMs, () => void this.#lastPoke(waiter))
  }

  /** False when it has left already. */
  #leave(waiter: Waiter): boolean {
    if (!this.#waits(waiter)) return false
    this.#waiters.delete(waiter.number)
    waiter.cancelPoke()
    waiter.cancelLimit()
    for (const resource of waiter.resources) {
      if (this.count(resource) > 1) this.#crowds.set(resource, this.count(resource) - 1)
      else this.#crowds.delete(resource)
    }
    return true
  }

  #waits(waiter: Waiter): boolean {
    return this.#waiters.get(waiter.number) === waiter
  }

  #fail(waiter: Waiter, failure: unknown): void {
    if (this.#leave(waiter)) waiter.reject(failure)
  }

  #pokeIn(waiter: Waiter, ms: number): void {
    const { clock } = this.#parts
    waiter.cancelPoke()
    waiter.cancelPoke = clock.timer(Math.max(1, ms) + clock.random() * POKE_JITTER_MS, () => void this.#poke(waiter))
  }

  async #poke(waiter: Waiter): Promise<void> {
    try {
      const ticket = await this.#parts.poke(waiter.number)
      waiter.failures = 0
      if (this.#stands(waiter, ticket)) this.#pokeIn(waiter, ticket!.etaMs)
    } catch (failure) {
      if (!isOutage(failure)) this.#fail(waiter, failure)
      else if (this.#waits(waiter))
        this.#pokeIn(waiter, backoffMs(++waiter.failures, POKE_RETRY, this.#parts.clock.random()))
    }
  }

  /** Takes an answer in. True when the ticket still waits. */
  #stands(waiter: Waiter, ticket: Ticket | null): boolean {
    if (!this.#waits(waiter)) return false
    if (ticket === null) this.fail(waiter.number, 'ticket')
    else if (ticket.state === 'waiting') waiter.ahead = Math.min(waiter.ahead, ticket.ahead)
    else if (this.#leave(waiter)) waiter.resolve({ kind: 'granted', grantedAtMs: ticket.grantedAtMs })
    return this.#waits(waiter)
  }

  /** Asked once more, so that a grant whose notice was lost, or a queue that moved, is not told as a wait in vain. */
  async #lastPoke(waiter: Waiter): Promise<void> {
    waiter.cancelPoke()
    try {
      this.#stands(waiter, await this.#parts.poke(waiter.number))
    } catch (failure) {
      if (!isOutage(failure)) this.#fail(waiter, failure)
    }
    if (this.#leave(waiter)) waiter.resolve({ kind: 'in_vain', moved: waiter.ahead < waiter.aheadFirst })
  }
}

function isOutage(failure: unknown): boolean {
  return failure instanceof Unanswered || failure instanceof Unavailable
}
