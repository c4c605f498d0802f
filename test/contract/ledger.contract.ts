// The rules of a ledger whose books and journal are one store: a write happens wholly or not at all, and once.
import { expect } from 'chai'
import { ATTEMPTS, STALE } from './attempt.rules.ts'
import {
  asideOf,
  attemptOf,
  begin,
  booksOf,
  carryOut,
  change,
  claim,
  D,
  decisionOf,
  E,
  entryOf,
  I,
  idOf,
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
  write,
  type Rule,
  type Suite,
} from './ground.ts'
import { ROOM } from './room.rules.ts'

const OWNER = { type: 'INSTANCE', project: 'p', user: 'u' }
const ON_D = { generation: 2, ...OWNER, allocations: { [D]: SMALL } }
const ON_S = { generation: 1, ...OWNER, allocations: { [S]: SMALL } }

const SNAPSHOTS: Readonly<Record<string, Rule>> = {
  'has what was asked for: unknown providers as null, consumers that hold nothing with their next generation': async (
    store,
  ) => {
    const unknown = 'dddddddd-0000-4000-8000-000000000009'
    const { providers, consumers } = await store.ledger.snapshot(scopeOf([I, M], [S, unknown]))
    expect(consumers).to.deep.equal({
      [I]: { id: I, nextGeneration: 2, ...ON_S },
      [M]: { id: M, generation: null, nextGeneration: 1, type: null, project: null, user: null, allocations: {} },
    })
    expect(providers[unknown]).to.equal(null)
    expect(providers[S]).to.deep.include({
      id: S,
      ...(store.can.remember && { generation: 1 }),
      usages: SMALL,
      traits: [],
      aggregates: [],
      parent: null,
    })
    expect(providers[S]!.inventories['VCPU']).to.deep.equal(SEED.providers[0]!.inventories['VCPU'])
  },
  'of nothing is empty': async (store) => {
    expect(await store.ledger.snapshot(scopeOf([], []))).to.deep.equal({ providers: {}, consumers: {} })
  },
  'takes in the open move and what is held, where that is asked': async (store) => {
    await carryOut(store, R1, 'a.1', (snapshot) => ({ ...claim(snapshot), moves: { put: [moveOf('open')] } }))
    const { providers, consumers } = await store.ledger.snapshot(scopeOf([I], [E], true))
    expect(Object.keys(providers).sort()).to.deep.equal([S, D, E])
    expect(Object.keys(consumers).sort()).to.deep.equal([I, M])
    expect((await store.ledger.snapshot(scopeOf([M], [], true))).consumers).to.have.all.keys(M)
  },
}

const WRITES: Readonly<Record<string, Rule>> = {
  'of a claim moves I to the destination and gives its old part to M, and says what reading back gave': async (
    store,
  ) => {
    const applied = await carryOut(store, R1, 'a.1', claim)
    const after = { [I]: ON_D, [M]: { generation: 1, ...OWNER, type: 'MIGRATION', allocations: { [S]: SMALL } } }
    expect(applied).to.deep.equal({
      kind: 'applied',
      decided: store.can.decideInWrite,
      after: { [I]: { id: I, nextGeneration: 3, ...after[I] }, [M]: { id: M, nextGeneration: 2, ...after[M] } },
    })
    expect(await booksOf(store)).to.deep.equal({ consumers: after, usages: { [S]: SMALL, [D]: SMALL, [E]: {} } })
  },
  'of a transfer leaves nothing at the source': async (store) => {
    expect(await carryOut(store, R1, 'a.1', transfer)).to.include({ kind: 'applied', decided: store.can.decideInWrite })
    expect(await booksOf(store)).to.deep.equal({ consumers: { [I]: ON_D }, usages: { [S]: {}, [D]: SMALL, [E]: {} } })
  },
  'of a confirm empties M while I stands guard': async (store) => {
    await carryOut(store, R1, 'a.1', claim)
    const applied = await carryOut(store, R2, 'a.2', ({ consumers }) =>
      write([change(consumers[M]!, {})], { guards: [consumers[I]!] }),
    )
    expect(applied).to.deep.include({ kind: 'applied', decided: store.can.decideInWrite })
    const nextGeneration = store.can.remember ? 3 : 1
    const guard = store.can.remember ? {} : { [I]: { id: I, nextGeneration: 4, ...ON_D, generation: 3 } }
    expect(applied)
      .to.have.nested.property('after')
      .that.deep.equals({
        ...guard,
        [M]: { id: M, generation: null, nextGeneration, type: null, project: null, user: null, allocations: {} },
      })
    expect(await booksOf(store)).to.deep.equal({
      consumers: { [I]: { ...ON_D, generation: store.can.remember ? 2 : 3 } },
      usages: { [S]: {}, [D]: SMALL, [E]: {} },
    })
  },
  'of a revert gives I its old part back from M': async (store) => {
    await carryOut(store, R1, 'a.1', claim)
    await carryOut(store, R2, 'a.2', ({ consumers }) =>
      write([change(consumers[I]!, { [S]: SMALL }), change(consumers[M]!, {})]),
    )
    expect(await booksOf(store)).to.deep.equal({
      consumers: { [I]: { ...ON_S, generation: 3 } },
      usages: { [S]: SMALL, [D]: {}, [E]: {} },
    })
  },
  'of an acquire fills a consumer that held nothing': async (store) => {
    await carryOut(
      store,
      R1,
      'a.1',
      ({ consumers }) => write([change(consumers[OTHER]!, { [E]: { VCPU: 64 } })]),
      scopeOf([OTHER], [E]),
    )
    expect(await booksOf(store)).to.deep.equal({
      consumers: { [I]: ON_S, [OTHER]: { generation: 1, ...OWNER, allocations: { [E]: { VCPU: 64 } } } },
      usages: { [S]: SMALL, [D]: {}, [E]: { VCPU: 64 } },
    })
  },
  'of a release leaves no consumer and no usage': async (store) => {
    await carryOut(store, R1, 'a.1', ({ consumers }) => write([change(consumers[I]!, {})]))
    expect(await booksOf(store)).to.deep.equal({ consumers: {}, usages: { [S]: {}, [D]: {}, [E]: {} } })
  },
  'happens wholly or not at all: the last guard that fails leaves all as it was': async (store) => {
    const before = await booksOf(store)
    const applied = await carryOut(store, R1, 'a.1', (snapshot) => ({
      ...claim(snapshot),
      guards: [{ ...snapshot.consumers[I]!, id: OTHER }],
      moves: { put: [moveOf('open')] },
    }))
    expect(applied).to.include({ kind: 'conflict' })
    expect(await booksOf(store)).to.deep.equal(before)
    expect(await store.journal.moves([I])).to.deep.equal({})
    expect((await store.journal.show(R1))!.state).to.equal('processing')
  },
  'decides, records moves, and gives the lock up in the same step': async (store) => {
    await open(store, 'b')
    const begun = await begin(store, R1, 'a.1')
    const waiting = await begin(store, R2, 'b.1')
    const moved = { ...claim(begun.snapshot!), moves: { put: [moveOf('open')] } }
    await store.ledger.apply(moved, attemptOf(begun), decisionOf(R1))
    expect(await store.locks.poke('b', waiting.ticket.number)).to.include({ state: 'granted' })
    expect(await store.locks.poke('a', begun.ticket.number)).to.equal(null)
    expect(await store.journal.moves([M])).to.deep.equal({ [M]: moveOf('open') })
    expect(await store.journal.begin(entryOf(R1), SCOPE, 'a.2', true)).to.deep.equal({
      kind: 'decided',
      decision: decisionOf(R1),
    })
  },
  'that conflicts keeps the lock': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    const lost = write([{ ...change(begun.snapshot!.consumers[I]!, { [D]: SMALL }) }], { providers: { [D]: 9 } })
    expect(await store.ledger.apply(lost, attemptOf(begun), decisionOf(R1))).to.include({
      kind: 'conflict',
      reason: `provider ${D}`,
    })
    expect(await store.locks.poke('a', begun.ticket.number)).to.include({ state: 'granted' })
  },
}

const GENERATIONS: Readonly<Record<string, Rule>> = {
  'a consumer that was changed since it was read is a conflict': async (store) => {
    const { consumers } = await store.ledger.snapshot(SCOPE)
    await carryOut(store, R1, 'a.1', transfer)
    expect(await carryOut(store, R2, 'a.2', () => write([change(consumers[I]!, { [E]: SMALL })]))).to.deep.equal({
      kind: 'conflict',
      reason: `generation ${I}`,
    })
  },
  'a consumer that was emptied since it was read is a conflict': async (store) => {
    const { consumers } = await store.ledger.snapshot(SCOPE)
    await carryOut(store, R1, 'a.1', () => write([change(consumers[I]!, {})]))
    expect(await carryOut(store, R2, 'a.2', () => write([change(consumers[I]!, { [E]: SMALL })]))).to.deep.equal({
      kind: 'conflict',
      reason: `generation ${I}`,
    })
  },
  'a consumer that was made since nothing was read of it is a conflict': async (store) => {
    const { consumers } = await store.ledger.snapshot(SCOPE)
    await carryOut(store, R1, 'a.1', () => write([change(consumers[M]!, { [D]: SMALL })]))
    expect(await carryOut(store, R2, 'a.2', () => write([change(consumers[M]!, { [E]: SMALL })]))).to.deep.equal({
      kind: 'conflict',
      reason: `generation ${M}`,
    })
  },
  'never restart: a consumer emptied and made again refuses all that was read before': async (store) => {
    const seen = [(await store.ledger.snapshot(SCOPE)).consumers[I]!]
    for (let round = 0; round < 6; round++) {
      const next = round % 2 === 0 ? {} : { [S]: SMALL }
      const applied = await carryOut(store, idOf('b', 10 + round), `a.1${round}`, ({ consumers }) =>
        write([change(consumers[I]!, next)]),
      )
      expect(applied).to.include({ kind: 'applied' })
      const begun = await begin(store, idOf('b', 20 + round), `a.2${round}`)
      for (const [number, old] of seen.entries()) {
        const late = await store.ledger.apply(write([change(old, { [D]: SMALL })]), attemptOf(begun), decisionOf(R1))
        expect(late, `read ${number}, round ${round}`).to.deep.equal({ kind: 'conflict', reason: `generation ${I}` })
      }
      await store.journal.aside(begun.processing, asideOf('contended', 1, 0))
      seen.push(begun.snapshot!.consumers[I]!)
    }
    expect(seen.map(({ nextGeneration }) => nextGeneration)).to.deep.equal([2, 3, 4, 5, 6, 7, 8])
  },
  'a guard that was changed since it was read is a conflict': async (store) => {
    const { consumers } = await store.ledger.snapshot(SCOPE)
    await carryOut(store, R1, 'a.1', transfer)
    expect(
      await carryOut(store, R2, 'a.2', () =>
        write([change(consumers[M]!, { [E]: SMALL })], { guards: [consumers[I]!] }),
      ),
    ).to.deep.equal({ kind: 'conflict', reason: `generation ${I}` })
  },
  'a guard that should hold nothing and does is a conflict': async (store) => {
    const { consumers } = await store.ledger.snapshot(SCOPE)
    await carryOut(store, R1, 'a.1', () => write([change(consumers[M]!, { [D]: SMALL })]))
    expect(
      await carryOut(store, R2, 'a.2', () =>
        write([change(consumers[I]!, { [E]: SMALL })], { guards: [consumers[M]!] }),
      ),
    ).to.deep.equal({ kind: 'conflict', reason: `generation ${M}` })
  },
  'a definition that was changed since it was read is a conflict': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    const [first, second, third] = SEED.providers
    await store.seed({ providers: [first!, { ...second!, traits: ['CUSTOM_FULL'] }, third!], consumers: [] })
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.deep.equal({
      kind: 'conflict',
      reason: `provider ${D}`,
    })
  },
  'a definition seeded again unchanged is not': async (store) => {
    const begun = await begin(store, R1, 'a.1')
    await store.seed(SEED)
    expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.include({
      kind: 'applied',
    })
  },
  'a provider that does not exist is a conflict': async (store) => {
    const unknown = 'dddddddd-0000-4000-8000-000000000009'
    expect(
      await carryOut(store, R1, 'a.1', ({ consumers }) =>
        write([change(consumers[I]!, { [unknown]: SMALL })], { providers: { [unknown]: 1 } }),
      ),
    ).to.deep.equal({ kind: 'conflict', reason: `provider ${unknown}` })
  },
}

const seeded: Rule = async (store) => {
  await store.seed(SEED)
  await open(store, 'a')
}

export const LEDGER: Suite = {
  'a snapshot': prepared(SNAPSHOTS, seeded),
  'a write': prepared(WRITES, seeded),
  generations: prepared(GENERATIONS, seeded),
  room: ROOM,
  'a stale worker': prepared(STALE, seeded),
  'an attempt': prepared(ATTEMPTS, seeded),
}
