// A lock changed for another: one step, one ticket, whatever is lost on the way.
import { expect } from 'chai'
import { LockLost, type Lock } from '../../../src/locks/lock.ts'
import { LockGround, NEVER, TWO, type Process } from '../../support/lock-ground.ts'
import type { MemorySlot } from '../../support/memory/slot.ts'
import type { VirtualClock } from '../../support/virtual-clock.ts'

describe('a lock changed for another', () => {
  let ground: LockGround
  let clock: VirtualClock
  let slot: MemorySlot
  let a: Process
  let b: Process

  beforeEach(async () => {
    ground = new LockGround(11)
    clock = ground.clock
    slot = ground.slot
    a = await ground.start('a')
    b = await ground.start('b')
  })

  afterEach(() => ground.stop())

  it('gives the first resources up and takes the next in one step', async () => {
    const lock = await ground.take(a, 'r1')
    const answer = await ground.waitFor(b, 'r2')
    const next = (await clock.until(a.locks.change(lock, 'r1/two', TWO, NEVER))) as Lock
    await clock.advance(3)
    expect(next.trusted()).to.equal(true)
    expect(lock.trusted()).to.equal(false)
    expect(next.ticket).to.be.greaterThan(lock.ticket)
    expect(answer()).to.have.property('trusted')
  })

  it('waits where the next resources are taken', async () => {
    const lock = await ground.take(a, 'r1')
    const other = await ground.take(b, 'r2', TWO)
    const changing = a.locks.change(lock, 'r1/two', TWO, NEVER)
    await clock.advance(100)
    await clock.until(b.store.release(b.locks.session, other.ticket))
    const next = (await clock.until(changing)) as Lock
    expect(next.trusted()).to.equal(true)
  })

  it('takes one ticket although the reply was lost', async () => {
    const lock = await ground.take(a, 'r1')
    a.link.weather.replyLost = 1
    const changing = a.locks.change(lock, 'r1/two', TWO, NEVER)
    await clock.advance(500)
    a.link.weather.replyLost = 0
    const next = (await clock.until(changing)) as Lock
    expect(next.trusted()).to.equal(true)
    expect([...slot.tickets.keys()]).to.deep.equal([next.ticket])
  })

  it('ends the session when the store no longer knows it', async () => {
    const lock = await ground.take(a, 'r1')
    const { session } = a.locks
    slot.sessions.delete(session)
    const failure = await clock.until(a.locks.change(lock, 'r1/two', TWO, NEVER).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'session')
    await clock.advance(100)
    expect(a.locks.session).not.to.equal(session)
  })

  it('is refused when the lock was lost before', async () => {
    const lock = await ground.take(a, 'r1')
    slot.publish(a.locks.session, { kind: 'lost', ticket: lock.ticket })
    await clock.advance(5)
    const failure = await clock.until(a.locks.change(lock, 'r1/two', TWO, NEVER).catch((cause: unknown) => cause))
    expect(failure).to.be.instanceOf(LockLost).with.property('why', 'ticket')
  })

  it('gives the new ticket up when the caller aborts, since nobody else knows it', async () => {
    const lock = await ground.take(a, 'r1')
    await ground.take(b, 'r2', TWO)
    const abort = new AbortController()
    const changing = a.locks.change(lock, 'r1/two', TWO, abort.signal).catch((cause: unknown) => cause)
    await clock.advance(100)
    abort.abort()
    expect(await clock.until(changing)).to.be.instanceOf(LockLost)
    await clock.advance(10)
    expect(slot.tickets.size).to.equal(1)
  })
})
