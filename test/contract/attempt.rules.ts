// The rules of a write attempt: no stale worker writes, a resend is answered, a closed door stays closed.
import { expect } from 'chai'
import type { Applied } from '../../src/ledger/ledger.ts'
import {
  attemptOf,
  begin,
  beat,
  booksOf,
  carryOut,
  change,
  claim,
  CLOSED,
  D,
  decisionOf,
  E,
  I,
  open,
  OTHER,
  R1,
  R2,
  S,
  scopeOf,
  SMALL,
  transfer,
  write,
  type Rule,
} from './ground.ts'

const OWNER = { type: 'INSTANCE', project: 'p', user: 'u' }
const ON_D = { generation: 2, ...OWNER, allocations: { [D]: SMALL } }
const ON_S = { generation: 1, ...OWNER, allocations: { [S]: SMALL } }

export const STALE: Readonly<Record<string, Rule>> = {
  'whose request was begun by another writes nothing': async (store) => {
    const old = await begin(store, R1, 'a.1')
    const current = await begin(store, R1, 'a.2')
    expect(await store.ledger.apply(claim(old.snapshot!), attemptOf(old), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
    const mixed = { ...attemptOf(old), ticket: current.ticket.number }
    expect(await store.ledger.apply(claim(old.snapshot!), mixed, decisionOf(R1))).to.deep.equal({ kind: 'stale' })
    expect(await store.ledger.apply(claim(current.snapshot!), attemptOf(current), decisionOf(R1))).to.include({
      kind: 'applied',
    })
  },
  'whose request was set aside writes nothing': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.journal.aside(begun.processing, { reason: 'contended', rung: 1, delayMs: 1_000 })
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
  },
  'whose request is decided writes nothing': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.journal.decide(begun.processing, decisionOf(R1, 'cancelled'), { put: [] })
    const again = await store.locks.acquire('a', 'a.1', [`c:${I}`, `p:${S}`, `p:${D}`], null) // a fence that holds
    const attempt = { ...attemptOf(begun), ticket: again!.number }
    expect(await store.ledger.apply(claim(begun.snapshot!), attempt, decisionOf(R1))).to.deep.equal({ kind: 'stale' })
    expect(await booksOf(store)).to.deep.equal({ consumers: { [I]: ON_S }, usages: { [S]: SMALL, [D]: {}, [E]: {} } })
  },
  'whose request nobody began writes nothing': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    const attempt = { ...attemptOf(begun), request: R2 }
    expect(await store.ledger.apply(claim(begun.snapshot!), attempt, decisionOf(R2))).to.deep.equal({ kind: 'stale' })
    expect(await store.ledger.find(attempt)).to.equal('absent')
  },
  'whose store was restarted writes nothing': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.restart()
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
  },
  'whose lease is over writes nothing, although nobody else has begun': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.advance(store.options.leaseMs)
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
  },
  'whose ticket waits writes nothing': async (store) => {
    await open(store, 'b')
    const first = await begin(store, R2, 'b.1')
    const begun = await begin(store, R1, 'a.1')
    expect(await store.ledger.apply(claim(first.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
  },
  "whose ticket was released, or is another session's, writes nothing": async (store) => {
    await open(store, 'b')
    const begun = await begin(store, R1, 'a.1')
    const other = await begin(store, R2, 'b.1', scopeOf([OTHER], [E]))
    const borrowed = { ...attemptOf(begun), ticket: other.ticket.number }
    expect(await store.ledger.apply(claim(begun.snapshot!), borrowed, decisionOf(R1))).to.deep.equal({ kind: 'stale' })
    await store.locks.release('a', begun.ticket.number)
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
    expect(await booksOf(store)).to.deep.equal({ consumers: { [I]: ON_S }, usages: { [S]: SMALL, [D]: {}, [E]: {} } })
  },
  'whose hold time is over writes nothing': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    for (let left = store.options.holdMs; left > 0; left -= 1_000) {
      await store.advance(1_000)
      await beat(store, 'a')
    }
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
  },
}

export const ATTEMPTS: Readonly<Record<string, Rule>> = {
  'sent again is answered as applied, and not written again': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    const send = (): Promise<Applied> => store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))
    expect(await send()).to.include({ kind: 'applied' })
    const books = await booksOf(store)
    expect(await send()).to.deep.equal({ kind: 'applied', after: null, decided: store.can.decideInWrite })
    expect(await booksOf(store)).to.deep.equal(books)
    expect(await store.ledger.find(attemptOf(begun))).to.equal('applied')
  },
  'sent again is answered as applied also when others have moved everything on since': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.ledger.apply(transfer(begun.snapshot!), attemptOf(begun), decisionOf(R1))
    await carryOut(store, R2, 'a.2', ({ consumers }) => write([change(consumers[I]!, { [S]: SMALL })]))
    expect(await store.ledger.apply(transfer(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'applied',
      after: null,
      decided: store.can.decideInWrite,
    })
    expect(await store.ledger.find(attemptOf(begun))).to.equal('applied')
  },
  'is proven by its own mark: that somebody else did the same proves nothing': async (store) => {
    await carryOut(store, R2, 'a.1', transfer)
    const begun = await begin(store, R1, 'a.2')
    expect(await store.ledger.find(attemptOf(begun))).to.equal('absent')
    const same = write([
      { before: { ...begun.snapshot!.consumers[I]!, generation: 1, nextGeneration: 2 }, after: { ...ON_D } },
    ])
    expect(await store.ledger.apply(same, attemptOf(begun), decisionOf(R1))).to.include({ kind: 'conflict' })
    expect(await store.ledger.find(attemptOf(begun))).to.equal('absent')
    expect(await store.ledger.close(attemptOf(begun))).to.equal('closed')
  },
  'closed before it was sent can never commit': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    expect(await store.ledger.find(attemptOf(begun))).to.equal('absent')
    expect(await store.ledger.close(attemptOf(begun))).to.equal('closed')
    expect(await store.ledger.close(attemptOf(begun))).to.equal('closed')
    // Without the journal at hand a ledger cannot tell who closed it; noting the next attempt there tells.
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal(
      store.can.decideInWrite ? { kind: 'stale' } : CLOSED,
    )
    expect(await store.ledger.find(attemptOf(begun))).to.equal('closed')
    expect(await booksOf(store)).to.deep.equal({ consumers: { [I]: ON_S }, usages: { [S]: SMALL, [D]: {}, [E]: {} } })
  },
  'closed after it committed is told to be applied': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))
    expect(await store.ledger.close(attemptOf(begun))).to.equal('applied')
  },
  'with the next number may commit once the one before is closed, and not earlier': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun, 2), decisionOf(R1))).to.deep.equal({
      kind: 'stale',
    })
    await store.ledger.close(attemptOf(begun))
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun, 2), decisionOf(R1))).to.include({
      kind: 'applied',
      decided: true,
    })
    expect(await store.ledger.find(attemptOf(begun, 2))).to.equal('applied')
    expect(await store.ledger.find(attemptOf(begun, 1))).to.equal('closed')
  },
  'is not closed by a processing that another has followed': async (store) => {
    const old = await begin(store, R1, 'a.1')
    const current = await begin(store, R1, 'a.2')
    expect(await store.ledger.close(attemptOf(old))).to.equal('stale')
    expect(await store.ledger.apply(claim(current.snapshot!), attemptOf(current), decisionOf(R1))).to.include({
      kind: 'applied',
    })
    expect(await store.ledger.close(attemptOf(old))).to.equal('applied')
  },
  'is not closed once the request is decided without it': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.journal.decide(begun.processing, decisionOf(R1, 'cancelled'), { put: [] })
    expect(await store.ledger.close(attemptOf(begun))).to.equal('stale')
  },
  'that lost a race may be sent again under its number, planned anew': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    const lost = { ...claim(begun.snapshot!), providers: { [D]: 9 } }
    expect(await store.ledger.apply(lost, attemptOf(begun), decisionOf(R1))).to.include({ kind: 'conflict' })
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.include({
      kind: 'applied',
    })
  },
}
