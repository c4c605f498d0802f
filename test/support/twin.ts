// One namespace kept twice, in memory and on Redis: every call goes to both, and both must answer and stand the same.
import { expect } from 'chai'
import type { Processing } from '../../src/journal/journal.ts'
import type { Notice, Ticket } from '../../src/locks/locks.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { KEY_TYPES, type KeyName } from '../../src/redis/keys.ts'
import type { Snapshot } from '../../src/transfer/snapshot.ts'
import type { SlotOptions } from './memory/slot.ts'
import { redisStore, type RedisStore } from './redis-store.ts'
import { stateOfMemory, stateOfRedis, type SlotState } from './slot-state.ts'
import { memoryStore, type MemoryStore, type Store } from './store.ts'

/** What commands may refer to later. */
export interface Known {
  readonly sessions: string[]
  readonly tickets: { readonly session: string; readonly number: number }[]
  readonly processings: {
    readonly processing: Processing
    readonly ticket: number
    readonly snapshot: Snapshot | null
  }[]
  readonly snapshots: Snapshot[]
}

export class Twin {
  readonly memory: MemoryStore
  readonly redis: RedisStore
  readonly known: Known = { sessions: [], tickets: [], processings: [], snapshots: [] }
  /** Every request that a command has named. */
  readonly requests: string[]
  readonly #heard = { memory: [] as string[], redis: [] as string[] }
  readonly #unlisten: (() => Promise<void>)[] = []
  #names = 0
  #lastTicket = 0
  #lastGranted = new Map<string, number>()

  constructor(memory: MemoryStore, redis: RedisStore, requests: readonly string[]) {
    this.memory = memory
    this.redis = redis
    this.requests = [...requests]
  }

  static async open(redis: RedisClient, options: SlotOptions, requests: readonly string[]): Promise<Twin> {
    return new Twin(memoryStore({}, options), await redisStore(redis, options), requests)
  }

  /** Carries `run` out on both; the answers, or the names of the failures, must be the same. */
  async both<T>(run: (store: Store) => Promise<T>): Promise<T> {
    const [inMemory, onRedis] = await Promise.all([run(this.memory), run(this.redis)])
    expect(onRedis, 'the answer of Redis').to.deep.equal(inMemory)
    return inMemory
  }

  /** A name that was never given before. */
  fresh(prefix: string): string {
    return `${prefix}${++this.#names}`
  }

  /** A processing token of `session`, never given before. */
  token(session: string): string {
    return this.fresh(`${session}.`)
  }

  async listen(session: string): Promise<void> {
    const hear =
      (list: string[]) =>
      (notice: Notice): void => {
        list.push(JSON.stringify(notice))
      }
    const ignore = (): void => undefined
    this.#unlisten.push(
      await this.memory.locks.listen(session, hear(this.#heard.memory), ignore),
      await this.redis.locks.listen(session, hear(this.#heard.redis), ignore),
    )
  }

  /** Notes a ticket, which must be newer than all before. */
  note(session: string, ticket: Ticket): void {
    if (this.known.tickets.some(({ number }) => number === ticket.number)) return
    expect(ticket.number, 'a new ticket').to.be.greaterThan(this.#lastTicket)
    this.#lastTicket = ticket.number
    this.known.tickets.push({ session, number: ticket.number })
  }

  /** Both stand the same, and what must always hold of locks holds. */
  async check(): Promise<void> {
    const inMemory = stateOfMemory(this.memory.slot, this.requests)
    await this.#expire(inMemory)
    expect(await stateOfRedis(this.redis, this.requests), 'the state of Redis').to.deep.equal(inMemory)
    this.#checkLocks(inMemory)
  }

  /** Notices are the same, in whatever order. Waits until Redis has delivered all of them. */
  async checkNotices(): Promise<void> {
    const { redis, keys } = this.redis.scripts
    await Promise.all(
      this.known.sessions.map(async (session) => {
        let arrived: () => void = () => undefined
        const end = new Promise<void>((resolve) => {
          arrived = resolve
        })
        const unlisten = await redis.subscribe(
          keys.channel(session),
          (message) => {
            if (message === 'end') arrived()
          },
          () => undefined,
        )
        await redis.call('PUBLISH', [keys.channel(session), 'end'])
        await end
        await unlisten()
      }),
    )
    expect([...this.#heard.redis].sort(), 'notices of Redis').to.deep.equal([...this.#heard.memory].sort())
  }

  async close(): Promise<void> {
    for (const unlisten of this.#unlisten) await unlisten()
    const { redis, keys } = this.redis.scripts
    const shared = (Object.keys(KEY_TYPES) as KeyName[]).map((name) => keys[name])
    await redis.call('DEL', [
      ...shared,
      ...this.requests.flatMap((id) => [keys.record(id), keys.tomb(id)]),
      `{${keys.namespace}}:clock`,
    ])
  }

  /** Plays the part of Redis' expiry, which knows nothing of the time that tests let pass. */
  async #expire(inMemory: SlotState): Promise<void> {
    const left = inMemory.records as object
    const gone = this.requests.filter((id) => !(id in left)).map(this.redis.scripts.keys.record)
    if (gone.length > 0) await this.redis.scripts.redis.call('DEL', gone)
  }

  /** One holder a resource, first come first served, numbers that only rise. */
  #checkLocks({ tickets, queues }: SlotState): void {
    for (const [resource, queue] of Object.entries(queues)) {
      const granted = queue.filter((number) => tickets[number]!.state === 'granted')
      expect(granted.length, `holders of ${resource}`).to.be.at.most(1)
      if (granted.length === 0) continue
      expect(granted[0], `the holder of ${resource} is the first in its queue`).to.equal(queue[0])
      expect(granted[0], `grants of ${resource} rise`).to.be.at.least(this.#lastGranted.get(resource) ?? 0)
      this.#lastGranted.set(resource, granted[0]!)
    }
  }
}
