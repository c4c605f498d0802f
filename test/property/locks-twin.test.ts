// The scripts and their in-memory twin answer and stand the same after every command of random histories.
import { expect } from 'chai'
import * as fc from 'fast-check'
import type { RedisClient } from '../../src/redis/client.ts'
import { redisAt } from '../support/redis-store.ts'
import { sharedRedis } from '../support/servers.ts'
import { SLOT_OPTIONS } from '../support/memory/slot.ts'
import { Twin } from '../support/twin.ts'
import { command, lockCommand, type Command } from '../support/twin-commands.ts'
import { PROVIDERS, providerOf, REQUESTS } from '../support/twin-world.ts'

const RUNS = Number(process.env['FERRYMAN_TEST_RUNS'] ?? 300)
const OPTIONS = { ...SLOT_OPTIONS, journalMs: 600_000 }

describe('the scripts and their twin', function () {
  this.timeout(60_000 + RUNS * 500)
  let redis: RedisClient

  before(async () => {
    redis = await redisAt((await sharedRedis()).url)
  })
  after(async () => {
    await redis.stop()
  })

  it('agree on every answer and on the whole state, through histories of requests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80 }), async (commands) => {
        await history([...OPENING, ...commands])
      }),
      { numRuns: RUNS },
    )
  })

  it('keep one holder a resource, first come first served, and lose no waiter', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(lockCommand, { minLength: 10, maxLength: 80 }), async (commands) => {
        await history(commands)
      }),
      { numRuns: RUNS },
    )
  })

  async function history(commands: readonly Command[]): Promise<void> {
    const twin = await Twin.open(redis, OPTIONS, REQUESTS)
    try {
      await twin.both((store) => store.seed({ providers: PROVIDERS.map((id) => providerOf(id, 8, 1)), consumers: [] }))
      for (const step of commands) {
        await step.run(twin)
        await twin.check()
      }
      await loseNoWaiter(twin)
      await leaveNothing(twin)
      await twin.checkNotices()
    } finally {
      await twin.close()
    }
  }
})

/** Two sessions, so that the first commands find something. */
const OPENING: readonly Command[] = [1, 2].map((number) => ({
  say: `open ${number}`,
  run: async (twin) => {
    const session = twin.fresh('s')
    twin.known.sessions.push(session)
    await twin.listen(session)
    await twin.both((store) => store.locks.heartbeat(session, store.options.leaseMs, true))
  },
}))

/** Once grace is over and everybody asks, whoever heads all its queues holds them. */
async function loseNoWaiter(twin: Twin): Promise<void> {
  for (let ms = -1_000; ms < OPTIONS.graceMs; ms += 1_000) {
    // the first call is the one that notices a restart
    await twin.both((store) => store.advance(1_000))
    for (const session of twin.known.sessions)
      await twin.both((store) => store.locks.heartbeat(session, OPTIONS.leaseMs, false))
  }
  for (const { session, number } of twin.known.tickets) await twin.both((store) => store.locks.poke(session, number))
  const { tickets, queues } = twin.memory.slot
  for (const { number, state, resources } of tickets.values()) {
    const heads = resources.every((resource) => queues.get(resource)![0] === number)
    expect(heads && state === 'waiting', `ticket ${number} heads all its queues and waits`).to.equal(false)
  }
  await twin.check()
}

/** When every session is dead the next one to live clears all they left. */
async function leaveNothing(twin: Twin): Promise<void> {
  await twin.both((store) => store.advance(OPTIONS.leaseMs))
  const last = twin.fresh('last')
  for (let sweeps = 0; sweeps < 3; sweeps++) {
    await twin.both((store) => store.locks.heartbeat(last, OPTIONS.leaseMs, true))
  }
  await twin.both((store) => store.locks.close(last))
  await twin.check()
  const { sessions, tickets, queues, keys } = twin.memory.slot
  // What is left of keys are marks of deaths, each until its request is begun again.
  const unmarked = [...keys.values()].filter((number) => number >= 0)
  expect([sessions.size, tickets.size, queues.size, unmarked.length]).to.deep.equal([0, 0, 0, 0])
}
