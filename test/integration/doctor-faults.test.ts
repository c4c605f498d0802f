// doctor on real servers: all well, and each thing wrong that a start would meet, with the fix and the exit code.
import { expect } from 'chai'
import type { GetMessage } from 'amqplib'
import { redisChecks } from '../../src/cli/doctor-redis.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { loadConfig } from '../../src/config.ts'
import { freePorts } from '../../src/demo/ports.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { openParts } from '../../src/wire/parts.ts'
import { withChannel } from './broker-under-test.ts'
import { ferryman } from './ferryman-process.ts'
import { spawnWorker, until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { limitedUser } from '../support/rabbit-api.ts'
import { freshNamespace, freshVhost, ownRabbit, ownRedis, sharedRabbit, sharedRedis } from '../support/servers.ts'

interface Row {
  readonly check: string
  readonly result: 'ok' | 'warn' | 'fail'
  readonly found: string
  readonly fix: string
}

const NAMES = [
  'node',
  'open files',
  'rabbitmq',
  'rabbitmq rights',
  'rabbitmq answers',
  'management api',
  'rabbitmq nodes',
  'topology',
  'redis',
  'redis write',
  'redis server',
  'redis memory',
  'redis disk',
  'redis answers',
  'clock',
  'ledger',
]

describe('doctor', () => {
  let url: string
  let env: Record<string, string>

  before(async () => {
    url = await freshVhost()
    env = {
      FERRYMAN_RABBITMQ_URL: url,
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl as string,
      FERRYMAN_REDIS_URL: (await sharedRedis()).url,
      FERRYMAN_REDIS_NAMESPACE: freshNamespace(),
    }
    expect((await ferryman(['topology', 'apply'], { env })).code).to.equal(0)
  })

  const run = async (more: Record<string, string> = {}): Promise<{ code: number | null; rows: Row[] }> => {
    const { code, out, err } = await ferryman(['doctor', '--json'], { env: { ...env, ...more } })
    expect(out, err).to.not.equal('')
    expect(out + err).to.not.match(/guest:|secret/)
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row)
    for (const row of rows) {
      expect(row).to.have.all.keys('check', 'result', 'found', 'fix')
      expect(row.fix === '', JSON.stringify(row)).to.equal(row.result === 'ok')
    }
    expect([...new Set(rows.map(({ check }) => check))]).to.deep.equal(NAMES)
    return { code, rows }
  }
  const of = (rows: readonly Row[], check: string): Row[] => rows.filter((row) => row.check === check)
  const failed = (rows: readonly Row[]): string[] =>
    rows.filter(({ result }) => result === 'fail').map(({ check }) => check)

  it('finds nothing wrong, says what it found, and exits 0; in verify also for a user with few rights', async () => {
    const well = await run()
    expect([well.code, failed(well.rows)]).to.deep.equal([0, []])
    expect(of(well.rows, 'rabbitmq')[0]?.found).to.match(/^connected, RabbitMQ \d+\.\d+/)
    expect(of(well.rows, 'redis answers')[0]?.found).to.match(/^median \d+\.\d\d ms, worst \d+\.\d\d ms of 50$/)
    expect(of(well.rows, 'rabbitmq rights')[0]?.found).to.equal('all that a worker needs, and to declare')
    const rights = { configure: '', write: '^(amq\\.default|ferryman\\..*)$', read: '^ferryman\\.' }
    const limited = await limitedUser(url, rights, 'management')
    const few = {
      FERRYMAN_RABBITMQ_URL: limited.url,
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: limited.managementUrl,
    }
    const verify = await run({ ...few, FERRYMAN_RABBITMQ_TOPOLOGY: 'verify' })
    expect([verify.code, failed(verify.rows)]).to.deep.equal([0, []])
    expect(of(verify.rows, 'topology')[0]).to.include({ result: 'ok', found: 'prefix ferryman, verify' })
    const create = await run(few)
    expect(create.code).to.equal(0)
    expect(of(create.rows, 'rabbitmq rights')[0]?.fix).to.match(/^rabbitmqctl set_permissions -p .* '\^ferryman\\\.'/)
  }).timeout(60_000)

  it('changes nothing while it tries: no message, no object', async () => {
    const counted = async (): Promise<unknown> =>
      withChannel(url, async (channel) =>
        Promise.all(
          ['ferryman.requests', 'ferryman.dead-letters', 'ferryman.unroutable', 'ferryman.retry.1s'].map(
            async (name) => (await channel.checkQueue(name)).messageCount,
          ),
        ),
      )
    await withChannel(url, async (channel) => {
      channel.sendToQueue('ferryman.requests', Buffer.from('waiting'), {})
      await channel.waitForConfirms()
    })
    const before = await counted()
    expect(before).to.deep.equal([1, 0, 0, 0])
    expect((await run()).code).to.equal(0)
    expect(await counted()).to.deep.equal(before)
    await withChannel(url, async (channel) => {
      const message = await channel.get('ferryman.requests', { noAck: true })
      expect(message).to.not.equal(false)
      // It was never given to anybody before: RabbitMQ would have counted that.
      expect((message as GetMessage).properties.headers?.['x-delivery-count']).to.equal(0)
    })
    expect((await ferryman(['topology', 'verify'], { env })).code).to.equal(0)
  }).timeout(60_000)

  it('ends with 77 for a password, a virtual host and a right that is missing, and names the fix', async () => {
    const wrong = new URL(url)
    wrong.password = 'secret'
    const password = await run({ FERRYMAN_RABBITMQ_URL: wrong.href })
    expect([password.code, of(password.rows, 'rabbitmq')[0]?.found]).to.satisfy(
      ([code, found]: [number, string]) => code === 77 && found.includes('refuses user and password'),
    )
    expect(of(password.rows, 'topology')[0]?.found).to.match(/^not tried/)
    const nowhere = new URL(url)
    nowhere.pathname = '/no-such-vhost'
    const vhost = await run({ FERRYMAN_RABBITMQ_URL: nowhere.href })
    expect(vhost.code).to.equal(77)
    expect(of(vhost.rows, 'rabbitmq')[0]?.found).to.match(/virtual host does not exist.*rabbitmqctl add_vhost/)
    const limited = await limitedUser(url, { configure: '', write: '^(amq\\.default|ferryman\\..*)$', read: '' })
    const right = await run({ FERRYMAN_RABBITMQ_URL: limited.url, FERRYMAN_RABBITMQ_TOPOLOGY: 'verify' })
    expect(right.code).to.equal(77)
    expect(of(right.rows, 'rabbitmq rights')[0]).to.include({
      result: 'fail',
      found:
        `user ${limited.user} may not read queue ferryman.requests, read queue ferryman.dead-letters, ` +
        'read queue ferryman.events.journal, read queue ferryman.dead-letters.journal',
    })
    expect(of(right.rows, 'rabbitmq rights')[0]?.fix).to.match(/^rabbitmqctl set_permissions -p \S+ u-\w+ '\^\$' /)
  }).timeout(60_000)

  it('ends with 69 when the management API that was set is down, and does not guess about the topology', async () => {
    const [port] = await freePorts(1)
    const { code, rows } = await run({ FERRYMAN_RABBITMQ_MANAGEMENT_URL: `http://guest:secret@127.0.0.1:${port}` })
    expect([code, failed(rows)]).to.deep.equal([69, ['management api']])
    expect(of(rows, 'topology')[0]?.found).to.equal('not tried, since management api failed')
    const none = await run({ FERRYMAN_RABBITMQ_MANAGEMENT_URL: '' })
    expect([none.code, of(none.rows, 'management api')[0]?.result]).to.deep.equal([0, 'warn'])
  }).timeout(60_000)

  it('ends with 78 for a topology that verify would refuse, and only warns where create mends it', async () => {
    const bare = { FERRYMAN_RABBITMQ_URL: await freshVhost() }
    const verify = await run({ ...bare, FERRYMAN_RABBITMQ_TOPOLOGY: 'verify' })
    expect(verify.code).to.equal(78)
    expect(of(verify.rows, 'topology')).to.deep.include({
      check: 'topology',
      result: 'fail',
      found: 'queue ferryman.requests is not there',
      fix: 'ferryman topology apply',
    })
    const create = await run(bare)
    expect([create.code, failed(create.rows)]).to.deep.equal([0, []])
    expect(of(create.rows, 'topology').map(({ result }) => result))
      .to.include('warn')
      .and.not.include('fail')
  }).timeout(60_000)

  it('finds what Redis cannot promise: eviction, no file, memory that is used up, a wrong password', async () => {
    const redis = await ownRedis({
      appendonly: false,
      args: ['--maxmemory-policy', 'allkeys-lru', '--maxmemory', '3mb'],
    })
    try {
      const { code, rows } = await run({ FERRYMAN_REDIS_URL: redis.url })
      expect([code, failed(rows)]).to.deep.equal([1, ['redis server']])
      expect(of(rows, 'redis server').map(({ found }) => found.slice(0, 30))).to.have.members([
        'maxmemory-policy is allkeys-lr',
        'appendonly is off: a restart o',
      ])
      expect(of(rows, 'redis server')[0]?.fix).to.include('CONFIG SET maxmemory-policy noeviction')
      const locked = new URL(redis.url)
      locked.password = 'secret'
      locked.username = 'nobody'
      const refused = await run({ FERRYMAN_REDIS_URL: locked.href })
      expect([refused.code, failed(refused.rows)]).to.deep.equal([77, ['redis']])
    } finally {
      await redis.stop()
    }
  }).timeout(60_000)

  it('warns of a clock that is far from that of Redis', async () => {
    const { config } = loadConfig({ env })
    const shifted = { ...systemClock, nowMs: () => systemClock.nowMs() - 3_600_000 }
    for (const [clock, result, found] of [
      [systemClock, 'ok', /^Redis is \d{1,3} ms (ahead|behind)$/],
      [shifted, 'warn', /^Redis is 3600\d{3} ms ahead$|^Redis is 3599\d{3} ms ahead$/],
    ] as const) {
      const parts = openParts(config, clock, new Telemetry())
      try {
        const [row] =
          (await redisChecks(parts)
            .find(({ name }) => name === 'clock')
            ?.run()) ?? []
        expect(row?.result).to.equal(result)
        expect(row?.found).to.match(found)
      } finally {
        await parts.close()
      }
    }
  })

  it('ends with 69 while an alarm rings, when a worker starts all the same, and is ready once it is over', async () => {
    const rabbit = await ownRabbit()
    const more = {
      FERRYMAN_RABBITMQ_URL: rabbit.url,
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: rabbit.managementUrl as string,
    }
    let worker: WorkerUnderTest | null = null
    try {
      await rabbit.rabbitmqctl('set_vm_memory_high_watermark', '0.00001')
      const { code, rows } = await run(more)
      expect([code, failed(rows)]).to.deep.equal([69, ['rabbitmq rights', 'rabbitmq nodes']])
      expect(of(rows, 'rabbitmq nodes')[0]?.found).to.match(/alarm/)
      const starting = spawnWorker({ ...env, ...more })
      worker = starting
      await until('it says why it is not ready', async () => (await starting.readyz()).body.includes('blocked'))
      await rabbit.rabbitmqctl('set_vm_memory_high_watermark', '0.4')
      await until('it is ready', async () => (await starting.readyz()).status === 200)
    } finally {
      worker?.signal('SIGKILL')
      await rabbit.stop()
    }
  }).timeout(90_000)
})
