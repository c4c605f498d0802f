// The settings as those who deploy meet them: names, defaults, where each comes from, and what stops a start.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ferryman, type Run } from '../integration/ferryman-process.ts'

/** Variable to its default. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  FERRYMAN_RABBITMQ_URL: 'amqp://guest:***@127.0.0.1:5672',
  FERRYMAN_RABBITMQ_PREFIX: 'ferryman',
  FERRYMAN_RABBITMQ_TOPOLOGY: 'create',
  FERRYMAN_RABBITMQ_HEARTBEAT_S: 10,
  FERRYMAN_REDIS_URL: 'redis://127.0.0.1:6379',
  FERRYMAN_REDIS_NAMESPACE: 'ferryman',
  FERRYMAN_LEDGER: 'redis',
  FERRYMAN_PLACEMENT_MARKERS: 64,
  FERRYMAN_CONCURRENCY: 64,
  FERRYMAN_LOCK_LEASE_MS: 5_000,
  FERRYMAN_LOCK_HOLD_MS: 60_000,
  FERRYMAN_LOCK_WAIT_MS: 30_000,
  FERRYMAN_LEDGER_TIMEOUT_MS: 5_000,
  FERRYMAN_RETRY_ATTEMPTS_MAX: 5,
  FERRYMAN_RETRY_BASE_MS: 200,
  FERRYMAN_RETRY_LADDER: '1s,5s,30s,2m,10m',
  FERRYMAN_POISON_AFTER: 5,
  FERRYMAN_JOURNAL_DAYS: 7,
  FERRYMAN_TOMBSTONE_DAYS: 90,
  FERRYMAN_START_TIMEOUT_MS: 30_000,
  FERRYMAN_DRAIN_MS: 25_000,
  FERRYMAN_HTTP_PORT: 9464,
  FERRYMAN_HTTP_HOST: '127.0.0.1',
  FERRYMAN_LOG_LEVEL: 'info',
}
/** Settings without a variable that the contract names. */
const KEYS = { 'requests.bytesMax': 65_536, 'rabbitmq.journalDays': 30, 'desk.toldDays': 7, 'requests.poisonAfter': 5 }
const SECRETS: Readonly<Record<string, string>> = {
  FERRYMAN_RABBITMQ_URL: 'amqp://me:hush-hush@127.0.0.1:1',
  FERRYMAN_RABBITMQ_MANAGEMENT_URL: 'http://me:hush-hush@127.0.0.1:1',
  FERRYMAN_REDIS_URL: 'redis://:hush-hush@127.0.0.1:1',
  FERRYMAN_PLACEMENT_TOKEN: 'hush-hush',
}

interface Shown {
  readonly value: unknown
  readonly origin: string
  readonly env: string
}

describe('the settings', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ferryman-lines-'))
  })
  after(() => {
    rmSync(folder, { recursive: true })
  })
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const print = async (env: Record<string, string>, ...words: string[]): Promise<Record<string, Shown>> => {
    const { code, out, err } = await ferryman(['config', 'print', '--json', ...words], { env })
    expect(code, err).to.equal(0)
    return JSON.parse(out) as Record<string, Shown>
  }
  const check = (env: Record<string, string>): Promise<Run> => ferryman(['config', 'check'], { env })

  it('have the names and the defaults of the contract', async () => {
    const shown = await print({})
    const byVariable = Object.fromEntries(
      Object.values(shown).map(({ env, value }) => [env, Array.isArray(value) ? value.join() : value]),
    )
    expect(byVariable).to.deep.include(DEFAULTS)
    expect(byVariable).to.include.keys('FERRYMAN_RABBITMQ_MANAGEMENT_URL', 'FERRYMAN_PLACEMENT_URL')
    for (const [key, value] of Object.entries(KEYS)) expect([key, shown[key]?.value]).to.deep.equal([key, value])
  })

  it('follow the prefix in the namespace, and verify the topology in production', async () => {
    const shown = await print({ FERRYMAN_RABBITMQ_PREFIX: 'cell-1', NODE_ENV: 'production' })
    expect(shown['redis.namespace']!.value).to.equal('cell-1')
    expect(shown['rabbitmq.topology']!.value).to.equal('verify')
  })

  it('come from file, environment and flag, the later over the earlier, and say from where', async () => {
    const path = file('some.json', '{"concurrency": 2, "drainMs": 2, "http": {"port": 2}}')
    const env = { FERRYMAN_CONFIG: path, FERRYMAN_DRAIN_MS: '3', FERRYMAN_HTTP_PORT: '3' }
    const shown = await print(env, '--set', 'http.port=4')
    const of = (key: string): unknown => [shown[key]?.value, shown[key]?.origin]
    expect([of('drainMs'), of('http.port')]).to.deep.equal([
      [3, 'FERRYMAN_DRAIN_MS'],
      [4, '--set'],
    ])
    expect(shown['concurrency']!.value).to.equal(2)
    expect(shown['concurrency']!.origin).to.include('some.json')
    expect(shown['log.level']!.origin).to.not.equal(shown['concurrency']!.origin)
  })

  it('may stand in a file of their own where they are secret, never in both, and are masked', async () => {
    const files = Object.entries(SECRETS).map(([name, text]) => [`${name}_FILE`, file(name, `${text}\n`)] as const)
    const shown = await print(Object.fromEntries(files))
    const values = JSON.stringify(shown)
    expect(values).to.not.include('hush-hush')
    for (const [name] of files) {
      const row = Object.values(shown).find(({ env }) => `${env}_FILE` === name)!
      expect([name, row.origin]).to.deep.equal([name, name])
      expect(String(row.value)).to.include('***')
    }
    const both = await check({ ...Object.fromEntries(files), ...SECRETS })
    expect(both.code).to.equal(78)
    for (const [name] of files) expect(both.err).to.include(name)
    expect(both.err).to.not.include('hush-hush')
    const lost = await check({ FERRYMAN_REDIS_URL_FILE: join(folder, 'lost') })
    expect(lost.code).to.equal(78)
  })

  it('end with 78 for an unknown key in a file, and name it', async () => {
    const texts = { flat: '{"concurency": 2}', deep: '{"http": {"prot": 2}}', broken: '{"http": ', lost: null }
    const found = await Promise.all(
      Object.entries(texts).map(([name, text]) =>
        check({ FERRYMAN_CONFIG: text === null ? join(folder, 'nowhere.json') : file(`${name}.json`, text) }),
      ),
    )
    expect(found.map(({ code }) => code)).to.deep.equal([78, 78, 78, 78])
    expect(found[0]!.err).to.include('concurency')
    expect(found[1]!.err).to.include('http.prot')
  })

  it('warn of an unknown variable with the nearest name, and go on', async () => {
    const { code, err } = await check({ FERRYMAN_HTTP_PROT: '1', FERRYMAN_PORT_9464_TCP_ADDR: '10.0.0.1' })
    expect(code).to.equal(0)
    expect(err).to.match(/FERRYMAN_HTTP_PROT .*FERRYMAN_HTTP_PORT/)
    expect(err).to.include('FERRYMAN_PORT_9464_TCP_ADDR')
  })

  it('take a ladder of the five delays only, in any order, and no other', async () => {
    const ladders = ['1s,1s', '2s', '1s,', '', '1s 5s']
    const found = await Promise.all(ladders.map((ladder) => check({ FERRYMAN_RETRY_LADDER: ladder })))
    expect(found.map(({ code }) => code)).to.deep.equal([0, 78, 78, 78, 78])
  })
})
