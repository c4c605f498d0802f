// The demo as a user runs it: with servers that answer, with its own, stopped half-way; and what it leaves behind.
import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePorts } from '../../src/demo/ports.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { redisClient } from '../../src/redis/client.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { freshVhost, sharedRabbit, sharedRedis } from '../support/servers.ts'
import { ferryman } from './ferryman-process.ts'

interface Summary {
  readonly passed: boolean
  readonly messages: number
  readonly requests: number
  readonly decided: number
  readonly workers: Readonly<Record<string, number>>
  readonly outcomes: readonly { readonly code: string; readonly count: number }[]
  readonly checks: readonly { readonly name: string; readonly holds: boolean }[]
}

describe('the demo', () => {
  let env: Record<string, string>

  before(async () => {
    env = {
      FERRYMAN_REDIS_URL: (await sharedRedis()).url,
      FERRYMAN_RABBITMQ_URL: await freshVhost(),
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl!,
    }
  })

  /** Queues, exchanges and policies of the virtual host, and keys, by what names of the demo begin with. */
  async function leftBehind(): Promise<string[]> {
    const vhost = new URL(env['FERRYMAN_RABBITMQ_URL']!).pathname.slice(1)
    const base = new URL(env['FERRYMAN_RABBITMQ_MANAGEMENT_URL']!)
    const authorization = `Basic ${Buffer.from(`${base.username}:${base.password}`).toString('base64')}`
    const named = async (kind: string): Promise<string[]> => {
      const response = await fetch(`${base.origin}/api/${kind}/${vhost}`, { headers: { authorization } })
      const found = (await response.json()) as { name: string }[]
      return found.map(({ name }) => `${kind} ${name}`)
    }
    const redis = redisClient({ url: env['FERRYMAN_REDIS_URL']!, timeoutMs: 5_000 }, systemClock, new Telemetry())
    await redis.start(5_000)
    try {
      const keys = (await redis.call('KEYS', ['*demo-*'])) as string[]
      const objects = (await Promise.all(['queues', 'exchanges', 'policies'].map(named))).flat()
      return [...objects.filter((name) => name.includes('demo-')), ...keys]
    } finally {
      await redis.stop()
    }
  }

  it('decides every request once, says so in numbers, and leaves nothing on servers that others use', async () => {
    const { code, out, err } = await ferryman(['demo', '--json', '--requests', '150', '--seed', '2'], { env })
    expect(code, err + out).to.equal(0)
    const summary = JSON.parse(out) as Summary
    expect(summary).to.deep.include({ passed: true, messages: 150, decided: summary.requests })
    expect(summary.checks.filter(({ holds }) => !holds)).to.deep.equal([])
    expect(Object.values(summary.workers)).to.have.length(2)
    expect(summary.outcomes).to.have.length.of.at.least(20)
    expect(err)
      .to.match(/RabbitMQ: the one that answers already/)
      .and.to.match(/published 150\/150, decided 150/)
    expect(err).not.to.include('\u001b')
    expect(await leftBehind()).to.deep.equal([])
  }).timeout(60_000)

  it('draws plain text where standard output is no terminal', async () => {
    const { code, out } = await ferryman(['demo', '--requests', '60'], { env })
    expect(code).to.equal(0)
    expect(out)
      .to.match(/^cn-08 {2}VCPU #+/m)
      .and.to.match(/^ok {4}one decision each/m)
      .and.to.match(/the books balance\.$/m)
    expect(out).not.to.include('\u001b')
    for (const line of out.split('\n')) expect(line.length, line).to.be.at.most(80)
  }).timeout(60_000)

  it('takes everything away again when it is stopped half-way, and says that it was', async () => {
    const { code, said } = await demoWith(['--requests', '20000'], async (child) => {
      child.kill('SIGINT')
    })
    expect(said).to.include('stopped; taking everything away again').and.to.include('stopped before its end')
    expect(said).not.to.include('could not be taken away')
    expect(code).to.equal(1)
    expect(await leftBehind()).to.deep.equal([])
  }).timeout(60_000)

  it('ends with 1 when there is one decision more than was asked for', async () => {
    const words = ['request', 'release', '--consumer', '33333333-3333-4333-8333-333333333333', '--wait']
    const { code, said, out } = await demoWith(['--requests', '1500', '--json'], async (_, name) => {
      const { err, code: sent } = await ferryman(words, { env: { ...env, FERRYMAN_RABBITMQ_PREFIX: name } })
      expect(sent, err).to.equal(0)
    })
    expect(code, said).to.equal(1)
    const failed = (JSON.parse(out) as Summary).checks.filter(({ holds }) => !holds)
    // n.b. The stray answer is counted among those that are waited for, so that the answer to a copy may be missed.
    expect(failed.map(({ name }) => name)).to.include('one decision each')
    expect(await leftBehind()).to.deep.equal([])
  }).timeout(60_000)

  /** Runs the demo and does `meanwhile` once requests are on their way. */
  async function demoWith(
    words: readonly string[],
    meanwhile: (child: ChildProcess, name: string) => Promise<void>,
  ): Promise<{ code: unknown; said: string; out: string }> {
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.js')
    const { PATH, HOME } = process.env
    const child = spawn(process.execPath, [main, 'demo', ...words], { env: { PATH, HOME, ...env }, stdio: 'pipe' })
    const told = { said: '', out: '' }
    const meanwhiles: Promise<void>[] = []
    child.stdout.on('data', (chunk: Buffer) => {
      told.out += chunk.toString('utf8')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      told.said += chunk.toString('utf8')
      const name = /under the name (\S+)/.exec(told.said)?.[1]
      if (name !== undefined && /published [1-9]/.test(told.said)) meanwhiles[0] ??= meanwhile(child, name)
    })
    const code = await new Promise((resolve) => {
      child.once('close', resolve)
    })
    await Promise.all(meanwhiles)
    return { code, ...told }
  }

  it('starts servers of its own where none answers, and ends them', async () => {
    const [redis, rabbit, docker] = (await freePorts(3)) as [number, number, number]
    const { code, out, err } = await ferryman(['demo', '--json', '--requests', '30'], {
      env: {
        FERRYMAN_REDIS_URL: `redis://127.0.0.1:${redis}`,
        FERRYMAN_RABBITMQ_URL: `amqp://127.0.0.1:${rabbit}`,
        DOCKER_HOST: `tcp://127.0.0.1:${docker}`,
      },
    })
    expect(code, err + out).to.equal(0)
    const ports = [...err.matchAll(/a private one on port (\d+)/g)].map(([, port]) => Number(port))
    expect(ports, err).to.have.length(2)
    for (const port of ports) expect(await listens(port), `port ${port}`).to.equal(false)
  }).timeout(120_000)

  it('does not pass over a server that was chosen and refuses', async () => {
    const url = new URL(env['FERRYMAN_RABBITMQ_URL']!)
    url.password = 'wrong'
    const { code, out } = await ferryman(['demo'], { env: { ...env, FERRYMAN_RABBITMQ_URL: url.href } })
    expect({ code, out }).to.deep.equal({ code: 77, out: '' })
  }).timeout(30_000)

  it('refuses what is no number of requests', async () => {
    expect((await ferryman(['demo', '--requests', '0'])).code).to.equal(64)
    expect((await ferryman(['demo', '--seed', 'x'])).code).to.equal(64)
  }).timeout(30_000)
})

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
