// The rules of packing: what was told long ago becomes a tombstone, which answers as the record would have.
import { expect } from 'chai'
import type { Decision } from '../../src/transfer/event.ts'
import type { Code } from '../../src/transfer/outcome.ts'
import { outcome } from '../../src/transfer/outcome.ts'
import { begin, claim, carryOut, decisionOf, entryOf, I, M, moveOf, open, R1, R2, SCOPE, type Rule } from './ground.ts'
import type { Store } from '../support/store.ts'

const TIME = '2026-11-22T10:00:00.123Z'

function toldDecision(request: string, code: Code): Decision {
  const { effect } = outcome(code, '')
  const event = { id: `${request}/${code}`, time: TIME, consumer: I, migration: M, outcome: { code, effect } }
  return { ...decisionOf(request, code), event: JSON.stringify(event) }
}

/** R1 decided and told, and as much time gone by as its record is kept. */
async function toldLongAgo(store: Store, code: Code = 'expired', moves = [moveOf('reverted')]): Promise<void> {
  await open(store, 'a')
  const begun = await begin(store, R1, 'a.1')
  await store.journal.decide(begun.processing, toldDecision(R1, code), { put: moves })
  await store.journal.told([R1])
  await store.advance(store.options.journalMs)
}

const ripe = [{ request: R1, attempt: 1 }]

export const PACKING: Readonly<Record<string, Rule>> = {
  'takes nothing before its time': async (store) => {
    await toldLongAgo(store)
    await store.advance(-1)
    expect(await store.journal.ripe(10)).to.deep.equal([])
    expect(await store.journal.pack([R1])).to.equal(0)
    expect(await store.journal.show(R1)).to.include({ state: 'told' })
  },
  'leaves a tombstone, which answers the same request with its code': async (store) => {
    await toldLongAgo(store)
    expect(await store.journal.ripe(10)).to.deep.equal(ripe)
    expect(await store.journal.pack([R1])).to.equal(1)
    expect(await store.journal.pack([R1])).to.equal(0)
    expect(await store.journal.show(R1)).to.deep.include({ state: 'packed', code: 'expired', attempts: 1, event: null })
    expect(await store.journal.list(10)).to.deep.equal([])
    await open(store, 'b')
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'b.1', true)).to.deep.equal({
      kind: 'packed',
      packed: { code: 'expired', time: TIME, attempts: 1 },
    })
  },
  'keeps the id from other content': async (store) => {
    await toldLongAgo(store)
    await store.journal.pack([R1])
    await open(store, 'b')
    expect(await store.journal.begin(entryOf(R1, 'other'), SCOPE, 'b.1', true)).to.deep.equal({ kind: 'reused' })
  },
  'keeps a cancel from what was decided': async (store) => {
    await toldLongAgo(store)
    await store.journal.pack([R1])
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'decided', code: 'expired' })
  },
  'of a cancelled request tells a second cancel so': async (store) => {
    await toldLongAgo(store, 'cancelled')
    await store.journal.pack([R1])
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'cancelled_before' })
  },
  'lasts for as long as asked for, and then the id is free': async (store) => {
    await toldLongAgo(store)
    await store.journal.pack([R1])
    await store.advance(store.options.tombstoneMs - 1)
    await open(store, 'b')
    expect((await store.journal.begin(entryOf(R1), SCOPE, 'b.1', true)).kind).to.equal('packed')
    await store.advance(86_400_000)
    await open(store, 'c')
    expect((await store.journal.begin(entryOf(R1), SCOPE, 'c.1', true)).kind).to.equal('begun')
  },
  'leaves alone what has an unknown effect, and looks at it again': async (store) => {
    await toldLongAgo(store, 'outcome_unknown')
    expect(await store.journal.ripe(10)).to.deep.equal([])
    expect(await store.journal.pack([R1])).to.equal(0)
    expect(await store.journal.show(R1)).to.include({ state: 'told' })
  },
  'leaves alone what has an open move, until that has ended': async (store) => {
    await toldLongAgo(store, 'applied', [moveOf('open')])
    expect(await store.journal.ripe(10)).to.deep.equal([])
    await open(store, 'b')
    const begun = await begin(store, R2, 'b.1')
    await store.journal.decide(begun.processing, decisionOf(R2), { put: [moveOf('reverted')] })
    await store.advance(3_600_000)
    expect(await store.journal.ripe(10)).to.deep.equal(ripe)
  },
  'takes a request told anew only after as long again': async (store) => {
    await toldLongAgo(store)
    await store.journal.told([R1])
    expect(await store.journal.ripe(10)).to.deep.equal([])
    await store.advance(store.options.journalMs)
    expect(await store.journal.ripe(10)).to.deep.equal(ripe)
  },
  'never takes what was not told': async (store) => {
    await open(store, 'a')
    await carryOut(store, R1, 'a.1', claim)
    await store.advance(store.options.journalMs * 2)
    expect(await store.journal.ripe(10)).to.deep.equal([])
    expect(await store.journal.pack([R1])).to.equal(0)
  },
  'takes the oldest first, at most as many as asked for': async (store) => {
    await open(store, 'a')
    for (const id of [R2, R1]) {
      const begun = await begin(store, id, `a.${id === R2 ? 1 : 2}`)
      await store.journal.decide(begun.processing, toldDecision(id, 'expired'), { put: [] })
      await store.journal.told([id])
      await store.advance(10)
    }
    await store.advance(store.options.journalMs)
    expect(await store.journal.ripe(1)).to.deep.equal([{ request: R2, attempt: 1 }])
  },
}
