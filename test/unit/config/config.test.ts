// The settings: where they come from, what is refused and with which sentence, and that no secret is ever shown.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { ConfigError, describeSettings, loadConfig, secretsOf, type LoadOptions } from '../../../src/config.ts'
import { KEYS, settingOf } from '../../../src/config/settings.ts'
import { projectRoot } from '../../support/project-root.ts'

const MARKER = 'hunter2-MARKER-hunter2'

/** The problems that loading with these options ends with; none when it succeeds. */
function problemsOf(options: LoadOptions): readonly string[] {
  try {
    loadConfig(options)
    return []
  } catch (failure) {
    if (failure instanceof ConfigError) return failure.problems
    throw failure
  }
}

describe('wrong settings', () => {
  const table: readonly (readonly [env: Record<string, string>, sentence: string])[] = [
    [
      { FERRYMAN_CONCURRENCY: '64x' },
      'concurrency is "64x" (from FERRYMAN_CONCURRENCY); it must be a whole number from 1 to 4096 (requests). ' +
        'Set FERRYMAN_CONCURRENCY to such a value, or remove it for the default 64.',
    ],
    [
      { FERRYMAN_CONCURRENCY: '0' },
      'concurrency is 0 (from FERRYMAN_CONCURRENCY); it must be a whole number from 1 to 4096 (requests). ' +
        'Set FERRYMAN_CONCURRENCY to such a value, or remove it for the default 64.',
    ],
    [
      { FERRYMAN_DRAIN_MS: '2.5' },
      'drainMs is "2.5" (from FERRYMAN_DRAIN_MS); it must be a whole number from 0 to 3600000 (ms). ' +
        'Set FERRYMAN_DRAIN_MS to such a value, or remove it for the default 25000.',
    ],
    [
      { FERRYMAN_HTTP_PORT: '65536' },
      'http.port is 65536 (from FERRYMAN_HTTP_PORT); it must be a whole number from 0 to 65535 (TCP port). ' +
        'Set FERRYMAN_HTTP_PORT to such a value, or remove it for the default 9464.',
    ],
    [
      { FERRYMAN_RABBITMQ_PREFIX: 'Ferry.Man' },
      'rabbitmq.prefix is "Ferry.Man" (from FERRYMAN_RABBITMQ_PREFIX); it must be 1 to 64 of a-z, 0-9, _ and -, ' +
        'and begin with a letter or digit. Set FERRYMAN_RABBITMQ_PREFIX to such a value, or remove it for the ' +
        'default ferryman.',
    ],
    [
      { FERRYMAN_RABBITMQ_TOPOLOGY: 'creat' },
      'rabbitmq.topology is "creat" (from FERRYMAN_RABBITMQ_TOPOLOGY); it must be one of create, verify, off. ' +
        'Set FERRYMAN_RABBITMQ_TOPOLOGY to such a value.',
    ],
    [
      { FERRYMAN_RETRY_LADDER: '1s,3s' },
      'retry.ladder is ["1s","3s"] (from FERRYMAN_RETRY_LADDER); it must be 1 to 20 of the delays ' +
        '1s, 5s, 30s, 2m, 10m, separated by commas. Set FERRYMAN_RETRY_LADDER to such a value, or remove it for the ' +
        'default 1s,5s,30s,2m,10m.',
    ],
    [
      { FERRYMAN_REDIS_URL: `http://h/${MARKER}` },
      'redis.url is "***" (from FERRYMAN_REDIS_URL); it must be redis://user:password@host:port/db, rediss://…, or ' +
        'redis+sentinel://host:port,host:port/master (redis+cluster:// is not part of this version yet). ' +
        'Set FERRYMAN_REDIS_URL to such a value, or remove it for the default redis://127.0.0.1:6379.',
    ],
    [
      { FERRYMAN_RABBITMQ_URL: MARKER },
      'rabbitmq.url is "***" (from FERRYMAN_RABBITMQ_URL); it must be amqp://user:password@host:port/vhost or ' +
        'amqps://…, or several of them separated by commas. Set FERRYMAN_RABBITMQ_URL to such a value, or remove it ' +
        'for the default amqp://guest:***@127.0.0.1:5672.',
    ],
    [{ FERRYMAN_LOG_LEVEL: '' }, 'FERRYMAN_LOG_LEVEL is empty. Give it a value, or unset it for the default.'],
    [
      { FERRYMAN_LOCK_HOLD_MS: '5000', FERRYMAN_LOCK_LEASE_MS: '6000' },
      'lock.holdMs is 5000, shorter than lock.leaseMs (6000). ' +
        'Raise FERRYMAN_LOCK_HOLD_MS or lower FERRYMAN_LOCK_LEASE_MS.',
    ],
    [
      { FERRYMAN_LEDGER_TIMEOUT_MS: '70000' },
      'lock.holdMs is 60000, shorter than ledgerTimeoutMs (70000): a lock would end before one call does. ' +
        'Raise FERRYMAN_LOCK_HOLD_MS or lower FERRYMAN_LEDGER_TIMEOUT_MS.',
    ],
    [
      { FERRYMAN_LOCK_HOLD_MS: '1200000', FERRYMAN_LOCK_WAIT_MS: '1200000' },
      'lock.waitMs and lock.holdMs are 2400000 together; more than 1500000 comes too near to the 30 minutes ' +
        'after which the broker closes a channel. Lower FERRYMAN_LOCK_WAIT_MS or FERRYMAN_LOCK_HOLD_MS.',
    ],
    [
      { FERRYMAN_JOURNAL_DAYS: '30', FERRYMAN_TOMBSTONE_DAYS: '7' },
      'journal.tombstoneDays is 7, less than journal.days (30). ' +
        'Raise FERRYMAN_TOMBSTONE_DAYS, or set it to 0 for ever.',
    ],
    [
      { FERRYMAN_RABBITMQ_URL: 'amqp://a/one,amqp://b/two' },
      'rabbitmq.url names different vhosts; several addresses must be of one cluster and one vhost. ' +
        'Correct FERRYMAN_RABBITMQ_URL.',
    ],
    [
      { FERRYMAN_LEDGER: 'placement', FERRYMAN_PLACEMENT_TOKEN: 'x' },
      'ledger is placement, but placement.url is not set. Set FERRYMAN_PLACEMENT_URL to where Placement is.',
    ],
    [
      { FERRYMAN_LEDGER: 'placement', FERRYMAN_PLACEMENT_URL: 'http://placement:8778' },
      'ledger is placement, but placement.token is not set, and this version signs in with a token only. ' +
        'Set FERRYMAN_PLACEMENT_TOKEN, or FERRYMAN_PLACEMENT_TOKEN_FILE.',
    ],
    [
      {
        FERRYMAN_LEDGER: 'placement',
        FERRYMAN_PLACEMENT_URL: 'http://placement:8778',
        FERRYMAN_PLACEMENT_TOKEN: 'x',
        FERRYMAN_PLACEMENT_MARKERS: '0',
      },
      'placement.markers is 0: this version proves its writes by markers only. ' +
        'Set FERRYMAN_PLACEMENT_MARKERS to a number from 1 on, or remove it for the default.',
    ],
    [
      { FERRYMAN_RABBITMQ_CERT: '-----BEGIN CERTIFICATE-----\nx' },
      'rabbitmq.cert is given without rabbitmq.key. Set FERRYMAN_RABBITMQ_KEY too, or neither.',
    ],
    [
      { NODE_ENV: '../etc' },
      'NODE_ENV is "../etc"; it must be 1 to 64 letters, digits, _ or -. Set it to production, development or test.',
    ],
    [
      { FERRYMAN_CONFIG: '/nowhere/ferryman.json' },
      'FERRYMAN_CONFIG names /nowhere/ferryman.json, which cannot be read (ENOENT). ' +
        'Correct the path, or unset FERRYMAN_CONFIG.',
    ],
    [
      { FERRYMAN_REDIS_URL: 'redis://h', FERRYMAN_REDIS_URL_FILE: '/x' },
      'FERRYMAN_REDIS_URL and FERRYMAN_REDIS_URL_FILE are both set. Unset one of them.',
    ],
    [
      { FERRYMAN_REDIS_URL_FILE: '/nowhere/url' },
      'FERRYMAN_REDIS_URL_FILE names "/nowhere/url", which cannot be read (ENOENT). ' +
        'Correct the path or its permissions.',
    ],
  ]
  for (const [env, sentence] of table) {
    it(`${JSON.stringify(env).replace(MARKER, 'a secret')} is refused with a sentence of its own`, () => {
      expect(problemsOf({ env })).to.deep.equal([sentence])
    })
  }

  it('are all told at once', () => {
    expect(problemsOf({ env: { FERRYMAN_CONCURRENCY: 'x', FERRYMAN_LEDGER: 'y' } })).to.have.length(2)
  })

  it('never show a secret, whatever is wrong with it', () => {
    for (const key of KEYS.filter((candidate) => settingOf(candidate).secret === true)) {
      for (const value of [MARKER, `amqp//x:${MARKER}@h`, `redis://x:${MARKER}@h:99999999`, `http://x:${MARKER}/y@h`]) {
        expect(problemsOf({ env: { [settingOf(key).env]: value } }).join('\n'), key).not.to.include(MARKER)
      }
    }
  })
})

describe('settings', () => {
  let folder: string
  const withFile = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ferryman-config-'))
    mkdirSync(join(folder, 'config'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  it('come from schema, default.json, <NODE_ENV>.json, FERRYMAN_CONFIG, environment, flags; later over earlier', () => {
    const layers: LoadOptions['env'] & Record<string, string> = { NODE_ENV: 'test' }
    const read = (flags: string[] = []): unknown[] => {
      const { config, origins } = loadConfig({ env: layers, root: folder, flags })
      return [config.concurrency, origins.get('concurrency')]
    }
    expect(read()).to.deep.equal([64, undefined])
    withFile('config/default.json', '{"concurrency": 1}')
    expect(read()).to.deep.equal([1, 'config/default.json'])
    withFile('config/test.json', '{"concurrency": 2}')
    expect(read()).to.deep.equal([2, 'config/test.json'])
    const own = (layers['FERRYMAN_CONFIG'] = withFile('own.json', '{"concurrency": 3}'))
    expect(read()).to.deep.equal([3, own])
    layers['FERRYMAN_CONCURRENCY'] = '4'
    expect(read()).to.deep.equal([4, 'FERRYMAN_CONCURRENCY'])
    expect(read(['concurrency=5'])).to.deep.equal([5, '--set'])
  })

  it('of a file that are none are refused, with the nearest name', () => {
    const wrong = '{"concurency": 3, "rabbitmq": 5, "__proto__": {"a": 1}, "lock": {"leaseMS": 1}}'
    const file = withFile('own.json', wrong)
    const env = { FERRYMAN_CONFIG: file }
    const remove = 'Remove it or correct its name.'
    expect(problemsOf({ env, root: folder })).to.deep.equal([
      `${file} sets concurency, which is no setting; did you mean concurrency? ${remove}`,
      `${file} gives rabbitmq a value, but it is a group of settings. ` +
        'Give it an object, as config/default.json does.',
      `${file} sets __proto__.a, which is no setting. ${remove}`,
      `${file} sets lock.leaseMS, which is no setting; did you mean lock.leaseMs? ${remove}`,
    ])
  })

  it('of a file that is no JSON are refused without quoting it', () => {
    const env = { FERRYMAN_CONFIG: withFile('own.json', `{"redis": {"url": "redis://x:${MARKER}@h"},}`) }
    const [problem] = problemsOf({ env, root: folder })
    expect(problem)
      .to.match(/is not JSON/)
      .and.not.include(MARKER)
  })

  it('from flags that are none are refused', () => {
    expect(problemsOf({ env: {}, flags: ['htp.port=1', 'concurrency'] })).to.deep.equal([
      '--set names htp.port, which is no setting; did you mean http.port?',
      '--set "concurrency" has no value. Write it as --set key=value.',
    ])
  })

  it('that are secret come from the file that X_FILE names, without the newline at its end', () => {
    const env = { FERRYMAN_REDIS_URL_FILE: withFile('url', `redis://me:${MARKER}@h:1/2\n`) }
    const { config, origins } = loadConfig({ env })
    expect(config.redis.url).to.equal(`redis://me:${MARKER}@h:1/2`)
    expect(origins.get('redis.url')).to.equal('FERRYMAN_REDIS_URL_FILE')
  })

  it('of the environment that are none are a warning with the nearest name', () => {
    const env = { FERRYMAN_CONCURENCY: '3', FERRYMAN_PORT_5672_TCP_ADDR: 'x', FERRYMAN_HTTP_PORT_FILE: 'x' }
    const { warnings } = loadConfig({ env })
    expect(warnings).to.deep.equal([
      'FERRYMAN_CONCURENCY is no setting and is ignored; did you mean FERRYMAN_CONCURRENCY?',
      'FERRYMAN_PORT_5672_TCP_ADDR is no setting and is ignored.',
      'FERRYMAN_HTTP_PORT_FILE is no setting and is ignored; did you mean FERRYMAN_HTTP_PORT?',
    ])
  })

  it('follow from others where they are not given', () => {
    const { config } = loadConfig({ env: { NODE_ENV: 'production', FERRYMAN_RABBITMQ_PREFIX: 'cell1' } })
    expect(config.redis.namespace).to.equal('cell1')
    expect(config.rabbitmq.topology).to.equal('verify')
    expect(config.rabbitmq.managementUrl).to.equal(null)
    expect(loadConfig({ env: {} }).config.rabbitmq.topology).to.equal('create')
    expect(loadConfig({ env: { NODE_ENV: 'production' }, root: folder }).config.rabbitmq.topology).to.equal('verify')
    expect(loadConfig({ env: { FERRYMAN_RABBITMQ_MANAGEMENT_URL: '' } }).config.rabbitmq.managementUrl).to.equal('')
  })

  it('take several AMQP addresses, also with a comma in a password', () => {
    const { config } = loadConfig({ env: { FERRYMAN_RABBITMQ_URL: 'amqp://me:a,b@h1/v, amqps://me:a,b@h2:1/v' } })
    expect(config.rabbitmq.urls).to.deep.equal(['amqp://me:a,b@h1/v', 'amqps://me:a,b@h2:1/v'])
  })

  it('are warned of in production where they use default credentials', () => {
    const { warnings } = loadConfig({ env: { NODE_ENV: 'production' } })
    expect(warnings.join('\n'))
      .to.match(/user guest in production/)
      .and.match(/no password in production/)
  })

  it('are frozen, and show no secret when they are printed by accident', () => {
    const env = {
      FERRYMAN_RABBITMQ_URL: `amqp://me:${MARKER}@h`,
      FERRYMAN_REDIS_URL: `redis://:${MARKER}@h`,
      FERRYMAN_PLACEMENT_TOKEN: MARKER,
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: `http://me:${MARKER}@h`,
      FERRYMAN_REDIS_KEY: `-----BEGIN KEY-----\n${MARKER}`,
      FERRYMAN_REDIS_CERT: '-----BEGIN CERTIFICATE-----\nx',
    }
    const { config, printable } = loadConfig({ env })
    expect(() => {
      ;(config.rabbitmq.urls as string[]).push('x')
    }).to.throw(TypeError)
    for (const shown of [inspect(config), JSON.stringify({ config }), JSON.stringify(printable())]) {
      expect(shown).not.to.include(MARKER)
      expect(shown).to.include('amqp://me:***@h')
    }
    expect(secretsOf(config)).to.include(MARKER)
  })
})

describe('config/default.json', () => {
  it('has exactly the defaults of the schema', () => {
    const leaves = (tree: unknown, path: string): [string, unknown][] =>
      typeof tree !== 'object' || tree === null || Array.isArray(tree)
        ? [[path, tree]]
        : Object.entries(tree).flatMap(([name, value]) => leaves(value, path === '' ? name : `${path}.${name}`))
    const given = leaves(JSON.parse(readFileSync(join(projectRoot(), 'config', 'default.json'), 'utf8')), '')
    const wanted = KEYS.filter((key) => settingOf(key).default !== null).map((key) => [key, settingOf(key).default])
    expect(Object.fromEntries(given)).to.deep.equal(Object.fromEntries(wanted))
  })
})

describe('docs/configuration.md', () => {
  it('is what the schema prints; print it anew with describeSettings() when it is not', () => {
    expect(readFileSync(join(projectRoot(), 'docs', 'configuration.md'), 'utf8')).to.equal(describeSettings())
  })
})
