// What contract rules are written with: ids, a small seed, requests begun, and writes built by hand from what was read.
import { expect } from 'chai'
import type { Aside, Begun, Entry } from '../../src/journal/journal.ts'
import type { Applied, Attempt } from '../../src/ledger/ledger.ts'
import type { SeedConsumer, SeedDocument, SeedProvider } from '../../src/ledger/seed-document.ts'
import type { Notice, Resource, Ticket } from '../../src/locks/locks.ts'
import type { Decision } from '../../src/transfer/event.ts'
import type { Code } from '../../src/transfer/outcome.ts'
import type { Change, Scope, Write } from '../../src/transfer/plan.ts'
import type { Allocations, Consumer, Inventory, Move, Snapshot } from '../../src/transfer/snapshot.ts'
import type { Store } from '../support/store.ts'

export type Started = Extract<Begun, { kind: 'begun' }>
export type Rule = (store: Store) => Promise<void>

/** A uuid that can be told from others at a glance. */
export function idOf(kind: 'a' | 'b' | 'c' | 'd', number: number): string {
  return `${kind.repeat(8)}-0000-4000-8000-${String(number).padStart(12, '0')}`
}

export const I = idOf('c', 1)
export const M = idOf('c', 2)
export const OTHER = idOf('c', 3)
export const S = idOf('a', 1)
export const D = idOf('a', 2)
export const E = idOf('a', 3)
export const R1 = idOf('b', 1)
export const R2 = idOf('b', 2)

export const SMALL = { VCPU: 2, MEMORY_MB: 2048 }
const OWNER = { type: 'INSTANCE', project: 'p', user: 'u' }
const EXACT: Inventory = {
  total: 64,
  reserved: 0,
  allocation_ratio: 1,
  min_unit: 1,
  max_unit: 2_147_483_647,
  step_size: 1,
}

export function providerOf(id: string, inventories: Readonly<Record<string, Partial<Inventory>>>): SeedProvider {
  const filled = Object.entries(inventories).map(([name, given]) => [name, { ...EXACT, ...given }] as const)
  return {
    id,
    name: `host-${id.slice(-1)}`,
    parent: null,
    traits: [],
    aggregates: [],
    inventories: Object.fromEntries(filled),
  }
}

export function holding(id: string, allocations: Allocations): SeedConsumer {
  return { id, ...OWNER, allocations }
}

/** Three hosts; I holds a small server on S. */
export const SEED: SeedDocument = {
  providers: [S, D, E].map((id) => providerOf(id, { MEMORY_MB: { total: 65_536 }, VCPU: { total: 64 } })),
  consumers: [holding(I, { [S]: SMALL })],
}

export function entryOf(id: string, digest = 'd1'): Entry {
  return {
    id,
    digest,
    operation: 'claim',
    body: Buffer.from(`{"id":"${id}","\u00e9":1}`),
    properties: '{"type":"t"}',
    exchange: 'x',
    routingKey: 'transfer.claim',
  }
}

export function scopeOf(consumers: readonly string[], providers: readonly string[], held = false): Scope {
  return { consumers, providers, held }
}

export const SCOPE = scopeOf([I, M], [S, D])

export function decisionOf(request: string, code: Code = 'applied', say = ''): Decision {
  const letter = code === 'applied' ? null : { 'dl-reason': code, 'dl-schema': 1 }
  return {
    request,
    code,
    operation: 'claim',
    origin: 'nova',
    event: `{"id":"${request}/${code}","say":"${say}"}`,
    letter,
  }
}

/** What a ledger apart from the journal answers to a send whose door is closed. */
export const CLOSED: Applied = { kind: 'conflict', reason: 'closed' }

export function moveOf(state: Move['state'], request = R1): Move {
  const view = { generation: null, type: 'INSTANCE', allocations: { [S]: SMALL } }
  return {
    request,
    consumer: I,
    migration: M,
    mode: 'migration',
    source: S,
    destination: D,
    state,
    confirm: { [M]: { ...view, allocations: {} } },
    revert: { [I]: view },
  }
}

/** Opens a session; `name` is its id. */
export async function open(store: Store, name: string): Promise<string> {
  const answer = await store.locks.heartbeat(name, store.options.leaseMs, true)
  expect(answer).to.deep.equal({ alive: true, nowMs: store.nowMs() })
  return name
}

export async function beat(store: Store, ...sessions: readonly string[]): Promise<void> {
  for (const session of sessions) {
    expect((await store.locks.heartbeat(session, store.options.leaseMs, false)).alive, session).to.equal(true)
  }
}

/** Lets time pass in steps while the named sessions live. */
export async function live(store: Store, ms: number, ...sessions: readonly string[]): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    await store.advance(Math.min(left, 1_000))
    await beat(store, ...sessions)
  }
}

/** Begins `id` as processing `token` of `session`, alone in its process; it must be begun. */
export async function begin(store: Store, id: string, token: string, scope = SCOPE, mine = true): Promise<Started> {
  const begun = await store.journal.begin(entryOf(id), scope, token, mine, true)
  expect(begun.kind).to.equal('begun')
  return begun as Started
}

export function attemptOf({ processing, ticket }: Started, number = processing.attempt): Attempt {
  return { request: processing.request, token: processing.token, ticket: ticket.number, number }
}

export function change(before: Consumer, allocations: Allocations, owner = OWNER): Change {
  return { before, after: { generation: before.nextGeneration, ...owner, allocations } }
}

export function write(changes: readonly Change[], more: Partial<Write> = {}): Write {
  return { changes, guards: [], providers: {}, moves: { put: [] }, ...more }
}

/** The write of a claim: I passes to D, M takes what I held on S. */
export function claim(snapshot: Snapshot, to = D): Write {
  const held = snapshot.consumers[I]!.allocations
  const units = held[S]!
  return write(
    [
      change(snapshot.consumers[I]!, { [to]: units }),
      change(snapshot.consumers[M]!, { [S]: units }, { ...OWNER, type: 'MIGRATION' }),
    ],
    { providers: { [to]: snapshot.providers[to]!.generation } },
  )
}

/** The write of a plain transfer of I. */
export function transfer(snapshot: Snapshot, to = D): Write {
  return write([change(snapshot.consumers[I]!, { [to]: SMALL })])
}

/** Begins, plans with `plan` on what begin read, applies, and decides: in the same step, or in one of its own. */
export async function carryOut(
  store: Store,
  id: string,
  token: string,
  plan: (snapshot: Snapshot) => Write,
  scope = SCOPE,
): Promise<Applied> {
  const begun = await begin(store, id, token, scope)
  const planned = plan(begun.snapshot!)
  const applied = await store.ledger.apply(planned, attemptOf(begun), decisionOf(id))
  if (applied.kind === 'applied' && !applied.decided) {
    expect(await store.journal.decide(begun.processing, decisionOf(id), planned.moves)).to.equal('decided')
  }
  return applied
}

export async function acquire(
  store: Store,
  session: string,
  key: string,
  resources: readonly Resource[],
  instead: number | null = null,
): Promise<Ticket> {
  const ticket = await store.locks.acquire(session, key, resources, instead)
  expect(ticket, 'ticket').not.to.equal(null)
  return ticket!
}

export const asideOf = (reason: Aside['reason'], rung: number, delayMs: number): Aside => ({ reason, rung, delayMs })

/** What I, M and others hold and what is used, without what never changes. */
export async function booksOf(store: Store): Promise<unknown> {
  const { providers, consumers } = await store.dump()
  return {
    consumers: Object.fromEntries(consumers.map(({ id, ...rest }) => [id, rest])),
    usages: Object.fromEntries(providers.map(({ id, usages }) => [id, usages])),
  }
}

export interface Heard {
  /** The next notice that was not taken yet. */
  next(): Promise<Notice>
  readonly unlisten: () => Promise<void>
}

export async function listen(store: Store, session: string): Promise<Heard> {
  const heard: Notice[] = []
  const waiting: ((notice: Notice) => void)[] = []
  const unlisten = await store.locks.listen(
    session,
    (notice) => {
      const first = waiting.shift()
      if (first === undefined) heard.push(notice)
      else first(notice)
    },
    () => undefined,
  )
  return {
    unlisten,
    next: () =>
      heard.length > 0
        ? Promise.resolve(heard.shift()!)
        : new Promise((resolve) => {
            waiting.push(resolve)
          }),
  }
}

/** Rules by their words, under the subjects they are about. */
export type Suite = Readonly<Record<string, Readonly<Record<string, Rule>>>>

/** The same rules, each on a store that `prepare` has seen first. */
export function prepared(rules: Readonly<Record<string, Rule>>, prepare: Rule): Readonly<Record<string, Rule>> {
  return Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [
      name,
      async (store: Store) => {
        await prepare(store)
        await rule(store)
      },
    ]),
  )
}

/** Makes one test of each rule, on a fresh store. */
export function exercise(title: string, suite: Suite, openStore: () => Promise<Store>): void {
  describe(title, () => {
    for (const [subject, rules] of Object.entries(suite)) {
      describe(subject, () => {
        for (const [name, rule] of Object.entries(rules)) it(name, async () => rule(await openStore()))
      })
    }
  })
}
