// The Lua scripts: loaded from lua/, bound by the names in their headers, sent by digest.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../config/root.ts'
import type { Argument, RedisClient, Reply } from './client.ts'
import { NoScript } from './failures.ts'
import { KEY_TYPES, type KeyName, type Keys } from './keys.ts'

export type ScriptName =
  | 'heartbeat'
  | 'acquire'
  | 'poke'
  | 'release'
  | 'close-session'
  | 'begin'
  | 'decide'
  | 'aside'
  | 'told'
  | 'ripe'
  | 'pack'
  | 'tomb'
  | 'restoring'
  | 'restore'
  | 'restored'
  | 'cancel'
  | 'sending'
  | 'due'
  | 'sweep'
  | 'snapshot'
  | 'apply'
  | 'close-attempt'
  | 'dump'
  | 'seed'

export interface Script {
  readonly name: string
  /** Names of KEYS in their order, as in the header: shared ones, or those of `SINGLE`. */
  readonly keys: readonly string[]
  /** Names of ARGV in their order; `rest` is not among them. */
  readonly args: readonly string[]
  readonly takesRest: boolean
  /** What is sent: flags, names bound to KEYS and ARGV, the parts named by `uses`, the body. */
  readonly text: string
  readonly sha: string
}

export type Scripts = ReadonlyMap<string, Script>

export interface LoadOptions {
  /** Time and run come from the hash `{<namespace>}:clock` (s, us, run) instead of the server: for tests. */
  readonly testClock?: boolean
  readonly folder?: string
}

const HEADER = /^-- (KEYS|ARGV)\[(\d+)(\.\.)?\] +(\w+)/
const SHARED = new Set(Object.keys(KEY_TYPES).map((name) => name.toUpperCase()))
/** Keys of single requests: their records, the hash of a tombstone, a dead letter. */
const SINGLE = new Set(['RECORD', 'RECORDS', 'TOMB', 'LETTER'])

/** Reads every script of `lua/` and checks its header. */
export function loadScripts(options: LoadOptions = {}): Scripts {
  const folder = options.folder ?? join(packageRoot(), 'lua')
  const part = (name: string): string => {
    const text = readFileSync(join(folder, 'lib', `${name}.lua`), 'utf8')
    return options.testClock === true ? withTestClock(text) : text
  }
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .map((file) => file.slice(0, -4))
  const source = (name: string): string => readFileSync(join(folder, `${name}.lua`), 'utf8')
  return new Map(names.sort().map((name) => [name, scriptOf(name, source(name), part)]))
}

/** Builds what is sent of one script. Throws where its header does not number KEYS and ARGV one by one. */
export function scriptOf(name: string, source: string, part: (name: string) => string): Script {
  const keys = namesOf(name, source, 'KEYS')
  const args = namesOf(name, source, 'ARGV')
  const wrong = keys.names.find((key) => !SHARED.has(key) && !SINGLE.has(key))
  if (wrong !== undefined) throw new Error(`lua/${name}.lua: no key is called ${wrong}`)
  const flags = /^-- flags: (.*)$/m.exec(source)?.[1]
  const text = [
    flags === undefined ? '#!lua' : `#!lua flags=${flags}`,
    bound('KEYS', keys.names, keys.rest),
    bound('ARGV', args.names, args.rest),
    ...partsOf(source, part),
    source,
  ]
    .filter((line) => line !== '')
    .join('\n')
  return {
    name,
    keys: keys.names,
    args: args.names.filter((arg) => arg !== 'rest'),
    takesRest: args.rest,
    text,
    sha: createHash('sha1').update(text).digest('hex'),
  }
}

interface Named {
  readonly names: readonly string[]
  readonly rest: boolean
}

function namesOf(script: string, source: string, list: 'KEYS' | 'ARGV'): Named {
  const names: string[] = []
  let rest = false
  for (const line of source.split('\n')) {
    const found = HEADER.exec(line)
    if (found === null || found[1] !== list) continue
    const [, , index, dots, name] = found
    if (Number(index) !== names.length + 1 || rest) {
      throw new Error(`lua/${script}.lua: header line "${line.trim()}" should be ${list}[${names.length + 1}]`)
    }
    rest = dots !== undefined
    names.push(name!)
  }
  return { names, rest }
}

/** `local META, Q = KEYS[1], KEYS[2]`; the last of an open list is bound to its first index. */
function bound(list: 'KEYS' | 'ARGV', names: readonly string[], rest: boolean): string {
  if (names.length === 0) return ''
  const values = names.map((_, i) => (rest && i === names.length - 1 ? `${i + 1}` : `${list}[${i + 1}]`))
  return `local ${names.join(', ')} = ${values.join(', ')}`
}

/** The texts named by `uses` lines, each once, what they use first. */
function partsOf(source: string, part: (name: string) => string, seen = new Set<string>()): string[] {
  const uses = /^-- uses: (.*)$/m.exec(source)?.[1]?.split(' ') ?? []
  return uses.flatMap((name) => {
    if (seen.has(name)) return []
    seen.add(name)
    const text = part(name)
    return [...partsOf(text, part, seen), text]
  })
}

function withTestClock(text: string): string {
  return text
    .replace(/^.* -- clock$/m, "local clock = redis.call('HMGET', SLOT .. 'clock', 's', 'us')")
    .replace(/^.* -- run$/m, "local run = redis.call('HGET', SLOT .. 'clock', 'run')")
}

/** Settings that scripts take as ARGV of the same name. */
export interface ScriptSettings {
  readonly leaseMs: number
  readonly graceMs: number
  readonly holdMs: number
  readonly waitMs: number
  readonly sweepAfterMs: number
  readonly journalMs: number
  readonly tombstoneMs: number
}

export interface Call {
  /** Ids of the requests whose records the script touches. */
  readonly records?: readonly string[]
  /** Ids of the requests whose tombstones the script looks for; after an open list of records, behind it. */
  readonly tombs?: readonly string[]
  /** Id of the dead letter that the script looks at. */
  readonly letter?: string
  /** ARGV by the names in the header; settings of the same name need not be given. */
  readonly args?: Readonly<Record<string, Argument>>
  /** What follows the named arguments. */
  readonly rest?: readonly Argument[]
}

/** Runs scripts of one namespace: EVALSHA once, and only where the server did not know the script, its text. */
export interface ScriptRunner {
  readonly keys: Keys
  readonly redis: RedisClient
  run(name: ScriptName, call?: Call): Promise<Reply>
  /** The same with strings as Buffers, for bodies. */
  runBuffers(name: ScriptName, call?: Call): Promise<Reply<Buffer>>
}

type Ask<R> = (command: string, args: readonly Argument[]) => Promise<R>

export function scriptRunner(redis: RedisClient, keys: Keys, settings: ScriptSettings, scripts: Scripts): ScriptRunner {
  const given: Readonly<Record<string, Argument>> = { ...settings }
  const send = async <R>(name: ScriptName, call: Call, ask: Ask<R>): Promise<R> => {
    const script = scripts.get(name)
    if (script === undefined) throw new Error(`there is no script lua/${name}.lua`)
    const args = argumentsOf(script, keys, given, call)
    try {
      return await ask('EVALSHA', args)
    } catch (failure) {
      if (!(failure instanceof NoScript)) throw failure
      args[0] = script.text
      return await ask('EVAL', args)
    }
  }
  return {
    keys,
    redis,
    run: (name, call = {}) => send(name, call, redis.call),
    runBuffers: (name, call = {}) => send(name, call, redis.callBuffers),
  }
}

/** Arguments of EVALSHA: digest, number of keys, keys, ARGV. */
function argumentsOf(script: Script, keys: Keys, settings: Readonly<Record<string, Argument>>, call: Call): Argument[] {
  const records = (call.records ?? []).map(keys.record)
  const tombs = (call.tombs ?? []).map(keys.tomb)
  const names = script.keys.flatMap((key) => {
    if (key === 'RECORD') return records
    if (key === 'RECORDS') return [...records, ...tombs]
    if (key === 'TOMB') return tombs
    if (key === 'LETTER') return [keys.letter(call.letter ?? '')]
    return [keys[key.toLowerCase() as KeyName]]
  })
  const args = script.args.map((name) => {
    const value = call.args?.[name] ?? settings[name]
    if (value === undefined) throw new Error(`lua/${script.name}.lua needs the argument ${name}`)
    return value
  })
  return [script.sha, names.length, ...names, ...args, ...(script.takesRest ? (call.rest ?? []) : [])]
}
