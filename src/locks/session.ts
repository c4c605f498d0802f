// The locks of this process: one session at a time, opened anew under a new id whenever its lease was lost.
import type { Clock } from '../clock/clock.ts'
import { backoffMs } from '../retry/backoff.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { openLease, type Lease } from './lease.ts'
import { LockLost, type InVain, type Lock, type LockHolder } from './lock.ts'
import type { LockStore, Resource, Ticket } from './locks.ts'
import { Watch, type Sizes } from './watch.ts'

export interface SessionOptions {
  readonly leaseMs: number
  /** Longest a lock may be held. */
  readonly holdMs: number
  /** Longest a ticket is waited for. */
  readonly waitMs: number
  /** Taken off lease and hold time before a lock is trusted. */
  readonly marginMs: number
  /** Requests of this process that may wait for one resource. */
  readonly waitersMax: number
}

export interface SessionParts {
  readonly store: LockStore
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly options: SessionOptions
  /** First part of every session id, for people: `host:pid`. Must not contain control characters. */
  readonly name: string
}

interface Incarnation {
  readonly lease: Lease
  readonly watch: Watch
  readonly unlisten: () => Promise<void>
}

type OnLost = (session: string, why: string) => void

const REOPEN = { baseMs: 100, capMs: 1_000 }
const ACQUIRE_RETRY = { baseMs: 50, capMs: 1_000 }
const NOTHING: Sizes = { waiting: 0, held: 0, early: 0, resources: 0 }

/** Makes the lock holder of one process. It must be started, and stopped when the process ends. */
export function lockSession(parts: SessionParts): LockSession {
  const { leaseMs, holdMs, marginMs } = parts.options
  if (marginMs >= Math.min(leaseMs, holdMs)) {
    throw new RangeError(`marginMs ${marginMs} must be less than leaseMs ${leaseMs} and holdMs ${holdMs}`)
  }
  return new LockSession(parts)
}

/** Made by `lockSession`. */
export class LockSession implements LockHolder {
  readonly #parts: SessionParts
  readonly #stopping = new AbortController()
  readonly #onLost = new Set<OnLost>()
  /** Work that nobody waits for but `stop`. */
  readonly #background = new Set<Promise<unknown>>()
  /** Sessions lost because the process stood still. */
  readonly #stoodStill = new Set<string>()
  #session: string
  #current: Incarnation | null = null
  #started: Promise<void> | null = null
  #stopped: Promise<void> | null = null

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#session = this.#freshId()
  }

  /**
   * Resolves once the first session is open; tries for ever while the store is silent. Rejects when the store refuses
   * (wrong password), or with `LockLost` when stopped first.
   */
  start(): Promise<void> {
    if (this.#started === null) {
      this.#started = this.#stopped === null ? this.#openSoon(true) : Promise.reject(stoppedFirst())
      this.#started.catch(() => undefined) // who awaits it hears of it; who does not must not die of it
    }
    return this.#started
  }

  /** Aborts every lock and closes the session, so that its tickets pass on. May be called at any time, and twice. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  /** Calls `run` whenever a session was lost, not when it is stopped; the returned function ends that. */
  onLost(run: OnLost): () => void {
    this.#onLost.add(run)
    return () => {
      this.#onLost.delete(run)
    }
  }

  get session(): string {
    return this.#session
  }

  get trusted(): boolean {
    return this.#current?.lease.trusted ?? false
  }

  /** What is kept in memory, for tests. */
  get sizes(): Sizes {
    return this.#current?.watch.sizes ?? NOTHING
  }

  crowded(resources: readonly Resource[]): boolean {
    const watch = this.#current?.watch
    return (
      watch !== undefined && resources.some((resource) => watch.waiting(resource) >= this.#parts.options.waitersMax)
    )
  }

  async hold(
    ticket: Ticket,
    resources: readonly Resource[],
    signal: AbortSignal,
    takenBy = this.#session,
  ): Promise<Lock | InVain> {
    if (this.#current === null || takenBy !== this.#session) throw sessionOver()
    return this.#current.watch.hold(ticket, resources, signal)
  }

  async change(lock: Lock, key: string, resources: readonly Resource[], signal: AbortSignal): Promise<Lock | InVain> {
    const holder = this.#current
    if (holder === null || !holder.watch.holds(lock.ticket)) throw new LockLost('the lock to change is over', 'ticket')
    holder.watch.forget(lock.ticket)
    const ticket = await this.#acquire(holder, key, resources, lock.ticket, signal)
    try {
      return await holder.watch.hold(ticket, resources, signal)
    } catch (failure) {
      // Nobody else has heard of this ticket.
      this.#inBackground(this.#parts.store.release(holder.lease.session, ticket.number))
      throw failure
    }
  }

  stoodStill(session: string): boolean {
    const lease = this.#current?.lease
    const still = lease?.session === session && !lease.trusted && lease.stoodStill // its timers are yet to run
    return still || this.#stoodStill.has(session)
  }

  forget(ticket: number): void {
    this.#current?.watch.forget(ticket)
  }

  #freshId(): string {
    return `${this.#parts.name}/${this.#parts.clock.uuid()}`
  }

  /** Every try takes a new id: a copy of a lost `open` that arrives late then opens a session that nobody uses. */
  async #openSoon(first: boolean): Promise<void> {
    const { clock } = this.#parts
    for (let tries = 1; !this.#stopping.signal.aborted; tries++) {
      try {
        return await this.#open(this.#freshId())
      } catch (failure) {
        if (first && !isOutage(failure)) throw failure
      }
      await clock.sleep(backoffMs(tries, REOPEN, clock.random()), this.#stopping.signal).catch(() => undefined)
    }
    throw stoppedFirst()
  }

  async #open(id: string): Promise<void> {
    const { store, clock, options, telemetry } = this.#parts
    let watch: Watch | null = null
    const unlisten = await store.listen(
      id,
      (notice) => watch?.notice(notice),
      () => watch?.gap(),
    )
    try {
      const lease = await openLease(id, { store, clock, options, onEnd: (why) => this.#lose(id, why) })
      watch = new Watch(lease, store, clock, options)
      this.#current = { lease, watch, unlisten }
      this.#session = id
    } catch (failure) {
      this.#inBackground(unlisten())
      throw failure
    }
    telemetry.emit('session.opened', { session: id })
    if (this.#stopping.signal.aborted) {
      this.#closeCurrent()
      throw stoppedFirst()
    }
  }

  #lose(id: string, why: string): void {
    if (this.#current?.lease.session !== id) return
    const { stoodStill } = this.#current.lease
    if (stoodStill) this.#stoodStill.add(id)
    this.#closeCurrent(!stoodStill)
    this.#inBackground(this.#openSoon(false))
    this.#parts.telemetry.emit('session.lost', { session: id, why })
    for (const run of this.#onLost) {
      try {
        run(id, why)
      } catch {
        /* who is told of a loss must not keep the next from being told */
      }
    }
  }

  /** `passOn`: its tickets are given up at once, so that others need not wait for the rest of the lease. */
  #closeCurrent(passOn = true): void {
    const last = this.#current
    if (last === null) return
    this.#current = null
    last.lease.end('closed')
    last.watch.end()
    this.#inBackground(last.unlisten())
    if (passOn) this.#inBackground(this.#parts.store.close(last.lease.session))
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(stoppedFirst())
    this.#closeCurrent()
    await this.#started?.catch(() => undefined)
    while (this.#background.size > 0) await Promise.all(this.#background)
  }

  /** Repeats until it is answered: where the store stays silent the lease ends first, and with it the ticket. */
  async #acquire(
    holder: Incarnation,
    key: string,
    resources: readonly Resource[],
    instead: number,
    signal: AbortSignal,
  ): Promise<Ticket> {
    const { store, clock } = this.#parts
    for (let sends = 1; ; sends++) {
      try {
        const ticket = await store.acquire(holder.lease.session, key, resources, instead)
        if (ticket !== null) return ticket
        break
      } catch (failure) {
        if (!isOutage(failure) || !holder.lease.trusted) throw failure
      }
      await clock.sleep(backoffMs(sends, ACQUIRE_RETRY, clock.random()), signal).catch(() => undefined)
      if (signal.aborted) throw new LockLost('the wait was given up', 'abort')
    }
    holder.lease.end('the store no longer knows the session')
    throw sessionOver()
  }

  /** A failure here costs nothing: leases and tickets end by themselves. */
  #inBackground(work: Promise<unknown>): void {
    const kept = work.catch(() => undefined).finally(() => this.#background.delete(kept))
    this.#background.add(kept)
  }
}

function isOutage(failure: unknown): boolean {
  return failure instanceof Unanswered || failure instanceof Unavailable
}

function sessionOver(): LockLost {
  return new LockLost('the lease of this process is over', 'session')
}

function stoppedFirst(): LockLost {
  return new LockLost('the locks were stopped', 'session')
}
