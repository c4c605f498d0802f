// The Lua scripts against the in-memory twin: any list of calls is answered alike, and leaves the same behind.
import { expect } from 'chai'
import * as fc from 'fast-check'
import type { Begun } from '../../src/journal/journal.ts'
import type { Attempt } from '../../src/ledger/ledger.ts'
import type { Resource } from '../../src/locks/locks.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import type { Decision } from '../../src/transfer/event.ts'
import type { Change, Write } from '../../src/transfer/plan.ts'
import type { Allocations, Move, Snapshot } from '../../src/transfer/snapshot.ts'
import { checkBooks } from '../support/books.ts'
import { checkLockKeys } from '../support/lock-keys.ts'
import { entryOf } from '../support/redis-ground.ts'
import { redisAt, redisStore } from '../support/redis-store.ts'
import { sharedRedis } from '../support/servers.ts'
import { memoryStore, type Store } from '../support/store.ts'

const id = (kind: string, n: number): string => `${kind.repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`
const CONSUMERS = [0, 1, 2, 3].map((n) => id('c', n))
const PROVIDERS = [0, 1, 2].map((n) => id('a', n))
const INVENTORY = { total: 4, reserved: 0, allocation_ratio: 1.5, min_unit: 1, max_unit: 3, step_size: 1 }
const SEED = {
  providers: PROVIDERS.map((provider, n) => ({
    id: provider,
    name: `host-${n}`,
    parent: null,
    traits: [],
    aggregates: [],
    inventories: { VCPU: INVENTORY, ...(n === 2 ? {} : { DISK: { ...INVENTORY, min_unit: 2, step_size: 2 } }) },
  })),
  consumers: [0, 1].map((n) => ({
    id: CONSUMERS[n]!,
    type: 'INSTANCE',
    project: 'p',
    user: 'u',
    allocations: { [PROVIDERS[n]!]: { VCPU: 2 } },
  })),
}

const ALL = { consumers: CONSUMERS, providers: PROVIDERS, held: false }

/** One call as numbers, so that it can be shrunk; what they mean depends on what stands. */
interface Step {
  readonly what: string
  readonly a: number
  readonly b: number
  readonly c: number
}
type Started = Extract<Begun, { kind: 'begun' }>

/** What the caller of a store remembers between calls: the answers of one store, since both must answer alike. */
interface Memory {
  readonly sessions: string[]
  readonly tickets: (readonly [session: string, number: number])[]
  readonly begun: Started[]
  opened: number
  token: number
  requests: number
  told: boolean
}

const pick = <T>(list: readonly T[], n: number): T | undefined =>
  list.length === 0 ? undefined : list[n % list.length]

function decisionOf(request: string, n: number): Decision {
  const code = n % 2 === 0 ? ('applied' as const) : ('expired' as const)
  return {
    request,
    code,
    operation: 'claim',
    origin: 'o',
    event: `{"${code}":1}`,
    letter: n % 2 === 0 ? null : { 'dl-reason': code },
  }
}

function moveOf(request: string, { a, b, c }: Step): Move {
  const state = (['open', 'open', 'confirmed', 'reverted'] as const)[c % 4]!
  return {
    request,
    consumer: CONSUMERS[a % 2]!,
    migration: b % 3 === 0 ? null : CONSUMERS[2 + (b % 2)]!,
    mode: 'migration',
    source: PROVIDERS[a % 3]!,
    destination: PROVIDERS[b % 3]!,
    state,
    confirm: {},
    revert: {},
  }
}

/** A write on what was read, sometimes as if something had changed since. */
function writeOf(request: string, snapshot: Snapshot, step: Step): Write {
  const { a, b, c } = step
  const old = (n: number): number => (c % 9 === n ? 1 : 0)
  const consumers = Object.values(snapshot.consumers).map((one) => ({
    ...one,
    generation: one.generation === null ? null : one.generation + old(1),
    nextGeneration: one.nextGeneration + old(1),
  }))
  const targets: readonly Allocations[] = [
    {},
    { [PROVIDERS[b % 3]!]: { VCPU: 1 + (c % 4) } },
    { [PROVIDERS[b % 3]!]: { VCPU: 1 + (c % 2), DISK: 1 + (c % 3) } },
    { [PROVIDERS[0]!]: { VCPU: 1 }, [PROVIDERS[1]!]: { VCPU: 1 + (c % 3) } },
  ]
  const changes: Change[] = consumers.slice(0, 1 + (a % 2)).map((before, n) => ({
    before,
    after: {
      generation: before.nextGeneration,
      type: 'T',
      project: 'p',
      user: 'u',
      allocations: targets[(a + n) % 4]!,
    },
  }))
  const providers = Object.values(snapshot.providers).flatMap((one) =>
    one === null ? [] : [[one.id, one.generation + old(3)] as const],
  )
  return {
    changes,
    guards: consumers
      .slice(2, 2 + (b % 2))
      .map((one) => ({ ...one, generation: (one.generation ?? 0) + old(5) || null })),
    providers: c % 3 === 0 ? Object.fromEntries(providers) : {},
    moves: { put: a % 3 === 0 ? [moveOf(request, step)] : [] },
  }
}

const STEPS: Readonly<Record<string, (store: Store, memory: Memory, step: Step) => Promise<unknown>>> = {
  open: async (store, memory) => await store.locks.heartbeat(`s${memory.opened}`, 5_000, true),
  beat: async (store, { sessions }, { a }) => await store.locks.heartbeat(pick(sessions, a) ?? 'none', 5_000, false),
  close: async (store, { sessions }, { a }) => await store.locks.close(pick(sessions, a) ?? 'none'),
  restart: async (store) => await store.restart(),
  wait: async (store, _memory, { a }) => await store.advance([1, 700, 1_000, 4_000, 5_000, 31_000, 61_000][a % 7]!),
  /** Only before anything was told: told records expire by the server's own time, which no test can turn. */
  days: async (store, { told }) => await store.advance(told ? 1 : 8 * 86_400_000),
  acquire: async (store, { sessions, tickets }, { a, b, c }) => {
    const resources: Resource[] = PROVIDERS.filter((_, n) => (1 + (b % 7)) & (1 << n)).map((one) => `p:${one}` as const)
    const instead = c % 3 === 0 ? (pick(tickets, c)?.[1] ?? null) : null
    const session = pick(sessions, a) ?? 'none'
    return await store.locks.acquire(session, `${session}/${c}`, resources, instead)
  },
  poke: async (store, { tickets, sessions }, { a, b, c }) => {
    const [session, number] = pick(tickets, a) ?? ['none', 1_000_000_000_000_000]
    return await store.locks.poke(b % 4 === 0 ? (pick(sessions, c) ?? 'none') : session, number)
  },
  release: async (store, { tickets, sessions }, { a, b, c }) => {
    const [session, number] = pick(tickets, a) ?? ['none', 1_000_000_000_000_000]
    return await store.locks.release(b % 4 === 0 ? (pick(sessions, c) ?? 'none') : session, number)
  },
  begin: async (store, memory, { a, b, c }) => {
    const consumers = CONSUMERS.filter((_, n) => (1 + (b % 15)) & (1 << n))
    const providers = PROVIDERS.filter((_, n) => (c % 8) & (1 << n))
    const again = c % 5 === 0 ? pick(memory.begun, c)?.processing.token : undefined
    const token = again ?? `${pick(memory.sessions, a) ?? 'none'}.${memory.token}`
    const entry = entryOf(id('b', b % 3), { digest: c % 11 === 0 ? 'other' : 'd' })
    return await store.journal.begin(
      entry,
      { consumers, providers, held: b % 2 === 0 },
      token,
      c % 2 === 0,
      c % 3 !== 0,
    )
  },
  apply: async (store, memory, step) => {
    const started = pick(memory.begun, step.a)
    if (started === undefined) return null
    const { request } = started.processing
    const snapshot = started.snapshot ?? (await store.ledger.snapshot(ALL))
    return await store.ledger.apply(writeOf(request, snapshot, step), attemptOf(started, step), decisionOf(request, 0))
  },
  /** A request from begin to decision, so that the books fill. */
  carry: async (store, memory, step) => {
    const request = id('b', 100 + memory.requests)
    const token = `${pick(memory.sessions, memory.sessions.length - 1) ?? 'none'}.c${memory.requests}`
    const begun = await store.journal.begin(entryOf(request), { ...ALL, held: step.b % 2 === 0 }, token, true)
    if (begun.kind !== 'begun') return begun
    const applied =
      begun.snapshot === null
        ? null
        : await store.ledger.apply(
            writeOf(request, begun.snapshot, step),
            attemptOf(begun, { ...step, b: 1 }),
            decisionOf(request, 0),
          )
    const { processing } = begun
    const put = step.a % 3 === 1 ? [moveOf(request, step)] : []
    return [begun, applied, await store.journal.decide(processing, decisionOf(request, 1), { put })]
  },
  /** A minute during which every session lives. */
  live: async (store, { sessions }) => {
    for (let n = 0; n < 16; n++) {
      await store.advance(4_000)
      for (const session of sessions) await store.locks.heartbeat(session, 5_000, false)
    }
  },
  decide: async (store, memory, step) => {
    const started = pick(memory.begun, step.a)
    if (started === undefined) return null
    const { processing } = started
    const put = step.c % 2 === 0 ? [moveOf(processing.request, step)] : []
    return await store.journal.decide(processing, decisionOf(processing.request, step.b), { put })
  },
  aside: async (store, { begun }, { a, b, c }) => {
    const started = pick(begun, a)
    const reason = (['contended', 'ledger_unavailable', 'handed_back'] as const)[c % 3]!
    if (started === undefined) return null
    return await store.journal.aside(started.processing, {
      rung: b % 4,
      delayMs: b % 2 === 0 ? 0 : 1_000,
      reason,
    })
  },
  closeDoor: async (store, { begun }, step) => {
    const started = pick(begun, step.a)
    return started === undefined ? null : await store.ledger.close(attemptOf(started, step))
  },
  find: async (store, { begun }, step) => {
    const started = pick(begun, step.a)
    return started === undefined ? null : await store.ledger.find(attemptOf(started, step))
  },
  told: async (store, _memory, { a }) => await store.journal.told([id('b', a % 3), id('b', 2)]),
  sweep: async (store) => await store.journal.sweep(10),
  look: async (store, _memory, { a }) => [
    await store.journal.show(id('b', a % 3)),
    await store.journal.list(10),
    await store.journal.moves(CONSUMERS),
    await store.ledger.snapshot({
      consumers: CONSUMERS.slice(a % 4),
      providers: [PROVIDERS[a % 3]!, id('a', 9)],
      held: a % 2 === 0,
    }),
  ],
}

function attemptOf({ processing, ticket }: Started, { b }: Step): Attempt {
  const number = processing.attempt + (b % 5 === 0 ? 1 : 0)
  return { request: processing.request, token: processing.token, ticket: ticket.number, number }
}

function remember(memory: Memory, step: Step, answer: unknown): void {
  if (step.what === 'open') memory.sessions.push(`s${memory.opened++}`)
  if (step.what === 'acquire' && answer !== null) {
    memory.tickets.push([pick(memory.sessions, step.a)!, (answer as { number: number }).number])
  }
  if (step.what === 'told') memory.told = true
  if (step.what === 'carry') memory.requests += 1
  if (step.what !== 'begin') return
  memory.token += 1
  const begun = answer as Begun
  if (begun.kind !== 'begun') return
  memory.begun.push(begun)
  memory.tickets.push([begun.processing.session, begun.ticket.number])
}

const WEIGHTS: Readonly<Record<string, number>> = {
  begin: 6,
  apply: 6,
  carry: 6,
  acquire: 5,
  beat: 4,
  aside: 3,
  closeDoor: 3,
  decide: 3,
  wait: 4,
  open: 3,
  poke: 3,
  release: 3,
  look: 2,
}
const step = fc.record({
  what: fc.oneof(...Object.keys(STEPS).map((what) => ({ weight: WEIGHTS[what] ?? 1, arbitrary: fc.constant(what) }))),
  a: fc.nat(63),
  b: fc.nat(63),
  c: fc.nat(63),
})

describe('the scripts and their twin', () => {
  let redis: RedisClient
  before(async () => {
    redis = await redisAt((await sharedRedis()).url)
  })
  after(async () => {
    await redis.stop()
  })

  it('answer any list of calls alike', async function () {
    this.timeout(120_000)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), async (steps) => {
        const onRedis = await redisStore(redis)
        const twin = memoryStore()
        for (const store of [onRedis, twin]) await store.seed(SEED)
        const memory: Memory = { sessions: [], tickets: [], begun: [], opened: 0, token: 0, requests: 0, told: false }
        for (const [n, one] of [{ what: 'open', a: 0, b: 0, c: 0 }, ...steps].entries()) {
          const act = STEPS[one.what]!
          const [found, wanted] = [await act(onRedis, memory, one), await act(twin, memory, one)]
          expect(found, `step ${n}: ${JSON.stringify(one)}`).deep.equal(wanted)
          remember(memory, one, found)
          expect(await checkLockKeys(onRedis.scripts), `locks after step ${n}`).deep.equal([])
        }
        const dump = await onRedis.dump()
        expect(dump).deep.equal(await twin.dump())
        expect(checkBooks(dump)).deep.equal([])
      }),
      { numRuns: Number(process.env['FERRYMAN_TEST_RUNS'] ?? 150) },
    )
  })
})
