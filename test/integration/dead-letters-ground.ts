// A desk under test: one installation on real servers, a worker that can be started and stopped, and all that is told.
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Publisher } from '../../src/broker/broker.ts'
import type { Received } from '../../src/broker/reader.ts'
import { loadConfig, type Config } from '../../src/config.ts'
import type { Actor, Result } from '../../src/dead-letters/acts.ts'
import { replay, type ReplayParts } from '../../src/dead-letters/acts.ts'
import type { WholeLetter } from '../../src/dead-letters/desk.ts'
import { catchUp } from '../../src/dead-letters/intake.ts'
import { witnessesOf } from '../../src/dead-letters/witnesses.ts'
import type { ReconcileParts } from '../../src/dead-letters/reconcile.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import type { EventBody, Followed } from '../../src/transfer/event.ts'
import { openWorker, type OpenWorker } from '../../src/wire/open-worker.ts'
import { openParts, type Parts, type RabbitBroker, type Store } from '../../src/wire/parts.ts'
import { freshNamespace, freshVhost, sharedRabbit, sharedRedis } from '../support/servers.ts'

export const BY: Actor = { by: 'anna', why: null }
export const BYTES_MAX = 65_536
const DAY_MS = 86_400_000

let serial = 0
/** A uuid that is new in this run. */
export function uuid(kind: number): string {
  return `${kind}0000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`
}

export type Told = EventBody & { readonly followed?: Followed }

/** A server that holds 2 VCPU at a source, and a destination for it that has no room. */
export interface Wish {
  readonly request: Readonly<Record<string, unknown>> & { readonly id: string }
  readonly consumer: string
  readonly destination: string
}

export type DeskActs = ReconcileParts & ReplayParts

export interface Ground {
  readonly parts: Parts
  readonly store: Store
  readonly broker: RabbitBroker
  readonly url: string
  /** What acts need; `publisher` may be another, and the time (ms) `aheadMs` later than Redis has it. */
  acts(other?: { readonly aheadMs?: number; readonly publisher?: Publisher }): DeskActs
  startWorker(): Promise<void>
  stopWorker(): Promise<void>
  /** Events so far, in their order. */
  readonly events: readonly Told[]
  /** The first event that `which` accepts, now or later. */
  event(which: (event: Told) => boolean): Promise<Told>
  /** Publishes a request, and waits for its decision. */
  decided(request: Readonly<Record<string, unknown>> & { readonly id: string }): Promise<Told>
  /** A claim that a worker has refused for lack of room, and the letter of it. */
  refused(): Promise<Wish & { readonly letter: WholeLetter }>
  /** Gives every destination of these room. */
  makeRoom(...wishes: readonly Wish[]): Promise<void>
  /** Takes in what waits, and closes what has ended. */
  catchUp(): Promise<void>
  letter(id: string): Promise<WholeLetter>
  replay(id: string, acts?: DeskActs): Promise<Result>
  depth(queue: string): Promise<number>
  close(): Promise<void>
}

async function configOn(url: string): Promise<Config> {
  const env = {
    FERRYMAN_REDIS_URL: (await sharedRedis()).url,
    FERRYMAN_REDIS_NAMESPACE: freshNamespace(),
    FERRYMAN_RABBITMQ_URL: url,
    FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl ?? '',
    FERRYMAN_RABBITMQ_TOPOLOGY: 'off',
  }
  return loadConfig({ env }).config
}

export async function openGround(): Promise<Ground> {
  const url = await freshVhost()
  const config = await configOn(url)
  const telemetry = new Telemetry()
  const parts = openParts(config, systemClock, telemetry)
  const [store, broker, reader] = await Promise.all([parts.store(), parts.broker(), parts.reader()])
  await broker.createTopology()
  const { names } = parts
  const seen = inbox()
  await reader.tap(names.events, '#', seen.take)
  let worker: OpenWorker | null = null
  const acts: Ground['acts'] = ({ aheadMs = 0, publisher = broker } = {}) => {
    const { desk, journal, ledger } = store
    const witnesses = witnessesOf(broker, names, 7 * DAY_MS)
    const nowMs = async (): Promise<number> => (await store.serverNowMs()) + aheadMs
    const clock = systemClock
    return { desk, journal, ledger, publisher, names, clock, telemetry, prefix: 'ferryman', nowMs, witnesses }
  }
  const depth = async (queue: string): Promise<number> => (await broker.counts([queue]))[queue] ?? 0
  const publish = async (request: object): Promise<void> => {
    const body = Buffer.from(JSON.stringify(request))
    await broker.publish({ exchange: names.requests, routingKey: 'transfer.claim', body, properties: { headers: {} } })
  }
  const ground: Ground = {
    parts,
    store,
    broker,
    url,
    acts,
    startWorker: async () => {
      worker = openWorker(config, systemClock, new Telemetry(), { worker: 'test:1', version: '0' })
      await worker.start()
    },
    stopWorker: async () => {
      await worker?.stop('drain')
      worker = null
    },
    events: seen.events,
    event: seen.next,
    decided: async (request) => {
      await publish(request)
      return seen.next((event) => event.request === request.id && event.followed === undefined)
    },
    refused: () => refused(ground),
    makeRoom: async (...wishes) => {
      await seed(ground, { providers: wishes.map(({ destination }) => provider(destination, 8)), consumers: [] })
    },
    catchUp: () =>
      catchUp(acts(), { next: () => reader.get(names.deadLetters), depth: () => depth(names.deadLetters) }, 'test'),
    letter: async (id) => {
      const [found] = await store.desk.find(id)
      if (found === undefined) throw new Error(`the desk has no letter ${id}`)
      return found
    },
    replay: (id, given = acts()) =>
      replay(id, { bytesMax: BYTES_MAX, notAfter: null, by: BY.by, operation: uuid(8) }, given),
    depth,
    close: async () => {
      await worker?.stop('force')
      await parts.close()
    },
  }
  return ground
}

const inventory = (total: number) => ({
  total,
  reserved: 0,
  min_unit: 1,
  max_unit: 8,
  step_size: 1,
  allocation_ratio: 1,
})

function provider(id: string, total: number): object {
  return { id, name: id, parent: null, traits: [], aggregates: [], inventories: { VCPU: inventory(total) } }
}

async function seed({ store }: Ground, document: object): Promise<void> {
  const { violations } = await store.books.seed(document, { replace: false })
  if (violations.length > 0) throw new Error(JSON.stringify(violations))
}

/** n.b. Waits until a letter of its own intake is in the index: a worker's may have it in hand. */
async function refused(ground: Ground): Promise<Wish & { letter: WholeLetter }> {
  const [consumer, source, destination] = [uuid(1), uuid(2), uuid(3)]
  const allocations = { [source]: { VCPU: 2 } }
  const holder = { id: consumer, type: 'INSTANCE', project: 'p', user: 'u', allocations }
  await seed(ground, { providers: [provider(source, 8), provider(destination, 1)], consumers: [holder] })
  const request = { version: 1, id: uuid(7), operation: 'claim', consumer, source, destination }
  const event = await ground.decided(request)
  if (event.outcome.code !== 'capacity_exceeded') throw new Error(`it ended ${event.outcome.code}`)
  return { request, consumer, destination, letter: await inIndex(ground, request.id) }
}

export async function inIndex({ store, catchUp: takeIn }: Ground, id: string): Promise<WholeLetter> {
  for (;;) {
    await takeIn()
    const [letter] = await store.desk.find(id)
    if (letter !== undefined) return letter
    await systemClock.sleep(10)
  }
}

function inbox(): {
  events: Told[]
  take: (message: Received) => void
  next: (which: (event: Told) => boolean) => Promise<Told>
} {
  const events: Told[] = []
  const waiting = new Set<{ which: (event: Told) => boolean; resolve: (event: Told) => void }>()
  return {
    events,
    take: ({ body }) => {
      const event = JSON.parse(body.toString('utf8')) as Told
      events.push(event)
      for (const one of waiting) {
        if (!one.which(event)) continue
        waiting.delete(one)
        one.resolve(event)
      }
    },
    next: (which) => {
      const found = events.find(which)
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve) => {
        waiting.add({ which, resolve })
      })
    },
  }
}
