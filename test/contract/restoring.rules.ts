// The rules of restoring: after another run of the store has taken over nothing is begun until what was told is there.
import { expect } from 'chai'
import type { Restored } from '../../src/journal/journal.ts'
import type { Store } from '../support/store.ts'
import {
  begin,
  booksOf,
  carryOut,
  change,
  claim,
  D,
  decisionOf,
  entryOf,
  I,
  M,
  moveOf,
  open,
  R1,
  R2,
  S,
  SCOPE,
  SMALL,
  type Rule,
} from './ground.ts'

const READ = { consumers: [I, M], providers: [S, D], held: false }

/** The claim of R1 as an event would tell it, on what the books say now. */
async function claimed(store: Store): Promise<Restored> {
  const { changes } = claim(await store.ledger.snapshot(READ))
  const moves = { put: [moveOf('open')] }
  return { decision: decisionOf(R1), attempts: 3, decidedMs: store.nowMs() - 5_000, changes, moves }
}

/** Takes over, waits until nothing of before can be under way, and asks for the right. */
async function taken(store: Store): Promise<string> {
  await open(store, 'a')
  await store.takeOver()
  expect(await store.journal.restoring('x', 1_000)).to.include({ restoring: true, mine: false })
  await store.advance(store.options.graceMs)
  const { run, mine } = await store.journal.restoring('x', 1_000)
  expect(mine).to.equal(true)
  return run
}

export const RESTORING: Readonly<Record<string, Rule>> = {
  'is not needed while one run goes on, nor in a fresh namespace': async (store) => {
    expect(await store.journal.restoring('x', 1_000)).to.include({ restoring: false, mine: true, offset: null })
    await open(store, 'a')
    expect((await store.journal.begin(entryOf(R1), SCOPE, 'a.1', true)).kind).to.equal('begun')
  },
  'keeps every request from being begun until it is done': async (store) => {
    const run = await taken(store)
    await open(store, 'b')
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'b.1', true)).to.deep.equal({ kind: 'stale' })
    expect(await store.journal.restored(run, 7, true)).to.equal('noted')
    expect((await store.journal.begin(entryOf(R1), SCOPE, 'b.2', true)).kind).to.equal('begun')
    expect(await store.journal.restoring('x', 1_000)).to.include({ restoring: false, offset: 7 })
  },
  'is the right of one at a time, for as long as it says something': async (store) => {
    await taken(store)
    expect(await store.journal.restoring('y', 1_000)).to.include({ mine: false })
    await store.advance(999)
    expect(await store.journal.restoring('x', 1_000)).to.include({ mine: true })
    await store.advance(1_000)
    expect(await store.journal.restoring('y', 1_000)).to.include({ mine: true })
  },
  'brings back decision, open move and effect in one step': async (store) => {
    const run = await taken(store)
    const lost = await claimed(store)
    expect(await store.journal.restore(run, lost)).to.equal('restored')
    expect(await store.journal.show(R1)).to.deep.include({
      state: 'told',
      code: 'applied',
      attempts: 3,
      event: decisionOf(R1).event,
      decidedAtMs: lost.decidedMs,
    })
    expect(await store.journal.moves([I, M])).to.deep.equal({ [I]: moveOf('open'), [M]: moveOf('open') })
    const { consumers, providers } = await store.ledger.snapshot(READ)
    expect(consumers[I])
      .to.include({ generation: 2 })
      .and.deep.include({ allocations: { [D]: SMALL } })
    expect(consumers[M]).to.deep.include({ allocations: { [S]: SMALL } })
    expect([providers[S]!.usages, providers[D]!.usages]).to.deep.equal([SMALL, SMALL])
    await store.journal.restored(run, 1, true)
    await open(store, 'b')
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'b.1', true)).to.deep.equal({
      kind: 'decided',
      decision: decisionOf(R1),
    })
  },
  'does nothing twice': async (store) => {
    const run = await taken(store)
    const lost = await claimed(store)
    await store.journal.restore(run, lost)
    const books = await booksOf(store)
    expect(await store.journal.restore(run, lost)).to.equal('known')
    expect(await booksOf(store)).to.deep.equal(books)
  },
  'leaves what is known alone, also when only a tombstone knows it': async (store) => {
    await open(store, 'a')
    const again = await claimed(store)
    await carryOut(store, R1, 'a.1', claim)
    await store.takeOver()
    const { run } = await store.journal.restoring('x', 1_000)
    const books = await booksOf(store)
    expect(await store.journal.restore(run, again)).to.equal('known')
    await store.journal.told([R1])
    await store.advance(store.options.journalMs)
    expect(await store.journal.pack([R1])).to.equal(1)
    expect(await store.journal.restore(run, again)).to.equal('known')
    expect(await booksOf(store)).to.deep.equal(books)
  },
  'writes nothing where a consumer has changed since it was read': async (store) => {
    const run = await taken(store)
    const lost = await claimed(store)
    const { consumers } = await store.ledger.snapshot(READ)
    const other = { ...lost, decision: decisionOf(R2), changes: [change(consumers[I]!, { [D]: SMALL })] }
    expect(await store.journal.restore(run, { ...other, moves: { put: [] } })).to.equal('restored')
    const books = await booksOf(store)
    expect(await store.journal.restore(run, lost)).to.equal('changed')
    expect(await booksOf(store)).to.deep.equal(books)
    expect(await store.journal.show(R1)).to.equal(null)
  },
  'ends where another run has taken over meanwhile': async (store) => {
    const run = await taken(store)
    await store.takeOver()
    expect(await store.journal.restore(run, await claimed(store))).to.equal('stale')
    expect(await store.journal.restored(run, 7, true)).to.equal('stale')
    expect(await store.journal.restoring('x', 1_000)).to.include({ restoring: true, offset: null })
  },
  'is never skipped by noting how far the events journal is kept': async (store) => {
    const { run } = await store.journal.restoring('x', 1_000)
    expect(await store.journal.restored(run, 3, false)).to.equal('noted')
    await store.takeOver()
    const next = await store.journal.restoring('x', 1_000)
    expect(next).to.include({ restoring: true, offset: 3 })
    expect(await store.journal.restored(run, 9, false)).to.equal('stale')
    expect(await store.journal.restored(next.run, 9, false)).to.equal('stale')
    expect(await store.journal.restoring('x', 1_000)).to.include({ restoring: true, offset: 3 })
  },
  'settles what the request had noted before a send, so that others may plan on its consumers': async (store) => {
    await open(store, 'a')
    const { processing } = await begin(store, R1, 'a.1')
    const intent = { decision: decisionOf(R1), moves: { put: [] }, consumers: [I, M], marked: true }
    await store.journal.sending(processing, { attempt: 1, once: false, intent })
    await store.takeOver()
    const { run } = await store.journal.restoring('x', 1_000)
    expect(await store.journal.unsettled([I, M])).to.deep.equal({ [I]: R1, [M]: R1 })
    expect(await store.journal.restore(run, await claimed(store))).to.equal('restored')
    expect(await store.journal.unsettled([I, M])).to.deep.equal({})
  },
  'finishes a request that was begun before': async (store) => {
    await open(store, 'a')
    await store.journal.begin(entryOf(R1), SCOPE, 'a.1', true)
    await store.takeOver()
    const { run } = await store.journal.restoring('x', 1_000)
    expect(await store.journal.restore(run, await claimed(store))).to.equal('restored')
    await store.journal.restored(run, 1, true)
    await store.advance(store.options.sweepAfterMs * 2)
    expect(await store.journal.sweep(10)).to.deep.equal([])
    await open(store, 'b')
    expect((await store.journal.begin(entryOf(R1, 'other'), SCOPE, 'b.1', true)).kind).to.equal('reused')
    expect((await store.journal.begin(entryOf(R1), SCOPE, 'b.2', true)).kind).to.equal('decided')
  },
}
