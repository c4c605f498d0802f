// The rules of a lock store: all or none, first come first served, a lease per session, and the dead swept away.
import { expect } from 'chai'
import type { Resource } from '../../src/locks/locks.ts'
import { acquire, beat, idOf, listen, live, open, type Rule, type Suite } from './ground.ts'

const ONE: Resource = `c:${idOf('c', 1)}`
const TWO: Resource = `p:${idOf('a', 2)}`
const THREE: Resource = `p:${idOf('a', 3)}`

const SESSIONS: Readonly<Record<string, Rule>> = {
  'that never opened is not alive': async (store) => {
    expect(await store.locks.heartbeat('a', 5_000, false)).to.deep.equal({ alive: false, nowMs: store.nowMs() })
  },
  'lives for its lease after each heartbeat, and not a ms longer': async (store) => {
    await open(store, 'a')
    await store.advance(4_999)
    await beat(store, 'a')
    await store.advance(5_000)
    expect((await store.locks.heartbeat('a', 5_000, false)).alive).to.equal(false)
  },
  'is not revived by an opening heartbeat once its lease has ended': async (store) => {
    await open(store, 'a')
    await store.advance(5_000)
    expect((await store.locks.heartbeat('a', 5_000, true)).alive).to.equal(false)
  },
  'is renewed by a second send of its opening heartbeat': async (store) => {
    await open(store, 'a')
    await store.advance(4_000)
    await open(store, 'a')
    await store.advance(4_000)
    await beat(store, 'a')
  },
  'takes no ticket once it is over': async (store) => {
    await open(store, 'a')
    await store.advance(5_000)
    expect(await store.locks.acquire('a', 'k', [ONE], null)).to.equal(null)
  },
  'that was never opened takes no ticket': async (store) => {
    expect(await store.locks.acquire('a', 'k', [ONE], null)).to.equal(null)
  },
  'passes its tickets on at once when it is closed': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const held = await acquire(store, 'a', 'k1', [ONE, TWO])
    const waiting = await acquire(store, 'b', 'k2', [TWO])
    await store.locks.close('a')
    expect(await store.locks.poke('a', held.number)).to.equal(null)
    expect(await store.locks.poke('b', waiting.number)).to.include({ state: 'granted' })
    expect((await store.locks.heartbeat('a', 5_000, false)).alive).to.equal(false)
  },
  'may be closed twice': async (store) => {
    await open(store, 'a')
    await store.locks.close('a')
    await store.locks.close('a')
  },
}

const TICKETS: Readonly<Record<string, Rule>> = {
  'is granted at once where everything is free': async (store) => {
    await open(store, 'a')
    const ticket = await acquire(store, 'a', 'k', [ONE, TWO])
    expect(ticket).to.deep.equal({
      number: ticket.number,
      state: 'granted',
      grantedAtMs: store.nowMs(),
      etaMs: 0,
      ahead: 0,
    })
    expect(String(ticket.number)).to.match(/^\d{16}$/)
  },
  'waits where one of its resources is taken, and holds none of the others': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    const second = await acquire(store, 'b', 'k2', [ONE, TWO])
    expect(second).to.include({ state: 'waiting', grantedAtMs: 0, ahead: 1 })
    const third = await acquire(store, 'a', 'k3', [THREE])
    expect(third.state).to.equal('granted')
    await store.locks.release('a', first.number)
    expect(await store.locks.poke('b', second.number)).to.include({ state: 'granted', ahead: 0 })
  },
  'has a number above every earlier one, also within one µs and when the clock stands still': async (store) => {
    await open(store, 'a')
    let last = 0
    for (let round = 0; round < 20; round++) {
      const { number } = await acquire(store, 'a', `k${round}`, [ONE])
      expect(number).to.be.greaterThan(last)
      last = number
      await store.locks.release('a', number)
    }
  },
  'has a number above every earlier one when the clock steps back': async (store) => {
    await open(store, 'a')
    const first = await acquire(store, 'a', 'k1', [ONE])
    await store.locks.release('a', first.number)
    await store.advance(-3_000)
    await beat(store, 'a')
    expect((await acquire(store, 'a', 'k2', [ONE])).number).to.equal(first.number + 1)
  },
  'is found again by its key, so that a resend takes no second one': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    expect(await acquire(store, 'a', 'k1', [ONE])).to.deep.equal(first)
    const waiting = await acquire(store, 'b', 'k2', [ONE])
    expect(await acquire(store, 'b', 'k2', [ONE])).to.deep.equal(waiting)
    await store.locks.release('a', first.number)
    expect((await acquire(store, 'b', 'k2', [ONE])).state).to.equal('granted')
  },
  'is taken anew under a key whose ticket was released': async (store) => {
    await open(store, 'a')
    const first = await acquire(store, 'a', 'k1', [ONE])
    await store.locks.release('a', first.number)
    expect((await acquire(store, 'a', 'k1', [ONE])).number).to.be.greaterThan(first.number)
  },
  'counts a resource named twice once': async (store) => {
    await open(store, 'a')
    expect((await acquire(store, 'a', 'k1', [ONE, ONE])).state).to.equal('granted')
  },
  'replaces another of the same session in one step': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE, TWO])
    const waiting = await acquire(store, 'b', 'k2', [TWO])
    const next = await acquire(store, 'a', 'k3', [ONE, THREE], first.number)
    expect(next.state).to.equal('granted')
    expect(await store.locks.poke('a', first.number)).to.equal(null)
    expect(await store.locks.poke('b', waiting.number)).to.include({ state: 'granted' })
  },
  'goes behind those that wait already when it replaces another': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE, TWO])
    const waiting = await acquire(store, 'b', 'k2', [ONE])
    const next = await acquire(store, 'a', 'k3', [ONE, THREE], first.number)
    expect(next).to.include({ state: 'waiting', ahead: 1 })
    expect(await store.locks.poke('b', waiting.number)).to.include({ state: 'granted' })
  },
  'does not replace that of another session': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    expect((await acquire(store, 'b', 'k2', [ONE], first.number)).state).to.equal('waiting')
    expect(await store.locks.poke('a', first.number)).to.include({ state: 'granted' })
  },
  'is released by its own session only, and twice without harm': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    const second = await acquire(store, 'b', 'k2', [ONE])
    await store.locks.release('b', first.number)
    expect(await store.locks.poke('a', first.number)).to.include({ state: 'granted' })
    await store.locks.release('a', first.number)
    await store.locks.release('a', first.number)
    expect(await store.locks.poke('b', second.number)).to.include({ state: 'granted' })
  },
  'is shown to its own session only': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    expect(await store.locks.poke('b', first.number)).to.equal(null)
  },
}

const QUEUES: Readonly<Record<string, Rule>> = {
  'is served first come first served, and tells the next by a notice': async (store) => {
    for (const session of ['a', 'b', 'c']) await open(store, session)
    const heard = { b: await listen(store, 'b'), c: await listen(store, 'c') }
    const first = await acquire(store, 'a', 'k1', [ONE])
    const second = await acquire(store, 'b', 'k2', [ONE])
    const third = await acquire(store, 'c', 'k3', [ONE])
    expect([second.ahead, third.ahead]).to.deep.equal([1, 2])
    await store.locks.release('a', first.number)
    expect(await heard.b.next()).to.deep.equal({ kind: 'granted', ticket: second.number, grantedAtMs: store.nowMs() })
    expect(await store.locks.poke('c', third.number)).to.include({ state: 'waiting', ahead: 1 })
    await store.locks.release('b', second.number)
    expect(await heard.c.next()).to.deep.include({ kind: 'granted', ticket: third.number })
    await heard.b.unlisten()
    await heard.c.unlisten()
  },
  'lets nobody overtake, also where all the newcomer wants is free': async (store) => {
    for (const session of ['a', 'b', 'c']) await open(store, session)
    await acquire(store, 'a', 'k1', [ONE])
    await acquire(store, 'b', 'k2', [ONE, TWO])
    expect((await acquire(store, 'c', 'k3', [TWO])).state).to.equal('waiting')
  },
  'moves every resource of a released ticket on': async (store) => {
    for (const session of ['a', 'b', 'c']) await open(store, session)
    const wide = await acquire(store, 'a', 'k1', [ONE, TWO])
    const left = await acquire(store, 'b', 'k2', [ONE])
    const right = await acquire(store, 'c', 'k3', [TWO])
    await store.locks.release('a', wide.number)
    expect(await store.locks.poke('b', left.number)).to.include({ state: 'granted' })
    expect(await store.locks.poke('c', right.number)).to.include({ state: 'granted' })
  },
  'waits on while only one of its resources is given up': async (store) => {
    for (const session of ['a', 'b', 'c']) await open(store, session)
    const held = await acquire(store, 'a', 'k1', [ONE])
    await acquire(store, 'b', 'k2', [TWO])
    const both = await acquire(store, 'c', 'k3', [ONE, TWO])
    await store.locks.release('a', held.number)
    expect(await store.locks.poke('c', both.number)).to.include({ state: 'waiting' })
  },
  'drops a dead waiter at its head, and moves its other queues on too': async (store) => {
    for (const session of ['a', 'dead', 'b', 'c']) await open(store, session)
    const held = await acquire(store, 'a', 'k1', [ONE])
    const other = await acquire(store, 'b', 'k2', [TWO])
    await acquire(store, 'dead', 'k3', [ONE, TWO, THREE])
    const behind = await acquire(store, 'c', 'k4', [THREE])
    const heard = await listen(store, 'c')
    await store.advance(3_000)
    await beat(store, 'a', 'b', 'c')
    await store.advance(2_500)
    await store.locks.release('a', held.number) // nobody has swept since the waiter died
    expect((await acquire(store, 'a', 'k5', [ONE])).state).to.equal('granted')
    expect(await heard.next()).to.deep.include({ kind: 'granted', ticket: behind.number })
    expect(await store.locks.poke('b', other.number)).to.include({ state: 'granted' })
    await heard.unlisten()
  },
  'says how long what stands in front may last: the lease of a holder that dies now': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await acquire(store, 'a', 'k1', [ONE])
    expect((await acquire(store, 'b', 'k2', [ONE])).etaMs).to.equal(store.options.leaseMs)
    await store.advance(1_500)
    await beat(store, 'b')
    expect((await acquire(store, 'b', 'k2', [ONE])).etaMs).to.equal(store.options.leaseMs - 1_500)
  },
  'says how long what stands in front may last: the hold time where it ends before the lease': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const { leaseMs, holdMs } = store.options
    await acquire(store, 'a', 'k1', [ONE])
    await live(store, holdMs - 1_000, 'a', 'b')
    expect((await acquire(store, 'b', 'k2', [ONE])).etaMs).to.equal(Math.min(leaseMs, 1_000))
  },
}

const ENDS: Readonly<Record<string, Rule>> = {
  'a holder that dies passes on at the next heartbeat of anybody': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await acquire(store, 'a', 'k1', [ONE])
    const waiting = await acquire(store, 'b', 'k2', [ONE])
    const heard = await listen(store, 'b')
    await store.advance(3_000)
    await beat(store, 'b')
    await store.advance(2_000)
    await beat(store, 'b')
    expect(await heard.next()).to.deep.equal({ kind: 'granted', ticket: waiting.number, grantedAtMs: store.nowMs() })
    await heard.unlisten()
  },
  'a holder that dies passes on when the next in the queue asks': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await acquire(store, 'a', 'k1', [ONE])
    await store.advance(3_000)
    await beat(store, 'b')
    const waiting = await acquire(store, 'b', 'k2', [ONE])
    await store.advance(waiting.etaMs)
    expect(await store.locks.poke('b', waiting.number)).to.include({ state: 'granted', grantedAtMs: store.nowMs() })
  },
  'a holder whose process lives on is evicted at the end of the hold time, and told so': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const held = await acquire(store, 'a', 'k1', [ONE])
    const heard = await listen(store, 'a')
    await live(store, 59_500, 'a', 'b')
    const waiting = await acquire(store, 'b', 'k2', [ONE])
    expect(waiting.state).to.equal('waiting')
    await store.advance(500)
    await beat(store, 'b')
    expect(await heard.next()).to.deep.equal({ kind: 'lost', ticket: held.number })
    expect(await store.locks.poke('b', waiting.number)).to.include({ state: 'granted' })
    expect(await store.locks.poke('a', held.number)).to.equal(null)
    await heard.unlisten()
  },
  'a ticket that waits past its time is dropped, and its session told so': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await acquire(store, 'a', 'k1', [ONE])
    const waiting = await acquire(store, 'b', 'k2', [ONE])
    const heard = await listen(store, 'b')
    await live(store, store.options.waitMs + store.options.leaseMs, 'a', 'b')
    expect(await heard.next()).to.deep.equal({ kind: 'lost', ticket: waiting.number })
    expect(await store.locks.poke('b', waiting.number)).to.equal(null)
    await heard.unlisten()
  },
  'the hold time begins with the grant, not with the ticket': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    const second = await acquire(store, 'b', 'k2', [ONE])
    await live(store, 30_000, 'a', 'b')
    await store.locks.release('a', first.number)
    await live(store, 59_000, 'a', 'b')
    expect(await store.locks.poke('b', second.number)).to.include({ state: 'granted' })
    await live(store, 1_000, 'a', 'b')
    expect(await store.locks.poke('b', second.number)).to.equal(null)
  },
}

const RESTARTS: Readonly<Record<string, Rule>> = {
  'grants nothing until every earlier lease must be over, and says when to ask again': async (store) => {
    await open(store, 'a')
    await store.restart()
    await beat(store, 'a')
    const ticket = await acquire(store, 'a', 'k1', [ONE])
    expect(ticket).to.include({ state: 'waiting', ahead: 0, etaMs: store.options.graceMs })
    await live(store, store.options.graceMs - 1, 'a')
    expect(await store.locks.poke('a', ticket.number)).to.include({ state: 'waiting', etaMs: 1 })
    await store.advance(1)
    expect(await store.locks.poke('a', ticket.number)).to.include({ state: 'granted' })
  },
  'leaves what was granted before with its holder': async (store) => {
    await open(store, 'a')
    const ticket = await acquire(store, 'a', 'k1', [ONE])
    await store.restart()
    expect(await store.locks.poke('a', ticket.number)).to.deep.equal(ticket)
  },
  'passes nothing on during the grace, also what is released': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await acquire(store, 'a', 'k1', [ONE])
    const second = await acquire(store, 'b', 'k2', [ONE])
    await store.restart()
    await store.locks.release('a', first.number)
    expect(await store.locks.poke('b', second.number)).to.include({ state: 'waiting', ahead: 0 })
  },
  'needs no grace when it is fresh': async (store) => {
    await open(store, 'a')
    expect((await acquire(store, 'a', 'k1', [ONE])).state).to.equal('granted')
  },
}

export const LOCKS: Suite = {
  'a session': SESSIONS,
  'a ticket': TICKETS,
  'the queue': QUEUES,
  'what ends by itself': ENDS,
  'a store that was restarted': RESTARTS,
}
