// The rules of beginning a request: for the first time, and again.
import { expect } from 'chai'
import {
  acquire,
  asideOf,
  attemptOf,
  beat,
  begin,
  claim,
  D,
  decisionOf,
  E,
  entryOf,
  I,
  listen,
  M,
  moveOf,
  open,
  OTHER,
  R1,
  R2,
  S,
  SCOPE,
  scopeOf,
  type Rule,
} from './ground.ts'

export const BEGIN: Readonly<Record<string, Rule>> = {
  'records the request, takes the lock, and reads the books in one step': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    expect(begun.processing).to.deep.equal({
      request: R1,
      token: 'a.1',
      session: 'a',
      attempts: 1,
      attempt: 1,
      rung: 0,
      nowMs: store.nowMs(),
      firstFailedAtMs: null,
      lastReason: null,
      cancelledBy: null,
      written: false,
      sent: false,
      intent: null,
      deaths: 0,
    })
    expect(begun.ticket).to.include({ state: 'granted', grantedAtMs: store.nowMs() })
    expect(begun.moves).to.deep.equal({})
    expect(begun.snapshot).to.deep.equal(await store.ledger.snapshot(SCOPE))
    expect(await store.journal.show(R1)).to.deep.include({ state: 'processing', holder: 'a', begunAtMs: store.nowMs() })
  },
  'locks every consumer and provider of the scope': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await begin(store, R1, 'a.1')
    for (const resource of [`c:${I}`, `c:${M}`, `p:${S}`, `p:${D}`] as const) {
      expect(await acquire(store, 'b', resource, [resource])).to.include({ state: 'waiting' })
    }
    expect(await acquire(store, 'b', 'e', [`p:${E}`])).to.include({ state: 'granted' })
  },
  'where the lock is taken it waits, and nothing is read yet': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await begin(store, R1, 'a.1')
    const begun = await begin(store, R2, 'b.1')
    expect(begun.ticket).to.include({ state: 'waiting', ahead: 1 })
    expect(begun.snapshot).to.equal(null)
  },
  'takes in the open move of its consumers, and what they hold, where that is asked': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    const moved = { ...claim(first.snapshot!), moves: { put: [moveOf('open')] } }
    expect(await store.ledger.apply(moved, attemptOf(first), decisionOf(R1))).to.include({ kind: 'applied' })
    const begun = await begin(store, R2, 'a.2', scopeOf([I], [], true))
    expect(begun.moves).to.deep.equal({ [I]: moveOf('open'), [M]: moveOf('open') })
    expect(Object.keys(begun.snapshot!.consumers).sort()).to.deep.equal([I, M])
    expect(Object.keys(begun.snapshot!.providers).sort()).to.deep.equal([S, D])
    expect(await acquire(store, 'a', 'm', [`c:${M}`])).to.include({ state: 'waiting' })
    expect(await acquire(store, 'a', 's', [`p:${S}`])).to.include({ state: 'waiting' })
  },
  'takes in what its consumers hold without a move, and leaves a move that has ended aside': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    await store.journal.decide(first.processing, decisionOf(R1, 'expired'), {
      put: [moveOf('confirmed')],
    })
    const begun = await begin(store, R2, 'a.2', scopeOf([I], [], true))
    expect(Object.keys(begun.snapshot!.consumers)).to.deep.equal([I])
    expect(Object.keys(begun.snapshot!.providers)).to.deep.equal([S])
    expect(begun.moves).to.deep.equal({ [I]: moveOf('confirmed') })
  },
  'is refused to a session whose lease is over': async (store) => {
    await open(store, 'a')
    await store.advance(store.options.leaseMs)
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.1', true)).to.deep.equal({ kind: 'stale' })
    expect(await store.journal.show(R1)).to.equal(null)
  },
}

export const AGAIN: Readonly<Record<string, Rule>> = {
  'is open to another once the lock of the live process at it is gone': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await begin(store, R1, 'a.1')
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'b.1', true)).to.deep.equal({ kind: 'duplicate' })
    await store.locks.release('a', first.ticket.number)
    expect((await begin(store, R1, 'b.1')).processing).to.include({ token: 'b.1', attempts: 2 })
  },
  'begins nothing by a token that its session has gone past, given up or not': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    const second = await begin(store, R1, 'a.2')
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.1', true)).to.deep.equal({ kind: 'stale' })
    await store.journal.aside(second.processing, asideOf('handed_back', 0, 0))
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.2', true)).to.deep.equal({ kind: 'stale' })
  },
  'tells that a write which may not be repeated was sent': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    const only = { attempt: 1, once: true, intent: null }
    expect(await store.journal.sending(first.processing, only)).to.equal('noted')
    const second = await begin(store, R1, 'a.2')
    expect(second.processing).to.include({ sent: true, written: false, intent: null, attempt: 1 })
    expect(await store.journal.sending(first.processing, only)).to.equal('stale')
  },
  'tells what may have been sent, until another attempt is noted or it is decided': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    const intent = { decision: decisionOf(R1), moves: { put: [moveOf('open')] }, consumers: [I, M], marked: true }
    const second = { ...intent, decision: decisionOf(R1, 'applied', 'again'), consumers: [I] }
    expect(await store.journal.sending(first.processing, { attempt: 1, once: false, intent })).to.equal('noted')
    expect(await store.journal.unsettled([I, M, OTHER])).to.deep.equal({ [I]: R1, [M]: R1 })
    const again = await begin(store, R1, 'a.2')
    expect(again.processing).to.deep.include({ attempt: 1, intent, sent: false })
    const next = { attempt: 2, once: false, intent: second }
    expect(await store.journal.sending(again.processing, next)).to.equal('noted')
    expect(await store.journal.sending(again.processing, { attempt: 1, once: false, intent })).to.equal('stale')
    expect(await store.journal.unsettled([I, M])).to.deep.equal({ [I]: R1 })
    const third = await begin(store, R1, 'a.3')
    expect(third.processing).to.deep.include({ attempt: 2, intent: second })
    await store.journal.decide(third.processing, second.decision, second.moves)
    expect(await store.journal.unsettled([I, M])).to.deep.equal({})
  },
  'lets others plan on its consumers once it waits for its next turn, but not when it was handed back': async (
    store,
  ) => {
    await open(store, 'a')
    const intent = { decision: decisionOf(R1), moves: { put: [] }, consumers: [I], marked: true }
    for (const [n, reason] of (['handed_back', 'ledger_unavailable'] as const).entries()) {
      const { processing } = await begin(store, R1, `a.${n + 1}`)
      await store.journal.sending(processing, { attempt: n + 1, once: false, intent })
      await store.journal.aside(processing, asideOf(reason, 0, 0))
      expect(await store.journal.unsettled([I])).to.deep.equal(reason === 'handed_back' ? { [I]: R1 } : {})
    }
    expect((await begin(store, R1, 'a.9')).processing).to.deep.include({ attempt: 2, intent })
  },
  'takes a note back that was proven not done': async (store) => {
    await open(store, 'a')
    const first = await begin(store, R1, 'a.1')
    const intent = { decision: decisionOf(R1), moves: { put: [] }, consumers: [I], marked: false }
    await store.journal.sending(first.processing, { attempt: 1, once: true, intent })
    await store.journal.sending(first.processing, { attempt: 1, once: false, intent: null })
    expect((await begin(store, R1, 'a.2')).processing).to.deep.include({ sent: false, intent: null })
    expect(await store.journal.unsettled([I])).to.deep.equal({})
  },
  'notes no send of a processing whose lease is over, or which waits for its lock': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const first = await begin(store, R1, 'a.1')
    const behind = await begin(store, R2, 'b.1')
    const note = { attempt: 1, once: true, intent: null }
    expect(await store.journal.sending(behind.processing, note)).to.equal('stale')
    await store.advance(store.options.leaseMs)
    expect(await store.journal.sending(first.processing, note)).to.equal('stale')
  },
  'notes no send of a processing that was begun before a restart of the store': async (store) => {
    await open(store, 'a')
    const { processing } = await begin(store, R1, 'a.1')
    await store.restart()
    expect(await store.journal.sending(processing, { attempt: 1, once: true, intent: null })).to.equal('stale')
  },
  'with other content under the same id is told so, while it is under way and after': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    expect(await store.journal.begin(entryOf(R1, 'other'), SCOPE, 'a.2', true)).to.deep.equal({ kind: 'reused' })
    await store.journal.decide(begun.processing, decisionOf(R1, 'expired'), { put: [] })
    expect(await store.journal.begin(entryOf(R1, 'other'), SCOPE, 'a.3', true)).to.deep.equal({ kind: 'reused' })
  },
  'and decided is answered with the very decision': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    const decision = decisionOf(R1, 'capacity_exceeded', 'zu voll: “é”')
    await store.journal.decide(begun.processing, decision, { put: [] })
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.2', true)).to.deep.equal({ kind: 'decided', decision })
  },
  'is a duplicate while its holder lives': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await begin(store, R1, 'a.1')
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'b.1', true)).to.deep.equal({ kind: 'duplicate' })
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.2', false)).to.deep.equal({ kind: 'duplicate' })
    expect(await store.journal.show(R1)).to.include({ attempts: 1, holder: 'a' })
  },
  'by the process that left it behind goes on, and gives the leftover ticket up': async (store) => {
    await open(store, 'a')
    const left = await begin(store, R1, 'a.1')
    const begun = await begin(store, R1, 'a.2')
    expect(begun.processing).to.include({ attempts: 2, token: 'a.2' })
    expect(begun.ticket.state).to.equal('granted')
    expect(begun.ticket.number).to.be.greaterThan(left.ticket.number)
    expect(await store.locks.poke('a', left.ticket.number)).to.equal(null)
  },
  'goes on once its holder is dead, with its lock, before anybody has swept': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await begin(store, R1, 'a.1')
    await store.advance(3_000)
    await beat(store, 'b')
    await store.advance(2_000)
    const begun = await begin(store, R1, 'b.1')
    expect(begun.processing).to.include({ attempts: 2, session: 'b' })
    expect(begun.ticket.state).to.equal('granted')
  },
  'passes what else a leftover ticket held on': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await begin(store, R1, 'a.1')
    const waiting = await begin(store, R2, 'b.1', scopeOf([OTHER], [D]))
    const heard = await listen(store, 'b')
    await begin(store, R1, 'a.2', scopeOf([I], [S]))
    expect(await heard.next()).to.deep.include({ kind: 'granted', ticket: waiting.ticket.number })
    await heard.unlisten()
  },
  'under the same token, after a lost reply, is answered with what it began': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    expect(await begin(store, R1, 'a.1')).to.deep.equal(begun)
    const waiting = await begin(store, R2, 'a.2')
    expect(await begin(store, R2, 'a.2')).to.deep.equal(waiting)
  },
  'is void for every earlier processing once the store was restarted': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    const old = await begin(store, R1, 'a.1')
    await store.restart()
    const begun = await begin(store, R1, 'b.1')
    expect(begun.processing).to.include({ attempts: 2, session: 'b' })
    expect(begun.ticket.state).to.equal('waiting')
    expect(await store.journal.decide(old.processing, decisionOf(R1), { put: [] })).to.equal('stale')
  },
}
