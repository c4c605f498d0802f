// Random commands for a twin: sessions that live and die, requests begun, written, decided, set aside, and time.
import * as fc from 'fast-check'
import type { Resource } from '../../src/locks/locks.ts'
import type { Scope } from '../../src/transfer/plan.ts'
import type { Twin } from './twin.ts'
import { CONSUMERS, decisionOf, entryOf, id, movesOf, PROVIDERS, providerOf, REQUESTS, writeOf } from './twin-world.ts'

const RESOURCES: readonly Resource[] = [
  ...CONSUMERS.map((consumer): Resource => `c:${consumer}`),
  ...PROVIDERS.map((provider): Resource => `p:${provider}`),
]
/** One step. `say` is what a counterexample shows of it. */
export interface Command {
  readonly say: string
  run(twin: Twin): Promise<void>
}

type Args = Readonly<{ [name: string]: unknown }>

/** Makes commands of one kind from random arguments. */
function kind<T extends Args>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  run: (twin: Twin, args: T) => Promise<void>,
): fc.Arbitrary<Command> {
  return fc.record(args as { [name: string]: fc.Arbitrary<unknown> }).map((given) => ({
    say: `${name} ${JSON.stringify(given)}`,
    run: (twin) => run(twin, given as T),
    toString(): string {
      return this.say
    },
  }))
}

/** Which of those known, from the newest; mostly the newest, which is mostly the one that is current. */
const which = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(11) })
const some = fc.nat(2)
const subset = <T>(list: readonly T[], minLength = 0): fc.Arbitrary<T[]> => fc.subarray([...list], { minLength })

/** Element `index` of `list` counted from the newest, round and round. */
function pick<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[list.length - 1 - (index % list.length)]
}

const SESSIONS: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: kind('open', {}, async (twin) => {
      const session = twin.fresh('s')
      twin.known.sessions.push(session)
      await twin.listen(session)
      await twin.both((store) => store.locks.heartbeat(session, store.options.leaseMs, true))
    }),
  },
  {
    weight: 4,
    arbitrary: kind('beat', { session: which, open: fc.boolean() }, async (twin, { session, open }) => {
      const name = pick(twin.known.sessions, session)
      if (name !== undefined) await twin.both((store) => store.locks.heartbeat(name, store.options.leaseMs, open))
    }),
  },
  {
    weight: 1,
    arbitrary: kind('close', { session: which }, async (twin, { session }) => {
      const name = pick(twin.known.sessions, session)
      if (name !== undefined) await twin.both((store) => store.locks.close(name))
    }),
  },
)

const TICKETS: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: kind(
      'acquire',
      { session: some, resources: subset(RESOURCES, 1), instead: fc.option(which), again: fc.nat(5) },
      async (twin, { session, resources, instead, again }) => {
        const name = pick(twin.known.sessions, session)
        if (name === undefined) return
        const key = again === 0 ? `k${resources.length}` : twin.fresh('k')
        const number = instead === null ? null : (pick(twin.known.tickets, instead)?.number ?? null)
        const ticket = await twin.both((store) =>
          store.locks.acquire(name, key, resources, again === 0 ? null : number),
        )
        if (ticket !== null) twin.note(name, ticket)
      },
    ),
  },
  {
    weight: 4,
    arbitrary: kind('release', { ticket: which, foreign: fc.nat(9) }, async (twin, { ticket, foreign }) => {
      const known = pick(twin.known.tickets, ticket)
      if (known === undefined) return
      const session = foreign === 0 ? pick(twin.known.sessions, ticket)! : known.session
      await twin.both((store) => store.locks.release(session, known.number))
    }),
  },
  {
    weight: 3,
    arbitrary: kind('poke', { ticket: which, foreign: fc.nat(9) }, async (twin, { ticket, foreign }) => {
      const known = pick(twin.known.tickets, ticket)
      if (known === undefined) return
      const session = foreign === 0 ? pick(twin.known.sessions, ticket)! : known.session
      await twin.both((store) => store.locks.poke(session, known.number))
    }),
  },
)

const scopes: fc.Arbitrary<Scope> = fc.record({
  consumers: subset(CONSUMERS, 1),
  providers: subset(PROVIDERS),
  held: fc.boolean(),
})

const JOURNAL: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: kind(
      'begin',
      {
        request: fc.nat(3),
        session: some,
        scope: scopes,
        other: fc.nat(19),
        mine: fc.boolean(),
        alone: fc.boolean(),
        again: fc.nat(5),
      },
      async (twin, { request, session, scope, other, mine, alone, again }) => {
        const known = pick(twin.known.processings, request)
        const name = pick(twin.known.sessions, session)
        if (name === undefined) return
        const resend = again === 0 && known !== undefined
        const token = resend ? known.processing.token : twin.token(name)
        const entry = entryOf(resend ? known.processing.request : REQUESTS[request]!, other === 0 ? 'other' : 'same')
        const begun = await twin.both((store) => store.journal.begin(entry, scope, token, mine, alone))
        if (begun.kind !== 'begun') return
        twin.note(begun.processing.session, begun.ticket)
        twin.known.processings.push({
          processing: begun.processing,
          ticket: begun.ticket.number,
          snapshot: begun.snapshot,
        })
        if (begun.snapshot !== null) twin.known.snapshots.push(begun.snapshot)
      },
    ),
  },
  {
    weight: 3,
    arbitrary: kind(
      'decide',
      { processing: which, code: fc.nat(2), moves: fc.nat(3) },
      async (twin, { processing, code, moves }) => {
        const known = pick(twin.known.processings, processing)
        if (known === undefined) return
        const decision = decisionOf(known.processing.request, code)
        await twin.both((store) => store.journal.decide(known.processing, decision, { put: movesOf(moves) }))
      },
    ),
  },
  {
    weight: 3,
    arbitrary: kind(
      'aside',
      { processing: which, rung: fc.nat(4), delayMs: fc.constantFrom(0, 1, 1_000, 5_000, 60_000), reason: fc.nat(2) },
      async (twin, { processing, rung, delayMs, reason }) => {
        const known = pick(twin.known.processings, processing)
        if (known === undefined) return
        const aside = { rung, delayMs, reason: (['contended', 'ledger_unavailable', 'handed_back'] as const)[reason]! }
        await twin.both((store) => store.journal.aside(known.processing, aside))
      },
    ),
  },
  {
    weight: 2,
    arbitrary: kind(
      'sending',
      { processing: which, more: fc.nat(2), once: fc.boolean(), consumers: subset(CONSUMERS), intends: fc.boolean() },
      async (twin, { processing, more, once, consumers, intends }) => {
        const known = pick(twin.known.processings, processing)
        if (known === undefined) return
        const decision = decisionOf(known.processing.request, 0)
        const intent = intends ? { decision, moves: { put: movesOf(1) }, consumers, marked: once } : null
        const what = { attempt: known.processing.attempt - 1 + more, once, intent }
        await twin.both((store) => store.journal.sending(known.processing, what))
        await twin.both((store) => store.journal.unsettled(CONSUMERS))
      },
    ),
  },
  {
    weight: 1,
    arbitrary: kind('cancel', { request: fc.nat(3), by: some }, async (twin, { request, by }) => {
      await twin.both((store) => store.journal.cancel(REQUESTS[request]!, `cancel-${by}`))
    }),
  },
  {
    weight: 1,
    arbitrary: kind('told', { requests: subset(REQUESTS, 1) }, async (twin, { requests }) => {
      await twin.both((store) => store.journal.told(requests))
    }),
  },
  {
    weight: 1,
    arbitrary: kind('pack', { requests: subset(REQUESTS, 1) }, async (twin, { requests }) => {
      await twin.both((store) => store.journal.ripe(4))
      await twin.both((store) => store.journal.pack(requests))
    }),
  },
  {
    weight: 1,
    arbitrary: kind('sweep', { limit: fc.integer({ min: 1, max: 4 }) }, async (twin, { limit }) => {
      await twin.both((store) => store.journal.sweep(limit))
    }),
  },
  {
    weight: 1,
    arbitrary: kind('show', { request: fc.nat(3) }, async (twin, { request }) => {
      await twin.both((store) => store.journal.show(REQUESTS[request]!))
      await twin.both((store) => store.journal.moves(CONSUMERS))
    }),
  },
)

/** Target of one consumer: which providers, how many units; 0 units of all is "holds nothing". */
const targets = fc.array(
  fc.record({
    consumer: fc.nat(2),
    provider: fc.nat(2),
    vcpu: fc.nat(7),
    memory: fc.constantFrom(0, 0, 2, 2, 4, 4, 1, 3),
  }),
  { minLength: 1, maxLength: 3 },
)

const BOOKS: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: kind(
      'apply',
      {
        processing: fc.constantFrom(0, 0, 0, 1, 2),
        targets,
        seen: fc.nat(9),
        guard: fc.nat(5),
        relied: fc.nat(5),
        number: fc.nat(15),
        ticket: fc.nat(15),
        moves: fc.nat(4),
      },
      async (twin, { processing, targets: wanted, seen, guard, relied, number, ticket, moves }) => {
        const known = pick(twin.known.processings, processing)
        if (known === undefined) return
        const now = await twin.both((store) =>
          store.ledger.snapshot({ consumers: CONSUMERS, providers: PROVIDERS, held: false }),
        )
        twin.known.snapshots.push(now)
        const read = seen < 2 ? pick(twin.known.snapshots, seen * 3 + 1)! : now
        const write = writeOf(read, now, wanted, guard, relied, movesOf(moves))
        const { request, token, attempt } = known.processing
        const borrowed = ticket === 0 ? pick(twin.known.tickets, number)!.number : known.ticket
        const tried = { request, token, ticket: borrowed, number: number === 0 ? attempt + 1 : attempt }
        await twin.both((store) => store.ledger.apply(write, tried, decisionOf(request, 0)))
        await twin.both((store) => store.ledger.find(tried))
      },
    ),
  },
  {
    weight: 8,
    arbitrary: kind(
      'carry',
      { session: some, scope: scopes, targets, seen: fc.nat(5), guard: fc.nat(5), relied: fc.nat(5), moves: fc.nat(4) },
      async (twin, { session, scope, targets: wanted, seen, guard, relied, moves }) => {
        const name = pick(twin.known.sessions, session)
        if (name === undefined) return
        const request = id('b', 100 + twin.requests.length)
        twin.requests.push(request)
        const token = twin.token(name)
        const begun = await twin.both((store) => store.journal.begin(entryOf(request, 'same'), scope, token, true))
        if (begun.kind !== 'begun') return
        twin.note(name, begun.ticket)
        const known = { processing: begun.processing, ticket: begun.ticket.number, snapshot: begun.snapshot }
        if (begun.ticket.state === 'waiting') {
          twin.known.processings.push(known)
          return
        }
        const now = await twin.both((store) =>
          store.ledger.snapshot({ consumers: CONSUMERS, providers: PROVIDERS, held: false }),
        )
        twin.known.snapshots.push(now)
        const read = seen < 3 ? pick(twin.known.snapshots, seen * 2 + 1)! : now
        const write = writeOf(read, now, wanted, guard, relied, movesOf(moves))
        const tried = { request, token: begun.processing.token, ticket: begun.ticket.number, number: 1 }
        const applied = await twin.both((store) => store.ledger.apply(write, tried, decisionOf(request, 0)))
        if (applied.kind === 'conflict') {
          await twin.both((store) =>
            store.journal.aside(begun.processing, { rung: 0, delayMs: 0, reason: 'contended' }),
          )
        }
      },
    ),
  },
  {
    weight: 2,
    arbitrary: kind('shut', { processing: which, later: fc.nat(3) }, async (twin, { processing, later }) => {
      const known = pick(twin.known.processings, processing)
      if (known === undefined) return
      const { request, token, attempt } = known.processing
      const tried = { request, token, ticket: known.ticket, number: attempt + (later === 0 ? 1 : 0) }
      await twin.both((store) => store.ledger.close(tried))
      await twin.both((store) => store.ledger.find(tried))
    }),
  },
  {
    weight: 1,
    arbitrary: kind('snapshot', { scope: scopes }, async (twin, { scope }) => {
      twin.known.snapshots.push(await twin.both((store) => store.ledger.snapshot(scope)))
    }),
  },
  {
    weight: 1,
    arbitrary: kind(
      'define',
      { provider: fc.nat(2), total: fc.integer({ min: 1, max: 9 }), ratio: fc.constantFrom(0.999, 1, 1.1, 1.15, 16) },
      async (twin, { provider, total, ratio }) => {
        await twin.both((store) =>
          store.seed({ providers: [providerOf(PROVIDERS[provider]!, total, ratio)], consumers: [] }),
        )
      },
    ),
  },
)

const TIME: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: kind(
      'advance',
      {
        ms: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom(0, 1, 250, 1_000) },
          { weight: 1, arbitrary: fc.constantFrom(4_999, 5_000, 5_500, 61_000) },
        ),
      },
      async (twin, { ms }) => {
        await twin.both((store) => store.advance(ms))
      },
    ),
  },
  {
    weight: 4,
    arbitrary: kind(
      'starve',
      { session: some, seconds: fc.constantFrom(3, 6, 6, 6, 12, 36, 61) },
      async (twin, { session, seconds }) => {
        const dead = pick(twin.known.sessions, session)
        const living = twin.known.sessions.slice(-3).filter((name) => name !== dead)
        for (let left = seconds; left > 0; left -= 3) {
          await twin.both((store) => store.advance(3_000))
          for (const name of living)
            await twin.both((store) => store.locks.heartbeat(name, store.options.leaseMs, false))
        }
      },
    ),
  },
  {
    weight: 1,
    arbitrary: kind('restart', {}, async (twin) => {
      await twin.both((store) => store.restart())
    }),
  },
)

/** Any command; what begins and writes comes often, so that most lists get somewhere. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: SESSIONS },
  { weight: 3, arbitrary: TICKETS },
  { weight: 5, arbitrary: JOURNAL },
  { weight: 5, arbitrary: BOOKS },
  { weight: 2, arbitrary: TIME },
)

/** Only sessions, tickets and time: many more lock histories than the full list would see. */
export const lockCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: SESSIONS },
  { weight: 8, arbitrary: TICKETS },
  { weight: 3, arbitrary: TIME },
)
