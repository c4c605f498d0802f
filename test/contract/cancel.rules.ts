// The rules of cancelling a request: before it was seen, while it is open, and after its decision.
import { expect } from 'chai'
import { asideOf, begin, decisionOf, entryOf, open, R1, R2, SCOPE, type Rule } from './ground.ts'

export const CANCEL: Readonly<Record<string, Rule>> = {
  'of a request that was never seen stands until it comes, and is told to its processing': async (store) => {
    await open(store, 'a')
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'cancelled' })
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'cancelled' })
    const begun = await begin(store, R1, 'a.1')
    expect(begun.processing.cancelledBy).to.equal(R2)
    await store.advance(store.options.journalMs + store.options.tombstoneMs + 1)
    expect(await store.journal.show(R1)).to.deep.include({ state: 'processing' })
  },
  'by a second cancel finds it cancelled before': async (store) => {
    await store.journal.cancel(R1, R2)
    expect(await store.journal.cancel(R1, 'another')).to.deep.equal({ kind: 'cancelled_before' })
  },
  'waits while the request is in hand, and its decision then says what came of it': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'waits' })
    await store.journal.decide(begun.processing, decisionOf(R1, 'applied'), { put: [] })
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'decided', code: 'applied' })
  },
  'of a request on the ladder makes it due, for the sweep too': async (store) => {
    await open(store, 'a')
    const begun = await begin(store, R1, 'a.1')
    await store.journal.aside(begun.processing, asideOf('contended', 1, 600_000))
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.2', true)).to.deep.equal({ kind: 'duplicate' })
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'waits' })
    expect((await store.journal.sweep(10)).map(({ id }) => id)).to.deep.equal([R1])
    const again = await begin(store, R1, 'a.3')
    expect(again.processing.cancelledBy).to.equal(R2)
    await store.journal.decide(again.processing, decisionOf(R1, 'cancelled'), { put: [] })
    expect(await store.journal.cancel(R1, R2)).to.deep.equal({ kind: 'cancelled' })
    expect(await store.journal.cancel(R1, 'another')).to.deep.equal({ kind: 'cancelled_before' })
  },
}
