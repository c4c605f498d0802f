// A worker with as few rights as the documentation grants it, and what it says when it has fewer.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { vhostOf } from '../../src/broker/rabbit/urls.ts'
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import { holdings, movedBooks, moversBooks, moves, providerOf, requestsOf } from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'
import { projectRoot } from '../support/project-root.ts'
import { limitedUser, rabbitApi, vhostIn } from '../support/rabbit-api.ts'
import { sharedRabbit } from '../support/servers.ts'
import { ferryman } from './ferryman-process.ts'

/** The three patterns of the command that docs/topology.md gives for `user`. */
function documented(user: string): { configure: string; write: string; read: string } {
  const page = readFileSync(join(projectRoot(), 'docs', 'topology.md'), 'utf8')
  const found = new RegExp(`set_permissions -p / ${user} '([^']*)' '([^']*)' '([^']*)'`).exec(page)
  expect(found, `docs/topology.md has a command for ${user}`).to.not.equal(null)
  const [, configure, write, read] = found as unknown as [string, string, string, string]
  return { configure, write, read }
}

const FULL = uuidOf('a host without any room')
const HOT = uuidOf('a host that many want')
const WAITING = 60

describe('a worker with few rights', () => {
  let installation: Installation
  let url: string

  beforeEach(async () => {
    installation = await openInstallation()
    url = installation.env['FERRYMAN_RABBITMQ_URL'] as string
  })
  afterEach(() => installation.close())

  const envOf = (limited: { url: string; managementUrl: string }): Record<string, string> => ({
    FERRYMAN_RABBITMQ_URL: limited.url,
    FERRYMAN_RABBITMQ_MANAGEMENT_URL: limited.managementUrl,
    FERRYMAN_RABBITMQ_TOPOLOGY: 'verify',
  })

  it('does all its work in verify with what the documentation grants: events, letters, the desk', async () => {
    const { providers, consumers } = moversBooks(3)
    await installation.seed({ providers: [...providers, providerOf(FULL, 'full', 1)], consumers })
    const limited = await limitedUser(url, documented('ferryman-worker'), 'management')
    const worker = await installation.worker(envOf(limited))
    await installation.ask(...moves(2), ...moves(2)) // copies that meet the first at work wait on the ladder
    await installation.decisions(requestsOf(2))
    const [, , refused] = moves(3, { destination: FULL }) as [object, object, { id: string }]
    await installation.ask(refused)
    expect((await installation.decision(refused.id)).outcome.code).to.equal('capacity_exceeded')
    await until('the desk has the letter', () => worker.said('intake.taken').length > 0)
    expect(worker.said('intake.taken')).to.have.length(1)
    expect(worker.said('warning').filter(({ msg }) => !/append|fsync/.test(JSON.stringify(msg)))).to.deep.equal([])
    expect((await worker.readyz()).status).to.equal(200)
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(holdings(await installation.dump())).to.deep.include({ ...movedBooks(2) })
  }).timeout(120_000)

  it('sets requests aside on the ladder with these rights too, without the management API', async () => {
    const { providers, consumers } = moversBooks(WAITING)
    await installation.seed({ providers: [...providers, providerOf(HOT, 'hot', 2 * WAITING)], consumers })
    const limited = await limitedUser(url, documented('ferryman-worker'))
    const few = { FERRYMAN_RABBITMQ_MANAGEMENT_URL: '', FERRYMAN_CONCURRENCY: '8' }
    const worker = await installation.worker({ ...envOf(limited), ...few })
    await installation.ask(...moves(WAITING, { destination: HOT }))
    const decided = await installation.decisions(requestsOf(WAITING))
    expect(decided.filter(({ outcome }) => outcome.code !== 'applied')).to.deep.equal([])
    expect(worker.said('request.set_aside').length).to.be.greaterThan(0)
  }).timeout(60_000)

  it('ends with 77 for each right that is missing, and runs after the command that it prints', async () => {
    const granted = documented('ferryman-worker')
    const cases = [
      [{ ...granted, read: '^(ferryman\\.dead-letters|ferryman\\..*journal)$' }, 'read queue ferryman.requests'],
      [{ ...granted, write: '^(amq\\.default|ferryman\\.events)$' }, 'write exchange ferryman.dead-letters'],
      [{ ...granted, write: '^ferryman\\.' }, 'write exchange amq.default'],
      [null, ''],
    ] as const
    for (const [rights, missing] of cases) {
      const limited = await limitedUser(url, rights, 'management')
      const env = { ...installation.env, ...envOf(limited), FERRYMAN_HTTP_PORT: '0' }
      const { code, err } = await ferryman(['worker'], { env })
      expect([missing, code], err).to.deep.equal([missing, 77])
      if (rights === null) {
        expect(err).to.include('rabbitmqctl set_permissions')
        continue
      }
      expect(err).to.include(`user ${limited.user} may not ${missing}; run rabbitmqctl set_permissions -p`)
      const command = /rabbitmqctl (set_permissions -p \S+ \S+) '([^']*)' '([^']*)' '([^']*)'/.exec(err)
      const [, words, ...patterns] = command as unknown as [string, string, string, string, string]
      expect(words).to.equal(`set_permissions -p ${vhostOf(url)} ${limited.user}`)
      expect(patterns).to.deep.equal([granted.configure, granted.write, granted.read])
      await (await sharedRabbit()).rabbitmqctl(...words.split(' '), ...patterns)
      const worker = await installation.worker(envOf(limited))
      await until('it is ready', async () => (await worker.readyz()).status === 200)
      worker.signal('SIGTERM')
      expect(await worker.ended).to.equal(0)
    }
  }).timeout(120_000)

  it('in create ends with 77 and the command that lets it declare, which does', async () => {
    const limited = await limitedUser(url, documented('ferryman-worker'), 'policymaker')
    await rabbitApi('DELETE', `queues/${vhostIn(url)}/ferryman.retry.5s`)
    const env = { ...envOf(limited), FERRYMAN_RABBITMQ_TOPOLOGY: 'create' }
    const { code, err } = await ferryman(['worker'], {
      env: { ...installation.env, ...env, FERRYMAN_HTTP_PORT: '0' },
    })
    expect(code, err).to.equal(77)
    const patterns = Object.values(documented('ferryman-admin'))
    expect(err).to.include(
      `rabbitmqctl set_permissions -p ${vhostOf(url)} ${limited.user} ${patterns.map((one) => `'${one}'`).join(' ')}`,
    )
    expect(err).to.include('FERRYMAN_RABBITMQ_TOPOLOGY=verify')
    const [configure, write, read] = patterns
    await rabbitApi('PUT', `permissions/${vhostIn(url)}/${limited.user}`, { configure, write, read })
    const worker = await installation.worker(env)
    await until('it is ready', async () => (await worker.readyz()).status === 200)
    expect(await rabbitApi('GET', `queues/${vhostIn(url)}/ferryman.retry.5s`)).to.include({ type: 'quorum' })
  }).timeout(60_000)

  for (const mode of ['verify', 'off']) {
    it(`says in ${mode} which right was taken away, and the command, and goes on when it is back`, async () => {
      await installation.seed(moversBooks(1))
      const granted = documented('ferryman-worker')
      const limited = await limitedUser(url, granted, 'management')
      const worker = await installation.worker({ ...envOf(limited), FERRYMAN_RABBITMQ_TOPOLOGY: mode })
      const permissions = `permissions/${vhostIn(url)}/${limited.user}`
      await rabbitApi('PUT', permissions, { ...granted, read: '^$' })
      // n.b. RabbitMQ looks at rights when something begins, so its consumers go on until they begin again.
      await cutConnections(limited.user)
      const said = async (): Promise<boolean> => {
        const { status, body } = await worker.readyz()
        return status === 503 && /may not read queue ferryman\.requests.*rabbitmqctl set_permissions/.test(body)
      }
      await until('it says which right is missing', said, 20_000)
      expect(worker.isOver).to.equal(false)
      expect(worker.text).to.not.include('this is a bug')
      await rabbitApi('PUT', permissions, granted)
      await until('it is ready again', async () => (await worker.readyz()).status === 200)
      await installation.ask(...moves(1))
      await installation.decisions(requestsOf(1))
      expect(holdings(await installation.dump())).to.deep.equal(movedBooks(1))
    }).timeout(90_000)
  }
})

/** Waits until the management API lists both connections of a worker, which takes it a moment, and closes them. */
async function cutConnections(user: string): Promise<void> {
  let own: { name: string; user: string }[] = []
  await until('both connections are listed', async () => {
    const all = (await rabbitApi('GET', 'connections')) as { name: string; user: string }[]
    own = all.filter((connection) => connection.user === user)
    return own.length === 2
  })
  for (const { name } of own) await rabbitApi('DELETE', `connections/${encodeURIComponent(name)}`)
}
