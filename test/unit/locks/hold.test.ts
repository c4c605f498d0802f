// Waiting for a ticket, holding it, and every way in which it ends.
import { expect } from 'chai'
import { LockLost, type InVain, type Lock } from '../../../src/locks/lock.ts'
import type { Notice, Resource } from '../../../src/locks/locks.ts'
import { LockGround, NEVER, ONE, OPTIONS, TWO, type Process } from '../../support/lock-ground.ts'
import { checkpoint, failover, restart, type MemorySlot } from '../../support/memory/slot.ts'
import type { VirtualClock } from '../../support/virtual-clock.ts'

describe('a ticket in hand', () => {
  let ground: LockGround
  let clock: VirtualClock
  let slot: MemorySlot
  let a: Process
  let b: Process
  let c: Process

  beforeEach(async () => {
    ground = new LockGround(11)
    clock = ground.clock
    slot = ground.slot
    a = await ground.start('a')
    b = await ground.start('b')
    c = await ground.start('c')
  })

  afterEach(() => ground.stop())

  it('is held at once when it was granted with its reply', async () => {
    const lock = await ground.take(a, 'r1')
    expect(lock.trusted()).to.equal(true)
    expect(lock.signal.aborted).to.equal(false)
    expect(lock.ticket).to.be.greaterThan(1e15)
  })

  it('is granted by a notice as soon as the one in front is released', async () => {
    const first = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(3)
    expect(answer()).to.have.property('trusted')
  })

  it('is granted when its notice comes before the reply that names it', async () => {
    const first = await ground.take(a, 'r1')
    const ticket = await ground.ticketOf(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(5)
    expect(b.locks.sizes.early).to.equal(1)
    const lock = (await clock.until(b.locks.hold(ticket, ONE, NEVER), 0)) as Lock
    expect(lock.trusted()).to.equal(true)
    expect(b.locks.sizes.early).to.equal(0)
  })

  it('is lost when a notice of its loss comes before the reply that names it', async () => {
    await ground.take(a, 'r1')
    const ticket = await ground.ticketOf(b, 'r2')
    slot.publish(b.locks.session, { kind: 'lost', ticket: ticket.number })
    await clock.advance(5)
    const failure = await clock.until(b.locks.hold(ticket, ONE, NEVER).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('is lost when its grant and its loss are told in one breath', async () => {
    await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    const ticket = [...slot.tickets.keys()][1]!
    b.tell({ kind: 'granted', ticket, grantedAtMs: clock.nowMs() })
    b.tell({ kind: 'lost', ticket })
    await clock.settle()
    expect(answer()).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('is granted by asking when the notice was lost', async () => {
    b.link.weather.noticeLost = 1
    const first = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(OPTIONS.leaseMs + 200)
    expect(answer()).to.have.property('trusted')
  })

  it('is asked for at once after a gap in the notices', async () => {
    b.link.weather.noticeLost = 1
    const first = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(10)
    expect(answer()).to.equal('waiting')
    for (const listener of slot.listeners.get(b.locks.session)!) listener.onGap()
    await clock.advance(310)
    expect(answer()).to.have.property('trusted')
  })

  it('goes on being asked for while the store is silent for a while', async () => {
    const first = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
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
    await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
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
    const lock = await ground.take(a, 'r1')
    slot.publish(a.locks.session, { kind: 'lost', ticket: lock.ticket })
    await clock.advance(5)
    expect(lock.signal.reason).to.be.instanceOf(LockLost).with.property('why', 'ticket')
    expect(lock.trusted()).to.equal(false)
  })

  it('is lost when after a gap the store knows nothing of it, as after a failover that lost its grant', async () => {
    const replica = checkpoint(slot)
    const lock = await ground.take(a, 'r1')
    failover(slot, replica, 'run-2')
    await clock.advance(1_000)
    expect(lock.signal.reason).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('is lost when after a gap it waits, as after a failover that lost the release of the one in front', async () => {
    const first = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    const replica = checkpoint(slot)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(10)
    const lock = answer() as Lock
    expect(lock.trusted()).to.equal(true)
    failover(slot, replica, 'run-2')
    await clock.advance(1_000)
    expect(lock.trusted()).to.equal(false)
  })

  it('is lost when the store lost its grant before anybody made use of it, and another holds it', async () => {
    const replica = checkpoint(slot)
    const ticket = await ground.ticketOf(a, 'r1')
    failover(slot, replica, 'run-2')
    await clock.advance(slot.options.graceMs + 1_000)
    const other = await ground.take(b, 'r2')
    const failure = await clock.until(a.locks.hold(ticket, ONE, NEVER).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'ticket')
    expect(other.trusted()).to.equal(true)
  })

  it('is held when a restart that lost nothing came before anybody made use of it', async () => {
    const ticket = await ground.ticketOf(a, 'r1')
    restart(slot, 'run-2')
    await clock.advance(1_000)
    const lock = (await clock.until(a.locks.hold(ticket, ONE, NEVER))) as Lock
    expect(lock.trusted()).to.equal(true)
  })

  it('waits when the store knows no more of its grant than that it came', async () => {
    const first = await ground.take(a, 'r1')
    const waiting = await ground.ticketOf(b, 'r2')
    const replica = checkpoint(slot)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(10)
    failover(slot, replica, 'run-2')
    await clock.advance(1_000)
    const abort = new AbortController()
    const answer = b.locks.hold(waiting, ONE, abort.signal).catch((cause: unknown) => cause)
    await clock.advance(10)
    expect(b.locks.sizes.waiting).to.equal(1)
    abort.abort()
    expect(await clock.until(answer))
      .to.be.instanceOf(LockLost)
      .with.property('why', 'abort')
  })

  it('is kept through a restart that lost nothing, even if the first question after it is not answered', async () => {
    const lock = await ground.take(a, 'r1')
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
    const lock = await ground.take(a, 'r1')
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
    const ticket = await ground.ticketOf(a, 'r1')
    const ahead = { ...ticket, grantedAtMs: ticket.grantedAtMs + 3_600_000 }
    const lock = (await clock.until(a.locks.hold(ahead, ONE, NEVER))) as Lock
    await clock.advance(OPTIONS.holdMs)
    expect(lock.trusted()).to.equal(false)
  })

  it('ends in vain after the longest wait; the queue that moved meanwhile is told', async () => {
    const first = await ground.take(a, 'r1')
    const second = await ground.waitFor(b, 'r2')
    const answer = await ground.waitFor(c, 'r3')
    await clock.advance(10_000)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(OPTIONS.waitMs - 10_000 + 100)
    expect(second()).to.have.property('trusted')
    expect(answer()).to.deep.include({ inVain: true, moved: true })
  })

  it('ends in vain without a word for the queue when it has not moved', async () => {
    await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    await clock.advance(OPTIONS.waitMs + 100)
    expect(answer()).to.deep.include({ inVain: true, moved: false })
    expect((answer() as InVain).ticket).to.equal([...slot.tickets.keys()][1])
  })

  it('is asked for once more before the wait is called in vain', async () => {
    const first = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    b.link.weather.noticeLost = 1
    await clock.advance(OPTIONS.waitMs - 20)
    await clock.until(a.store.release(a.locks.session, first.ticket))
    await clock.advance(50)
    expect(answer()).to.have.property('trusted')
  })

  it('is given up when the caller aborts', async () => {
    await ground.take(a, 'r1')
    const abort = new AbortController()
    const answer = await ground.waitFor(b, 'r2', ONE, abort.signal)
    abort.abort()
    await clock.settle()
    expect(answer()).to.be.instanceOf(LockLost).with.property('why', 'abort')
    expect(b.locks.sizes).to.deep.equal({ waiting: 0, held: 0, early: 0, resources: 0 })
  })

  it('is refused to a caller that has aborted already', async () => {
    const ticket = await ground.ticketOf(a, 'r1')
    const failure = await clock.until(a.locks.hold(ticket, ONE, AbortSignal.abort()).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost)
  })

  it('of an earlier session is lost, however healthy the present one is', async () => {
    const ticket = await ground.ticketOf(a, 'r1')
    const takenBy = a.locks.session
    clock.stall(OPTIONS.leaseMs)
    await clock.advance(3_000)
    expect(a.locks.trusted).to.equal(true)
    const failure = await clock.until(a.locks.hold(ticket, ONE, NEVER, takenBy).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'session')
  })

  it('makes its resource crowded while it waits, for requests of this process', async () => {
    await ground.take(a, 'r1')
    const wide: readonly Resource[] = ['c:two', 'c:one']
    const answers = [await ground.waitFor(b, 'r2'), await ground.waitFor(b, 'r3', wide)]
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
    const lock = await ground.take(a, 'r1')
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
})
