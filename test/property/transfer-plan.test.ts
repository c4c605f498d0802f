// Whatever is asked in whatever order, planned writes keep the books: nothing is lost, doubled or misplaced.
import { expect } from 'chai'
import fc from 'fast-check'
import { capacityOf } from '../../src/transfer/capacity.ts'
import { usageDeltas, verify } from '../../src/transfer/conservation.ts'
import { notAsLeft } from '../../src/transfer/open-move.ts'
import { plan, scopeOf, type Facts, type Plan, type Write } from '../../src/transfer/plan.ts'
import type { Request } from '../../src/transfer/request.ts'
import type { Consumer, Move, Provider } from '../../src/transfer/snapshot.ts'
import { ID, requestOf } from '../unit/transfer/world.ts'

const PROVIDERS = [ID.S, ID.D, ID.E]
const CONSUMERS = [ID.I, ID.M, ID.N, ID.X]

/** Books in memory: what a ledger would hold, changed by planned writes only. */
interface Books {
  readonly providers: Map<string, Provider>
  readonly consumers: Map<string, Consumer>
  readonly moves: Map<string, Move>
}

function emptyBooks(totals: readonly number[], ratio: number): Books {
  const providers = PROVIDERS.map((id, position): [string, Provider] => [
    id,
    {
      id,
      name: '',
      parent: null,
      generation: 1,
      traits: [],
      aggregates: [],
      usages: {},
      inventories: Object.fromEntries(
        ['VCPU', 'MEMORY_MB'].map((name) => [
          name,
          {
            total: totals[position] ?? 1,
            reserved: 0,
            allocation_ratio: ratio,
            min_unit: 1,
            max_unit: 6,
            step_size: 1,
          },
        ]),
      ),
    },
  ])
  const consumers = CONSUMERS.map((id): [string, Consumer] => [id, absent(id, 1)])
  return { providers: new Map(providers), consumers: new Map(consumers), moves: new Map() }
}

function absent(id: string, nextGeneration: number): Consumer {
  return { id, generation: null, nextGeneration, type: null, project: null, user: null, allocations: {} }
}

function usagesOf(books: Books, provider: string): Readonly<Record<string, number>> {
  const usages: Record<string, number> = {}
  for (const { allocations } of books.consumers.values()) {
    for (const [name, amount] of Object.entries(allocations[provider] ?? {}))
      usages[name] = (usages[name] ?? 0) + amount
  }
  return usages
}

function factsOf(books: Books, destination: string | null): Facts {
  const providers = [...books.providers].map(([id, one]) => [id, { ...one, usages: usagesOf(books, id) }] as const)
  return frozen({
    snapshot: { providers: Object.fromEntries(providers), consumers: Object.fromEntries(books.consumers) },
    moves: Object.fromEntries(books.moves),
    destination,
  })
}

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}

function carryOut(books: Books, write: Write): void {
  for (const { before, after } of write.changes) {
    expect(books.consumers.get(before.id)).to.deep.equal(before)
    const empty = Object.keys(after.allocations).length === 0
    const next = after.generation + 1
    books.consumers.set(before.id, empty ? absent(before.id, next) : { id: before.id, nextGeneration: next, ...after })
  }
  for (const move of write.moves.put) {
    books.moves.set(move.consumer, move)
    if (move.migration !== null) books.moves.set(move.migration, move)
  }
}

/** `destination` of an operation that goes somewhere, as the flow would try it. */
function destinationOf(request: Request): string | null {
  return ['claim', 'transfer', 'retarget', 'acquire'].includes(request.operation) ? request.destination : null
}

const provider = fc.constantFrom(...PROVIDERS)
const holder = fc.constantFrom(ID.I, ID.N)
const amounts = fc.record(
  { VCPU: fc.integer({ min: 1, max: 4 }), MEMORY_MB: fc.integer({ min: 1, max: 7 }) },
  { requiredKeys: ['VCPU'] },
)
/** Amounts that any provider of the books gives to one consumer. */
const fitting = fc.record({ VCPU: fc.integer({ min: 1, max: 6 }), MEMORY_MB: fc.integer({ min: 1, max: 6 }) })
const owner = fc.constant({ project: 'p', user: 'u' })
const migration = fc.constantFrom(ID.M, ID.X, undefined)
const two = fc
  .uniqueArray(provider, { minLength: 2, maxLength: 2 })
  .map(([source, destination]) => ({ source, destination }))
const mode = fc.constantFrom('migration', 'doubled')

const asked: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      operation: fc.constant('acquire'),
      consumer: holder,
      destination: provider,
      resources: amounts,
      owner,
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(two, fc.record({ consumer: holder, migration, mode }), fc.option(amounts, { nil: undefined }))
      .map(([ends, rest, destinationResources]) => ({
        operation: 'claim',
        ...ends,
        ...rest,
        destinationResources,
        migration: rest.mode === 'doubled' ? undefined : (rest.migration ?? ID.M),
      })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(two, holder).map(([ends, consumer]) => ({ operation: 'transfer', ...ends, consumer })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(two, holder).map(([ends, consumer]) => ({ operation: 'retarget', ...ends, consumer })),
  },
  { weight: 3, arbitrary: fc.record({ operation: fc.constantFrom('confirm', 'revert'), consumer: holder }) },
  { weight: 1, arbitrary: fc.record({ operation: fc.constant('release'), consumer: holder, force: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      operation: fc.constant('resize'),
      consumer: holder,
      source: provider,
      resources: amounts,
      policy: fc.constantFrom('max', 'sum', 'replace'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      operation: fc.constant('adjust'),
      consumer: holder,
      deltas: fc
        .tuple(provider, fc.integer({ min: -3, max: 3 }))
        .map(([id, delta]) => ({ [id]: { VCPU: delta === 0 ? 1 : delta } })),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ operation: 'swap-consumer', consumer: ID.I, newConsumer: ID.N }) },
)

/** What must hold of one planned write on the books before it. */
function checkWrite(books: Books, request: Request, write: Write): void {
  const consumers = new Set(scopeOf(request, destinationOf(request)).consumers)
  for (const { consumer, migration: m } of books.moves.values())
    if (consumer === request.consumer && m !== null) consumers.add(m)
  for (const { before } of [...write.changes, ...write.guards.map((guard) => ({ before: guard }))])
    expect([...consumers]).to.include(before.id)
  if (request.operation === 'release' || request.operation === 'swap-consumer') return
  for (const { before, after } of write.changes) {
    if (before.id !== request.consumer) continue
    expect(Object.keys(after.allocations), 'the consumer is somewhere').to.not.have.length(0)
  }
}

function checkBooks(books: Books, before: ReadonlyMap<string, Readonly<Record<string, number>>>, write: Write): void {
  const deltas = usageDeltas(write)
  for (const [id, { inventories }] of books.providers) {
    const now = usagesOf(books, id)
    for (const [name, inventory] of Object.entries(inventories)) {
      const [was, is] = [before.get(id)?.[name] ?? 0, now[name] ?? 0]
      expect(is - was, 'usages move by the deltas').to.equal(deltas[id]?.[name] ?? 0)
      expect(is <= capacityOf(inventory) || is <= was, 'room').to.equal(true)
    }
  }
  for (const move of books.moves.values()) {
    const consumer = books.consumers.get(move.consumer)
    const held = move.migration === null ? null : (books.consumers.get(move.migration) ?? null)
    if (consumer === undefined || move.state !== 'open') continue
    expect(notAsLeft(move, consumer, held), 'an open move is as it was left').to.deep.equal([])
  }
}

describe('planned writes', () => {
  it('keep the books, whatever is asked in whatever order', () => {
    const world = fc.record({
      totals: fc.array(fc.integer({ min: 2, max: 20 }), { minLength: 3, maxLength: 3 }),
      ratio: fc.constantFrom(1, 0.7, 1.5),
    })
    let writes = 0
    fc.assert(
      fc.property(
        world,
        fc.array(asked, { minLength: 20, maxLength: 60, size: 'max' }),
        ({ totals, ratio }, requests) => {
          const books = emptyBooks(totals, ratio)
          for (const [position, fields] of requests.entries()) {
            const id = `00000000-0000-4000-9000-${String(position).padStart(12, '0')}`
            const request = requestOf({ ...fields, id })
            const facts = factsOf(books, destinationOf(request))
            const result = plan(request, facts)
            expect(plan(request, facts), 'the same facts give the same plan').to.deep.equal(result)
            if (result.kind === 'decided') {
              for (const move of result.moves.put) books.moves.set(move.consumer, move)
              continue
            }
            writes++
            const before = new Map(PROVIDERS.map((one) => [one, usagesOf(books, one)]))
            checkWrite(books, request, result.write)
            carryOut(books, result.write)
            checkBooks(books, before, result.write)
            const after = Object.fromEntries(
              result.write.changes.map(({ before: { id: one } }) => [one, books.consumers.get(one) ?? absent(one, 1)]),
            )
            expect(verify(result.write, after).code).to.equal('applied')
          }
        },
      ),
      { numRuns: 400 },
    )
    expect(writes, 'writes planned').to.be.greaterThan(1000)
  })

  const steps = (end: 'confirm' | 'revert', over: boolean, how: 'migration' | 'doubled') =>
    fc.property(fitting, (held) => {
      const books = emptyBooks([20, 20, 20], 1)
      const step = (fields: Readonly<Record<string, unknown>>, n: number): Plan => {
        const request = requestOf({ ...fields, id: `00000000-0000-4000-9000-00000000000${n}` })
        const result = plan(request, factsOf(books, destinationOf(request)))
        if (result.kind === 'write') carryOut(books, result.write)
        return result
      }
      step({ operation: 'acquire', destination: ID.S, resources: held, owner: { project: 'p', user: 'u' } }, 1)
      const before = books.consumers.get(ID.I)?.allocations
      const m = how === 'doubled' ? {} : { migration: ID.M }
      step({ operation: 'claim', source: ID.S, destination: ID.D, mode: how, ...m }, 2)
      if (over) step({ operation: 'retarget', source: ID.D, destination: ID.E }, 3)
      step({ operation: end }, 4)
      const there = over ? ID.E : ID.D
      expect(books.consumers.get(ID.I)?.allocations).to.deep.equal(end === 'revert' ? before : { [there]: held })
      expect(books.consumers.get(ID.M)?.allocations).to.deep.equal({})
      const again = step({ operation: end }, 5)
      expect(again.kind === 'decided' && again.outcome.code).to.equal('nothing_to_do')
      const other = step({ operation: end === 'confirm' ? 'revert' : 'confirm' }, 6)
      expect(other.kind === 'decided' && other.outcome.code).to.equal(
        end === 'confirm' ? 'source_missing' : 'source_unexpected',
      )
    })

  it('claim and confirm leave the same amounts elsewhere', () =>
    fc.assert(steps('confirm', false, 'migration'), { numRuns: 50 }))
  it('claim, retarget and confirm too', () => fc.assert(steps('confirm', true, 'migration'), { numRuns: 50 }))
  it('claim and revert leave everything as it was', () =>
    fc.assert(steps('revert', false, 'migration'), { numRuns: 50 }))
  it('claim, retarget and revert too', () => fc.assert(steps('revert', true, 'migration'), { numRuns: 50 }))
  it('doubled, confirmed', () => fc.assert(steps('confirm', false, 'doubled'), { numRuns: 50 }))
  it('doubled, reverted', () => fc.assert(steps('revert', false, 'doubled'), { numRuns: 50 }))
})
