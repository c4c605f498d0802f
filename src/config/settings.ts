// Every setting as data: meaning, unit, bounds, default and environment variable. convict gets its schema from here.
import type { Delay } from '../broker/names.ts'

export type Format =
  | 'whole-number'
  | 'amqp-urls'
  | 'http-url'
  | 'redis-url'
  | 'prefix'
  | 'namespace'
  | 'choice'
  | 'ladder'
  | 'host'
  | 'secret'
  | 'pem'

export interface Setting {
  /** One sentence. */
  readonly doc: string
  readonly env: string
  readonly format: Format
  /** Null: not set, or worked out from other settings as `derived` says. */
  readonly default: string | number | readonly string[] | null
  readonly derived?: string
  /** Whole numbers: smallest and largest value allowed, and what is counted. */
  readonly min?: number
  readonly max?: number
  readonly unit?: string
  readonly choices?: readonly string[]
  /** May hold a password: never printed whole, and may come from a file as `<env>_FILE`. */
  readonly secret?: true
  /** An empty value means "none" instead of being a mistake. */
  readonly emptyIsNone?: true
}

const DAYS_MAX = 3_650

export const SETTINGS = {
  'rabbitmq.url': {
    doc: 'Where RabbitMQ is; several addresses of one cluster are separated by commas.',
    env: 'FERRYMAN_RABBITMQ_URL',
    format: 'amqp-urls',
    default: 'amqp://guest:guest@127.0.0.1:5672',
    secret: true,
  },
  'rabbitmq.managementUrl': {
    doc: 'Where the management API is, for policies and the full comparison; empty means that there is none.',
    env: 'FERRYMAN_RABBITMQ_MANAGEMENT_URL',
    format: 'http-url',
    default: null,
    secret: true,
    emptyIsNone: true,
    derived: 'host and credentials of the first `rabbitmq.url`; port 15672, or `https` and port 15671 beside `amqps`',
  },
  'rabbitmq.prefix': {
    doc: 'First word of every exchange, queue and policy; installations with different prefixes share a broker.',
    env: 'FERRYMAN_RABBITMQ_PREFIX',
    format: 'prefix',
    default: 'ferryman',
  },
  'rabbitmq.topology': {
    doc: 'What a start does about exchanges, queues and policies: declare what is missing, only compare, or nothing.',
    env: 'FERRYMAN_RABBITMQ_TOPOLOGY',
    format: 'choice',
    choices: ['create', 'verify', 'off'],
    default: null,
    derived: '`verify` when `NODE_ENV` is `production`, else `create`',
  },
  'rabbitmq.heartbeatS': {
    doc: 'Heartbeat of the broker connections; a silent broker is noticed after two to three of them.',
    env: 'FERRYMAN_RABBITMQ_HEARTBEAT_S',
    format: 'whole-number',
    default: 10,
    min: 1,
    max: 600,
    unit: 'seconds',
  },
  'rabbitmq.journalDays': {
    doc: 'How long the journals of events and dead letters are kept on the broker.',
    env: 'FERRYMAN_RABBITMQ_JOURNAL_DAYS',
    format: 'whole-number',
    default: 30,
    min: 1,
    max: DAYS_MAX,
    unit: 'days',
  },
  'rabbitmq.ca': {
    doc: 'Certificates of the authorities that may vouch for RabbitMQ, as PEM text; without it those of the system.',
    env: 'FERRYMAN_RABBITMQ_CA',
    format: 'pem',
    default: null,
    secret: true,
  },
  'rabbitmq.cert': {
    doc: 'Certificate that Ferryman shows to RabbitMQ, as PEM text.',
    env: 'FERRYMAN_RABBITMQ_CERT',
    format: 'pem',
    default: null,
    secret: true,
  },
  'rabbitmq.key': {
    doc: 'Private key of that certificate, as PEM text.',
    env: 'FERRYMAN_RABBITMQ_KEY',
    format: 'pem',
    default: null,
    secret: true,
  },
  'redis.url': {
    doc: 'Where Redis is.',
    env: 'FERRYMAN_REDIS_URL',
    format: 'redis-url',
    default: 'redis://127.0.0.1:6379',
    secret: true,
  },
  'redis.namespace': {
    doc: 'Every key begins with this name in braces; nothing else in Redis is touched.',
    env: 'FERRYMAN_REDIS_NAMESPACE',
    format: 'namespace',
    default: null,
    derived: 'the same as `rabbitmq.prefix`',
  },
  'redis.ca': {
    doc: 'Certificates of the authorities that may vouch for Redis, as PEM text; without it those of the system.',
    env: 'FERRYMAN_REDIS_CA',
    format: 'pem',
    default: null,
    secret: true,
  },
  'redis.cert': {
    doc: 'Certificate that Ferryman shows to Redis, as PEM text.',
    env: 'FERRYMAN_REDIS_CERT',
    format: 'pem',
    default: null,
    secret: true,
  },
  'redis.key': {
    doc: 'Private key of that certificate, as PEM text.',
    env: 'FERRYMAN_REDIS_KEY',
    format: 'pem',
    default: null,
    secret: true,
  },
  ledger: {
    doc: 'Which books hold the allocations.',
    env: 'FERRYMAN_LEDGER',
    format: 'choice',
    choices: ['redis', 'placement'],
    default: 'redis',
  },
  'placement.url': {
    doc: 'Where Placement is, when it is the ledger; with its path where it does not stand at the root of its host.',
    env: 'FERRYMAN_PLACEMENT_URL',
    format: 'http-url',
    default: null,
  },
  'placement.token': {
    doc: 'Token for a Placement that takes `noauth2` or an admin token, instead of Keystone.',
    env: 'FERRYMAN_PLACEMENT_TOKEN',
    format: 'secret',
    default: null,
    secret: true,
  },
  'placement.markers': {
    doc: 'How many providers of its own Ferryman keeps in Placement to mark its writes; 0 (none) is refused.',
    env: 'FERRYMAN_PLACEMENT_MARKERS',
    format: 'whole-number',
    default: 64,
    min: 0,
    max: 1_024,
    unit: 'providers',
  },
  concurrency: {
    doc: 'How many requests one worker has in hand at once; the prefetch equals it.',
    env: 'FERRYMAN_CONCURRENCY',
    format: 'whole-number',
    default: 64,
    min: 1,
    max: 4_096,
    unit: 'requests',
  },
  'lock.leaseMs': {
    doc: 'Lease of the process, renewed while it lives; this long after its death others may go on with what it held.',
    env: 'FERRYMAN_LOCK_LEASE_MS',
    format: 'whole-number',
    default: 5_000,
    min: 500,
    max: 120_000,
    unit: 'ms',
  },
  'lock.holdMs': {
    doc: 'Longest time that one request may hold its locks.',
    env: 'FERRYMAN_LOCK_HOLD_MS',
    format: 'whole-number',
    default: 60_000,
    min: 500,
    max: 1_200_000,
    unit: 'ms',
  },
  'lock.waitMs': {
    doc: 'Longest time that one request waits for its locks; waiting is first come, first served.',
    env: 'FERRYMAN_LOCK_WAIT_MS',
    format: 'whole-number',
    default: 30_000,
    min: 0,
    max: 1_200_000,
    unit: 'ms',
  },
  ledgerTimeoutMs: {
    doc: 'Longest time that one call to the ledger may take before its answer counts as lost.',
    env: 'FERRYMAN_LEDGER_TIMEOUT_MS',
    format: 'whole-number',
    default: 5_000,
    min: 50,
    max: 300_000,
    unit: 'ms',
  },
  'retry.attemptsMax': {
    doc: 'How often an idempotent effect is sent within one processing, the first time included; 1 forbids repeating.',
    env: 'FERRYMAN_RETRY_ATTEMPTS_MAX',
    format: 'whole-number',
    default: 5,
    min: 1,
    max: 20,
    unit: 'sends',
  },
  'retry.baseMs': {
    doc: 'Delay before the second send; it doubles from send to send, with jitter.',
    env: 'FERRYMAN_RETRY_BASE_MS',
    format: 'whole-number',
    default: 200,
    min: 1,
    max: 60_000,
    unit: 'ms',
  },
  'retry.ladder': {
    doc: 'Delays between processings of one request, one rung each in this order, before it is given up.',
    env: 'FERRYMAN_RETRY_LADDER',
    format: 'ladder',
    default: ['1s', '5s', '30s', '2m', '10m'],
  },
  'requests.poisonAfter': {
    doc: 'Deaths of a process with a request alone in hand after which the request ends as poison.',
    env: 'FERRYMAN_POISON_AFTER',
    format: 'whole-number',
    default: 5,
    min: 1,
    max: 100,
    unit: 'deaths',
  },
  'requests.bytesMax': {
    doc: 'Largest request that is read; a larger one is refused unparsed.',
    env: 'FERRYMAN_REQUESTS_BYTES_MAX',
    format: 'whole-number',
    default: 65_536,
    min: 256,
    max: 1_048_576,
    unit: 'bytes',
  },
  'journal.days': {
    doc: 'How long the whole record of a decided request is kept after its event was told.',
    env: 'FERRYMAN_JOURNAL_DAYS',
    format: 'whole-number',
    default: 7,
    min: 1,
    max: DAYS_MAX,
    unit: 'days',
  },
  'journal.tombstoneDays': {
    doc: 'How long its id and how it ended are remembered after that, in at most 64 bytes each; 0: for ever.',
    env: 'FERRYMAN_TOMBSTONE_DAYS',
    format: 'whole-number',
    default: 90,
    min: 0,
    max: DAYS_MAX,
    unit: 'days',
  },
  'start.timeoutMs': {
    doc: 'How long a start waits for RabbitMQ, Redis and the ledger before it gives up.',
    env: 'FERRYMAN_START_TIMEOUT_MS',
    format: 'whole-number',
    default: 30_000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
  },
  drainMs: {
    doc: 'How long a stopping worker finishes what it has in hand before it hands the rest back.',
    env: 'FERRYMAN_DRAIN_MS',
    format: 'whole-number',
    default: 25_000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
  },
  'http.port': {
    doc: 'Port of `/livez`, `/readyz` and `/metrics`; 0 takes any free one and logs it.',
    env: 'FERRYMAN_HTTP_PORT',
    format: 'whole-number',
    default: 9_464,
    min: 0,
    max: 65_535,
    unit: 'TCP port',
  },
  'http.host': {
    doc: 'Address that port is opened on.',
    env: 'FERRYMAN_HTTP_HOST',
    format: 'host',
    default: '127.0.0.1',
  },
  'log.level': {
    doc: 'Least level of the log lines written.',
    env: 'FERRYMAN_LOG_LEVEL',
    format: 'choice',
    default: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  },
  'desk.toldDays': {
    doc: 'How long the desk lists letters that wait for nobody (classes `refused` and `invalid`).',
    env: 'FERRYMAN_DESK_TOLD_DAYS',
    format: 'whole-number',
    default: 7,
    min: 1,
    max: DAYS_MAX,
    unit: 'days',
  },
  'desk.closedDays': {
    doc: 'How long the desk keeps letters that were replayed, resolved or discarded; until then one can be restored.',
    env: 'FERRYMAN_DESK_CLOSED_DAYS',
    format: 'whole-number',
    default: 90,
    min: 1,
    max: DAYS_MAX,
    unit: 'days',
  },
} as const satisfies Readonly<Record<string, Setting>>

export type Key = keyof typeof SETTINGS

export const KEYS = Object.keys(SETTINGS) as readonly Key[]

/** The setting of `key`, without the narrow type that its entry has. */
export function settingOf(key: Key): Setting {
  return SETTINGS[key]
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** PEM texts; what is not given is absent. */
export interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** All settings of a process, frozen. What a unit is stands at the end of each name. */
export interface Config {
  readonly rabbitmq: {
    /** At least one. */
    readonly urls: readonly string[]
    /** Null: not given, so where it usually is (beside `urls`). Empty: there is none. */
    readonly managementUrl: string | null
    readonly tls: Tls
    readonly prefix: string
    readonly topology: 'create' | 'verify' | 'off'
    readonly heartbeatS: number
    readonly journalDays: number
  }
  readonly redis: { readonly url: string; readonly namespace: string; readonly tls: Tls }
  readonly ledger: 'redis' | 'placement'
  readonly ledgerTimeoutMs: number
  readonly placement: { readonly url: string | null; readonly token: string | null; readonly markers: number }
  readonly concurrency: number
  readonly lock: { readonly leaseMs: number; readonly holdMs: number; readonly waitMs: number }
  readonly retry: { readonly attemptsMax: number; readonly baseMs: number; readonly ladder: readonly Delay[] }
  readonly requests: { readonly poisonAfter: number; readonly bytesMax: number }
  readonly journal: { readonly days: number; readonly tombstoneDays: number }
  readonly start: { readonly timeoutMs: number }
  readonly drainMs: number
  readonly http: { readonly port: number; readonly host: string }
  readonly log: { readonly level: LogLevel }
  readonly desk: { readonly toldDays: number; readonly closedDays: number }
}
