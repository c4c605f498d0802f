// The command line as a process, without any server: help, usage, exit codes, settings, and that no secret is printed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ferryman, type Run } from './ferryman-process.ts'

const MARKER = 'hunter2-MARKER-hunter2'
const NOWHERE = {
  FERRYMAN_RABBITMQ_URL: `amqp://me:${MARKER}@127.0.0.1:1`,
  FERRYMAN_REDIS_URL: `redis://:${MARKER}@127.0.0.1:1`,
  FERRYMAN_RABBITMQ_MANAGEMENT_URL: '',
  FERRYMAN_START_TIMEOUT_MS: '500',
  FERRYMAN_HTTP_PORT: '0',
}

describe('ferryman', () => {
  it('has help for every command, with examples, on standard output', async () => {
    for (const words of [
      [],
      ['worker'],
      ['request'],
      ['request', 'send'],
      ['plan'],
      ['events', 'tail'],
      ['transfers', 'list'],
      ['transfers', 'show'],
      ['transfers', 'stuck'],
      ['transfers', 'cancel'],
      ['dead-letters', 'status'],
      ['dlq', 'list'],
      ['dlq', 'show'],
      ['ledger', 'seed'],
      ['ledger', 'dump'],
      ['ledger', 'show'],
      ['ledger', 'audit'],
      ['topology', 'plan'],
      ['topology', 'apply'],
      ['topology', 'verify'],
      ['topology', 'export'],
      ['operations'],
      ['config', 'print'],
      ['config', 'check'],
      ['doctor'],
    ]) {
      const { code, out } = await ferryman([...words, '--help'])
      expect([words.join(' '), code]).to.deep.equal([words.join(' '), 0])
      expect(out)
        .to.include('Usage: ferryman')
        .and.match(/\nExamples?:\n/)
    }
  }).timeout(60_000)

  const misuses: readonly (readonly [words: string[], sentence: RegExp])[] = [
    [['opertions'], /unknown command 'opertions'[^]*Did you mean operations\?/],
    [[], /Usage: ferryman/],
    [['ledger'], /Usage: ferryman ledger/],
    [['--wat'], /unknown option '--wat'/],
    [['dlq', 'list', '--state', 'opn'], /did you mean open\?/],
    [['dlq', 'show'], /missing required argument 'id'/],
    [['request', 'claimm'], /claimm is no operation; did you mean claim\?/],
    [['request', 'claim'], /Field \/\w+/],
    [['request', 'claim', '--resources', 'x'], /Write it as VCPU=2,MEMORY_MB=2048/],
    [['request', 'claim', '--field', 'origin=abc'], /A text needs its quotes/],
    [['request', 'send', '/nowhere/file'], /cannot be read \(ENOENT\)/],
    [['ledger', 'show'], /Give --consumer ID or --provider ID/],
    [['ledger', 'show', '--consumer', 'x'], /"x" is no uuid/],
    [['events', 'tail', '--from', 'begin'], /Write first, last, next/],
    [['plan', 'claimm'], /claimm is no operation; did you mean claim\?/],
    [['console'], /ferryman console comes with a later version/],
    [['dead-letters', 'replay', '--all'], /--yes/],
    [['dead-letters', 'discard', 'x'], /required option '--reason <text>'/],
    [['ledger', 'heal'], /ferryman ledger heal comes with a later version/],
    [['topology', 'pln'], /unknown command 'pln'[^]*Did you mean plan\?/],
    [['transfers', 'cancel', 'x'], /"x" is no id of a request/],
    [['transfers', 'stuck', '--older-than', '5'], /Write it as 500ms/],
  ]
  for (const [words, sentence] of misuses) {
    it(`${words.join(' ') || 'nothing at all'} is misuse: 64 and a sentence on standard error`, async () => {
      const { code, out, err } = await ferryman(words, { env: NOWHERE })
      expect([code, out]).to.deep.equal([64, ''])
      expect(err).to.match(sentence)
    })
  }

  it('shows nothing in its help that it does not have', async () => {
    const { out } = await ferryman(['dlq', '--help'])
    expect(out).to.match(/status[^]*list[^]*show[^]*replay[^]*discard/)
    expect((await ferryman(['--help'])).out).not.to.match(/^ +console\b/m)
  })

  it('ends with 78 and a sentence each for settings that do not hold', async () => {
    const env = { FERRYMAN_CONCURRENCY: '0', FERRYMAN_LEDGER: 'x' }
    const { code, out, err } = await ferryman(['config', 'check'], { env })
    expect([code, out]).to.deep.equal([78, ''])
    expect(err.trim().split('\n')).to.have.length(2)
    expect(err).to.match(/^ferryman: ledger is "x"/)
    expect((await ferryman(['worker'], { env: { FERRYMAN_LEDGER: 'placement' } })).code).to.equal(78)
  })

  it('prints settings with origin and without secrets', async () => {
    const { code, out } = await ferryman(['config', 'print', '--json', '--set', 'http.port=1'], { env: NOWHERE })
    expect(code).to.equal(0)
    expect(out).not.to.include(MARKER)
    expect(JSON.parse(out)).to.deep.include({
      'http.port': { value: 1, origin: '--set', env: 'FERRYMAN_HTTP_PORT' },
      'redis.url': { value: 'redis://:***@127.0.0.1:1', origin: 'FERRYMAN_REDIS_URL', env: 'FERRYMAN_REDIS_URL' },
    })
  })

  it('warns of variables that are no settings', async () => {
    const { code, err } = await ferryman(['config', 'check'], { env: { FERRYMAN_CONCURENCY: '1' } })
    expect(code).to.equal(0)
    expect(err).to.equal(
      'ferryman: warning: FERRYMAN_CONCURENCY is no setting and is ignored; ' + 'did you mean FERRYMAN_CONCURRENCY?\n',
    )
  })

  it('prints every effect and why it may be repeated', async () => {
    const { code, out } = await ferryman(['operations', '--json'])
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(code).to.equal(0)
    expect(rows.map(({ name }) => name)).to.include.members([
      'ledger.apply',
      'journal.begin',
      'broker.publish',
      'desk.take',
    ])
    for (const row of rows) expect(row).to.have.keys('name', 'ledger', 'idempotent', 'because')
  })

  const unavailable: readonly string[][] = [
    ['worker'],
    ['dlq', 'status'],
    ['ledger', 'dump'],
    ['ledger', 'audit'],
    ['transfers', 'list'],
    ['transfers', 'stuck'],
    ['transfers', 'cancel', '33333333-3333-4333-8333-333333333333'],
    ['plan', 'release', '--consumer', '33333333-3333-4333-8333-333333333333'],
    ['topology', 'verify'],
    ['doctor'],
    ['events', 'tail', '--timeout', '1s'],
    ['request', 'release', '--consumer', '33333333-3333-4333-8333-333333333333'],
  ]
  // n.b. Each waits for as long as it may, so all of them wait at the same time.
  const runs = new Map<string, Promise<Run>>()
  before(() => {
    for (const words of unavailable) runs.set(words.join(' '), ferryman(words, { env: NOWHERE }))
  })
  for (const words of unavailable) {
    it(`${words.join(' ')} ends with 69 when nothing answers, and prints no secret`, async () => {
      const { code, out, err } = await runs.get(words.join(' '))!
      expect(code).to.equal(69)
      expect(out + err).not.to.include(MARKER)
      expect(out + err).to.include('127.0.0.1:1')
    })
  }

  it('refuses a file with an invalid request as a whole, before it connects anywhere', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ferryman-send-'))
    const file = join(folder, 'requests.ndjson')
    const [id, consumer] = ['7d2b0a4e-7c34-4c1b-9f0f-1e2d3c4b5a69', '33333333-3333-4333-8333-333333333333']
    const good = { version: 1, id, operation: 'release', consumer }
    writeFileSync(file, `${JSON.stringify(good)}\n\nnonsense\n${JSON.stringify({ ...good, typo: 1 })}\n`)
    const { code, out, err } = await ferryman(['request', 'send', file], { env: NOWHERE })
    rmSync(folder, { recursive: true })
    expect([code, out]).to.deep.equal([1, ''])
    expect(err).to.match(/^line 3: .*\nline 4: .*typo.*\nferryman: 2 of 3 requests are invalid; none was sent\./)
  })

  it('a port that is taken ends a worker with 78 and the variable to set', async () => {
    const { createServer } = await import('node:net')
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        resolve((server.address() as { port: number }).port)
      })
    })
    const { code, err } = await ferryman(['worker'], { env: { ...NOWHERE, FERRYMAN_HTTP_PORT: String(port) } })
    server.close()
    expect(code).to.equal(78)
    expect(err).to.include(`http.port ${port} on 127.0.0.1 cannot be opened (EADDRINUSE)`)
    expect(err).to.include('FERRYMAN_HTTP_PORT')
  })
})
