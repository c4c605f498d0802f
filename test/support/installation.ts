// One installation under test: servers, books, workers as processes, and everything that it tells to others.
import { systemClock } from '../../src/clock/system-clock.ts'
import { namesOf, type Names } from '../../src/broker/names.ts'
import type { Allocations, Inventory } from '../../src/transfer/snapshot.ts'
import { ferryman, type Run } from '../integration/ferryman-process.ts'
import { checkBooks } from './books.ts'
import { isDecision, openLine, type Line, type Message } from './installation-line.ts'
import { spawnWorker, until, type WorkerUnderTest } from './installation-workers.ts'
import { emptied, sharedPlacement } from './placement-server.ts'
import { unlockedMain } from './unlocked-build.ts'
import { freshNamespace, freshVhost, sharedRabbit, sharedRedis } from './servers.ts'

export interface Books {
  readonly providers: readonly {
    readonly id: string
    readonly inventories: Readonly<Record<string, Inventory>>
    readonly usages?: Readonly<Record<string, number>>
  }[]
  readonly consumers: readonly {
    readonly id: string
    readonly generation?: number
    readonly project?: string
    readonly allocations: Allocations
  }[]
}

export interface Transfer {
  readonly id: string
  readonly state: string
  readonly code: string | null
  readonly attempts: number
  readonly body: unknown
}

/** Body of an event as its readers parse it. */
export interface Told {
  readonly id: string
  readonly request: string
  readonly operation: string
  readonly outcome: { readonly code: string; readonly class: string; readonly effect: string; readonly message: string }
  readonly violations: readonly Readonly<Record<string, unknown>>[]
  readonly before: Readonly<Record<string, { generation: number | null; allocations: Allocations }>> | null
  readonly after: Told['before']
  readonly open: unknown
  readonly attempts: number
  readonly worker: string
}

export interface Installation extends Line {
  readonly env: Readonly<Record<string, string>>
  readonly names: Names
  cli(words: readonly string[], input?: string): Promise<Run>
  seed(books: Books): Promise<void>
  dump(): Promise<Books>
  transfers(): Promise<Transfer[]>
  /** Starts a worker that ends with the installation. */
  spawn(env?: Readonly<Record<string, string>>): WorkerUnderTest
  /** The same, once it consumes. */
  worker(env?: Readonly<Record<string, string>>): Promise<WorkerUnderTest>
  /** Publishes requests given as objects. */
  ask(...requests: readonly object[]): Promise<void>
  /** What was decided of a request; rejects, telling how it stands, when that takes very long. */
  decision(request: string): Promise<Told>
  /** The same of each, in their order. */
  decisions(requests: readonly string[]): Promise<Told[]>
  /** Drains every worker, and tells what is wrong then: in the books, in the queues, in the journal. Empty: nothing. */
  faultsAtRest(): Promise<string[]>
}

export interface InstallationOptions {
  /** Default: the shared servers. */
  readonly redisUrl?: string
  /** Of a cluster: its addresses, separated by commas. */
  readonly rabbitUrl?: string
  readonly managementUrl?: string
  readonly env?: Readonly<Record<string, string>>
  /** The program of another build, for its workers. */
  readonly main?: string
  /** Default: redis. With placement the shared one, emptied. */
  readonly ledger?: LedgerName
}

/** Runs of `unlocked.test.ts` set it: workers of a build without locks. No program of the product reads it. */
export const UNLOCKED = 'TEST_WORKERS_UNLOCKED'
const isUnlocked = process.env[UNLOCKED] === '1'

export type LedgerName = (typeof LEDGERS)[number]
export const LEDGERS = ['redis', 'placement'] as const

/** Makes the topology and reads along; there is no worker yet. */
export async function openInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const names = namesOf('ferryman')
  const env = {
    FERRYMAN_REDIS_URL: options.redisUrl ?? (await sharedRedis()).url,
    FERRYMAN_REDIS_NAMESPACE: freshNamespace(),
    FERRYMAN_RABBITMQ_URL: options.rabbitUrl ?? (await freshVhost()),
    FERRYMAN_RABBITMQ_MANAGEMENT_URL: options.managementUrl ?? (await sharedRabbit()).managementUrl ?? '',
    ...(options.ledger === 'placement' && (await placementEnv())),
    ...options.env,
  }
  const main = options.main ?? (isUnlocked ? unlockedMain() : undefined)
  const workers: WorkerUnderTest[] = []
  const run = (words: readonly string[], input = ''): Promise<Run> => ferryman(words, { env, input })
  await must(run(['topology', 'apply']))
  const line = await openLine(env.FERRYMAN_RABBITMQ_URL.split(','), names)
  const spawn = (more: Readonly<Record<string, string>> = {}): WorkerUnderTest => {
    const worker = spawnWorker({ ...env, FERRYMAN_RABBITMQ_TOPOLOGY: 'off', ...more }, main)
    workers.push(worker)
    return worker
  }
  const installation: Installation = {
    ...line,
    env,
    names,
    cli: run,
    seed: async (books) => {
      await must(run(['ledger', 'seed', '-'], JSON.stringify(books)))
    },
    dump: async () => JSON.parse((await must(run(['ledger', 'dump', '--json']))).out) as Books,
    transfers: async () => {
      const { out } = await must(run(['transfers', 'list', '--limit', '100000', '--json']))
      return out.split('\n').flatMap((text) => (text === '' ? [] : [JSON.parse(text) as Transfer]))
    },
    spawn,
    worker: async (more) => {
      const worker = spawn(more)
      await worker.up
      if (worker.isOver) throw new Error(`the worker ended at once: ${worker.text}`)
      return worker
    },
    ask: (...requests) => line.send(requests.map((request) => ({ body: Buffer.from(JSON.stringify(request)) }))),
    decision: (request) => decisionOf(installation, request),
    decisions: (requests) => Promise.all(requests.map((request) => decisionOf(installation, request))),
    faultsAtRest: () => faultsAtRest(installation, workers),
    close: async () => {
      for (const worker of workers) worker.signal('SIGKILL')
      await Promise.all(workers.map(({ ended }) => ended))
      await line.close()
    },
  }
  return installation
}

async function placementEnv(): Promise<Readonly<Record<string, string>>> {
  const { url, token } = await emptied(await sharedPlacement())
  return { FERRYMAN_LEDGER: 'placement', FERRYMAN_PLACEMENT_URL: url, FERRYMAN_PLACEMENT_TOKEN: token }
}

export function toldOf(message: Message): Told {
  return JSON.parse(message.body.toString('utf8')) as Told
}

const DECIDED_MS = 90_000

async function decisionOf({ events, depths, names, cli }: Installation, request: string): Promise<Told> {
  const late = new AbortController()
  const limit = systemClock.sleep(DECIDED_MS, late.signal).then(async (): Promise<never> => {
    const { out, err } = await cli(['transfers', 'show', request, '--json'])
    const waiting = JSON.stringify(await depths([names.requests, ...LADDER.map((delay) => names.retry(delay))]))
    const answers = events.of(request).map(({ body }) => body.toString('utf8'))
    throw new Error(`no decision of ${request} in ${DECIDED_MS} ms: ${out}${err}${waiting}${answers.join()}`)
  })
  limit.catch(() => undefined)
  try {
    return toldOf(await Promise.race<Message>([events.decision(request), limit]))
  } finally {
    late.abort()
  }
}

/** Rejects when a command did not end well. */
async function must(running: Promise<Run>): Promise<Run> {
  const run = await running
  if (run.code !== 0) throw new Error(`a command ended with ${run.code}: ${run.err}${run.out}`)
  return run
}

const LADDER = ['1s', '5s', '30s', '2m', '10m'] as const
const AT_REST_MS = 60_000
/** Who dies between the acknowledgement and its note leaves it to the sweep, a minute later, to tell again. */
const SWEPT_MS = 100_000
/** A message in a worker's hands is in no queue; a copy that is set aside comes back after 1 s. */
const EMPTY_FOR_MS = 1_500

/** Queues in which a message of an installation may wait, journals left aside. */
export function queuesOf(names: Names): readonly string[] {
  return [names.requests, names.deadLetters, names.unroutable, ...LADDER.map((delay) => names.retry(delay))]
}

/** Resolves once nothing waits anywhere and nothing comes back; rejects when that takes very long. */
export async function untilEmpty({ names, depths }: Installation, limitMs = AT_REST_MS): Promise<void> {
  const queues = queuesOf(names)
  let emptySinceMs = Infinity
  const stayedEmpty = async (): Promise<boolean> => {
    const nowMs = systemClock.monotonicMs()
    const isEmpty = Object.values(await depths(queues)).every((depth) => depth === 0)
    emptySinceMs = isEmpty ? Math.min(emptySinceMs, nowMs) : Infinity
    return nowMs - emptySinceMs >= EMPTY_FOR_MS
  }
  await until('every queue stays empty', stayedEmpty, limitMs)
}

async function faultsAtRest(installation: Installation, workers: readonly WorkerUnderTest[]): Promise<string[]> {
  const { names } = installation
  const queues = queuesOf(names)
  const faults: string[] = []
  const note = (failure: unknown): void => {
    faults.push(failure instanceof Error ? failure.message : String(failure))
  }
  const isTold = async (): Promise<boolean> =>
    (await installation.transfers()).every(({ state }) => state !== 'decided')
  if (workers.some(({ isOver }) => !isOver)) await until('all is noted as told', isTold, SWEPT_MS).catch(note)
  await untilEmpty(installation).catch(note)
  const running = workers.filter(({ isOver }) => !isOver)
  for (const worker of running) worker.signal('SIGTERM')
  for (const worker of running) {
    const code = await worker.ended
    if (code !== 0) faults.push(`worker ${worker.pid} drained with exit code ${code}`)
  }
  for (const [queue, depth] of Object.entries(await installation.depths(queues))) {
    // n.b. A letter that was delivered to an intake when it stopped is back in its queue, for the next intake.
    if (depth > 0 && queue !== names.deadLetters) faults.push(`${depth} messages are left in ${queue}`)
  }
  // n.b. Asked on the reader's own channel, so that what was delivered to it before has arrived with the answer.
  const ours = [names.events, names.deadLetters].map((exchange) => `test.${exchange}`)
  await until('every message has been read', async () => {
    return Object.values(await installation.depths(ours)).every((depth) => depth === 0)
  }).catch(note)
  for (const { id, state } of await installation.transfers()) {
    if (state !== 'told') faults.push(`request ${id} is ${state}`)
  }
  for (const worker of workers) {
    for (const { msg } of worker.said('warning')) if (/this is a bug/.test(msg)) faults.push(`a worker says: ${msg}`)
  }
  return [...faults, ...faultsOfBooks(await installation.dump())]
}

/** Usages are the sums of allocations, and nothing is over capacity. */
export function faultsOfBooks(books: Books): string[] {
  const over = books.providers.flatMap(({ id, inventories, usages = {} }) =>
    Object.entries(usages).flatMap(([name, used]) => {
      const { total = 0, reserved = 0, allocation_ratio: ratio = 1 } = inventories[name] ?? {}
      return used > (total - reserved) * ratio ? [`${id} ${name}: ${used} used of ${(total - reserved) * ratio}`] : []
    }),
  )
  return [...checkBooks(books), ...over]
}

/** The decision of each request, in the order in which they were told. */
export function decisionsInOrder({ events }: Line, requests: readonly string[]): readonly Told[] {
  const first = requests.map((id) => events.of(id).find(isDecision)!)
  const place = new Map(events.all.map((message, position) => [message, position]))
  return first.sort((one, other) => place.get(one)! - place.get(other)!).map(toldOf)
}

/** Every request told exactly once: one event id, all copies of event and letter identical. Empty: so it is. */
export function faultsOfTelling({ events, letters }: Line, requests: readonly string[]): string[] {
  return requests.flatMap((request) => {
    const told = events.of(request).filter(({ properties }) => String(properties.messageId).split('/').length === 2)
    const [first] = told
    if (first === undefined) return [`request ${request} was never told`]
    const faults = new Set<string>()
    for (const copy of told) {
      if (!copy.body.equals(first.body))
        faults.add(`request ${request}: ${copy.body.toString('utf8')} and ${first.body.toString('utf8')}`)
      if (copy.routingKey !== first.routingKey)
        faults.add(`request ${request}: ${copy.routingKey}, ${first.routingKey}`)
    }
    const event = toldOf(first)
    const ids = new Set(
      letters
        .of(request)
        .flatMap(({ properties: { headers, messageId } }) =>
          headers?.['dl-class'] === 'invalid' ? [] : [`${messageId} ${headers?.['dl-reason']}`],
        ),
    )
    const wanted = event.outcome.class === 'done' ? 0 : 1
    if (ids.size !== wanted) faults.add(`request ${request} (${event.outcome.code}) has letters ${[...ids].join(', ')}`)
    if (wanted === 1 && ![...ids].every((id) => id.endsWith(` ${event.outcome.code}`))) {
      faults.add(`request ${request} was told as ${event.outcome.code}, its letter says ${[...ids].join(', ')}`)
    }
    return [...faults]
  })
}
