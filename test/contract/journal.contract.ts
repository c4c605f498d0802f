// The rules of a journal: begin answers with what stands, one processing at a time, the first decision stands.
import { expect } from 'chai'
import { AGAIN, BEGIN } from './begin.rules.ts'
import { CANCEL } from './cancel.rules.ts'
import { DEATHS } from './deaths.rules.ts'
import { PACKING } from './packing.rules.ts'
import { RESTORING } from './restoring.rules.ts'
import {
  acquire,
  asideOf,
  attemptOf,
  begin,
  carryOut,
  claim,
  decisionOf,
  entryOf,
  I,
  idOf,
  listen,
  live,
  M,
  moveOf,
  open,
  OTHER,
  prepared,
  R1,
  R2,
  S,
  SCOPE,
  scopeOf,
  SEED,
  SMALL,
  transfer,
  type Rule,
  type Suite,
} from './ground.ts'

const DECIDE: Readonly<Record<string, Rule>> = {
  'stands at once, and gives the lock up in the same step': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const begun = await begin(store, R1, 'a.1')
    const waiting = await begin(store, R2, 'b.1')
    const heard = await listen(store, 'b')
    expect(await store.journal.decide(begun.processing, decisionOf(R1, 'expired'), { put: [] })).to.equal('decided')
    expect(await heard.next()).to.deep.include({ kind: 'granted', ticket: waiting.ticket.number })
    expect(await store.journal.show(R1)).to.deep.include({
      state: 'decided',
      code: 'expired',
      decidedAtMs: store.nowMs(),
      toldAtMs: null,
      event: decisionOf(R1, 'expired').event,
    })
    await heard.unlisten()
  },
  'is the first one for ever; the same again is answered as decided': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    const decide = (decision: ReturnType<typeof decisionOf>): Promise<string> =>
      store.journal.decide(begun.processing, decision, { put: [] })
    expect(await decide(decisionOf(R1, 'expired'))).to.equal('decided')
    expect(await decide(decisionOf(R1, 'expired'))).to.equal('decided')
    expect(await decide(decisionOf(R1, 'cancelled'))).to.equal('stale')
    expect((await store.journal.show(R1))!.code).to.equal('expired')
  },
  'is refused to a processing that another has followed': async (store) => {
    await open(store, 'a')
    const old = await begin(store, R1, 'a.1')
    await begin(store, R1, 'a.2')
    expect(await store.journal.decide(old.processing, decisionOf(R1), { put: [moveOf('open')] })).to.equal('stale')
    expect(await store.journal.moves([I])).to.deep.equal({})
    expect((await store.journal.show(R1))!.state).to.equal('processing')
  },
  'is refused to a session whose lease is over, although nobody else has begun': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.advance(store.options.leaseMs)
    expect(await store.journal.decide(begun.processing, decisionOf(R1), { put: [] })).to.equal('stale')
  },
  'is refused after a restart of the store, although its session lives': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.restart()
    expect(await store.journal.decide(begun.processing, decisionOf(R1), { put: [] })).to.equal('stale')
  },
  'of a request that nobody began is refused': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    const other = { ...begun.processing, request: R2 }
    expect(await store.journal.decide(other, decisionOf(R2), { put: [] })).to.equal('stale')
  },
  'records moves under their consumer and under their M': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.journal.decide(begun.processing, decisionOf(R1), { put: [moveOf('open')] })
    expect(await store.journal.moves([I, M, OTHER])).to.deep.equal({ [I]: moveOf('open'), [M]: moveOf('open') })
  },
}

const ASIDE: Readonly<Record<string, Rule>> = {
  'makes every copy a duplicate until it is due': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    expect(await store.journal.aside(begun.processing, asideOf('contended', 1, 1_000))).to.equal('aside')
    expect(await store.journal.show(R1)).to.deep.include({
      state: 'waiting',
      holder: null,
      dueAtMs: store.nowMs() + 1_000,
    })
    await store.advance(999)
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.2', true)).to.deep.equal({ kind: 'duplicate' })
    await store.advance(1)
    const again = await begin(store, R1, 'a.3')
    expect(again.processing).to.include({
      attempts: 2,
      rung: 1,
      lastReason: 'contended',
      firstFailedAtMs: store.nowMs() - 1_000,
    })
    expect(await store.journal.show(R1)).to.include({ dueAtMs: null })
  },
  'remembers when the request failed first, and why it failed last': async (store) => {
    await open(store, 'a')
    const firstFailedAtMs = store.nowMs()
    const first = await begin(store, R1, 'a.1')
    await store.journal.aside(first.processing, asideOf('contended', 1, 0))
    await store.advance(1_000)
    const second = await begin(store, R1, 'a.2')
    await store.journal.aside(second.processing, asideOf('ledger_unavailable', 2, 0))
    const third = await begin(store, R1, 'a.3')
    expect(third.processing).to.include({ attempts: 3, rung: 2, lastReason: 'ledger_unavailable', firstFailedAtMs })
  },
  'handed back may be begun at once, and counts as no failure': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await begin(store, R1, 'a.1')
    expect(await store.journal.aside(first.processing, asideOf('handed_back', 0, 0))).to.equal('aside')
    const again = await begin(store, R1, 'b.1')
    expect(again.processing).to.include({ attempts: 2, rung: 0, lastReason: null, firstFailedAtMs: null })
  },
  'gives the lock up also where another has followed': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    await store.restart()
    expect(await store.journal.aside(first.processing, asideOf('handed_back', 0, 0))).to.equal('stale')
    expect(await store.locks.poke('a', first.ticket.number)).to.equal(null)
  },
  'gives the lock up in the same step': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await begin(store, R1, 'a.1')
    const waiting = await begin(store, R2, 'b.1')
    await store.journal.aside(first.processing, asideOf('contended', 1, 1_000))
    expect(await store.locks.poke('b', waiting.ticket.number)).to.include({ state: 'granted' })
  },
  'is refused once the request is decided': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.journal.decide(begun.processing, decisionOf(R1), { put: [] })
    expect(await store.journal.aside(begun.processing, asideOf('contended', 1, 0))).to.equal('stale')
    expect((await store.journal.show(R1))!.state).to.equal('decided')
  },
  'is refused to a processing that another has followed, or whose lease is over': async (store) => {
    await open(store, 'a')
    const old = await begin(store, R1, 'a.1')
    const current = await begin(store, R1, 'a.2')
    expect(await store.journal.aside(old.processing, asideOf('contended', 1, 0))).to.equal('stale')
    await store.advance(store.options.leaseMs)
    expect(await store.journal.aside(current.processing, asideOf('contended', 1, 0))).to.equal('stale')
    expect((await store.journal.show(R1))!.holder).to.equal('a')
  },
  'keeps the number of the write attempt': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    expect(await store.ledger.close(attemptOf(begun))).to.equal('closed')
    await store.journal.aside(begun.processing, asideOf('ledger_unavailable', 1, 0))
    expect((await begin(store, R1, 'a.2')).processing.attempt).to.equal(2)
  },
}

const SWEEP: Readonly<Record<string, Rule>> = {
  'finds nothing that was begun lately, nor what a live process holds': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await live(store, store.options.sweepAfterMs - 1, 'a')
    expect(await store.journal.sweep(10)).to.deep.equal([])
  },
  'finds nothing that a live process holds, however long ago it was begun': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const held = await acquire(store, 'b', 'k', [`c:${I}`])
    await begin(store, R1, 'a.1')
    await live(store, store.options.waitMs / 2, 'a', 'b')
    await store.locks.release('b', held.number) // the hold time of R1 begins now
    await live(store, store.options.sweepAfterMs - store.options.waitMs / 2 + 1, 'a')
    expect(await store.journal.sweep(10)).to.deep.equal([])
  },
  'finds what a live process has lost its lock on': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await live(store, Math.max(store.options.sweepAfterMs, store.options.holdMs) + 1, 'a')
    expect(await store.journal.sweep(10)).to.deep.equal([entryOf(R1)])
  },
  'finds what a dead process held, with all that is needed to publish it again': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await store.advance(store.options.sweepAfterMs)
    expect(await store.journal.sweep(10)).to.deep.equal([entryOf(R1)])
  },
  'looks at each request later and later while nobody takes it': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    const found: number[] = []
    for (let minute = 1; minute <= 64; minute++) {
      await store.advance(store.options.sweepAfterMs)
      if ((await store.journal.sweep(10)).length > 0) found.push(minute)
    }
    expect(found).to.deep.equal([1, 2, 4, 8, 16, 32, 64])
  },
  'finds what is decided and not told, also while its process lives': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.journal.decide(begun.processing, decisionOf(R1), { put: [] })
    await live(store, store.options.sweepAfterMs, 'a')
    expect(await store.journal.sweep(10)).to.deep.equal([entryOf(R1)])
  },
  'finds what apply decided and nobody told': async (store) => {
    await open(store, 'a')
    await carryOut(store, R1, 'a.1', claim)
    await live(store, store.options.sweepAfterMs, 'a')
    expect(await store.journal.sweep(10)).to.deep.equal([entryOf(R1)])
  },
  'leaves what waits for its time alone until long after it': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.journal.aside(begun.processing, asideOf('contended', 5, 600_000))
    await store.advance(600_000 + store.options.sweepAfterMs - 1)
    expect(await store.journal.sweep(10)).to.deep.equal([])
    await store.advance(1)
    expect(await store.journal.sweep(10)).to.deep.equal([entryOf(R1)])
  },
  'finds at most as many as asked for, the longest waiting first': async (store) => {
    await open(store, 'a')
    for (let i = 1; i <= 3; i++) {
      await begin(store, idOf('b', i), `a.${i}`, scopeOf([idOf('c', 10 + i)], []))
      await store.advance(10)
    }
    await store.advance(store.options.sweepAfterMs)
    expect((await store.journal.sweep(2)).map(({ id }) => id)).to.deep.equal([idOf('b', 1), idOf('b', 2)])
    expect((await store.journal.sweep(2)).map(({ id }) => id)).to.deep.equal([idOf('b', 3)])
  },
  'finds nothing that was told': async (store) => {
    await open(store, 'a')
    await carryOut(store, R1, 'a.1', claim)
    await store.journal.told([R1])
    expect(await store.journal.show(R1)).to.include({ state: 'told', toldAtMs: store.nowMs() })
    await store.advance(store.options.sweepAfterMs * 100)
    expect(await store.journal.sweep(10)).to.deep.equal([])
  },
  'a request that is not decided cannot be told': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await store.journal.told([R1, R2])
    expect(await store.journal.show(R1)).to.include({ state: 'processing', toldAtMs: null })
    await store.advance(store.options.sweepAfterMs)
    expect(await store.journal.sweep(10)).to.deep.equal([entryOf(R1)])
  },
  'telling forgets moves that ended long ago, and keeps open ones': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    const ended = { ...moveOf('reverted'), consumer: OTHER, migration: null }
    await store.journal.decide(first.processing, decisionOf(R1), { put: [moveOf('open'), ended] })
    await store.advance(store.options.journalMs)
    await open(store, 'b')
    const second = await begin(store, R2, 'b.1')
    await store.journal.decide(second.processing, decisionOf(R2), { put: [] })
    await store.journal.told([R2])
    expect(await store.journal.moves([I, OTHER])).to.deep.equal({ [I]: moveOf('open') })
  },
}

const SHOW: Readonly<Record<string, Rule>> = {
  'a move that is followed by another is replaced, under both its names': async (store) => {
    await open(store, 'a')
    await carryOut(store, R1, 'a.1', (snapshot) => ({ ...claim(snapshot), moves: { put: [moveOf('open')] } }))
    const begun = await begin(store, R2, 'a.2')
    await store.journal.decide(begun.processing, decisionOf(R2), {
      put: [moveOf('confirmed', R2)],
    })
    expect(await store.journal.moves([I, M])).to.deep.equal({
      [I]: moveOf('confirmed', R2),
      [M]: moveOf('confirmed', R2),
    })
  },
  'no consumer has no move': async (store) => {
    expect(await store.journal.moves([])).to.deep.equal({})
  },
  'a request never begun is null': async (store) => {
    expect(await store.journal.show(R1)).to.equal(null)
  },
  'a record keeps the exact bytes of the request': async (store) => {
    await open(store, 'a')
    const body = Buffer.from([0, 1, 127, 128, 255, 10, 13, 31])
    await store.journal.begin({ ...entryOf(R1), body }, SCOPE, 'a.1', true)
    expect((await store.journal.show(R1))!.body.equals(body)).to.equal(true)
  },
  'shows every time and count of a record': async (store) => {
    await open(store, 'a')
    const begunAtMs = store.nowMs()
    const begun = await begin(store, R1, 'a.1')
    await store.advance(10)
    await store.ledger.apply(transfer(begun.snapshot!), attemptOf(begun), decisionOf(R1))
    await store.advance(10)
    await store.journal.told([R1])
    expect(await store.journal.show(R1)).to.deep.equal({
      id: R1,
      operation: 'claim',
      state: 'told',
      attempts: 1,
      begunAtMs,
      decidedAtMs: begunAtMs + 10,
      toldAtMs: begunAtMs + 20,
      dueAtMs: null,
      code: 'applied',
      holder: 'a',
      body: entryOf(R1).body,
      event: decisionOf(R1).event,
    })
  },
  'lists the newest first, at most as many as asked for': async (store) => {
    await open(store, 'a')
    for (let i = 1; i <= 3; i++) {
      await begin(store, idOf('b', i), `a.${i}`, scopeOf([idOf('c', 10 + i)], []))
      await store.advance(10)
    }
    expect((await store.journal.list(2)).map(({ id }) => id)).to.deep.equal([idOf('b', 3), idOf('b', 2)])
    expect((await store.journal.list(10)).length).to.equal(3)
  },
  'the books are as the seed left them while nothing is applied': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    expect((await store.dump()).consumers).to.deep.include({
      id: I,
      generation: 1,
      type: 'INSTANCE',
      project: 'p',
      user: 'u',
      allocations: { [S]: SMALL },
    })
  },
}

const seeded: Rule = (store) => store.seed(SEED)

export const JOURNAL: Suite = {
  begin: prepared(BEGIN, seeded),
  cancel: prepared(CANCEL, seeded),
  'begin, of a request begun before': prepared(AGAIN, seeded),
  'a death': prepared(DEATHS, seeded),
  decide: prepared(DECIDE, seeded),
  aside: prepared(ASIDE, seeded),
  'told and sweep': prepared(SWEEP, seeded),
  packing: prepared(PACKING, seeded),
  restoring: prepared(RESTORING, seeded),
  'moves, show and list': prepared(SHOW, seeded),
}
