// The rules of counting deaths: what is one, in company or alone, and what becomes of a request that saw one.
import { expect } from 'chai'
import type { Begun } from '../../src/journal/journal.ts'
import type { Store } from '../support/store.ts'
import {
  asideOf,
  begin,
  D,
  entryOf,
  I,
  idOf,
  listen,
  live,
  open,
  OTHER,
  R1,
  R2,
  S,
  SCOPE,
  scopeOf,
  type Rule,
} from './ground.ts'

const ASIDE = scopeOf([OTHER], [])

/** Begins R1 beside others; whatever is answered. */
function beside(store: Store, token: string, id = R1, scope = SCOPE): Promise<Begun> {
  return store.journal.begin(entryOf(id), scope, token, true, false)
}

/** Lets the lease of `dead` end while `alive` lives, so that its tickets are swept. */
async function outlive(store: Store, alive: string): Promise<void> {
  await live(store, store.options.leaseMs + 1_000, alive)
}

/** Begins R1 in a new session, alone, which then dies; so often. */
async function diesAlone(store: Store, times: number): Promise<void> {
  for (let n = 1; n <= times; n++) {
    await open(store, `d${n}`)
    await begin(store, R1, `d${n}.1`)
    await outlive(store, 'z')
  }
}

/** Begins more requests in `session` than one step clears. */
async function beginMany(store: Store, session: string): Promise<readonly string[]> {
  const ids = Array.from({ length: 513 }, (_, n) => idOf('b', 1_000 + n))
  for (const [n, id] of ids.entries()) await begin(store, id, `${session}.${n + 1}`, scopeOf([id], []))
  return ids
}

export const DEATHS: Readonly<Record<string, Rule>> = {
  'with others in hand makes each a suspect, which is begun alone or not at all, and counts none': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    await begin(store, R1, 'a.1')
    await begin(store, R2, 'a.2', ASIDE)
    await outlive(store, 'z')
    expect(await beside(store, 'z.1')).to.deep.equal({ kind: 'suspect' })
    expect(await beside(store, 'z.2', R2, ASIDE)).to.deep.equal({ kind: 'suspect' })
    expect(await store.journal.show(R1)).to.include({ attempts: 1, state: 'waiting' })
    expect((await begin(store, R1, 'z.3')).processing).to.include({ attempts: 2, deaths: 0 })
  },
  'is counted where nothing else was begun, once each': async (store) => {
    await open(store, 'z')
    await diesAlone(store, 3)
    expect(await beside(store, 'z.1')).to.deep.equal({ kind: 'suspect' })
    expect(await beside(store, 'z.2')).to.deep.equal({ kind: 'suspect' })
    expect((await begin(store, R1, 'z.3')).processing).to.include({ deaths: 3 })
    expect((await begin(store, R1, 'z.3')).processing).to.include({ deaths: 3 })
  },
  'is counted before anybody has swept, too': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await store.advance(store.options.leaseMs)
    await open(store, 'z')
    expect(await beside(store, 'z.1')).to.deep.equal({ kind: 'suspect' })
    expect((await begin(store, R1, 'z.2')).processing).to.include({ deaths: 1 })
  },
  'in company is in company, whichever of the requests comes first': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await begin(store, R2, 'a.2', ASIDE)
    await store.advance(store.options.leaseMs)
    await open(store, 'z')
    expect((await begin(store, R2, 'z.1', ASIDE)).processing).to.include({ deaths: 0 })
    expect((await begin(store, R1, 'z.2')).processing).to.include({ deaths: 0 })
    expect((await beside(store, 'z.3', R1)).kind, 'its own leftover').to.equal('suspect')
  },
  'is none of a request that only waited for its lock, nor company to it': async (store) => {
    await open(store, 'a')
    await open(store, 'b')
    await open(store, 'z')
    await begin(store, R1, 'a.1', scopeOf([I], [D]))
    await begin(store, idOf('b', 7), 'b.1', scopeOf([OTHER], [S]))
    const waiting = await begin(store, R2, 'a.2', scopeOf([OTHER], [S]))
    expect(waiting.ticket.state).to.equal('waiting')
    await live(store, store.options.leaseMs + 1_000, 'b', 'z')
    expect((await beside(store, 'z.1', R2, scopeOf([OTHER], [S]))).kind).to.equal('begun')
    expect((await begin(store, R1, 'z.2', scopeOf([I], [D]))).processing).to.include({ deaths: 1 })
  },
  'is none of a request whose lock was granted to its process only when that had died': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    const busy = await begin(store, R2, 'z.1', ASIDE)
    expect((await begin(store, R1, 'a.1', ASIDE)).ticket.state).to.equal('waiting')
    await store.locks.release('z', busy.ticket.number)
    await outlive(store, 'z')
    expect((await beside(store, 'z.2', R1, ASIDE)).kind).to.equal('begun')
  },
  'is counted where the process was told of its lock, or asked': async (store) => {
    await open(store, 'z')
    for (const [n, told] of [true, false].entries()) {
      const session = await open(store, `s${n}`)
      const heard = told ? await listen(store, session) : null
      const busy = await begin(store, idOf('b', 90 + n), `z.${n + 1}`, ASIDE)
      const waiting = await begin(store, idOf('b', 80 + n), `${session}.1`, ASIDE)
      await store.locks.release('z', busy.ticket.number)
      if (!told) await store.locks.poke(session, waiting.ticket.number)
      await outlive(store, 'z')
      const again = await begin(store, idOf('b', 80 + n), `z.${n + 10}`, ASIDE)
      expect(again.processing.deaths, told ? 'told' : 'asked').to.equal(1)
      await store.locks.release('z', again.ticket.number)
      await heard?.unlisten()
    }
  },
  'is none where the process closed its session': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    await begin(store, R1, 'a.1')
    await store.locks.close('a')
    expect((await beside(store, 'z.1')).kind).to.equal('begun')
  },
  'is none where the process lost its lease, lives, and gives the request up': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    const begun = await begin(store, R1, 'a.1')
    await outlive(store, 'z')
    expect(await store.journal.aside(begun.processing, asideOf('handed_back', 0, 0))).to.equal('stale')
    expect((await beside(store, 'z.1')).kind).to.equal('begun')
  },
  'is none where the store was restarted': async (store) => {
    await open(store, 'a')
    await begin(store, R1, 'a.1')
    await store.restart()
    await store.advance(store.options.leaseMs)
    await open(store, 'z')
    await live(store, store.options.graceMs, 'z')
    const begun = await beside(store, 'z.1')
    expect(begun.kind).to.equal('begun')
    expect(begun).to.have.nested.property('processing.deaths', 0)
  },
  'is none of a neighbour that was decided before': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    const done = await begin(store, R2, 'a.1', ASIDE)
    await begin(store, R1, 'a.2')
    await store.journal.aside(done.processing, asideOf('contended', 1, 1_000))
    await outlive(store, 'z')
    expect((await beside(store, 'z.1', R2, ASIDE)).kind).to.equal('begun')
    expect((await begin(store, R1, 'z.2')).processing).to.include({ deaths: 1 })
  },
  'is none where the process closed a session with more tickets than one step clears': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    const ids = await beginMany(store, 'a')
    await store.locks.close('a')
    await live(store, 1_000, 'z')
    for (const [n, id] of ids.entries()) {
      expect((await beside(store, `z.${n + 1}`, id, scopeOf([id], []))).kind, `request ${n}`).to.equal('begun')
    }
  },
  'of a session with more tickets than one step clears is in company for all of them': async (store) => {
    await open(store, 'a')
    await open(store, 'z')
    const ids = await beginMany(store, 'a')
    await store.advance(store.options.leaseMs)
    await open(store, 'y')
    for (const [n, id] of ids.entries()) {
      const begun = await begin(store, id, `y.${n + 1}`, scopeOf([id], []))
      expect(begun.processing.deaths, `deaths of ${n}`).to.equal(0)
    }
  },
}
