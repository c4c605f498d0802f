// The tickets of one session that somebody in this process waits for or holds.
import type { Clock } from '../clock/clock.ts'
import { backoffMs } from '../retry/backoff.ts'
import type { Lease } from './lease.ts'
import { LockLost, type InVain, type Lock } from './lock.ts'
import type { LockStore, Notice, Resource, Ticket } from './locks.ts'
import { Waiting } from './waiting.ts'

/*
 *            notice G, or a poke answered granted
 *   waiting ────────────────────────────────────▶ held ──▶ forgotten (its release is asked for elsewhere)
 *      │                                           │
 *      ├─ notice L, poke answered gone,            ├─ notice L, hold time or lease over: its signal aborts
 *      │  lease over, caller aborts: LockLost      ▼
 *      └─ wait time over: one last poke, InVain   lost
 */

export interface WatchOptions {
  readonly holdMs: number
  readonly waitMs: number
  readonly marginMs: number
}

/** Entries kept: all zero when nothing is in hand and no notice came unasked. */
export interface Sizes {
  readonly waiting: number
  readonly held: number
  readonly early: number
  readonly resources: number
}

interface Held {
  readonly untilMs: number
  /** Made only when somebody asks for the signal: hardly anybody does, and it costs more than the rest of a grant. */
  controller: AbortController | null
  lost: LockLost | null
  cancelEnd: () => void
  cancelVerify: () => void
}

const VERIFY_RETRY = { baseMs: 100, capMs: 1_000 }

export class Watch {
  readonly #lease: Lease
  readonly #clock: Clock
  readonly #options: WatchOptions
  readonly #poke: (ticket: number) => Promise<Ticket | null>
  readonly #waiting: Waiting
  readonly #held = new Map<number, Held>()
  /** Notices that came before the reply that names their ticket, oldest first. */
  readonly #early = new Map<number, { readonly notice: Notice; readonly atMs: number }>()
  /** Monotonic ms of the last gap. */
  #gapAtMs = -Infinity
  #over = false

  constructor(lease: Lease, store: LockStore, clock: Clock, options: WatchOptions) {
    this.#lease = lease
    this.#clock = clock
    this.#options = options
    this.#poke = (ticket) => store.poke(lease.session, ticket)
    this.#waiting = new Waiting({ clock, waitMs: options.waitMs, poke: this.#poke, lost })
  }

  async hold(ticket: Ticket, resources: readonly Resource[], signal: AbortSignal): Promise<Lock | InVain> {
    this.#refuse(signal)
    const { number } = ticket
    const notice = this.#takeEarly(number)
    const grantedAtMs = ticket.state === 'granted' ? ticket.grantedAtMs : (notice?.grantedAtMs ?? null)
    if (grantedAtMs !== null && !this.#isBeforeGap(grantedAtMs)) return this.#grant(number, grantedAtMs)
    const now = grantedAtMs === null ? ticket : await this.#poke(number)
    if (now === null) throw lost('ticket')
    this.#refuse(signal)
    if (now.state === 'granted') return this.#grant(number, now.grantedAtMs)
    const end = await this.#waiting.wait(now, resources, signal)
    if (end.kind === 'in_vain') return { inVain: true, ticket: number, moved: end.moved }
    this.#takeEarly(number)
    return this.#grant(number, end.grantedAtMs)
  }

  /** Whether `ticket` is held, and not forgotten or lost. */
  holds(ticket: number): boolean {
    return this.#held.has(ticket)
  }

  forget(ticket: number): void {
    this.#drop(ticket)
    this.#early.delete(ticket)
    this.#waiting.fail(ticket, 'abort')
  }

  /** Tickets of this process that wait for `resource`. */
  waiting(resource: Resource): number {
    return this.#waiting.count(resource)
  }

  notice(notice: Notice): void {
    if (this.#over || this.#waiting.notice(notice)) return
    if (!this.#held.has(notice.ticket)) this.#keepEarly(notice)
    else if (notice.kind === 'lost') this.#lose(notice.ticket, 'ticket')
  }

  /** Notices may have been lost, and after a failover tickets too: asks for every one that waits or is held. */
  gap(): void {
    this.#gapAtMs = this.#clock.monotonicMs()
    this.#waiting.pokeAll()
    for (const [number, held] of this.#held) void this.#verify(number, held)
  }

  /** The session is over: everything is lost. */
  end(): void {
    this.#over = true
    this.#early.clear()
    for (const number of [...this.#held.keys()]) this.#lose(number, 'session')
    this.#waiting.failAll('session')
  }

  get sizes(): Sizes {
    return {
      waiting: this.#waiting.size,
      held: this.#held.size,
      early: this.#early.size,
      resources: this.#waiting.resources,
    }
  }

  #refuse(signal: AbortSignal): void {
    if (this.#over) throw lost('session')
    if (signal.aborted) throw lost('abort')
  }

  /** A grant that `gap` could not ask for: its request was still busy with something else. It may be lost by now. */
  #isBeforeGap(grantedAtMs: number): boolean {
    return this.#lease.earliestMs(grantedAtMs) <= this.#gapAtMs + this.#options.marginMs
  }

  #grant(number: number, grantedAtMs: number): Lock {
    const { holdMs, marginMs } = this.#options
    const untilMs = this.#lease.earliestMs(grantedAtMs) + holdMs - marginMs
    if (this.#over || !this.#lease.trusted) throw lost('session')
    if (this.#clock.monotonicMs() >= untilMs) throw lost('hold')
    this.#drop(number)
    const nothing = (): void => undefined
    const held: Held = { untilMs, controller: null, lost: null, cancelEnd: nothing, cancelVerify: nothing }
    this.#held.set(number, held)
    this.#endOfHold(number, held)
    const trusted = (): boolean =>
      this.#held.get(number) === held && this.#lease.trusted && this.#clock.monotonicMs() < untilMs
    return {
      ticket: number,
      trusted,
      get signal() {
        return signalOf(held)
      },
    }
  }

  #endOfHold(number: number, held: Held): void {
    const leftMs = held.untilMs - this.#clock.monotonicMs()
    if (leftMs <= 0) this.#lose(number, 'hold')
    else held.cancelEnd = this.#clock.timer(Math.ceil(leftMs), () => this.#endOfHold(number, held))
  }

  /**
   * A store that took over may know nothing of a grant. Asks until answered; where it is silent the lease ends first.
   */
  async #verify(number: number, held: Held, asked = 1): Promise<void> {
    if (this.#held.get(number) !== held) return
    try {
      const ticket = await this.#poke(number)
      if (this.#held.get(number) === held && ticket?.state !== 'granted') this.#lose(number, 'ticket')
    } catch {
      if (this.#held.get(number) !== held) return
      const ms = backoffMs(asked, VERIFY_RETRY, this.#clock.random())
      held.cancelVerify = this.#clock.timer(ms, () => void this.#verify(number, held, asked + 1))
    }
  }

  #lose(number: number, why: LockLost['why']): void {
    const held = this.#drop(number)
    if (held === undefined) return
    held.lost = lost(why)
    held.controller?.abort(held.lost)
  }

  /** Ends watching it, silently. */
  #drop(number: number): Held | undefined {
    const held = this.#held.get(number)
    held?.cancelEnd()
    held?.cancelVerify()
    this.#held.delete(number)
    return held
  }

  /** The grant that was told before anybody asked, if any. Throws where the loss was told. */
  #takeEarly(number: number): Extract<Notice, { kind: 'granted' }> | null {
    const notice = this.#early.get(number)?.notice ?? null
    this.#early.delete(number)
    if (notice?.kind === 'lost') throw lost('ticket')
    return notice
  }

  /** Kept for the longest time a ticket can live; what nobody asks for by then is dropped with the next one. */
  #keepEarly(notice: Notice): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [number, { atMs }] of this.#early) {
      if (nowMs - atMs < this.#options.holdMs + this.#options.waitMs) break
      this.#early.delete(number)
    }
    this.#early.delete(notice.ticket)
    this.#early.set(notice.ticket, { notice, atMs: nowMs })
  }
}

function signalOf(held: Held): AbortSignal {
  if (held.controller === null) {
    held.controller = new AbortController()
    if (held.lost !== null) held.controller.abort(held.lost)
  }
  return held.controller.signal
}

function lost(why: LockLost['why']): LockLost {
  switch (why) {
    case 'session':
      return new LockLost('the lease of this process is over', why)
    case 'ticket':
      return new LockLost('the ticket is gone', why)
    case 'hold':
      return new LockLost('the longest time to hold a lock is over', why)
    case 'abort':
      return new LockLost('the wait was given up', why)
  }
}
