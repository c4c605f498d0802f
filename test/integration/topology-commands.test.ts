// The commands about the topology, as processes on a real RabbitMQ: plan, apply, verify, export, and their exit codes.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePorts } from '../../src/demo/ports.ts'
import { vhostOf } from '../../src/broker/rabbit/urls.ts'
import { limitedUser, rabbitApi, vhostIn } from '../support/rabbit-api.ts'
import { freshVhost, sharedRabbit } from '../support/servers.ts'
import { ferryman, type Run } from './ferryman-process.ts'
import { withChannel } from './broker-under-test.ts'

interface Row {
  readonly object: string
  readonly argument: string
  readonly wanted: string
  readonly found: string
  readonly fix: string
}

interface Printed {
  readonly safe?: boolean
  readonly make?: readonly string[]
  readonly made?: readonly string[]
  readonly differences: readonly Row[]
  readonly notCompared: readonly string[]
}

describe('ferryman topology', () => {
  let url: string
  let env: Record<string, string>

  beforeEach(async () => {
    url = await freshVhost()
    env = {
      FERRYMAN_RABBITMQ_URL: url,
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl as string,
    }
  })

  const run = (words: string, more: Record<string, string> = {}): Promise<Run> =>
    ferryman(['topology', ...words.split(' ')], { env: { ...env, ...more } })
  const printed = ({ out, err }: Run): Printed => {
    expect(out, err).to.not.equal('')
    return JSON.parse(out) as Printed
  }
  const queues = async (): Promise<string[]> =>
    ((await rabbitApi('GET', `queues/${vhostIn(url)}`)) as { name: string }[]).map(({ name }) => name)
  const policy = (name: string, body: object): Promise<unknown> =>
    rabbitApi('PUT', `policies/${vhostIn(url)}/${name}`, { 'apply-to': 'queues', ...body })

  it('plan says what apply makes, makes nothing, and exits 1; apply makes just that, once', async () => {
    const plan = await run('plan --json')
    expect(plan.code).to.equal(1)
    const { make, differences } = printed(plan)
    expect(make).to.have.length(11 + 4 + 10 + 5)
    expect(differences).to.deep.equal([])
    expect(await queues()).to.deep.equal([])
    expect(await rabbitApi('GET', `policies/${vhostIn(url)}`)).to.deep.equal([])

    const applied = await run('apply --json')
    expect([applied.code, printed(applied).made]).to.deep.equal([0, make])
    const again = await run('plan')
    expect([again.code, again.out]).to.deep.equal([0, 'There is nothing to do.\n'])
    expect((await run('verify')).out).to.equal('The topology is as it must be.\n')
  }).timeout(60_000)

  it('plan and apply name what only a person can mend, and verify exits 78 with the command', async () => {
    const other = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 }
    await withChannel(url, (channel) => channel.assertQueue('ferryman.requests', { arguments: other }))
    await policy('site wide', { pattern: '.*', priority: 900, definition: { expires: 86_400_000 } })
    const plan = await run('plan --json')
    expect(plan.code).to.equal(1)
    const expired = (row: Row): boolean => row.object === 'queue ferryman.requests' && row.argument === 'expires'
    expect(printed(plan).make).to.include('queue ferryman.unroutable').and.not.include('queue ferryman.requests')
    expect(printed(plan).differences.find(expired)).to.deep.equal({
      object: 'queue ferryman.requests',
      argument: 'expires',
      wanted: 'not set',
      found: '86400000 (policy site wide, priority 900)',
      fix:
        `rabbitmqctl set_policy -p ${vhostOf(url)} --priority 99 --apply-to queues ` +
        `'site wide' '.*' '{"expires":86400000}'`,
    })
    expect((await run('apply')).code).to.equal(78)
    // The very command mends it, and so does the one for what stands in an argument.
    await shell(printed(await run('plan --json')).differences.find(expired)?.fix as string)
    const verified = await run('verify --json')
    expect(verified.code).to.equal(78)
    expect(printed(verified)).to.deep.equal({
      safe: false,
      made: [],
      notCompared: [],
      differences: [
        {
          object: 'queue ferryman.requests',
          argument: 'delivery-limit',
          wanted: '1000',
          found: '2',
          fix:
            `drain it, then rabbitmqctl delete_queue -p ${vhostOf(url)} ferryman.requests ` +
            '&& ferryman topology apply',
        },
      ],
    })
    const table = await run('verify')
    expect(table.out).to.match(
      /^OBJECT +ARGUMENT +WANTED +FOUND +FIX\nqueue ferryman\.requests +delivery-limit +1000 +2 +drain it/,
    )
    await (await sharedRabbit()).rabbitmqctl('delete_queue', '-p', vhostOf(url), 'ferryman.requests')
    expect((await run('apply')).code).to.equal(0)
    expect((await run('verify')).code).to.equal(0)
  }).timeout(90_000)

  it('verify names an operator policy that overrides ours, and the command that clears it', async () => {
    await run('apply')
    const body = { pattern: 'ferryman', 'apply-to': 'queues', definition: { 'message-ttl': 60_000 } }
    await rabbitApi('PUT', `operator-policies/${vhostIn(url)}/cap`, body)
    const verified = await run('verify --json')
    expect(verified.code).to.equal(78)
    const rows = printed(verified).differences
    expect(rows.map(({ object, found }) => `${object} ${found}`)).to.include(
      'queue ferryman.requests 60000 (operator policy cap)',
    )
    await shell(rows[0]!.fix)
    expect((await run('verify')).code).to.equal(0)
  }).timeout(60_000)

  it('verify finds a queue and a binding gone and a policy changed, and apply mends all', async () => {
    await run('apply')
    await withChannel(url, async (channel) => {
      await channel.deleteQueue('ferryman.retry.2m')
      await channel.unbindQueue('ferryman.events.journal', 'ferryman.events', '#')
    })
    const definition = { 'max-age': '1h' }
    await policy('ferryman.dead-letters.journal', {
      pattern: '^ferryman\\.dead-letters\\.journal$',
      priority: 100,
      definition,
    })
    const verified = await run('verify --json')
    expect(verified.code).to.equal(78)
    expect(printed(verified).differences.map(({ fix, ...row }) => [Object.values(row).join('|'), fix])).to.deep.equal([
      ['queue ferryman.dead-letters.journal|max-age|30D|1h', 'ferryman topology apply'],
      ['queue ferryman.retry.2m|existence|there|not there', 'ferryman topology apply'],
      ['binding ferryman.events → ferryman.events.journal|routing key|#|not there', 'ferryman topology apply'],
    ])
    expect(printed(await run('apply --json')).made).to.deep.equal([
      'policy ferryman.dead-letters.journal',
      'queue ferryman.retry.2m',
      'binding ferryman.events → ferryman.events.journal',
    ])
    expect((await run('verify')).code).to.equal(0)
  }).timeout(60_000)

  it('without the management API arguments are made, existence is verified, the rest is named', async () => {
    const none = { FERRYMAN_RABBITMQ_MANAGEMENT_URL: '' }
    const bare = await run('plan --json', none)
    expect([bare.code, printed(bare).make?.length]).to.deep.equal([1, 4 + 10 + 5])
    expect((await run('apply', none)).code).to.equal(0)
    const plan = await run('plan --json', none)
    expect([plan.code, printed(plan).make]).to.deep.equal([0, []])
    const verified = await run('verify', none)
    expect([verified.code, verified.out]).to.deep.equal([0, 'All that could be compared is there.\n'])
    expect(verified.err).to.include(
      'not compared, without the management API: queue ferryman.requests: x-queue-type, delivery-limit,',
    )
    expect(await rabbitApi('GET', `policies/${vhostIn(url)}`)).to.deep.equal([])
    // What counts is the effective value: with the API the same arguments are found as good as policies.
    expect((await run('verify')).code).to.equal(0)
    expect((await run('plan')).code).to.equal(0)
    await withChannel(url, (channel) => channel.deleteExchange('ferryman.events'))
    const missing = await run('verify --json', none)
    expect([missing.code, printed(missing).differences[0]?.object]).to.deep.equal([78, 'exchange ferryman.events'])
  }).timeout(60_000)

  it('a management API that was set and does not answer is waited for, then 69, and nothing is declared', async () => {
    const [port] = await freePorts(1)
    const down = { FERRYMAN_RABBITMQ_MANAGEMENT_URL: `http://guest:secret@127.0.0.1:${port}` }
    for (const words of ['apply', 'verify', 'plan']) {
      const { code, out, err } = await run(words, down)
      expect([words, code, out]).to.deep.equal([words, 69, ''])
      expect(err).to.match(/trying again until the start time is over[^]*ferryman: GET .* was not answered/)
      expect(err).to.not.include('secret')
    }
    expect(await queues()).to.deep.equal([])
  }).timeout(60_000)

  it('a user who may read but not write policies verifies and plans, and apply exits 77 with the command', async () => {
    const { user, managementUrl } = await limitedUser(url, { configure: '', write: '', read: '' }, 'management')
    const limited = { FERRYMAN_RABBITMQ_MANAGEMENT_URL: managementUrl }
    expect((await run('plan', limited)).code).to.equal(1)
    const applied = await run('apply', limited)
    expect([applied.code, applied.out]).to.deep.equal([77, ''])
    expect(applied.err).to.include(`rabbitmqctl set_user_tags ${user} policymaker`)
    await (await sharedRabbit()).rabbitmqctl('set_user_tags', user, 'policymaker')
    expect((await run('apply', limited)).code).to.equal(0)
    await (await sharedRabbit()).rabbitmqctl('set_user_tags', user, 'management')
    expect((await run('verify', limited)).code).to.equal(0)
  }).timeout(60_000)

  it('export is accepted by rabbitmqctl and by the management API, and verify finds it safe', async () => {
    for (const way of ['rabbitmqctl', 'api'] as const) {
      url = await freshVhost()
      env['FERRYMAN_RABBITMQ_URL'] = url
      const { code, out } = await run('export', { FERRYMAN_RABBITMQ_PREFIX: 'cell-1' })
      expect(code).to.equal(0)
      await importDefinitions(way, out)
      const verified = await run('verify', { FERRYMAN_RABBITMQ_PREFIX: 'cell-1' })
      expect([way, verified.code], verified.out).to.deep.equal([way, 0])
    }
  }).timeout(60_000)

  it('export --commands are policies that a shell gives to rabbitmqctl word for word; it asks no server', async () => {
    await run('apply')
    const policies = (await rabbitApi('GET', `policies/${vhostIn(url)}`)) as { name: string }[]
    for (const { name } of policies) await rabbitApi('DELETE', `policies/${vhostIn(url)}/${name}`)
    const nowhere = { FERRYMAN_RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:1/${vhostIn(url)}` }
    const { code, out } = await run('export --commands', nowhere)
    expect(code).to.equal(0)
    const commands = out.trimEnd().split('\n')
    expect(commands).to.have.length(11)
    for (const command of commands) await shell(command)
    expect(await rabbitApi('GET', `policies/${vhostIn(url)}`)).to.deep.equal(policies)
  }).timeout(90_000)
})

/** Lets a shell read the words of a rabbitmqctl command, and runs it on the shared node. */
async function shell(command: string): Promise<void> {
  const script = `rabbitmqctl() { printf '%s\\0' "$@"; }; ${command}`
  const words = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)
  expect(words.length).to.be.greaterThan(2)
  await (await sharedRabbit()).rabbitmqctl(...words)
}

async function importDefinitions(way: 'rabbitmqctl' | 'api', text: string): Promise<void> {
  if (way === 'api') {
    await rabbitApi('POST', 'definitions', JSON.parse(text) as object)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'ferryman-definitions-'))
  writeFileSync(join(folder, 'definitions.json'), text)
  await (await sharedRabbit()).rabbitmqctl('import_definitions', join(folder, 'definitions.json'))
  rmSync(folder, { recursive: true })
}
