// What a value of each format must be: text to value, and the phrase that says what is wrong. Pure.
import { DELAYS } from '../broker/names.ts'
import type { Format, Setting } from './settings.ts'

/** Turns text (from the environment, or a flag) into the type that files give. What does not parse stays text. */
export function coerce(format: Format, text: string): unknown {
  switch (format) {
    case 'whole-number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text
    case 'ladder':
      return text.split(',').map((delay) => delay.trim())
    default:
      return text
  }
}

/** What a value must be, as "must be …"; null when it is. */
export function problemOf(value: unknown, setting: Setting): string | null {
  if (value === null) return setting.default === null ? null : 'must have a value'
  if (value === '' && setting.emptyIsNone) return null
  return CHECKS[setting.format](value, setting) ? null : demandOf(setting)
}

/** The addresses in a comma-separated list of AMQP URLs. A comma inside a password does not separate. */
export function amqpUrlsOf(text: string): readonly string[] {
  return text.split(/,\s*(?=amqps?:\/\/)/).map((url) => url.trim())
}

const CHECKS: Readonly<Record<Format, (value: unknown, setting: Setting) => boolean>> = {
  'whole-number': (value, { min = 0, max = Number.MAX_SAFE_INTEGER }) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
  'amqp-urls': (value) =>
    typeof value === 'string' && amqpUrlsOf(value).every((url) => isUrl(url, ['amqp:', 'amqps:'])),
  'http-url': (value) => isUrl(value, ['http:', 'https:']),
  'redis-url': isRedisUrl,
  prefix: (value) => typeof value === 'string' && /^[a-z0-9][a-z0-9_-]{0,63}$/.test(value),
  namespace: (value) => typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(value),
  choice: (value, { choices = [] }) => typeof value === 'string' && choices.includes(value),
  ladder: (value) =>
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= 20 &&
    value.every((delay) => typeof delay === 'string' && Object.hasOwn(DELAYS, delay)),
  host: (value) => typeof value === 'string' && /^[A-Za-z0-9.:_%-]{1,253}$/.test(value),
  pem: (value) => typeof value === 'string' && /^\s*-----BEGIN [A-Z0-9 ]+-----\s/.test(value),
  secret: (value) => typeof value === 'string' && /^[\x21-\x7e]{1,8192}$/.test(value),
}

/** What a value of a setting must be, for error sentences and the documentation. */
export function demandOf(setting: Setting): string {
  switch (setting.format) {
    case 'whole-number':
      return `must be a whole number from ${setting.min ?? 0} to ${setting.max ?? '…'} (${setting.unit ?? ''})`
    case 'amqp-urls':
      return 'must be amqp://user:password@host:port/vhost or amqps://…, or several of them separated by commas'
    case 'http-url':
      return 'must be http://host:port or https://host:port'
    case 'redis-url':
      return (
        'must be redis://user:password@host:port/db, rediss://…, or redis+sentinel://host:port,host:port/master ' +
        '(redis+cluster:// is not part of this version yet)'
      )
    case 'prefix':
      return 'must be 1 to 64 of a-z, 0-9, _ and -, and begin with a letter or digit'
    case 'namespace':
      return 'must be 1 to 64 of A-Z, a-z, 0-9, _, . and -, and begin with a letter or digit'
    case 'choice':
      return `must be one of ${(setting.choices ?? []).join(', ')}`
    case 'ladder':
      return `must be 1 to 20 of the delays ${Object.keys(DELAYS).join(', ')}, separated by commas`
    case 'host':
      return 'must be a host name or an IP address'
    case 'pem':
      return 'must be PEM text that begins with -----BEGIN'
    case 'secret':
      return 'must be 1 to 8192 visible ASCII characters'
  }
}

function isUrl(value: unknown, protocols: readonly string[]): boolean {
  if (typeof value !== 'string' || /\s/.test(value)) return false
  try {
    const url = new URL(value)
    return protocols.includes(url.protocol) && url.hostname !== ''
  } catch {
    return false
  }
}

/** Sentinels are several `host:port` and the name of their master; otherwise there is one host, perhaps a database. */
function isRedisUrl(value: unknown): boolean {
  if (typeof value !== 'string' || /\s/.test(value)) return false
  const place = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[^:/?#@,[\]]+)(?::\d{1,5})?`
  return (
    new RegExp(`^rediss?://(?:[^@/]*@)?${place}(?:/\\d{0,5})?$`).test(value) ||
    new RegExp(`^rediss?\\+sentinel://(?:[^@/]*@)?${place}(?:,${place})*/[^/?#]+(?:/\\d{1,5})?$`).test(value)
  )
}
