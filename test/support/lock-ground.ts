// A few processes with lock sessions on one store in memory, each behind a connection of its own.
import { expect } from 'chai'
import { lockSession, type LockSession, type SessionOptions } from '../../src/locks/session.ts'
import type { Lock } from '../../src/locks/lock.ts'
import type { LockStore, Notice, Resource, Ticket } from '../../src/locks/locks.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { memoryLocks } from './memory/ports.ts'
import { memorySlot, type MemorySlot } from './memory/slot.ts'
import { connection, FAIR, type Connection } from './memory/weather.ts'
import { virtualClock, type VirtualClock } from './virtual-clock.ts'

export const OPTIONS: SessionOptions = { leaseMs: 5_000, holdMs: 60_000, waitMs: 30_000, marginMs: 250, waitersMax: 2 }
export const NEVER: AbortSignal = new AbortController().signal
export const ONE: readonly Resource[] = ['c:one']
export const TWO: readonly Resource[] = ['c:two']

export interface Process {
  readonly locks: LockSession
  readonly store: LockStore
  readonly link: Connection
  /** Tells the process at once, without a way between. */
  readonly tell: (notice: Notice) => void
}

export class LockGround {
  readonly clock: VirtualClock
  readonly slot: MemorySlot
  readonly #processes: Process[] = []

  constructor(seed: number) {
    this.clock = virtualClock(seed)
    this.slot = memorySlot({ nowUs: this.clock.nowUs, options: OPTIONS })
  }

  async start(name: string): Promise<Process> {
    const { clock, slot } = this
    const link = connection(clock, { ...FAIR })
    const direct = memoryLocks(slot, link.call, link.ways)
    let tell: (notice: Notice) => void = () => undefined
    const store: LockStore = {
      ...direct,
      listen: (session, onNotice, onGap) => {
        tell = onNotice
        return direct.listen(session, onNotice, onGap)
      },
    }
    const locks = lockSession({ store, clock, telemetry: new Telemetry(), options: OPTIONS, name })
    await clock.until(locks.start())
    const started = { locks, store, link, tell }
    this.#processes.push(started)
    return started
  }

  /** Stops all, and checks that neither timers nor listeners are left. */
  async stop(): Promise<void> {
    for (const { locks } of this.#processes) await this.clock.until(locks.stop())
    expect(this.clock.pending, 'timers left').to.equal(0)
    expect(this.slot.listeners.size, 'listeners left').to.equal(0)
  }

  async ticketOf(process: Process, key: string, resources = ONE): Promise<Ticket> {
    return (await this.clock.until(process.store.acquire(process.locks.session, key, resources, null)))!
  }

  /** Takes and holds `resources`, which must be free. */
  async take(process: Process, key: string, resources = ONE): Promise<Lock> {
    const ticket = await this.ticketOf(process, key, resources)
    const lock = await this.clock.until(process.locks.hold(ticket, resources, NEVER))
    expect(lock).to.have.property('trusted') // n.b. naming the signal would already make it
    return lock as Lock
  }

  /** Starts waiting. What is returned tells how it ended, failures too, or 'waiting'. */
  async waitFor(process: Process, key: string, resources = ONE, signal: AbortSignal = NEVER): Promise<() => unknown> {
    const ticket = await this.ticketOf(process, key, resources)
    expect(ticket.state).to.equal('waiting')
    let answer: unknown = 'waiting'
    const note = (end: unknown): void => {
      answer = end
    }
    process.locks.hold(ticket, resources, signal).then(note, note)
    await this.clock.settle()
    return () => answer
  }
}
