// Where values come from: the files of config/, FERRYMAN_CONFIG, the environment with its X_FILE secrets.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { meant } from './nearest.ts'
import { KEYS, settingOf, type Key } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Values of one source, and where each came from, by key. */
export interface Layer {
  readonly values: ReadonlyMap<Key, unknown>
  readonly origins: ReadonlyMap<Key, string>
}

/** What reading the sources found wrong (`problems`, which stop a start) or odd (`warnings`). */
export interface Findings {
  readonly problems: string[]
  readonly warnings: string[]
}

export interface SourceFile {
  readonly path: string
  /** As error sentences name it. */
  readonly shown: string
  /** It must exist. */
  readonly required: boolean
}

/** The files that a start reads, later ones over earlier ones. */
export function filesOf(root: string, nodeEnv: string, env: Environment, findings: Findings): SourceFile[] {
  const files = [{ path: join(root, 'config', 'default.json'), shown: 'config/default.json', required: false }]
  if (/^[A-Za-z0-9_-]{1,64}$/.test(nodeEnv)) {
    files.push({ path: join(root, 'config', `${nodeEnv}.json`), shown: `config/${nodeEnv}.json`, required: false })
  } else {
    findings.problems.push(
      `NODE_ENV is ${JSON.stringify(nodeEnv)}; it must be 1 to 64 letters, digits, _ or -. ` +
        'Set it to production, development or test.',
    )
  }
  const own = env['FERRYMAN_CONFIG']
  if (own !== undefined && own !== '') files.push({ path: own, shown: own, required: true })
  return files
}

/** Reads one JSON file of nested settings. Keys that are no settings are problems, each with the nearest that is. */
export function readFile(file: SourceFile, findings: Findings): Layer {
  const values = new Map<Key, unknown>()
  const origins = new Map<Key, string>()
  const tree = parse(file, findings)
  for (const [key, value] of leavesOf(tree, '')) {
    if (isKey(key)) {
      values.set(key, value)
      origins.set(key, file.shown)
    } else if (KEYS.some((known) => known.startsWith(`${key}.`))) {
      findings.problems.push(
        `${file.shown} gives ${key} a value, but it is a group of settings. ` +
          'Give it an object, as config/default.json does.',
      )
    } else {
      findings.problems.push(
        `${file.shown} sets ${key}, which is no setting${meant(key, KEYS)} ` + 'Remove it or correct its name.',
      )
    }
  }
  return { values, origins }
}

function parse(file: SourceFile, findings: Findings): unknown {
  let text: string
  try {
    text = readFileSync(file.path, 'utf8')
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code ?? 'unknown'
    if (file.required || code !== 'ENOENT') {
      findings.problems.push(
        `FERRYMAN_CONFIG names ${file.shown}, which cannot be read (${code}). ` +
          'Correct the path, or unset FERRYMAN_CONFIG.',
      )
    }
    return {}
  }
  try {
    const tree: unknown = JSON.parse(text)
    if (typeof tree === 'object' && tree !== null && !Array.isArray(tree)) return tree
    findings.problems.push(`${file.shown} holds no JSON object. Write one, as in config/default.json.`)
  } catch (failure) {
    // The parser's own message quotes the text, which may hold a password: only the place is told.
    const place = /position (\d+)/.exec((failure as Error).message)?.[1]
    findings.problems.push(
      `${file.shown} is not JSON${place === undefined ? '' : ` (from character ${place} on)`}. ` +
        'Correct it; comments and trailing commas are not allowed.',
    )
  }
  return {}
}

/** Paths and values of all leaves of nested objects; arrays and null are leaves, and so is a known key. */
function leavesOf(tree: unknown, path: string): [string, unknown][] {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree) || isKey(path)) return [[path, tree]]
  return Object.entries(tree).flatMap(([name, value]) => leavesOf(value, path === '' ? name : `${path}.${name}`))
}

function isKey(path: string): path is Key {
  return KEYS.includes(path as Key)
}

/** The values that the environment gives, with secrets taken from the files that `X_FILE` names. */
export function readEnvironment(env: Environment, findings: Findings): Layer {
  const values = new Map<Key, unknown>()
  const origins = new Map<Key, string>()
  for (const key of KEYS) {
    const setting = settingOf(key)
    const direct = env[setting.env]
    const fileVariable = `${setting.env}_FILE`
    const file = setting.secret === true ? env[fileVariable] : undefined
    if (direct !== undefined && file !== undefined) {
      findings.problems.push(`${setting.env} and ${fileVariable} are both set. Unset one of them.`)
    } else if (file !== undefined) {
      const secret = readSecret(file, fileVariable, findings)
      if (secret !== null) {
        values.set(key, secret)
        origins.set(key, fileVariable)
      }
    } else if (direct !== undefined) {
      if (direct === '' && setting.emptyIsNone !== true) {
        findings.problems.push(`${setting.env} is empty. Give it a value, or unset it for the default.`)
      } else {
        values.set(key, direct)
        origins.set(key, setting.env)
      }
    }
  }
  findings.warnings.push(...strangersIn(env))
  return { values, origins }
}

function readSecret(file: string, variable: string, findings: Findings): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code ?? 'unknown'
    findings.problems.push(
      `${variable} names ${JSON.stringify(file)}, which cannot be read (${code}). ` +
        'Correct the path or its permissions.',
    )
    return null
  }
}

/** A sentence for each FERRYMAN_* variable that is no setting. Orchestrators inject such, so they are no mistake. */
function strangersIn(env: Environment): string[] {
  const known = new Set<string>(['FERRYMAN_CONFIG'])
  for (const key of KEYS) {
    const setting = settingOf(key)
    known.add(setting.env)
    if (setting.secret === true) known.add(`${setting.env}_FILE`)
  }
  return Object.keys(env)
    .filter((name) => name.startsWith('FERRYMAN_') && !known.has(name))
    .map((name) => `${name} is no setting and is ignored${meant(name, known)}`)
}
