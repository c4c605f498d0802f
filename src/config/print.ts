// How settings are shown to people: with origin and masked secrets, and as the reference page. Pure.
import { managementUrlOf } from '../broker/management-url.ts'
import { maskUrls } from '../telemetry/scrub.ts'
import { demandOf } from './formats.ts'
import { KEYS, settingOf, type Config, type Key } from './settings.ts'

/** One setting as `config print` shows it. `value` is masked. */
export interface PrintedSetting {
  readonly key: Key
  readonly value: string | number | readonly string[] | null
  readonly origin: string
  readonly env: string
}

/** The value in force of each key, by the shape of the configuration. */
export function valueOf(config: Config, key: Key): Value {
  if (key === 'rabbitmq.url') return config.rabbitmq.urls.join(',')
  if (key === 'rabbitmq.managementUrl')
    return config.rabbitmq.managementUrl ?? managementUrlOf(config.rabbitmq.urls[0]!)
  const secretText = /^(rabbitmq|redis)\.(ca|cert|key)$/.exec(key)
  if (secretText !== null) return config[secretText[1] as 'redis'].tls[secretText[2] as 'ca'] ?? null
  let value: unknown = config
  for (const part of key.split('.')) value = (value as Record<string, unknown>)[part]
  return value as Value
}

/** All settings, in the order of the documentation, with passwords masked. */
export function printSettings(config: Config, origins: ReadonlyMap<Key, string>): readonly PrintedSetting[] {
  return KEYS.map((key) => ({
    key,
    value: masked(key, valueOf(config, key)),
    origin: origins.get(key) ?? 'default',
    env: settingOf(key).env,
  }))
}

type Value = string | number | readonly string[] | null

/** A value fit to be shown. Of URLs the user name stays, since it tells which account is meant. */
export function masked(key: Key, value: Value): Value {
  if (typeof value !== 'string' || value === '') return value
  if (settingOf(key).format === 'secret' || settingOf(key).format === 'pem') return '***'
  const shown = maskUrls(value)
  // A secret that is no proper URL may be a password in the wrong place.
  return settingOf(key).secret === true && !/^[a-z+]+:\/\//i.test(shown) ? '***' : shown
}

/** Passwords, tokens and keys of a configuration, as given and as decoded: what a log must never show. */
export function secretsOf(config: Config): readonly string[] {
  const { managementUrl, urls } = config.rabbitmq
  const passwords = [...urls, managementUrl ?? '', config.redis.url].flatMap((url) => {
    const password = /:\/\/[^@/:]*:([^@]*)@/.exec(url)?.[1] ?? ''
    return [password, decoded(password)]
  })
  const { rabbitmq, redis, placement } = config
  const secrets = [...passwords, placement.token ?? '', rabbitmq.tls.key ?? '', redis.tls.key ?? '']
  return [...new Set(secrets)].filter((secret) => secret !== '')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The page docs/configuration.md. A test keeps the file equal to it. */
export function settingsPage(): string {
  const rows = KEYS.map((key) => {
    const setting = settingOf(key)
    const standard = setting.derived ?? (setting.default === null ? 'none' : `\`${String(setting.default)}\``)
    const secret = setting.secret === true ? ` Or \`${setting.env}_FILE\`.` : ''
    const none = setting.emptyIsNone === true ? ', or empty for none' : ''
    const demand = `${demandOf(setting)}${none}`.replace(/^must /, 'Must ')
    const facts = [`Variable: \`${setting.env}\`.${secret}`, `Default: ${standard}.`, `${demand}.`]
    return `### \`${key}\`\n\n${setting.doc}\n\n${facts.map((fact) => `- ${fact}\n`).join('')}`
  })
  return `${PREFACE}\n${rows.join('\n')}`
}

const PREFACE = `# Configuration

<!-- Printed from the schema in src/config/settings.ts; a test compares the two. -->

Every setting has one key, one environment variable, bounds and a default. Later sources win:

1. the default in the schema
2. \`config/default.json\`
3. \`config/<NODE_ENV>.json\` (\`NODE_ENV\` is \`development\` when it is not set)
4. the JSON file that \`FERRYMAN_CONFIG\` names
5. the environment
6. the flag \`--set key=value\`

A file holds nested objects: \`{"http": {"port": 9464}}\`. A key that is no setting, a value out of bounds, and settings
that contradict each other stop the start with exit code 78 and one sentence each. An environment variable that begins
with \`FERRYMAN_\` and is no setting is only warned of, since orchestrators inject such.

A variable marked *Or \`…_FILE\`* may hold a password. Its value may come from the file that the second variable names;
a newline at its end is dropped. Both at once is an error. \`ferryman config print\` shows every value in force and
where it came from, with passwords as \`***\`; \`ferryman config check\` only checks.

## Settings
`
