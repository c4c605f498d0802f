// What somebody else deletes or changes under a running worker: create declares it again, verify waits and says why.
import { expect } from 'chai'
import { namesOf } from '../../src/broker/names.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { faultsOfTelling, openInstallation, type Installation } from '../support/installation.ts'
import { holdings, movedBooks, moversBooks, moves, requestsOf } from '../support/installation-moves.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { rabbitApi, vhostIn } from '../support/rabbit-api.ts'
import { sharedRabbit } from '../support/servers.ts'
import { silentProxy } from '../support/silent-proxy.ts'
import { withChannel } from './broker-under-test.ts'

const WITHIN_MS = 5_000
const CROWD = 300

interface Change {
  readonly what: string
  readonly make: (url: string) => Promise<unknown>
  /** What `/readyz` and the table of `verify` say of it. */
  readonly said: RegExp
}

const gone = (kind: 'queue' | 'exchange', name: string): Change => ({
  what: `the ${kind} ${name} is deleted`,
  make: (url) =>
    withChannel(url, (channel) => (kind === 'queue' ? channel.deleteQueue(name) : channel.deleteExchange(name))),
  said: new RegExp(`${kind} ${name.replaceAll('.', '\\.')} is not there`),
})

const policy = (url: string, name: string): string => `policies/${vhostIn(url)}/${name}`

/** Batches of what goes wrong at once. */
const CHANGES: readonly (readonly Change[])[] = [
  [gone('queue', 'ferryman.requests')],
  [
    gone('exchange', 'ferryman.requests'),
    gone('exchange', 'ferryman.events'),
    gone('exchange', 'ferryman.dead-letters'),
    gone('queue', 'ferryman.retry.10m'),
    {
      what: 'the policy of a ladder queue is changed',
      make: (url) =>
        rabbitApi('PUT', policy(url, 'ferryman.retry.1s'), {
          pattern: '^ferryman\\.retry\\.1s$',
          'apply-to': 'queues',
          priority: 100,
          definition: { 'message-ttl': 5 },
        }),
      said: /queue ferryman\.retry\.1s: message-ttl is 5, not 1000/,
    },
  ],
  [
    gone('queue', 'ferryman.dead-letters'),
    gone('queue', 'ferryman.dead-letters.journal'),
    {
      what: 'the journal of events is unbound',
      make: (url) =>
        withChannel(url, (channel) => channel.unbindQueue('ferryman.events.journal', 'ferryman.events', '#')),
      said: /binding ferryman\.events → ferryman\.events\.journal: routing key is not there, not #/,
    },
    {
      what: 'the policy of the queue of requests is deleted',
      make: (url) => rabbitApi('DELETE', policy(url, 'ferryman.requests')),
      said: /queue ferryman\.requests: delivery-limit is not set, not 1000/,
    },
  ],
]

describe('a topology that is changed under a running worker', () => {
  let installation: Installation
  let url: string
  beforeEach(async () => {
    installation = await openInstallation()
    url = installation.env['FERRYMAN_RABBITMQ_URL'] as string
    await installation.seed(moversBooks(CROWD))
  })
  afterEach(() => installation.close())

  const start = async (mode: 'create' | 'verify', more: Record<string, string> = {}): Promise<WorkerUnderTest> => {
    const worker = await installation.worker({ FERRYMAN_RABBITMQ_TOPOLOGY: mode, ...more })
    await until('it is ready', async () => (await worker.readyz()).status === 200)
    return worker
  }
  const isReady = async (worker: WorkerUnderTest): Promise<boolean> => (await worker.readyz()).status === 200
  const isSafe = async (): Promise<boolean> => (await installation.cli(['topology', 'verify'])).code === 0
  /** The status 503 with reasons for all of `said`, within the time. */
  const unreadyWithin = async (worker: WorkerUnderTest, ...said: readonly RegExp[]): Promise<void> => {
    const startedMs = systemClock.monotonicMs()
    let last = { status: 0, body: '' }
    const unready = async (): Promise<boolean> => {
      last = await worker.readyz()
      return last.status === 503 && said.every((one) => one.test(reasonsIn(last.body)))
    }
    await until(`/readyz says ${said.join(' and ')}`, unready, WITHIN_MS).catch((cause: unknown) => {
      throw new Error(`${String(cause)}: ${last.status} ${last.body}`)
    })
    expect(systemClock.monotonicMs() - startedMs).to.be.below(WITHIN_MS)
  }
  const works = async (from: number): Promise<void> => {
    const wanted = moves(from + 5).slice(from)
    await installation.ask(...wanted)
    const decided = await installation.decisions(requestsOf(from + 5).slice(from))
    expect(decided.map(({ outcome }) => outcome.code)).to.deep.equal(wanted.map(() => 'applied'))
  }

  it('is declared again in create, piece by piece, and the worker goes on', async () => {
    const worker = await start('create')
    for (const batch of CHANGES) {
      for (const { make } of batch) await make(url)
      await until('all is as it was', isSafe, 15_000)
      await until('the worker is ready', () => isReady(worker), 15_000)
      const told = JSON.stringify(worker.said('warning'))
      for (const { what, said } of batch) expect(told, what).to.match(said)
    }
    expect(JSON.stringify(worker.said('warning'))).to.include('the topology was declared again, since')
    await reading(installation)
    await works(0)
  }).timeout(120_000)

  it('is waited for in verify: 503 within 5 s with the reason and the command, 200 once it is mended', async () => {
    const worker = await start('verify')
    for (const batch of CHANGES) {
      for (const { make } of batch) await make(url)
      await unreadyWithin(worker, ...batch.map(({ said }) => said), /ferryman topology apply/)
      expect(await isSafe()).to.equal(false)
      expect((await installation.cli(['topology', 'apply'])).code).to.equal(0)
      await until('the worker is ready again', () => isReady(worker), 15_000)
    }
    expect(worker.isOver).to.equal(false)
    await reading(installation)
    await works(0)
  }).timeout(180_000)

  it('is waited for in verify where a policy of somebody else comes to outrank ours, which is named', async () => {
    const worker = await start('verify')
    const rival = { pattern: '^ferryman', 'apply-to': 'queues', priority: 700, definition: { 'message-ttl': 9 } }
    await rabbitApi('PUT', policy(url, 'rival'), rival)
    await unreadyWithin(worker, /policy rival, priority 700/, /rabbitmqctl set_policy/)
    await rabbitApi('DELETE', policy(url, 'rival'))
    await until('the worker is ready again', () => isReady(worker), 15_000)
    await works(0)
  }).timeout(60_000)

  it('is noticed without the management API too, as far as anything is missing', async () => {
    const worker = await start('verify', { FERRYMAN_RABBITMQ_MANAGEMENT_URL: '' })
    await gone('exchange', 'ferryman.events').make(url)
    await unreadyWithin(worker, /exchange ferryman\.events is not there/)
    expect((await installation.cli(['topology', 'apply'])).code).to.equal(0)
    await until('the worker is ready again', () => isReady(worker), 15_000)
    const maker = await start('create', { FERRYMAN_RABBITMQ_MANAGEMENT_URL: '' })
    await gone('queue', 'ferryman.requests').make(url)
    await until('it is as it was', isSafe, 10_000)
    await until('both are ready', async () => (await isReady(worker)) && (await isReady(maker)), 15_000)
    await reading(installation)
    await works(0)
  }).timeout(90_000)

  it('is noticed while the management API is down, which stops nobody and makes nothing well', async () => {
    const proxy = await silentProxy((await sharedRabbit()).managementPort as number)
    try {
      const managementUrl = `http://guest:guest@127.0.0.1:${proxy.port}`
      const worker = await start('verify', { FERRYMAN_RABBITMQ_MANAGEMENT_URL: managementUrl })
      const rival = { pattern: 'journal$', 'apply-to': 'queues', priority: 700, definition: { 'max-age': '1h' } }
      await rabbitApi('PUT', policy(url, 'rival'), rival)
      await unreadyWithin(worker, /max-age is 1h \(policy rival, priority 700\), not 30D/)
      const { requests } = namesOf('ferryman')
      await withChannel(url, (channel) => channel.unbindQueue(requests, requests, 'transfer.#'))
      await unreadyWithin(worker, /binding ferryman\.requests/)
      proxy.refuse()
      proxy.cut()
      await gone('exchange', 'ferryman.unroutable').make(url)
      await unreadyWithin(
        worker,
        /exchange ferryman\.unroutable is not there/,
        /max-age is 1h/,
        /binding ferryman\.requests/,
      )
      await rabbitApi('DELETE', policy(url, 'rival'))
      expect((await installation.cli(['topology', 'apply'])).code).to.equal(0)
      proxy.serve()
      await until('the worker is ready again', () => isReady(worker), 15_000)
      proxy.refuse()
      proxy.cut()
      await works(0)
      expect(await isReady(worker)).to.equal(true)
    } finally {
      await proxy.close()
    }
  }).timeout(60_000)

  it('costs no decision when the queue of requests and the exchange of events vanish under load', async () => {
    await Promise.all([start('create'), start('verify')])
    const requests = requestsOf(CROWD)
    await installation.ask(...moves(CROWD))
    expect(installation.events.all.length).to.be.below(CROWD)
    await gone('queue', 'ferryman.requests').make(url)
    await gone('exchange', 'ferryman.events').make(url)
    await until('it is as it was', isSafe, 15_000)
    await reading(installation)
    // What waited in the queue went with it: whoever has no answer asks again under the same id.
    await installation.ask(...moves(CROWD))
    const decided = await installation.decisions(requests)
    expect(decided.filter(({ outcome }) => outcome.code !== 'applied')).to.deep.equal([])
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, requests)).to.deep.equal([])
    expect(holdings(await installation.dump())).to.deep.equal(movedBooks(CROWD))
  }).timeout(120_000)
})

function reasonsIn(body: string): string {
  return (JSON.parse(body) as { reasons: readonly string[] }).reasons.join('\n')
}

/** Binds the queue of the test's own reader again: an exchange that was deleted took its bindings along. */
async function reading({ env, names }: Installation): Promise<void> {
  await withChannel(env['FERRYMAN_RABBITMQ_URL'] as string, async (channel) => {
    for (const exchange of [names.events, names.deadLetters]) await channel.bindQueue(`test.${exchange}`, exchange, '#')
  })
}
