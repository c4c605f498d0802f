// Reads the settings once: schema, files, environment, flags. What comes out is checked, complete and frozen.
import { inspect } from 'node:util'
import convict from 'convict'
import { coerce, problemOf } from './config/formats.ts'
import { masked, printSettings, settingsPage, type PrintedSetting } from './config/print.ts'
import { meant } from './config/nearest.ts'
import { packageRoot } from './config/root.ts'
import { assemble, brokenRules, oddities } from './config/rules.ts'
import { KEYS, settingOf, type Config, type Format, type Key, type Setting } from './config/settings.ts'
import { filesOf, readEnvironment, readFile, type Environment, type Findings, type Layer } from './config/sources.ts'

export type { Config, Key } from './config/settings.ts'
export { secretsOf, type PrintedSetting } from './config/print.ts'

/** The configuration is wrong. `problems` has a sentence each, with key, value, bound and fix; secrets are masked. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

export interface Loaded {
  readonly config: Config
  /** Where the value of each key came from: `default`, a file, a variable, or `--set`. */
  readonly origins: ReadonlyMap<Key, string>
  /** Sentences about what is allowed but seldom meant. */
  readonly warnings: readonly string[]
  /** Every setting with value and origin, passwords masked. */
  printable(): readonly PrintedSetting[]
}

export interface LoadOptions {
  /** Default: that of the process. */
  readonly env?: Environment
  /** `key=value` of each `--set`. */
  readonly flags?: readonly string[]
  /** Folder that holds config/. Default: the package's. */
  readonly root?: string
}

const FORMATS: readonly Format[] = [
  'whole-number',
  'amqp-urls',
  'http-url',
  'redis-url',
  'prefix',
  'namespace',
  'choice',
  'ladder',
  'host',
  'secret',
  'pem',
]

for (const format of FORMATS) {
  convict.addFormat({
    name: format,
    coerce: (text: string) => coerce(format, text),
    validate: (value: unknown, setting: Setting) => {
      const problem = problemOf(value, setting)
      if (problem !== null) throw new Error(problem)
    },
  })
}

/** Reads and checks all settings. Throws `ConfigError` with everything that is wrong, not only the first. */
export function loadConfig(options: LoadOptions = {}): Loaded {
  const env = options.env ?? process.env
  const nodeEnv = env['NODE_ENV'] === undefined || env['NODE_ENV'] === '' ? 'development' : env['NODE_ENV']
  const findings: Findings = { problems: [], warnings: [] }
  const files = filesOf(options.root ?? packageRoot(), nodeEnv, env, findings).map((file) => readFile(file, findings))
  const layers = [...files, readEnvironment(env, findings), readFlags(options.flags ?? [], findings)]
  const origins = new Map<Key, string>()
  for (const layer of layers) for (const [key, origin] of layer.origins) origins.set(key, origin)

  const values = convict<Record<string, unknown>>(convictSchema(), { env: {}, args: [] })
  for (const layer of layers) for (const [key, value] of layer.values) values.set(key, value)
  findings.problems.push(...wrongValues((key) => values.get(key), origins))
  if (findings.problems.length > 0) throw new ConfigError(findings.problems)
  values.validate({ allowed: 'strict' })

  const config = freeze(assemble((key) => values.get(key), nodeEnv))
  const broken = brokenRules(config)
  if (broken.length > 0) throw new ConfigError(broken)
  return {
    config,
    origins,
    warnings: [...findings.warnings, ...oddities(config, nodeEnv)],
    printable: () => printSettings(config, origins),
  }
}

/** The page docs/configuration.md, from the schema. */
export function describeSettings(): string {
  return settingsPage()
}

function readFlags(flags: readonly string[], findings: Findings): Layer {
  const values = new Map<Key, unknown>()
  const origins = new Map<Key, string>()
  for (const flag of flags) {
    const [key, value] = [flag.split('=', 1)[0]!, flag.slice(flag.indexOf('=') + 1)]
    if (!flag.includes('=')) {
      findings.problems.push(`--set ${JSON.stringify(key)} has no value. Write it as --set key=value.`)
    } else if (!KEYS.includes(key as Key)) {
      findings.problems.push(`--set names ${key}, which is no setting${meant(key, KEYS)}`)
    } else {
      values.set(key as Key, value)
      origins.set(key as Key, '--set')
    }
  }
  return { values, origins }
}

/** The settings nested as convict wants them. */
function convictSchema(): convict.Schema<Record<string, unknown>> {
  const schema: Record<string, unknown> = {}
  for (const key of KEYS) {
    const setting = settingOf(key)
    const [group, name] = key.split('.') as [string, string | undefined]
    const entry = { ...setting, env: undefined, nullable: setting.default === null, sensitive: setting.secret === true }
    if (name === undefined) schema[group] = entry
    else schema[group] = { ...(schema[group] as object | undefined), [name]: entry }
  }
  return schema as convict.Schema<Record<string, unknown>>
}

function wrongValues(valueOf: (key: Key) => unknown, origins: ReadonlyMap<Key, string>): string[] {
  return KEYS.flatMap((key) => {
    const setting = settingOf(key)
    const value = valueOf(key)
    const problem = problemOf(value, setting)
    if (problem === null) return []
    // A secret in the wrong shape may be a password in the wrong place.
    const shown = setting.secret === true ? '***' : value
    const standard =
      setting.default === null ? '' : `, or remove it for the default ${String(masked(key, setting.default))}`
    return [
      `${key} is ${JSON.stringify(shown)} (from ${origins.get(key) ?? 'default'}); it ${problem}. ` +
        `Set ${setting.env} to such a value${standard}.`,
    ]
  })
}

/** Freezes all of it. Printing or serialising it by accident shows no password. */
function freeze(config: Config): Config {
  const shown = (): unknown =>
    Object.fromEntries(printSettings(config, new Map()).map(({ key, value }) => [key, value]))
  Object.defineProperty(config, 'toJSON', { value: shown, enumerable: false })
  Object.defineProperty(config, inspect.custom, { value: shown, enumerable: false })
  return deepFreeze(config)
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child)
    Object.freeze(value)
  }
  return value
}
