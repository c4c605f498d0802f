// Many clients of the lock scripts at once on a real Redis: whatever they do, their history is that of a correct lock.
import { expect } from 'chai'
import * as fc from 'fast-check'
import type { LockStore, Resource, Ticket } from '../../src/locks/locks.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { faultsOf, LockHistory } from '../support/lock-history.ts'
import { connected, groundOn } from '../support/redis-ground.ts'
import { sharedRedis } from '../support/servers.ts'

const RUNS = Math.ceil(Number(process.env['FERRYMAN_TEST_RUNS'] ?? 300) / 6)
const RESOURCES: readonly Resource[] = [1, 2, 3].map((n): Resource => `p:aaaaaaaa-0000-4000-8000-00000000000${n}`)
const LEASE_MS = 60_000

/** One turn of a client: takes `resources`, asks `looks` times while it holds them, and ends in one of these ways. */
interface Turn {
  readonly resources: readonly Resource[]
  readonly looks: number
  readonly end: 'release' | 'change' | 'close' | 'give_up'
}

const turn: fc.Arbitrary<Turn> = fc.record({
  resources: fc.subarray([...RESOURCES], { minLength: 1 }),
  looks: fc.nat(3),
  end: fc.oneof(
    { weight: 6, arbitrary: fc.constant('release' as const) },
    { weight: 2, arbitrary: fc.constant('change' as const) },
    { weight: 1, arbitrary: fc.constant('close' as const) },
    { weight: 2, arbitrary: fc.constant('give_up' as const) },
  ),
})
/** Clients, each with its turns. */
const crowd = fc.array(fc.array(turn, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 6 })

describe('the lock scripts', () => {
  let redis: RedisClient
  before(async () => {
    redis = await connected((await sharedRedis()).url)
  })
  after(async () => {
    await redis.stop()
  })

  it('are a lock in the eyes of many clients at once: exclusive, in order, with rising tokens', async function () {
    this.timeout(60_000 + RUNS * 1_000)
    let grants = 0
    let waits = 0
    await fc.assert(
      fc.asyncProperty(crowd, async (clients) => {
        const { locks } = groundOn(redis, { leaseMs: LEASE_MS })
        const history = new LockHistory()
        await Promise.all(clients.map((turns, n) => new Client(locks, history, `c${n}`).live(turns)))
        expect(faultsOf(history.seen)).to.deep.equal([])
        grants += history.seen.filter(({ says }) => says === 'granted').length
        waits += history.seen.filter(({ says }) => says === 'waiting').length
      }),
      { numRuns: RUNS },
    )
    expect(grants, 'answers that it is granted').to.be.greaterThan(RUNS * 5)
    expect(waits, 'answers that it waits').to.be.greaterThan(RUNS)
  })
})

class Client {
  readonly #locks: LockStore
  readonly #history: LockHistory
  readonly #name: string
  #session = ''
  #names = 0

  constructor(locks: LockStore, history: LockHistory, name: string) {
    this.#locks = locks
    this.#history = history
    this.#name = name
  }

  async live(turns: readonly Turn[]): Promise<void> {
    await this.#open()
    for (const one of turns) await this.#turn(one)
    await this.#locks.close(this.#session)
  }

  async #open(): Promise<void> {
    this.#session = `${this.#name}/${++this.#names}`
    await this.#locks.heartbeat(this.#session, LEASE_MS, true)
  }

  async #turn({ resources, looks, end }: Turn): Promise<void> {
    const ticket = await this.#take(resources, null)
    if (end === 'give_up') return this.#release(ticket, resources) // whether it waits or not
    await this.#hold(ticket, resources, looks)
    switch (end) {
      case 'release':
        return this.#release(ticket, resources)
      case 'change': {
        const others = RESOURCES.filter((resource) => !resources.includes(resource)).concat(resources[0]!)
        const next = await this.#take(others, ticket.number)
        await this.#look(ticket.number, resources)
        await this.#hold(next, others, looks)
        return this.#release(next, others)
      }
      case 'close':
        await this.#locks.close(this.#session)
        await this.#look(ticket.number, resources)
        return this.#open()
    }
  }

  async #take(resources: readonly Resource[], instead: number | null): Promise<Ticket> {
    const key = `${this.#name}.${++this.#names}`
    const take = (): Promise<Ticket | null> => this.#locks.acquire(this.#session, key, resources, instead)
    const ticket = await this.#history.note(resources, null, take)
    if (ticket === null) throw new Error(`session ${this.#session} is over`)
    return ticket
  }

  /** Asks until it holds, then `looks` times more: each answer is one that others' may contradict. */
  async #hold(ticket: Ticket, resources: readonly Resource[], looks: number): Promise<void> {
    let { state } = ticket
    while (state === 'waiting') state = (await this.#look(ticket.number, resources))!.state
    for (let left = looks; left > 0; left--) await this.#look(ticket.number, resources)
  }

  #look(ticket: number, resources: readonly Resource[]): Promise<Ticket | null> {
    return this.#history.note(resources, ticket, () => this.#locks.poke(this.#session, ticket))
  }

  async #release(ticket: Ticket, resources: readonly Resource[]): Promise<void> {
    await this.#locks.release(this.#session, ticket.number)
    await this.#look(ticket.number, resources)
  }
}
