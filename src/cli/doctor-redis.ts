// What doctor tries of Redis: connection, rights, settings, memory, disk, how fast it answers, and its clock.
import { Unavailable } from '../retry/failures.ts'
import type { Parts } from '../wire/parts.ts'
import { latencyFinding } from './doctor-broker.ts'
import { ok, wrong, type Check, type Finding } from './doctor.ts'

const ANSWERS = 50
/** Beyond this median (ms) every request is slow: it waits for three answers. */
const ANSWER_MS_MAX = 10
/** Share of maxmemory at which consumption pauses. */
const PRESSED = 0.8
const SKEW_MS_MAX = 2_000
const MIB = 1 << 20

export function redisChecks(parts: Parts): readonly Check[] {
  const { namespace } = parts.config.redis
  return [
    {
      name: 'redis',
      fix: 'Start Redis, or correct FERRYMAN_REDIS_URL: host, port, user, password.',
      run: async () => {
        const { redis } = await parts.store()
        await redis.call('PING', [])
        const version = fieldsOf(await redis.call('INFO', ['server'])).get('redis_version') ?? 'of unknown version'
        return [ok(`answers at ${redis.where}, Redis ${version}`)]
      },
    },
    {
      name: 'redis write',
      needs: 'redis',
      fix: `Give its user all rights on its keys: ACL SETUSER <user> ~{${namespace}}* +@all`,
      run: async () => {
        await (await parts.store()).probe()
        return [ok(`namespace ${namespace}`)]
      },
    },
    {
      name: 'redis server',
      needs: 'redis',
      fix: 'Let its user run INFO and CONFIG GET.',
      run: async () => {
        const found = await (await parts.store()).checkServer()
        if (found.length === 0) return [ok('appendonly yes, appendfsync always, maxmemory-policy noeviction')]
        return found.map(({ what, fix, severity }) => wrong(severity === 'error' ? 'fail' : 'warn', what, fix))
      },
    },
    {
      name: 'redis memory',
      needs: 'redis',
      fix: 'Let its user run INFO.',
      run: async () => [memoryFinding(await infoOf(parts, 'memory'))],
    },
    {
      name: 'redis disk',
      needs: 'redis',
      fix: 'Let its user run INFO.',
      run: async () => [diskFinding(await infoOf(parts, 'persistence'))],
    },
    { name: 'redis answers', needs: 'redis', fix: 'Look at the load of Redis.', run: () => answers(parts) },
    { name: 'clock', needs: 'redis', fix: 'Synchronise both clocks.', run: () => clock(parts) },
  ]
}

type Fields = ReadonlyMap<string, string>

async function infoOf(parts: Parts, section: string): Promise<Fields> {
  return fieldsOf(await (await parts.store()).redis.call('INFO', [section]))
}

function fieldsOf(reply: unknown): Fields {
  if (typeof reply !== 'string') throw new Unavailable('INFO was not answered with text')
  return new Map(reply.split('\r\n').flatMap((line) => (line.includes(':') ? [pairOf(line)] : [])))
}

function pairOf(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1)]
}

export function memoryFinding(memory: Fields): Finding {
  const used = Number(memory.get('used_memory') ?? 0)
  const limit = Number(memory.get('maxmemory') ?? 0)
  if (limit === 0) {
    const fix = 'CONFIG SET maxmemory to what the machine can give, and the same in redis.conf.'
    return wrong(
      'warn',
      `${Math.ceil(used / MIB)} MiB used, no maxmemory: nothing pauses before the machine is full`,
      fix,
    )
  }
  const found = `${Math.ceil(used / MIB)} of ${Math.ceil(limit / MIB)} MiB used`
  return used < limit * PRESSED ? ok(found) : wrong('fail', `${found}: consumption pauses`, 'Raise maxmemory.')
}

/** A full disk lets Redis read on and refuses what is written, or loses it at a restart. */
export function diskFinding(persistence: Fields): Finding {
  const names = ['aof_last_write_status', 'aof_last_bgrewrite_status', 'rdb_last_bgsave_status']
  const failed = names.filter((name) => (persistence.get(name) ?? 'ok') !== 'ok')
  if (failed.length === 0) return ok('the last writes to disk went well')
  return wrong('fail', `${failed.join(', ')}: not ok`, 'Free disk on the server of Redis, and look into its log.')
}

async function answers(parts: Parts): Promise<readonly Finding[]> {
  const { redis } = await parts.store()
  const tookMs: number[] = []
  for (let n = 0; n < ANSWERS; n++) {
    const startedMs = parts.clock.monotonicMs()
    await redis.call('PING', [])
    tookMs.push(parts.clock.monotonicMs() - startedMs)
  }
  return [latencyFinding(tookMs, ANSWER_MS_MAX, 'Put Redis near the workers, and look for slow commands of others.')]
}

async function clock(parts: Parts): Promise<readonly Finding[]> {
  const { clock: own } = parts
  const store = await parts.store()
  const askedMs = own.nowMs()
  const serverMs = await store.serverNowMs()
  const aheadMs = Math.round(serverMs - (askedMs + own.nowMs()) / 2)
  const found = `Redis is ${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead'}`
  if (Math.abs(aheadMs) <= SKEW_MS_MAX) return [ok(found)]
  return [wrong('warn', found, 'Synchronise both clocks: deadlines are compared with Redis time.')]
}
