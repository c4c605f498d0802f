// What must hold between settings, beyond each one's own bounds; and what follows from others. Pure.
import { DELAYS, type Delay } from '../broker/names.ts'
import { amqpUrlsOf } from './formats.ts'
import type { Config, Key, LogLevel, Tls } from './settings.ts'

/** Gives the validated value of a key. */
export type ValueOf = (key: Key) => unknown

/** Puts the settings together, with what is derived filled in. Every value has passed its own check. */
export function assemble(value: ValueOf, nodeEnv: string): Config {
  const number = (key: Key): number => value(key) as number
  const text = (key: Key): string => value(key) as string
  const maybe = (key: Key): string | null => value(key) as string | null
  const urls = amqpUrlsOf(text('rabbitmq.url'))
  const prefix = text('rabbitmq.prefix')
  return {
    rabbitmq: {
      urls,
      managementUrl: maybe('rabbitmq.managementUrl'),
      tls: tlsOf('rabbitmq', maybe),
      prefix,
      topology: topologyOf(maybe('rabbitmq.topology'), nodeEnv),
      heartbeatS: number('rabbitmq.heartbeatS'),
      journalDays: number('rabbitmq.journalDays'),
    },
    redis: { url: text('redis.url'), namespace: maybe('redis.namespace') ?? prefix, tls: tlsOf('redis', maybe) },
    ledger: text('ledger') as Config['ledger'],
    ledgerTimeoutMs: number('ledgerTimeoutMs'),
    placement: { url: maybe('placement.url'), token: maybe('placement.token'), markers: number('placement.markers') },
    concurrency: number('concurrency'),
    lock: { leaseMs: number('lock.leaseMs'), holdMs: number('lock.holdMs'), waitMs: number('lock.waitMs') },
    retry: {
      attemptsMax: number('retry.attemptsMax'),
      baseMs: number('retry.baseMs'),
      ladder: value('retry.ladder') as readonly Delay[],
    },
    requests: { poisonAfter: number('requests.poisonAfter'), bytesMax: number('requests.bytesMax') },
    journal: { days: number('journal.days'), tombstoneDays: number('journal.tombstoneDays') },
    start: { timeoutMs: number('start.timeoutMs') },
    drainMs: number('drainMs'),
    http: { port: number('http.port'), host: text('http.host') },
    log: { level: text('log.level') as LogLevel },
    desk: { toldDays: number('desk.toldDays'), closedDays: number('desk.closedDays') },
  }
}

function topologyOf(given: string | null, nodeEnv: string): Config['rabbitmq']['topology'] {
  return (given ?? (nodeEnv === 'production' ? 'verify' : 'create')) as Config['rabbitmq']['topology']
}

function tlsOf(group: 'rabbitmq' | 'redis', maybe: (key: Key) => string | null): Tls {
  const [ca, cert, key] = [maybe(`${group}.ca`), maybe(`${group}.cert`), maybe(`${group}.key`)]
  return { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) }
}

/** The longest time that a delivery may stay unacknowledged: the broker closes the channel after 30 minutes. */
const IN_HAND_MS_MAX = 1_500_000

/** A sentence for each rule between settings that does not hold. */
export function brokenRules(config: Config): string[] {
  const { lock } = config
  const found: string[] = []
  if (lock.holdMs < lock.leaseMs) {
    found.push(
      `lock.holdMs is ${lock.holdMs}, shorter than lock.leaseMs (${lock.leaseMs}). ` +
        'Raise FERRYMAN_LOCK_HOLD_MS or lower FERRYMAN_LOCK_LEASE_MS.',
    )
  }
  if (lock.holdMs < config.ledgerTimeoutMs) {
    found.push(
      `lock.holdMs is ${lock.holdMs}, shorter than ledgerTimeoutMs (${config.ledgerTimeoutMs}): ` +
        'a lock would end before one call does. ' +
        'Raise FERRYMAN_LOCK_HOLD_MS or lower FERRYMAN_LEDGER_TIMEOUT_MS.',
    )
  }
  if (lock.waitMs + lock.holdMs > IN_HAND_MS_MAX) {
    found.push(
      `lock.waitMs and lock.holdMs are ${lock.waitMs + lock.holdMs} together; ` +
        `more than ${IN_HAND_MS_MAX} comes too near to the 30 minutes ` +
        'after which the broker closes a channel. Lower FERRYMAN_LOCK_WAIT_MS or FERRYMAN_LOCK_HOLD_MS.',
    )
  }
  const { days, tombstoneDays } = config.journal
  if (tombstoneDays !== 0 && tombstoneDays < days) {
    found.push(
      `journal.tombstoneDays is ${tombstoneDays}, less than journal.days (${days}). ` +
        'Raise FERRYMAN_TOMBSTONE_DAYS, or set it to 0 for ever.',
    )
  }
  if (new Set(config.rabbitmq.urls.map((url) => new URL(url).pathname.replace(/^\/$/, ''))).size > 1) {
    found.push(
      'rabbitmq.url names different vhosts; several addresses must be of one cluster and one vhost. ' +
        'Correct FERRYMAN_RABBITMQ_URL.',
    )
  }
  for (const group of ['rabbitmq', 'redis'] as const) {
    const { cert, key } = config[group].tls
    if ((cert === undefined) !== (key === undefined)) {
      const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key']
      const variable = `FERRYMAN_${group.toUpperCase()}_${missing.toUpperCase()}`
      found.push(`${group}.${there} is given without ${group}.${missing}. Set ${variable} ` + 'too, or neither.')
    }
  }
  if (config.ledger === 'placement') found.push(...placementProblems(config))
  return found
}

function placementProblems({ placement }: Config): string[] {
  const found: string[] = []
  if (placement.url === null) {
    found.push('ledger is placement, but placement.url is not set. Set FERRYMAN_PLACEMENT_URL to where Placement is.')
  }
  if (placement.token === null) {
    found.push(
      'ledger is placement, but placement.token is not set, and this version signs in with a token only. ' +
        'Set FERRYMAN_PLACEMENT_TOKEN, or FERRYMAN_PLACEMENT_TOKEN_FILE.',
    )
  }
  if (placement.markers === 0) {
    found.push(
      'placement.markers is 0: this version proves its writes by markers only. ' +
        'Set FERRYMAN_PLACEMENT_MARKERS to a number from 1 on, or remove it for the default.',
    )
  }
  return found
}

/** A sentence for each thing that is allowed but seldom meant. */
export function oddities(config: Config, nodeEnv: string): string[] {
  const found: string[] = []
  if (nodeEnv === 'production' && config.rabbitmq.urls.some((url) => ['', 'guest'].includes(new URL(url).username))) {
    found.push(
      'rabbitmq.url uses the user guest in production. ' +
        'Make a user for Ferryman that may only use objects of its prefix.',
    )
  }
  if (nodeEnv === 'production' && !/:\/\/[^@/]*:[^@/]+@/.test(config.redis.url)) {
    found.push('redis.url has no password in production. Make an ACL user for Ferryman.')
  }
  const ladderMs = config.retry.ladder.map((delay) => DELAYS[delay])
  if (ladderMs.some((delayMs, rung) => rung > 0 && delayMs < ladderMs[rung - 1]!)) {
    found.push(`retry.ladder ${config.retry.ladder.join(',')} has a rung that is shorter than the one before it.`)
  }
  return found
}
