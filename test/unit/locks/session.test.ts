// The session of a process: opened, kept by heartbeats, trusted no longer than can be proven, and never revived.
import { expect } from 'chai'
import { lockSession, type LockSession, type SessionOptions } from '../../../src/locks/session.ts'
import { LockLost, type Lock } from '../../../src/locks/lock.ts'
import type { LockStore, Resource } from '../../../src/locks/locks.ts'
import { Refused } from '../../../src/retry/failures.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { memoryLocks } from '../../support/memory/ports.ts'
import { memorySlot, type MemorySlot, type Place } from '../../support/memory/slot.ts'
import { connection, FAIR, type Connection } from '../../support/memory/weather.ts'
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts'

const OPTIONS: SessionOptions = { leaseMs: 5_000, holdMs: 60_000, waitMs: 30_000, marginMs: 250, waitersMax: 2 }
const NEVER = new AbortController().signal
const ONE: readonly Resource[] = ['c:one']

/** A processing of `session` that holds a lock. */
function ticketOf(session: string): Place {
  const grantedAtMs = 0
  return { number: 1, session, key: `${session}.1`, resources: [], state: 'granted', grantedAtMs, deadlineMs: Infinity }
}

interface Process {
  readonly locks: LockSession
  readonly store: LockStore
  readonly link: Connection
  readonly events: string[]
}

describe('the lock session of a process', () => {
  let clock: VirtualClock
  let slot: MemorySlot
  let all: LockSession[]

  beforeEach(() => {
    clock = virtualClock(7)
    slot = memorySlot({ nowUs: clock.nowUs, options: OPTIONS })
    all = []
  })

  afterEach(async () => {
    await clock.until(Promise.all(all.map((locks) => locks.stop())))
    await clock.runUntilIdle()
    expect(slot.listeners.size, 'listeners left').to.equal(0)
    for (const locks of all) expect(locks.sizes).to.deep.equal({ waiting: 0, held: 0, early: 0, resources: 0 })
  })

  function processOf(name: string, change: (store: LockStore) => LockStore = (store) => store): Process {
    const link = connection(clock, { ...FAIR })
    const store = change(memoryLocks(slot, link.call, link.ways))
    const telemetry = new Telemetry()
    const events: string[] = []
    telemetry.listen((event, fields) => events.push(`${event} ${'why' in fields ? fields.why : ''}`.trim()))
    const locks = lockSession({ store, clock, telemetry, options: OPTIONS, name })
    all.push(locks)
    return { locks, store, link, events }
  }

  async function started(name = 'a', change?: (store: LockStore) => LockStore): Promise<Process> {
    const process = processOf(name, change)
    await clock.until(process.locks.start())
    return process
  }

  /** Takes and holds `resources` as a request would. */
  async function take(process: Process, key: string, resources = ONE): Promise<Lock> {
    const ticket = await clock.until(process.store.acquire(process.locks.session, key, resources, null))
    return (await clock.until(process.locks.hold(ticket!, resources, NEVER))) as Lock
  }

  it('opens under a name that people can read and no other process can have', async () => {
    const first = await started('host:1')
    const second = await started('host:1')
    expect(first.locks.session).to.match(/^host:1\/[0-9a-f-]{36}$/)
    expect(second.locks.session).not.to.equal(first.locks.session)
    expect(first.locks.trusted).to.equal(true)
    expect(first.events).to.deep.equal(['session.opened'])
  })

  it('is kept by heartbeats for as long as the process lives', async () => {
    const { locks, events } = await started()
    const { session } = locks
    await clock.advance(10 * 60_000)
    expect(locks.trusted).to.equal(true)
    expect(locks.session).to.equal(session)
    expect(events).to.deep.equal(['session.opened'])
  })

  it('leaves what it held to whoever sweeps where the process stood still past its lease: a death', async () => {
    const { locks } = await started()
    const { session } = locks
    slot.tickets.set(1, ticketOf(session))
    clock.stall(6_000)
    await clock.runUntil(() => locks.session !== session)
    expect(locks.stoodStill(session)).to.equal(true)
    expect(slot.keys.get(`${session}.1`)).to.equal(-1)
    await clock.advance(60_000)
    expect(locks.stoodStill(locks.session)).to.equal(false)
  })

  it('closes its session where only the store was silent, or the process stood still for less: no death', async () => {
    const { locks, link } = await started()
    const { session } = locks
    slot.tickets.set(1, ticketOf(session))
    clock.stall(4_000)
    await clock.advance(60_000)
    expect(locks.session).to.equal(session)
    link.weather.state = 'refusing'
    await clock.advance(6_000)
    link.weather.state = 'up'
    await clock.runUntil(() => locks.session !== session)
    expect(locks.stoodStill(session)).to.equal(false)
  })

  it('counts its trust from before the heartbeat was sent', async () => {
    const { locks, link } = processOf('a')
    link.weather.latencyMs = 400
    const beganMs = clock.monotonicMs()
    await clock.until(locks.start())
    expect(clock.monotonicMs() - beganMs).to.be.greaterThan(800)
    link.weather.state = 'silent'
    const listenMs = 800
    await clock.advance(beganMs + listenMs + OPTIONS.leaseMs - OPTIONS.marginMs - clock.monotonicMs() + 1)
    expect(locks.trusted).to.equal(false)
  })

  it('counts its trust from before a renewal was sent, too', async () => {
    const sentMs: number[] = []
    const { locks, link } = await started('a', (store) => ({
      ...store,
      heartbeat: (...args) => {
        sentMs.push(clock.monotonicMs())
        return store.heartbeat(...args)
      },
    }))
    link.weather.latencyMs = 400
    await clock.runUntil(() => sentMs.length === 2)
    await clock.advance(900) // its answer has come
    link.weather.state = 'silent'
    await clock.advance(sentMs[1]! + OPTIONS.leaseMs - OPTIONS.marginMs - clock.monotonicMs() - 1)
    expect(locks.trusted).to.equal(true)
    await clock.advance(2)
    expect(locks.trusted).to.equal(false)
  })

  it('is lost when no heartbeat is answered in time, and another is opened under a new id', async () => {
    const { locks, link, events } = await started()
    const { session } = locks
    const lost: string[] = []
    locks.onLost((id) => lost.push(id))
    link.weather.state = 'silent'
    await clock.advance(OPTIONS.leaseMs)
    expect(locks.trusted).to.equal(false)
    link.weather.state = 'up'
    await clock.advance(3_000)
    expect(locks.trusted).to.equal(true)
    expect(locks.session).not.to.equal(session)
    expect(lost).to.deep.equal([session])
    expect(events).to.deep.equal(['session.opened', 'session.lost no heartbeat was answered in time', 'session.opened'])
  })

  it('survives an outage shorter than its lease, because failed heartbeats are repeated at once', async () => {
    const { locks, link, events } = await started()
    for (let round = 0; round < 20; round++) {
      link.weather.state = 'refusing'
      await clock.advance(2_800)
      link.weather.state = 'up'
      await clock.advance(700)
    }
    expect(locks.trusted).to.equal(true)
    expect(events).to.deep.equal(['session.opened'])
  })

  it('does not depend on the answer to one heartbeat: the next is sent while that one hangs', async () => {
    let beats = 0
    const { locks, events } = await started('a', (store) => ({
      ...store,
      heartbeat: (session, leaseMs, open) =>
        ++beats % 2 === 0 ? new Promise(() => undefined) : store.heartbeat(session, leaseMs, open),
    }))
    await clock.advance(60_000)
    expect(locks.trusted).to.equal(true)
    expect(events).to.deep.equal(['session.opened'])
  })

  it('aborts every lock at once when the store no longer knows it', async () => {
    const a = await started()
    const lock = await take(a, 'r1')
    slot.sessions.clear()
    await clock.advance(2_000)
    expect(lock.signal.aborted).to.equal(true)
    expect(lock.signal.reason).to.be.instanceOf(LockLost).with.property('why', 'session')
    expect(lock.trusted()).to.equal(false)
  })

  it('is not trusted by a process that slept through its lease, before any timer has run', async () => {
    const a = await started()
    const lock = await take(a, 'r1')
    clock.stall(OPTIONS.leaseMs)
    expect(lock.trusted()).to.equal(false)
    expect(a.locks.trusted).to.equal(false)
    expect(lock.signal.aborted).to.equal(false)
    await clock.advance(0)
    expect(lock.signal.aborted).to.equal(true)
  })

  it('is not revived by an answer that comes after its time', async () => {
    const { locks, link, events } = await started()
    const { session } = locks
    link.weather.timeoutMs = 60_000
    link.weather.latencyMs = 8_000
    await clock.advance(30_000)
    expect(events[1]).to.match(/^session.lost/)
    expect(locks.session).to.equal(session)
    expect(locks.trusted).to.equal(false)
  })

  it('is not revived by an answer that comes after its time, before any timer has run', async () => {
    const answers: (() => void)[] = []
    const { locks } = await started('a', (store) => ({
      ...store,
      heartbeat: async (session, leaseMs, open) => {
        const answer = await store.heartbeat(session, leaseMs, open)
        if (!open)
          await new Promise<void>((resolve) => {
            answers.push(resolve)
          })
        return answer
      },
    }))
    await clock.runUntil(() => answers.length === 1)
    clock.stall(OPTIONS.leaseMs - OPTIONS.marginMs - 1_000) // of which the renewal would leave some
    answers[0]!()
    await clock.settle()
    expect(locks.trusted).to.equal(false)
  })

  it('is not shortened by the answer to an early heartbeat that comes after that to a later one', async () => {
    const answers: (() => void)[] = []
    const { locks, events } = await started('a', (store) => ({
      ...store,
      heartbeat: async (session, leaseMs, open) => {
        const answer = await store.heartbeat(session, leaseMs, open)
        if (!open && answers.length === 0)
          await new Promise<void>((resolve) => {
            answers.push(resolve)
          })
        return answer
      },
    }))
    // Just after a beat that was answered, and just before the end of what the first one proves.
    await clock.advance(6_200)
    answers[0]!()
    await clock.advance(60_000)
    expect(locks.trusted).to.equal(true)
    expect(events).to.deep.equal(['session.opened'])
  })

  it('fails to start under an id that was used before', async () => {
    const ids: string[] = []
    const { locks } = processOf('a', (store) => ({
      ...store,
      heartbeat: async (session, leaseMs, open) => {
        const answer = await store.heartbeat(session, leaseMs, open)
        if (open) ids.push(session)
        return open && ids.length === 1 ? { ...answer, alive: false } : answer
      },
    }))
    const failure = await clock.until(locks.start().catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(Error).with.property('message').that.contains(ids[0])
  })

  it('gives its tickets up as soon as it is lost, so that others need not wait for the lease', async () => {
    let hung = false
    const a = await started('a', (store) => ({
      ...store,
      heartbeat: (session, leaseMs, open) =>
        hung && !open ? new Promise(() => undefined) : store.heartbeat(session, leaseMs, open),
    }))
    const b = await started('b')
    const lock = await take(a, 'r1')
    const ticket = await clock.until(b.store.acquire(b.locks.session, 'r2', ONE, null))
    const leaseEndMs = slot.sessions.get(a.locks.session)!
    hung = true
    const granted = (await clock.until(b.locks.hold(ticket!, ONE, NEVER))) as Lock
    expect(clock.nowMs()).to.be.lessThan(leaseEndMs)
    expect(lock.trusted()).to.equal(false)
    expect(granted.trusted()).to.equal(true)
  })

  it('never sends the opening heartbeat of one id twice', async () => {
    const opened: string[] = []
    const { locks, link } = processOf('a', (store) => ({
      ...store,
      heartbeat: (session, leaseMs, open) => {
        if (open) opened.push(session)
        return store.heartbeat(session, leaseMs, open)
      },
      listen: async () => async () => undefined,
    }))
    link.weather.replyLost = 1
    const starting = locks.start()
    await clock.advance(5_000)
    link.weather.replyLost = 0
    await clock.until(starting)
    expect(opened.length).to.be.greaterThan(2)
    expect(new Set(opened).size).to.equal(opened.length)
    expect(locks.session).to.equal(opened.at(-1))
  })

  it('fails to start when the store refuses it for good', async () => {
    const { locks } = processOf('a', (store) => ({
      ...store,
      heartbeat: () => Promise.reject(new Refused('wrong password')),
    }))
    const failure = await clock.until(locks.start().catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(Refused)
  })

  it('refuses a margin that leaves no lease', () => {
    const options = { ...OPTIONS, marginMs: 5_000 }
    const store = memoryLocks(slot)
    expect(() => lockSession({ store, clock, telemetry: new Telemetry(), options, name: 'a' })).to.throw(
      'marginMs 5000',
    )
  })

  describe('stopping', () => {
    it('passes its tickets on at once and leaves no timer behind', async () => {
      const a = await started()
      const lock = await take(a, 'r1')
      await clock.until(a.locks.stop())
      expect(lock.signal.aborted).to.equal(true)
      expect(slot.sessions.size).to.equal(0)
      expect(slot.tickets.size).to.equal(0)
      expect(clock.pending).to.equal(0)
      expect(a.events).to.deep.equal(['session.opened'])
    })

    it('may be asked for twice', async () => {
      const { locks } = await started()
      await clock.until(Promise.all([locks.stop(), locks.stop()]))
      await clock.until(locks.stop())
      expect(locks.trusted).to.equal(false)
    })

    it('before the start makes the start fail', async () => {
      const { locks } = processOf('a')
      await clock.until(locks.stop())
      expect(await locks.start().catch((cause: unknown) => cause)).to.be.instanceOf(LockLost)
      expect(slot.sessions.size).to.equal(0)
    })

    for (const ms of [0, 1, 2, 3, 4, 5, 6, 8]) {
      it(`${ms} ms into the start leaves neither session nor timer`, async () => {
        const { locks } = processOf('a')
        const starting = locks.start().catch((cause: unknown) => cause)
        await clock.advance(ms)
        await clock.until(locks.stop())
        const end = await clock.until(starting)
        if (end !== undefined) expect(end).to.be.instanceOf(LockLost)
        await clock.runUntilIdle()
        expect(slot.sessions.size).to.equal(0)
        expect(slot.listeners.size).to.equal(0)
        expect(locks.trusted).to.equal(false)
      })
    }

    it('ends although the store is silent', async () => {
      const { locks, link } = await started()
      link.weather.state = 'silent'
      await clock.until(locks.stop(), 5_000)
      link.weather.state = 'up'
      await clock.runUntilIdle()
    })

    it('while it is being opened again leaves nothing', async () => {
      const { locks, link } = await started()
      link.weather.state = 'refusing'
      await clock.advance(OPTIONS.leaseMs + 500)
      link.weather.state = 'up'
      await clock.until(locks.stop())
      await clock.runUntilIdle()
      expect(slot.sessions.size).to.be.at.most(1)
      expect(locks.trusted).to.equal(false)
    })
  })
})
