// What is otherwise on Placement than the ledger contract says, rule by rule: why, and what holds instead.
import { expect } from 'chai'
import {
  attemptOf,
  begin,
  booksOf,
  carryOut,
  change,
  claim,
  CLOSED,
  D,
  decisionOf,
  E,
  holding,
  I,
  idOf,
  M,
  moveOf,
  open,
  providerOf,
  R1,
  R2,
  S,
  scopeOf,
  SCOPE,
  SEED,
  SMALL,
  transfer,
  write,
  type Rule,
} from './ground.ts'
import type { Store } from '../support/store.ts'

export interface Instead {
  readonly why: string
  readonly rule: Rule
}

const ON_S = { generation: 1, type: 'INSTANCE', project: 'p', user: 'u', allocations: { [S]: SMALL } }

const APART = 'journal and locks are kept elsewhere, so that no write can look at them'
const DEFINITIONS =
  "a write cannot be made to depend on a provider's generation; Placement itself checks room and units"
const ONE_WORD = 'Placement says only that a unit constraint is violated, not which'
const RESTART = 'Placement forgets a consumer that holds nothing: its generations begin again'
const OLD = 'before version 14 Placement takes no write to a provider that is over-committed, be it no worse'

const refusesUnits =
  (units: number): Rule =>
  async (store) => {
    const inventory = { total: 64, min_unit: 4, max_unit: 12, step_size: 4 }
    expect(await taken(store, inventory, units)).to.equal(`units ${D} VCPU`)
  }

const seedsThenStillWrites: Rule = async (store) => {
  await prepare(store)
  const begun = await begin(store, R1, 'a.1')
  const [first, second, third] = SEED.providers
  await store.seed({ providers: [first!, { ...second!, traits: ['CUSTOM_FULL'] }, third!], consumers: [] })
  const planned = { ...claim(begun.snapshot!), providers: { [D]: 99 } }
  expect(await store.ledger.apply(planned, attemptOf(begun), decisionOf(R1))).to.include({ kind: 'applied' })
}

/** Subject, then rule of the contract. */
export const INSTEAD: Readonly<Record<string, Readonly<Record<string, Instead>>>> = {
  'a write': {
    'decides, records moves, and gives the lock up in the same step': {
      why: APART,
      rule: async (store) => {
        await prepare(store)
        const begun = await begin(store, R1, 'a.1')
        const moved = { ...claim(begun.snapshot!), moves: { put: [moveOf('open')] } }
        expect(await store.ledger.apply(moved, attemptOf(begun), decisionOf(R1))).to.include({ decided: false })
        expect(await store.journal.moves([M])).to.deep.equal({})
        expect(await store.locks.poke('a', begun.ticket.number)).to.include({ state: 'granted' })
        expect((await store.journal.show(R1))!.state).to.equal('processing')
      },
    },
    'that conflicts keeps the lock': {
      why: DEFINITIONS,
      rule: async (store) => {
        await prepare(store)
        const begun = await begin(store, R1, 'a.1')
        const lost = write([{ ...change({ ...begun.snapshot!.consumers[I]!, generation: 7 }, { [D]: SMALL }) }])
        expect(await store.ledger.apply(lost, attemptOf(begun), decisionOf(R1))).to.include({ kind: 'conflict' })
        expect(await store.locks.poke('a', begun.ticket.number)).to.include({ state: 'granted' })
      },
    },
  },
  generations: {
    'never restart: a consumer emptied and made again refuses all that was read before': {
      why: RESTART,
      rule: async (store) => {
        await prepare(store)
        const begun = await begin(store, idOf('b', 9), 'a.9')
        const old = begun.snapshot!.consumers[I]!
        await carryOut(store, R1, 'a.1', ({ consumers }) => write([change(consumers[I]!, {})]))
        await carryOut(store, R2, 'a.2', ({ consumers }) => write([change(consumers[I]!, { [S]: SMALL })]))
        const late = write([change(old, { [D]: SMALL })])
        // The generation does not refuse it; a door that was closed does.
        expect(await store.ledger.close(attemptOf(begun))).to.equal('closed')
        expect(await store.ledger.apply(late, attemptOf(begun), decisionOf(R1))).to.deep.equal(CLOSED)
        expect(await booksOf(store))
          .to.have.nested.property('consumers')
          .that.deep.equals({ [I]: ON_S })
        expect(await store.ledger.apply(late, attemptOf(begun, 2), decisionOf(R1))).to.include({ kind: 'applied' })
      },
    },
    'a definition that was changed since it was read is a conflict': { why: DEFINITIONS, rule: seedsThenStillWrites },
  },
  room: {
    'less than min_unit is refused': { why: ONE_WORD, rule: refusesUnits(3) },
    'more than max_unit is refused': { why: ONE_WORD, rule: refusesUnits(16) },
    'what is no multiple of step_size is refused': { why: ONE_WORD, rule: refusesUnits(6) },
    'a provider that is over-committed already accepts what makes it no worse': {
      why: OLD,
      rule: async (store) => {
        expect(await overCommitted(store, 8)).to.equal(`capacity ${D} VCPU`)
      },
    },
    'a provider that is over-committed already accepts what makes it better': {
      why: OLD,
      rule: async (store) => {
        expect(await overCommitted(store, 7)).to.equal(`capacity ${D} VCPU`)
        expect(await overCommitted(store, 4)).to.equal('applied')
      },
    },
  },
  'a stale worker': {
    '': {
      why: `${APART}; what it cannot do is write under an attempt that is closed`,
      rule: async (store) => {
        await prepare(store)
        const old = await begin(store, R1, 'a.1')
        const current = await begin(store, R1, 'a.2')
        expect(await store.ledger.close(attemptOf(current))).to.equal('closed')
        expect(await store.ledger.apply(claim(old.snapshot!), attemptOf(old), decisionOf(R1))).to.deep.equal(CLOSED)
        expect(await store.ledger.apply(claim(current.snapshot!), attemptOf(current, 2), decisionOf(R1))).to.include({
          kind: 'applied',
        })
      },
    },
  },
  'an attempt': {
    'with the next number may commit once the one before is closed, and not earlier': {
      why: `${APART}; that the one before is closed first is up to the flow`,
      rule: async (store) => {
        await prepare(store)
        const begun = await begin(store, R1, 'a.1')
        await store.ledger.close(attemptOf(begun))
        expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun, 2), decisionOf(R1))).to.include({
          kind: 'applied',
        })
        expect(await store.ledger.find(attemptOf(begun, 2))).to.equal('applied')
        expect(await store.ledger.find(attemptOf(begun, 1))).to.equal('closed')
      },
    },
    'is not closed by a processing that another has followed': {
      why: `${APART}; whoever closes first, nobody writes under it afterwards`,
      rule: async (store) => {
        await prepare(store)
        const old = await begin(store, R1, 'a.1')
        const current = await begin(store, R1, 'a.2')
        expect(await store.ledger.close(attemptOf(old))).to.equal('closed')
        expect(await store.ledger.close(attemptOf(current))).to.equal('closed')
        expect(await store.ledger.apply(claim(current.snapshot!), attemptOf(current), decisionOf(R1))).to.deep.equal(
          CLOSED,
        )
      },
    },
    'is not closed once the request is decided without it': {
      why: APART,
      rule: async (store) => {
        await prepare(store)
        const begun = await begin(store, R1, 'a.1')
        await store.journal.decide(begun.processing, decisionOf(R1, 'cancelled'), { put: [] })
        expect(await store.ledger.close(attemptOf(begun))).to.equal('closed')
      },
    },
    'that lost a race may be sent again under its number, planned anew': {
      why: DEFINITIONS,
      rule: async (store) => {
        await prepare(store)
        const begun = await begin(store, R1, 'a.1')
        await carryOut(store, R2, 'a.2', (snapshot) => transfer(snapshot, E), scopeOf([I], [E]))
        expect(await store.ledger.apply(claim(begun.snapshot!), attemptOf(begun), decisionOf(R1))).to.include({
          kind: 'conflict',
        })
        const { consumers } = await store.ledger.snapshot(SCOPE)
        const anew = write([change(consumers[I]!, { [D]: SMALL })])
        expect(await store.ledger.apply(anew, attemptOf(begun), decisionOf(R1))).to.include({ kind: 'applied' })
      },
    },
  },
}

async function prepare(store: Store): Promise<void> {
  await store.seed(SEED)
  await open(store, 'a')
}

/** What becomes of I taking `units` of VCPU of an empty D with `inventory`. */
async function taken(store: Store, inventory: object, units: number): Promise<string> {
  await store.seed({ providers: [providerOf(D, { VCPU: inventory })], consumers: [] })
  await open(store, 'a')
  return endOf(store, ({ consumers }) => write([change(consumers[I]!, { [D]: { VCPU: units } })]), scopeOf([I], [D]))
}

/** M holds 8 of 4 units and gives all to I, which takes `units`. */
async function overCommitted(store: Store, units: number): Promise<string> {
  await store.seed(
    { providers: [providerOf(D, { VCPU: { total: 4 } })], consumers: [holding(M, { [D]: { VCPU: 8 } })] },
    true,
  )
  await open(store, 'a')
  const planned = ({ consumers }: Parameters<Parameters<typeof carryOut>[3]>[0]): ReturnType<typeof write> =>
    write([change(consumers[M]!, {}), change(consumers[I]!, { [D]: { VCPU: units } })])
  return endOf(store, planned, scopeOf([I, M], [D]), units)
}

async function endOf(
  store: Store,
  planned: Parameters<typeof carryOut>[3],
  scope: ReturnType<typeof scopeOf>,
  number = 1,
): Promise<string> {
  const applied = await carryOut(store, idOf('b', number), `a.${number}`, planned, scope)
  return applied.kind === 'conflict' ? applied.reason : applied.kind
}
