// Lock sessions in bad weather: however calls are lost, late or doubled, two processes never trust one lock at a time.
import { expect } from 'chai'
import * as fc from 'fast-check'
import { LockLost } from '../../src/locks/lock.ts'
import type { Resource } from '../../src/locks/locks.ts'
import { lockSession, type LockSession, type SessionOptions } from '../../src/locks/session.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { memoryLocks } from '../support/memory/ports.ts'
import { checkpoint, failover, memorySlot, restart, type MemorySlot } from '../support/memory/slot.ts'
import { connection, FAIR, type Connection, type Weather } from '../support/memory/weather.ts'
import { virtualClock, type VirtualClock } from '../support/virtual-clock.ts'
import { VirtualProcess } from '../support/virtual-process.ts'

const RUNS = Math.ceil(Number(process.env['FERRYMAN_TEST_RUNS'] ?? 300) / 3)
const OPTIONS: SessionOptions = { leaseMs: 5_000, holdMs: 20_000, waitMs: 10_000, marginMs: 250, waitersMax: 9 }
const RESOURCES: readonly Resource[] = ['p:one', 'p:two', 'c:three']
const CALM_MS = 120_000
/** How far a replica may be behind (ms). */
const LAG_MS = 400

interface Held {
  readonly process: number
  readonly ticket: number
  readonly resources: readonly Resource[]
  readonly trusted: () => boolean
}

interface World {
  readonly clock: VirtualClock
  readonly slot: MemorySlot
  readonly links: Connection[]
  readonly processes: VirtualProcess[]
  readonly sessions: LockSession[]
  /** Locks that somebody believes in, until released or lost. */
  readonly held: Set<Held>
  grants: number
  /** Newest ticket trusted of each resource: fences never fall. */
  readonly fences: Map<Resource, number>
  readonly broken: unknown[]
  /** The storms are over. */
  calm: boolean
  over: boolean
}

describe('lock sessions in bad weather', function () {
  this.timeout(60_000 + RUNS * 500)

  it('never trust one resource twice, nor an older ticket after a newer, and end with nothing left', async () => {
    let grants = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1 }),
        fc.array(weather, { minLength: 10, maxLength: 30 }),
        async (seed, storms) => {
          grants += await life(seed, storms)
        },
      ),
      { numRuns: RUNS },
    )
    expect(grants).to.be.greaterThan(RUNS * 100)
  })
})

const KINDS = ['fair', 'rough', 'refusing', 'silent', 'slow', 'frozen', 'restart', 'failover'] as const

interface Storm {
  readonly process: number
  readonly kind: (typeof KINDS)[number]
  readonly ms: number
}

const weather: fc.Arbitrary<Storm> = fc.record({
  process: fc.nat(3),
  kind: fc.constantFrom(...KINDS),
  ms: fc.integer({ min: 100, max: 7_000 }),
})

/** What one storm makes of a connection. */
function weatherOf(kind: Storm['kind']): Weather {
  switch (kind) {
    case 'fair':
    case 'frozen':
    case 'restart':
    case 'failover':
      return { ...FAIR }
    case 'rough':
      return {
        ...FAIR,
        latencyMs: 300,
        timeoutMs: 8_000,
        requestLost: 0.1,
        replyLost: 0.2,
        late: 0.2,
        replyLate: 0.1,
        noticeLost: 0.5,
      }
    case 'slow':
      return { ...FAIR, latencyMs: 900, timeoutMs: 1_500 }
    case 'refusing':
    case 'silent':
      return { ...FAIR, state: kind }
  }
}

/** Four processes take and release locks for two minutes, then stop. The locks granted. */
async function life(seed: number, storms: readonly Storm[]): Promise<number> {
  const clock = virtualClock(seed)
  const slot = memorySlot({ nowUs: clock.nowUs, options: { ...OPTIONS, graceMs: OPTIONS.leaseMs + 500 } })
  const world: World = {
    clock,
    slot,
    links: [],
    processes: [],
    sessions: [],
    held: new Set(),
    grants: 0,
    fences: new Map(),
    broken: [],
    calm: false,
    over: false,
  }
  for (let number = 0; number < 4; number++) startProcess(world, number)
  const works = world.sessions.flatMap((_, number) => [work(world, number), work(world, number)])
  await clock.until(Promise.all(world.sessions.map((locks) => locks.start())))
  let replica = checkpoint(slot)
  for (const [number, storm] of storms.entries()) {
    const process = world.processes[storm.process]!
    if (storm.kind === 'restart') restart(slot, `run-${number + 2}`)
    if (storm.kind === 'failover') failover(slot, replica, `run-${number + 2}`)
    if (storm.kind === 'frozen') process.freeze()
    Object.assign(world.links[storm.process]!.weather, weatherOf(storm.kind))
    await clock.advance(storm.ms)
    replica = checkpoint(slot)
    await clock.advance(LAG_MS * clock.random())
    process.thaw()
  }
  for (const link of world.links) Object.assign(link.weather, FAIR)
  world.calm = true
  const before = world.grants
  await clock.advance(CALM_MS)
  expect(world.grants - before, 'locks granted in fair weather').to.be.greaterThan(100)
  world.over = true
  await clock.until(Promise.all([...works, ...world.sessions.map((locks) => locks.stop())]))
  await clock.runUntilIdle()
  for (const failure of world.broken) throw failure
  expect([slot.sessions.size, slot.tickets.size, slot.listeners.size], 'left in the store').to.deep.equal([0, 0, 0])
  return world.grants
}

function startProcess(world: World, number: number): void {
  const process = new VirtualProcess(world.clock)
  const link = connection(world.clock, { ...FAIR }, process)
  const store = memoryLocks(world.slot, link.call, link.ways)
  world.links.push(link)
  world.processes.push(process)
  world.sessions.push(
    lockSession({ store, clock: process, telemetry: new Telemetry(), options: OPTIONS, name: `p${number}` }),
  )
}

/** One worker: takes a random lock, holds it a while, gives it up; a failure only makes it try again. */
async function work(world: World, number: number): Promise<void> {
  const clock = world.processes[number]!
  for (let tries = 0; !world.over; tries++) {
    await clock.sleep(1 + clock.random() * 400)
    try {
      await turn(world, number, `p${number}-${tries}-${clock.uuid()}`)
    } catch (failure) {
      if (!(failure instanceof Error) || !['LockLost', 'Unanswered', 'Unavailable'].includes(failure.name))
        throw failure
    }
  }
}

async function turn(world: World, number: number, key: string): Promise<void> {
  const clock = world.processes[number]!
  const { slot } = world
  const locks = world.sessions[number]!
  const { call, ways } = world.links[number]!
  const store = memoryLocks(slot, call, ways)
  const resources = RESOURCES.filter(() => clock.random() < 0.6)
  if (resources.length === 0) return
  const takenBy = locks.session
  const ticket = await store.acquire(takenBy, key, resources, null)
  if (ticket === null) return
  const lock = await locks.hold(ticket, resources, new AbortController().signal, takenBy)
  if (!('inVain' in lock)) {
    await believe(
      world,
      { process: number, ticket: lock.ticket, resources, trusted: () => lock.trusted() },
      lock.signal,
    )
  }
  locks.forget(ticket.number)
  await store.release(takenBy, ticket.number)
}

/** Holds a lock and checks again and again that nobody else believes in any part of it. */
async function believe(world: World, mine: Held, signal: AbortSignal): Promise<void> {
  const clock = world.processes[mine.process]!
  world.grants += 1
  for (const resource of mine.resources) {
    expect(mine.ticket, `fence of ${resource}`).to.be.greaterThan(world.fences.get(resource) ?? 0)
    world.fences.set(resource, mine.ticket)
  }
  world.held.add(mine)
  try {
    const untilMs = clock.monotonicMs() + clock.random() * (!world.calm && clock.random() < 0.3 ? 25_000 : 500)
    while (clock.monotonicMs() < untilMs && mine.trusted()) {
      checkBeliefs(world, mine)
      await clock.sleep(Math.min(100, untilMs - clock.monotonicMs()))
    }
  } finally {
    world.held.delete(mine)
  }
  if (signal.aborted) throw signal.reason instanceof LockLost ? signal.reason : new Error('aborted for no reason')
}

function checkBeliefs(world: World, mine: Held): void {
  for (const other of world.held) {
    if (other === mine || !other.trusted()) continue
    const shared = mine.resources.filter((resource) => other.resources.includes(resource))
    expect(shared, `trusted by ${mine.process} and ${other.process} (${mine.ticket}, ${other.ticket})`).to.deep.equal(
      [],
    )
  }
}
