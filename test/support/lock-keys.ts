// What must hold between the lock keys of a namespace after every script: five indexes of the same tickets.
import type { ScriptRunner } from '../../src/redis/scripts.ts'

const SEPARATOR = '\x1f'

/** Every sentence names one thing that does not agree; empty where all is well. */
export async function checkLockKeys({ redis, keys }: ScriptRunner): Promise<string[]> {
  const list = async (command: string, ...args: string[]): Promise<string[]> =>
    (await redis.call(command, args)) as string[]
  const packed = pairsOf(await list('HGETALL', keys.t))
  const queued = new Set(await list('ZRANGE', keys.q, '0', '-1'))
  const ofSessions = new Set(await list('ZRANGE', keys.st, '0', '-1'))
  const deadlines = new Set(await list('ZRANGE', keys.dl, '0', '-1'))
  const byKey = new Map(pairsOf(await list('HGETALL', keys.rq)))
  const holders = new Map<string, string>()
  const faults: string[] = []
  for (const [number, text] of packed) {
    const [state, session, key, resources] = text.split(SEPARATOR)
    if (!deadlines.delete(number)) faults.push(`ticket ${number} has no end`)
    if (!ofSessions.delete(session + SEPARATOR + number)) faults.push(`ticket ${number} is not under its session`)
    if (byKey.get(key!) === number) byKey.delete(key!)
    else faults.push(`ticket ${number} is not under its key`)
    for (const resource of resources!.split(',').filter((one) => one !== '')) {
      if (!queued.delete(resource + SEPARATOR + number))
        faults.push(`ticket ${number} is not in the queue of ${resource}`)
      if (!state!.startsWith('G')) continue
      if (holders.has(resource)) faults.push(`${resource} is held by ${holders.get(resource)} and ${number}`)
      holders.set(resource, number)
    }
  }
  const left = [...queued, ...ofSessions, ...deadlines, ...byKey.keys()]
  return [...faults, ...left.map((entry) => `${JSON.stringify(entry)} is left of no ticket`)]
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!])
  return pairs
}
