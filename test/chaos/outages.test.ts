// Redis, RabbitMQ and Placement freeze, fall and come back under load: consumption goes on, nothing is lost or guessed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { RabbitServer, Server } from '../../src/demo/servers.ts'
import { crowdBooks, playOut, randomOf, type Played } from '../support/crowd.ts'
import { faultsOfReplay, ORDER_ON, type Order } from '../support/crowd-check.ts'
import { decisionsInOrder, faultsOfTelling, openInstallation, type Installation } from '../support/installation.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { placementProxy } from '../support/placement-proxy.ts'
import { ownPlacement } from '../support/placement-server.ts'
import { ownRabbit, ownRedis } from '../support/servers.ts'
import { silentProxy } from '../support/silent-proxy.ts'

const CROWD = { hosts: 8, servers: 40, roomOfHost: 14 }
const WITHIN_MS = 5_000
/** A minute where one has it: `FERRYMAN_OUTAGE_MS=60000`. */
const OUTAGE_MS = Number(process.env['FERRYMAN_OUTAGE_MS'] ?? 6_000)

describe('an outage under load', () => {
  let installation: Installation
  let workers: readonly WorkerUnderTest[]
  let requests: readonly string[] = []
  const ends: (() => Promise<void>)[] = []
  afterEach(async () => {
    await installation.close()
    for (const end of ends.splice(0)) await end()
  })

  const begin = async (
    env: Readonly<Record<string, string>>,
    run: string,
    asked = 250,
  ): Promise<() => Promise<Played>> => {
    await installation.seed(crowdBooks(CROWD))
    workers = await Promise.all([1, 2].map(() => installation.worker({ FERRYMAN_LOCK_LEASE_MS: '1500', ...env })))
    let more = 0
    return () => playOut(installation, CROWD, asked, randomOf(more), `${run} ${more++}`)
  }

  /** Strikes once the crowd is under way; every worker says 503 and why within 5 s, and 200 again after the end. */
  const strike = async (
    play: () => Promise<Played>,
    why: RegExp,
    hit: () => unknown,
    mend: () => unknown,
  ): Promise<void> => {
    const before = installation.events.all.length
    const playing = play()
    await until('the crowd is under way', () => installation.events.all.length > before + 20)
    const startedMs = systemClock.monotonicMs()
    await hit()
    await Promise.all(
      workers.map(async (worker) => {
        let said = { status: 0, body: '' }
        const says = async (): Promise<boolean> => (said = await worker.readyz()).status === 503 && why.test(said.body)
        await until('a worker is not ready', says, WITHIN_MS).catch((late: unknown) => {
          throw new Error(`${String(late)} and says why (${why}): it says ${said.status} ${said.body}`)
        })
      }),
    )
    expect(systemClock.monotonicMs() - startedMs).to.be.below(WITHIN_MS + 500)
    await mend()
    await Promise.all(
      workers.map((worker) => until('a worker is ready again', async () => (await worker.readyz()).status === 200)),
    )
    const played = await playing
    requests = [...requests, ...played.requests]
  }

  const expectAllWell = async (order: Order = 'generations'): Promise<void> => {
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, requests)).to.deep.equal([])
    const events = decisionsInOrder(installation, requests)
    const work = events.filter(({ outcome }) => ['operator', 'exhausted'].includes(outcome.class))
    expect(work).to.deep.equal([])
    expect(faultsOfReplay(events, crowdBooks(CROWD), await installation.dump(), order)).to.deep.equal([])
  }

  it('of Redis: frozen for 3 s, and killed and started again', async () => {
    requests = []
    const redis: Server = await ownRedis({ appendonly: true })
    ends.push(redis.stop)
    installation = await openInstallation({ redisUrl: redis.url })
    const play = await begin({}, 'redis')
    const thawed = (): Promise<void> => systemClock.sleep(3_000).then(redis.thaw)
    let thawing = Promise.resolve()
    await strike(
      play,
      /redis|lease/,
      () => {
        redis.freeze()
        thawing = thawed()
      },
      () => thawing,
    )
    await strike(
      play,
      /redis is not connected|lease/,
      () => redis.kill(),
      () => redis.restart(),
    )
    await expectAllWell()
  }).timeout(150_000)

  it('of a Redis that answers and takes no writes: no replica, a replica, busy, after a failed save', async () => {
    requests = []
    const dir = mkdtempSync(join(tmpdir(), 'ferryman-outage-'))
    const redis: Server = await ownRedis({ dir })
    const [operator, scripter] = [new Redis(redis.url), new Redis(redis.url)]
    ends.push(async () => [operator, scripter].forEach((client) => client.disconnect()), redis.stop)
    installation = await openInstallation({ redisUrl: redis.url })
    const play = await begin({}, 'refusing redis', 80)
    const strikes: readonly [answer: RegExp, hit: () => Promise<unknown>, mend: () => Promise<unknown>][] = [
      [
        /NOREPLICAS/,
        () => operator.config('SET', 'min-replicas-to-write', '1'),
        () => operator.config('SET', 'min-replicas-to-write', '0'),
      ],
      [/READONLY|not connected/, () => operator.replicaof('127.0.0.1', 1), () => operator.replicaof('NO', 'ONE')],
      [
        /BUSY|lease/,
        async () => {
          await operator.config('SET', 'busy-reply-threshold', '100')
          scripter.eval('while true do end', 0).catch(() => undefined)
        },
        () => operator.script('KILL'),
      ],
      [
        /MISCONF/,
        async () => {
          await operator.config('SET', 'save', '3600 1')
          rmSync(dir, { recursive: true })
          await operator.bgsave()
        },
        () => operator.config('SET', 'stop-writes-on-bgsave-error', 'no'),
      ],
    ]
    for (const [answer, hit, mend] of strikes) await strike(play, answer, hit, mend)
    await expectAllWell()
  }).timeout(180_000)

  it('of RabbitMQ: connections cut and refused, and the node killed and started again', async () => {
    requests = []
    const rabbit: RabbitServer = await ownRabbit()
    const proxy = await silentProxy(rabbit.port)
    ends.push(proxy.close, rabbit.stop)
    installation = await openInstallation({ rabbitUrl: rabbit.url, managementUrl: rabbit.managementUrl ?? '' })
    const play = await begin({ FERRYMAN_RABBITMQ_URL: proxy.urlOf(rabbit.url) }, 'rabbit')
    await strike(
      play,
      /connect/i,
      () => {
        proxy.refuse()
        proxy.cut()
      },
      () => proxy.serve(),
    )
    await strike(
      play,
      /connect/i,
      () => rabbit.kill(),
      () => rabbit.restart(),
    )
    await expectAllWell()
  }).timeout(200_000)

  it(`of Placement: 503 for ${OUTAGE_MS} ms, and gone for as long, without a dead letter`, async () => {
    requests = []
    const server = await ownPlacement()
    const proxy = await placementProxy(Number(new URL(server.url).port))
    ends.push(proxy.close, server.stop)
    installation = await openInstallation({
      env: {
        FERRYMAN_LEDGER: 'placement',
        FERRYMAN_PLACEMENT_URL: proxy.url,
        FERRYMAN_PLACEMENT_TOKEN: server.token,
      },
    })
    const play = await begin({}, 'placement', 120)
    const last = (): Promise<void> => systemClock.sleep(OUTAGE_MS)
    const answers503 = { kind: 'answer', status: 503, body: 'down for maintenance' } as const
    await strike(
      play,
      /placement ledger does not answer.*503/,
      () => proxy.fault(() => answers503),
      () => last().then(() => proxy.fault(() => null)),
    )
    await strike(
      play,
      /placement ledger does not answer/,
      () => server.kill(),
      () => last().then(() => server.restart()),
    )
    await expectAllWell(ORDER_ON.placement)
  }).timeout(200_000 + 2 * OUTAGE_MS)
})
