// What must hold between the lock keys of a namespace after every script: six indexes of the same tickets.
import type { ScriptRunner } from '../../src/redis/scripts.ts'

const SEPARATOR = '\x1f'
/** Instead of a ticket: the processing's session died with its lock held. */
const DEATHS = new Set(['-1', '-2'])

/** Every sentence names one thing that does not agree; empty where all is well. */
export async function checkLockKeys({ redis, keys }: ScriptRunner): Promise<string[]> {
  const list = async (command: string, ...args: string[]): Promise<string[]> =>
    (await redis.call(command, args)) as string[]
  const packed = pairsOf(await list('HGETALL', keys.t))
  const heads = pairsOf(await list('HGETALL', keys.heads))
  const behind = await list('ZRANGE', keys.q, '0', '-1')
  const queued = new Set([...heads.map(([resource, head]) => resource + SEPARATOR + head.slice(0, 16)), ...behind])
  const ofSessions = new Set(await list('ZRANGE', keys.st, '0', '-1'))
  const deadlines = new Set(await list('ZRANGE', keys.dl, '0', '-1'))
  const byKey = new Map(pairsOf(await list('HGETALL', keys.rq)))
  const holders = new Map<string, string>()
  const faults: string[] = headFaults(new Map(heads), behind)
  for (const [number, text] of packed) {
    const [state, session, key, resources] = text.split(SEPARATOR)
    if (!deadlines.delete(number)) faults.push(`ticket ${number} has no end`)
    if (!ofSessions.delete(session + SEPARATOR + number)) faults.push(`ticket ${number} is not under its session`)
    if (byKey.get(key!) === number) byKey.delete(key!)
    else faults.push(`ticket ${number} is not under its key`)
    for (const resource of resources!.split(',').filter((one) => one !== '')) {
      if (!queued.delete(resource + SEPARATOR + number))
        faults.push(`ticket ${number} is not in the queue of ${resource}`)
      if (state!.startsWith('W')) continue
      if (holders.has(resource)) faults.push(`${resource} is held by ${holders.get(resource)} and ${number}`)
      holders.set(resource, number)
    }
  }
  const unmarked = [...byKey].filter(([, number]) => !DEATHS.has(number)).map(([key]) => key)
  const left = [...queued, ...ofSessions, ...deadlines, ...unmarked]
  return [...faults, ...left.map((entry) => `${JSON.stringify(entry)} is left of no ticket`)]
}

/** Who stands behind has a head in front, an older one, which is marked as followed. */
function headFaults(heads: ReadonlyMap<string, string>, behind: readonly string[]): string[] {
  return behind.flatMap((member) => {
    const [resource, number] = member.split(SEPARATOR) as [string, string]
    const head = heads.get(resource)
    if (head === undefined) return [`${number} waits for ${resource}, which has no head`]
    if (!head.endsWith('+')) return [`${number} waits for ${resource}, whose head ${head} is not marked as followed`]
    return head.slice(0, 16) < number ? [] : [`${number} waits for ${resource} behind ${head}, which came later`]
  })
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!])
  return pairs
}
