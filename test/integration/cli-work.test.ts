// The command line with real servers and a worker: from an empty broker to moved allocations and a clean drain.
import { connect } from 'amqplib'
import { expect } from 'chai'
import { freshNamespace, freshVhost, sharedRabbit, sharedRedis } from '../support/servers.ts'
import { ferryman, workerProcess, type Run, type WorkerProcess } from './ferryman-process.ts'

const FIRST = '70000000-0000-4000-8000-000000000001'
const [SOURCE, DESTINATION] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
const CONSUMER = '33333333-3333-4333-8333-333333333333'

const CLAIM = ['request', 'claim', '--consumer', CONSUMER, '--source', SOURCE, '--destination', DESTINATION, '--wait']
const inventories = { VCPU: { total: 8, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 8, step_size: 1 } }
const provider = (id: string, name: string) => ({ id, name, parent: null, traits: [], aggregates: [], inventories })
const SEED = {
  providers: [provider(SOURCE, 'cn-1'), provider(DESTINATION, 'cn-2')],
  consumers: [{ id: CONSUMER, type: 'INSTANCE', project: 'p', user: 'u', allocations: { [SOURCE]: { VCPU: 2 } } }],
}

describe('the command line at work', () => {
  let env: Record<string, string>
  let worker: WorkerProcess | null = null
  const run = (words: readonly string[], input = ''): Promise<Run> => ferryman(words, { env, input })
  const linesOf = ({ out }: Run): Record<string, unknown>[] =>
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  before(async () => {
    env = {
      FERRYMAN_REDIS_URL: (await sharedRedis()).url,
      FERRYMAN_REDIS_NAMESPACE: freshNamespace(),
      FERRYMAN_RABBITMQ_URL: await freshVhost(),
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl ?? '',
    }
  })
  after(async () => {
    worker?.signal('SIGKILL')
    await worker?.ended
  })

  it('makes the topology once, and finds it safe', async () => {
    expect((await run(['topology', 'verify', '--json'])).code).to.equal(78)
    const applied = await run(['topology', 'apply', '--json'])
    expect(applied.code).to.equal(0)
    expect(JSON.parse(applied.out)).to.deep.include({ safe: true, differences: [], notCompared: [] })
    expect(JSON.parse((await run(['topology', 'apply', '--json'])).out)).to.deep.include({ made: [] })
    expect((await run(['topology', 'verify'])).code).to.equal(0)
  }).timeout(60_000)

  it('seeds the books as a whole or not at all, twice without harm', async () => {
    const wrong = { ...SEED, consumers: [{ ...SEED.consumers[0], allocations: { x: 1 } }] }
    const bad = await run(['ledger', 'seed', '-'], JSON.stringify(wrong))
    expect(bad.code).to.equal(1)
    expect(bad.err).to.match(/nothing was written/)
    expect(JSON.parse((await run(['ledger', 'dump', '--json'])).out)).to.deep.equal({ providers: [], consumers: [] })
    for (let times = 0; times < 2; times++) {
      expect((await run(['ledger', 'seed', '-'], JSON.stringify(SEED))).code).to.equal(0)
    }
    const shown = await run(['ledger', 'show', '--consumer', CONSUMER, '--json'])
    expect(JSON.parse(shown.out)).to.deep.include({ id: CONSUMER, allocations: { [SOURCE]: { VCPU: 2 } } })
    expect((await run(['ledger', 'show', '--provider', DESTINATION])).out).to.include('cn-2')
    expect((await run(['ledger', 'show', '--consumer', SOURCE])).code).to.equal(1)
  }).timeout(60_000)

  it('finds nothing wrong with what a worker needs', async () => {
    const { code, out } = await run(['doctor', '--json'])
    expect(code).to.equal(0)
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { check: string; result: string })
    const wanted = ['node', 'rabbitmq', 'topology', 'redis', 'redis write', 'clock', 'ledger']
    expect(rows.map(({ check }) => check)).to.include.members(wanted)
    expect(rows.filter(({ result }) => result === 'fail')).to.deep.equal([])
  }).timeout(30_000)

  it('answers 69 when no event comes', async () => {
    const { code, err } = await run([...CLAIM, '--id', FIRST, '--timeout', '300ms'])
    expect(code).to.equal(69)
    expect(err).to.match(/No event of 70000000-0000-4000-8000-000000000001 came within 300 ms/)
  }).timeout(30_000)

  it('moves allocations through a worker, prints its event, and answers a second copy with the same', async () => {
    worker = await workerProcess(env)
    const words = [...CLAIM, '--id', FIRST]
    const [first, second] = [await run(words), await run(words)]
    expect([first.code, second.code]).to.deep.equal([0, 0])
    expect(JSON.parse(first.out)).to.deep.include({ request: FIRST, operation: 'claim' })
    expect(second.out).to.equal(first.out)
    const shown = await run(['ledger', 'show', '--consumer', CONSUMER, '--json'])
    expect(JSON.parse(shown.out)).to.deep.include({ allocations: { [DESTINATION]: { VCPU: 2 } } })
    const transfer = await run(['transfers', 'show', FIRST, '--json'])
    expect(JSON.parse(transfer.out)).to.include({ state: 'told', code: 'applied', attempts: 1 })
  }).timeout(60_000)

  it('answers 1 to a refusal, and shows it at the desk as news', async () => {
    const refused = await run(CLAIM)
    expect(refused.code).to.equal(1)
    const { request, outcome } = JSON.parse(refused.out) as { request: string; outcome: { code: string } }
    expect(outcome.code).to.equal('conflicting_operation')
    const status = await run(['dlq', 'status', '--json'])
    expect([status.code, JSON.parse(status.out)]).to.deep.equal([
      0,
      {
        open: 0,
        told: 1,
        unroutable: 0,
        waiting: 0,
        outcomeUnknown: 0,
        oldestOpenAt: null,
        codes: [],
      },
    ])
    expect((await run(['dlq', 'list', '--json'])).out).to.equal('')
    const [letter] = linesOf(await run(['dead-letters', 'list', '--state', 'told', '--json']))
    expect(Object.keys(letter!)).to.deep.equal([
      'id',
      'request',
      'operation',
      'consumer',
      'source',
      'destination',
      'code',
      'class',
      'effect',
      'state',
      'firstFailedAt',
      'lastFailedAt',
      'attempts',
    ])
    expect(letter).to.include({
      request,
      operation: 'claim',
      consumer: CONSUMER,
      source: SOURCE,
      destination: DESTINATION,
      code: 'conflicting_operation',
      class: 'refused',
      effect: 'did_not_happen',
      state: 'told',
      attempts: 1,
    })
    const shown = JSON.parse((await run(['dlq', 'show', request, '--json'])).out) as Record<string, unknown>
    expect(shown).to.deep.include(letter)
    expect(JSON.parse(shown['body'] as string)).to.include({ id: request })
    expect(shown['event']).to.deep.include({ request })
    expect(shown).to.include.keys('headers', 'history')
    expect((await run(['dlq', 'show', CONSUMER])).code).to.equal(1)
  }).timeout(60_000)

  it('sends many with confirms, and tells their events from the journal', async () => {
    const ids = Array.from(
      { length: 50 },
      (_, n) => `7000000${1 + (n % 9)}-0000-4000-8000-${String(n).padStart(12, '0')}`,
    )
    const requests = ids.map((id) => ({ version: 1, id, operation: 'release', consumer: id, source: SOURCE }))
    const sent = await run(['request', 'send', '-', '--json'], JSON.stringify(requests))
    expect([sent.code, JSON.parse(sent.out)]).to.deep.equal([0, { sent: 50, invalid: 0 }])
    expect(sent.err).to.include('sent: 50 of 50\n')
    const tail = await run(['events', 'tail', '--from', 'first', '--json', '--count', '54', '--timeout', '20s'])
    expect(linesOf(tail).map(({ request }) => request)).to.include.members(ids)
    const one = await run([
      'events',
      'tail',
      '--from',
      'first',
      '--request',
      ids[7]!,
      '--count',
      '1',
      '--timeout',
      '20s',
    ])
    expect(one.out).to.match(new RegExp(`^\\S+Z  release \\w+  ${ids[7]}  `))
    expect(linesOf(await run(['transfers', 'list', '--limit', '3', '--json']))).to.have.length(3)
  }).timeout(60_000)

  it('has numbers about it all in its metrics', async () => {
    const body = await (await fetch(`http://127.0.0.1:${worker!.port}/metrics`)).text()
    expect(body).to.match(/^ferryman_outcomes_total\{operation="claim",class="done",code="applied"\} 1$/m)
    expect(body).to.include(
      'ferryman_outcomes_total{operation="claim",class="refused",code="conflicting_operation"} 1\n',
    )
    expect(body).to.match(/^ferryman_requests_in_progress 0$/m)
  })

  it('drains on a signal: exit 0, and every line of its log is JSON without a password', async () => {
    worker!.signal('SIGTERM')
    expect(await worker!.ended).to.equal(0)
    const { out, err } = worker!.said
    expect(err).to.equal('')
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ msg }) => msg)).to.include.members(['http listening', 'worker started', 'worker stopped'])
    expect(out).not.to.include('guest:guest')
  }).timeout(30_000)

  it('shows letters also when no worker runs', async () => {
    const connection = await connect(env['FERRYMAN_RABBITMQ_URL']!)
    try {
      const channel = await connection.createConfirmChannel()
      const headers = {
        'dl-schema': 1,
        'dl-id': '90000000-0000-5000-8000-000000000001',
        'dl-reason': 'poison',
        'dl-class': 'operator',
        'dl-effect': 'did_not_happen',
        'dl-request-id': '70000000-0000-4000-8000-0000000000ff',
        'dl-operation': 'claim',
        'dl-attempts': 5,
        'dl-first-failed-at': '2026-11-20T00:00:00Z',
        'dl-last-failed-at': '2026-11-21T00:00:00Z',
        'dl-description': '\u001b[2J',
      }
      channel.publish('ferryman.dead-letters', 'operator.poison', Buffer.from([0xff, 0xfe]), {
        headers,
        persistent: true,
      })
      await channel.waitForConfirms()
    } finally {
      await connection.close()
    }
    const status = await run(['dlq', 'status'])
    expect(status.code).to.equal(1)
    expect(status.out).to.match(/^open +1$/m)
    const shown = await run(['dlq', 'show', '90000000-0000-5000-8000-000000000001', '--json'])
    expect(JSON.parse(shown.out)).to.deep.include({ bodyBase64: '//4=', state: 'open', event: null })
    expect((await run(['dlq', 'show', '70000000-0000-4000-8000-0000000000ff'])).out).not.to.include('\u001b')
  }).timeout(30_000)

  it('ends a worker with 78 and a table when the topology is not there and may only be verified', async () => {
    const verify = { FERRYMAN_RABBITMQ_TOPOLOGY: 'verify', FERRYMAN_HTTP_PORT: '0' }
    const bare = { ...env, ...verify, FERRYMAN_RABBITMQ_URL: await freshVhost() }
    const { code, err } = await ferryman(['worker'], { env: bare })
    expect(code).to.equal(78)
    expect(err)
      .to.match(/OBJECT +ARGUMENT +WANTED +FOUND +FIX/)
      .and.include('queue ferryman.requests')
  }).timeout(30_000)

  it('ends with 77 at once for a wrong password', async () => {
    const url = env['FERRYMAN_RABBITMQ_URL']!.replace('guest:guest', 'guest:wrong-MARKER')
    const wrong = { ...env, FERRYMAN_RABBITMQ_URL: url, FERRYMAN_HTTP_PORT: '0' }
    for (const words of [['worker'], ['dlq', 'status'], ['doctor']]) {
      const { code, out, err } = await ferryman(words, { env: wrong })
      expect([words[0], code]).to.deep.equal([words[0], 77])
      expect(out + err).not.to.include('wrong-MARKER')
    }
  }).timeout(60_000)
})
