// Waiting for a ticket, holding it, changing it, and every way in which it ends.
import { expect } from 'chai'
import { lockSession, type LockSession, type SessionOptions } from '../../../src/locks/session.ts'
import { LockLost, type InVain, type Lock } from '../../../src/locks/lock.ts'
import type { LockStore, Notice, Resource, Ticket } from '../../../src/locks/locks.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { memoryLocks } from '../../support/memory/ports.ts'
import { checkpoint, failover, memorySlot, restart, type MemorySlot } from '../../support/memory/slot.ts'
import { connection, FAIR, type Connection } from '../../support/memory/weather.ts'
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts'

const OPTIONS: SessionOptions = { leaseMs: 5_000, holdMs: 60_000, waitMs: 30_000, marginMs: 250, waitersMax: 2 }
const NEVER = new AbortController().signal
const ONE: readonly Resource[] = ['c:one']
const TWO: readonly Resource[] = ['c:two']

interface Process {
  readonly locks: LockSession
  readonly store: LockStore
  readonly link: Connection
  /** Tells the process at once, without a way between. */
  readonly tell: (notice: Notice) => void
}

describe('a ticket in hand', () => {
  let clock: VirtualClock
  let slot: MemorySlot
  let a: Process
  let b: Process
  let c: Process

  beforeEach(async () => {
    clock = virtualClock(11)
    slot = memorySlot({ nowUs: clock.nowUs, options: OPTIONS })
    a = await started('a')
    b = await started('b')
    c = await started('c')
  })

  afterEach(async () => {
    for (const { locks } of [a, b, c]) await clock.until(locks.stop())
    expect(clock.pending, 'timers left').to.equal(0)
    expect(slot.listeners.size, 'listeners left').to.equal(0)
  })

  async function started(name: string): Promise<Process> {
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
    return { locks, store, link, tell }
  }

  async function ticketOf(process: Process, key: string, resources = ONE): Promise<Ticket> {
    return (await clock.until(process.store.acquire(process.locks.session, key, resources, null)))!
  }

  async function take(process: Process, key: string, resources = ONE): Promise<Lock> {
    const lock = await clock.until(process.locks.hold(await ticketOf(process, key, resources), resources, NEVER))
    expect(lock).to.have.property('signal')
    return lock as Lock
  }

  /** Starts waiting; settles the answer as a value so that nothing is ever unhandled. */
  async function waitFor(process: Process, key: string, resources = ONE, signal = NEVER): Promise<() => unknown> {
    const ticket = await ticketOf(process, key, resources)
    expect(ticket.state).to.equal('waiting')
    let answer: unknown = 'waiting'
    process.locks.hold(ticket, resources, signal).then(
      (end) => {
        answer = end
      },
      (failure: unknown) => {
        answer = failure
      },
    )
    await clock.settle()
    return () => answer
  }

  it('is held at once when it was granted with its reply', async () => {
    const lock = await take(a, 'r1')
    expect(lock.trusted()).to.equal(true)
    expect(lock.signal.aborted).to.equal(false)
    expect(lock.ticket).to.be.greaterThan(1e15)
  })

  it('is granted by a notice as soon as the one in front is released', async () => {
    const first = await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(3)
    expect(answer()).to.have.property('trusted')
  })

  it('is granted when its notice comes before the reply that names it', async () => {
    const first = await take(a, 'r1')
    const ticket = await ticketOf(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(5)
    expect(b.locks.sizes.early).to.equal(1)
    const lock = (await clock.until(b.locks.hold(ticket, ONE, NEVER), 0)) as Lock
    expect(lock.trusted()).to.equal(true)
    expect(b.locks.sizes.early).to.equal(0)
  })

  it('is lost when a notice of its loss comes before the reply that names it', async () => {
    await take(a, 'r1')
    const ticket = await ticketOf(b, 'r2')
    slot.publish(b.locks.session, { kind: 'lost', ticket: ticket.number })
    await clock.advance(5)
    const failure = await clock.until(b.locks.hold(ticket, ONE, NEVER).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('is lost when its grant and its loss are told in one breath', async () => {
    await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    const ticket = [...slot.tickets.keys()][1]!
    b.tell({ kind: 'granted', ticket, grantedAtMs: clock.nowMs() })
    b.tell({ kind: 'lost', ticket })
    await clock.settle()
    expect(answer()).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('is granted by asking when the notice was lost', async () => {
    b.link.weather.noticeLost = 1
    const first = await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(OPTIONS.leaseMs + 200)
    expect(answer()).to.have.property('trusted')
  })

  it('is asked for at once after a gap in the notices', async () => {
    b.link.weather.noticeLost = 1
    const first = await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(10)
    expect(answer()).to.equal('waiting')
    for (const listener of slot.listeners.get(b.locks.session)!) listener.onGap()
    await clock.advance(310)
    expect(answer()).to.have.property('trusted')
  })

  it('goes on being asked for while the store is silent for a while', async () => {
    const first = await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    b.link.weather.noticeLost = 1
    await clock.until(a.store.release(a.locks.session, first.ticket))
    const { poke } = b.store
    let refused = 0
    Object.assign(b.store, {
      poke: (session: string, ticket: number) => {
        if (++refused > 2) return poke(session, ticket)
        b.link.weather.state = 'refusing'
        const answered = poke(session, ticket)
        b.link.weather.state = 'up'
        return answered
      },
    })
    await clock.advance(OPTIONS.leaseMs + 1_000)
    expect(refused).to.equal(3)
    expect(answer()).to.have.property('trusted')
  })

  it('passes on when its holder dies, within one lease', async () => {
    await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    const diedMs = clock.monotonicMs()
    a.link.weather.state = 'silent'
    await clock.runUntil(() => answer() !== 'waiting')
    expect(clock.monotonicMs() - diedMs).to.be.lessThan(OPTIONS.leaseMs + OPTIONS.leaseMs / 3 + 200)
    expect(answer()).to.have.property('trusted')
    a.link.weather.state = 'up'
    await clock.advance(10_000)
    await clock.until(a.locks.stop())
  })

  it('is aborted by a notice of its loss', async () => {
    const lock = await take(a, 'r1')
    slot.publish(a.locks.session, { kind: 'lost', ticket: lock.ticket })
    await clock.advance(5)
    expect(lock.signal.reason).to.be.instanceOf(LockLost).with.property('why', 'ticket')
    expect(lock.trusted()).to.equal(false)
  })

  it('is lost when after a gap the store knows nothing of it, as after a failover that lost its grant', async () => {
    const replica = checkpoint(slot)
    const lock = await take(a, 'r1')
    failover(slot, replica, 'run-2')
    await clock.advance(1_000)
    expect(lock.signal.reason).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('is lost when after a gap it waits, as after a failover that lost the release of the one in front', async () => {
    const first = await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    const replica = checkpoint(slot)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(10)
    const lock = answer() as Lock
    expect(lock.trusted()).to.equal(true)
    failover(slot, replica, 'run-2')
    await clock.advance(1_000)
    expect(lock.trusted()).to.equal(false)
  })

  it('is kept through a restart that lost nothing, also where the first question after it is not answered', async () => {
    const lock = await take(a, 'r1')
    restart(slot, 'run-2')
    await clock.advance(299)
    a.link.weather.replyLost = 1
    await clock.advance(100)
    a.link.weather.replyLost = 0
    await clock.advance(5_000)
    expect(lock.trusted()).to.equal(true)
    expect(lock.signal.aborted).to.equal(false)
  })

  it('is trusted no longer than the hold time less the margin, from the earliest moment of its grant', async () => {
    a.link.weather.latencyMs = 300
    const lock = await take(a, 'r1')
    const grantedAtMs = slot.tickets.get(lock.ticket)!.grantedAtMs
    const endMs = slot.tickets.get(lock.ticket)!.deadlineMs - OPTIONS.marginMs
    expect(endMs - grantedAtMs).to.equal(OPTIONS.holdMs - OPTIONS.marginMs)
    await clock.advance(endMs - clock.nowMs() - 400)
    expect(lock.trusted()).to.equal(true)
    await clock.advance(400)
    expect(lock.trusted()).to.equal(false)
    expect(lock.signal.reason).to.be.instanceOf(LockLost).with.property('why', 'hold')
  })

  it('is not trusted longer because the clock of the store runs ahead', async () => {
    const ticket = await ticketOf(a, 'r1')
    const ahead = { ...ticket, grantedAtMs: ticket.grantedAtMs + 3_600_000 }
    const lock = (await clock.until(a.locks.hold(ahead, ONE, NEVER))) as Lock
    await clock.advance(OPTIONS.holdMs)
    expect(lock.trusted()).to.equal(false)
  })

  it('ends in vain after the longest wait; the queue that moved meanwhile is told', async () => {
    const first = await take(a, 'r1')
    const second = await waitFor(b, 'r2')
    const answer = await waitFor(c, 'r3')
    await clock.advance(10_000)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(OPTIONS.waitMs - 10_000 + 100)
    expect(second()).to.have.property('trusted')
    expect(answer()).to.deep.include({ inVain: true, moved: true })
  })

  it('ends in vain without a word for the queue when it has not moved', async () => {
    await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    await clock.advance(OPTIONS.waitMs + 100)
    expect(answer()).to.deep.include({ inVain: true, moved: false })
    expect((answer() as InVain).ticket).to.equal([...slot.tickets.keys()][1])
  })

  it('is asked for once more before the wait is called in vain', async () => {
    const first = await take(a, 'r1')
    const answer = await waitFor(b, 'r2')
    b.link.weather.noticeLost = 1
    await clock.advance(OPTIONS.waitMs - 20)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(50)
    expect(answer()).to.have.property('trusted')
  })

  it('is given up when the caller aborts', async () => {
    await take(a, 'r1')
    const abort = new AbortController()
    const answer = await waitFor(b, 'r2', ONE, abort.signal)
    abort.abort()
    await clock.settle()
    expect(answer()).to.be.instanceOf(LockLost).with.property('why', 'abort')
    expect(b.locks.sizes).to.deep.equal({ waiting: 0, held: 0, early: 0, resources: 0 })
  })

  it('is refused to a caller that has aborted already', async () => {
    const ticket = await ticketOf(a, 'r1')
    const failure = await clock.until(a.locks.hold(ticket, ONE, AbortSignal.abort()).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost)
  })

  it('of an earlier session is lost, however healthy the present one is', async () => {
    const ticket = await ticketOf(a, 'r1')
    const takenBy = a.locks.session
    clock.stall(OPTIONS.leaseMs)
    await clock.advance(3_000)
    expect(a.locks.trusted).to.equal(true)
    const failure = await clock.until(a.locks.hold(ticket, ONE, NEVER, takenBy).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'session')
  })

  it('makes its resource crowded while it waits, for requests of this process', async () => {
    await take(a, 'r1')
    const wide: readonly Resource[] = ['c:two', 'c:one']
    const answers = [await waitFor(b, 'r2'), await waitFor(b, 'r3', wide)]
    expect(b.locks.crowded(ONE)).to.equal(true)
    expect(b.locks.crowded(['c:three', ...ONE])).to.equal(true)
    expect(b.locks.crowded(TWO)).to.equal(false)
    expect(c.locks.crowded(ONE)).to.equal(false)
    await clock.advance(OPTIONS.waitMs + 200)
    expect(answers.every((answer) => answer() !== 'waiting')).to.equal(true)
    expect(b.locks.crowded(ONE)).to.equal(false)
    expect(b.locks.sizes.resources).to.equal(0)
  })

  it('is no longer watched once it is forgotten, and its signal stays silent', async () => {
    const lock = await take(a, 'r1')
    a.locks.forget(lock.ticket)
    expect(lock.trusted()).to.equal(false)
    slot.publish(a.locks.session, { kind: 'lost', ticket: lock.ticket })
    await clock.advance(OPTIONS.holdMs + 1_000)
    expect(lock.signal.aborted).to.equal(false)
    expect(a.locks.sizes.held).to.equal(0)
  })

  it('drops notices that nobody asked for, in the end', async () => {
    const notice = (ticket: number): Notice => ({ kind: 'granted', ticket, grantedAtMs: clock.nowMs() })
    for (let ticket = 1; ticket <= 100; ticket++) slot.publish(a.locks.session, notice(ticket))
    await clock.advance(OPTIONS.holdMs + OPTIONS.waitMs + 10)
    expect(a.locks.sizes.early).to.equal(100)
    slot.publish(a.locks.session, notice(101))
    await clock.advance(5)
    expect(a.locks.sizes.early).to.equal(1)
  })

  describe('changed for another', () => {
    it('gives the first resources up and takes the next in one step', async () => {
      const lock = await take(a, 'r1')
      const answer = await waitFor(b, 'r2')
      const next = (await clock.until(a.locks.change(lock, 'r1/two', TWO, NEVER))) as Lock
      await clock.advance(3)
      expect(next.trusted()).to.equal(true)
      expect(lock.trusted()).to.equal(false)
      expect(next.ticket).to.be.greaterThan(lock.ticket)
      expect(answer()).to.have.property('trusted')
    })

    it('waits where the next resources are taken', async () => {
      const lock = await take(a, 'r1')
      const other = await take(b, 'r2', TWO)
      const changing = a.locks.change(lock, 'r1/two', TWO, NEVER)
      await clock.advance(100)
      await clock.until(b.store.release(b.locks.session, other.ticket))
      const next = (await clock.until(changing)) as Lock
      expect(next.trusted()).to.equal(true)
    })

    it('takes one ticket although the reply was lost', async () => {
      const lock = await take(a, 'r1')
      a.link.weather.replyLost = 1
      const changing = a.locks.change(lock, 'r1/two', TWO, NEVER)
      await clock.advance(500)
      a.link.weather.replyLost = 0
      const next = (await clock.until(changing)) as Lock
      expect(next.trusted()).to.equal(true)
      expect([...slot.tickets.keys()]).to.deep.equal([next.ticket])
    })

    it('ends the session when the store no longer knows it', async () => {
      const lock = await take(a, 'r1')
      const { session } = a.locks
      slot.sessions.delete(session)
      const failure = await clock.until(a.locks.change(lock, 'r1/two', TWO, NEVER).catch((cause: unknown) => cause))
      expect(failure).to.be.instanceOf(LockLost).with.property('why', 'session')
      await clock.advance(100)
      expect(a.locks.session).not.to.equal(session)
    })

    it('is refused when the lock was lost before', async () => {
      const lock = await take(a, 'r1')
      slot.publish(a.locks.session, { kind: 'lost', ticket: lock.ticket })
      await clock.advance(5)
      const failure = await clock.until(a.locks.change(lock, 'r1/two', TWO, NEVER).catch((cause: unknown) => cause))
      expect(failure).to.be.instanceOf(LockLost).with.property('why', 'ticket')
    })

    it('gives the new ticket up when the caller aborts, since nobody else knows it', async () => {
      const lock = await take(a, 'r1')
      await take(b, 'r2', TWO)
      const abort = new AbortController()
      const changing = a.locks.change(lock, 'r1/two', TWO, abort.signal).catch((cause: unknown) => cause)
      await clock.advance(100)
      abort.abort()
      expect(await clock.until(changing)).to.be.instanceOf(LockLost)
      await clock.advance(10)
      expect(slot.tickets.size).to.equal(1)
    })
  })
})
