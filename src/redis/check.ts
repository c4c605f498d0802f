// What the promises need of the Redis server: durability, no eviction, room, keys of the right types.
import { Refused } from '../retry/failures.ts'
import type { RedisClient } from './client.ts'
import { KEY_TYPES, type KeyName, type Keys } from './keys.ts'
import { pairsOf } from './books.ts'
import { textOf } from './replies.ts'

/** `error`: the promises do not hold; `warning`: they hold with the loss that is named. */
export interface Finding {
  readonly what: string
  readonly fix: string
  readonly severity: 'error' | 'warning'
}

export interface Memory {
  readonly usedBytes: number
  /** 0: no limit is set. */
  readonly maxBytes: number
  /** At least 80 % of the limit is used: writes may soon be refused. */
  readonly pressed: boolean
}

const VERSION_LEAST = 7
const PRESSED_SHARE = 0.8
const PROBE_MS = 60_000

/** Looks at version, persistence, eviction and the types of keys. Rejects only when Redis does not answer. */
export async function checkServer(redis: RedisClient, keys: Keys): Promise<readonly Finding[]> {
  const server = await infoOf(redis, 'server')
  const replication = await infoOf(redis, 'replication')
  const settings = await settingsOf(redis)
  return [
    ...versionFindings(server.get('redis_version') ?? ''),
    ...(settings === null ? [FORBIDDEN] : settingsFindings(settings)),
    ...(replication.get('role') === 'slave' ? [REPLICA] : []),
    ...(await typeFindings(redis, keys)),
  ]
}

/** Memory in use. `pressed` pauses consumption. */
export async function memoryOf(redis: RedisClient): Promise<Memory> {
  const memory = await infoOf(redis, 'memory')
  const usedBytes = Number(memory.get('used_memory') ?? 0)
  const maxBytes = Number(memory.get('maxmemory') ?? 0)
  return { usedBytes, maxBytes, pressed: maxBytes > 0 && usedBytes >= maxBytes * PRESSED_SHARE }
}

/** Writes a key, since a server that only answers PING may refuse every write. */
export async function probe(redis: RedisClient, keys: Keys): Promise<void> {
  await redis.call('SET', [keys.probe, '1', 'PX', PROBE_MS])
}

const FORBIDDEN: Finding = {
  what: 'CONFIG GET is not permitted, so appendonly, appendfsync and maxmemory-policy could not be checked',
  fix: 'permit it (ACL: +config|get), or make sure of appendonly yes and maxmemory-policy noeviction yourself',
  severity: 'warning',
}
const REPLICA: Finding = {
  what: 'the server is a replica and takes no writes',
  fix: 'name the master, or sentinels with redis+sentinel://',
  severity: 'error',
}

function versionFindings(version: string): readonly Finding[] {
  if (Number(version.split('.')[0]) >= VERSION_LEAST) return []
  const what = `the server is Redis ${version || '(unknown)'}`
  return [{ what, fix: `use Redis ${VERSION_LEAST}.0 or later`, severity: 'error' }]
}

function settingsFindings(settings: ReadonlyMap<string, string>): readonly Finding[] {
  const findings: Finding[] = []
  const policy = settings.get('maxmemory-policy')
  if (policy !== 'noeviction') {
    findings.push({
      what: `maxmemory-policy is ${policy}: the server may drop locks, records and books`,
      fix: 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf',
      severity: 'error',
    })
  }
  if (settings.get('appendonly') !== 'yes') {
    findings.push({
      what: 'appendonly is off: a restart of the server loses what was written since the last snapshot, or everything',
      fix: 'CONFIG SET appendonly yes, and the same in redis.conf',
      severity: 'warning',
    })
    return findings
  }
  const appendfsync = settings.get('appendfsync')
  if (appendfsync !== 'always') {
    findings.push({
      what: `appendfsync is ${appendfsync}: a crash of the machine loses ${lossOf(appendfsync)}`,
      fix: 'CONFIG SET appendfsync always, where no loss is acceptable',
      severity: 'warning',
    })
  }
  return findings
}

function lossOf(appendfsync: string | undefined): string {
  if (appendfsync === 'everysec') return 'up to about two seconds of writes'
  return 'what the operating system had not yet written, often 30 seconds'
}

async function typeFindings(redis: RedisClient, keys: Keys): Promise<readonly Finding[]> {
  const names = Object.keys(KEY_TYPES) as KeyName[]
  const found = await Promise.all(names.map(async (name) => textOf('TYPE', await redis.call('TYPE', [keys[name]]))))
  return names.flatMap((name, i) => {
    if (found[i] === 'none' || found[i] === KEY_TYPES[name]) return []
    const what = `key ${keys[name]} is a ${found[i]}, not a ${KEY_TYPES[name]}: somebody else writes into the namespace`
    return [{ what, fix: 'set another namespace, or remove that key', severity: 'error' as const }]
  })
}

async function infoOf(redis: RedisClient, section: string): Promise<ReadonlyMap<string, string>> {
  const text = textOf('INFO', await redis.call('INFO', [section]))
  return new Map(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1)] as const
      }),
  )
}

/** Null where CONFIG is forbidden by ACL, renamed, or blocked by the provider of the server. */
async function settingsOf(redis: RedisClient): Promise<ReadonlyMap<string, string> | null> {
  try {
    const names = ['appendonly', 'appendfsync', 'maxmemory-policy']
    const replies = await Promise.all(names.map((name) => redis.call('CONFIG', ['GET', name])))
    return new Map(replies.flatMap((reply) => pairsOf('CONFIG', reply)))
  } catch (failure) {
    if (failure instanceof Refused) return null
    throw failure
  }
}
