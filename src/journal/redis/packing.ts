// Records that become tombstones, and tombstones read: each by a script that declares the keys of its request.
import { textOf, listOf, unexpected, wholeOf } from '../../redis/replies.ts'
import type { Reply } from '../../redis/client.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import { letterId } from '../../transfer/letter.ts'
import type { Code } from '../../transfer/outcome.ts'
import type { Packed } from '../../transfer/packed.ts'
import type { RecordView, Ripe } from '../journal.ts'

/** Of a reply `packed code time attempts`. */
export function packedOf(script: string, reply: readonly Reply[]): Packed {
  const [, code, time, attempts] = reply
  return {
    code: textOf(script, code) as Code,
    time: timeOf(textOf(script, time)),
    attempts: wholeOf(script, attempts),
  }
}

/** 17 digits as ISO 8601. */
function timeOf(digits: string): string | null {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(digits)
  if (found === null) return null
  const [, year, month, day, hour, minute, second, ms] = found
  return `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`
}

/** Two steps: which are due, then each by itself. All of the second are sent at once. */
export async function ripeRecords(scripts: ScriptRunner, limit: number): Promise<readonly Ripe[]> {
  const ids = listOf('ripe', await scripts.run('ripe', { args: { limit } })).map((id) => textOf('ripe', id))
  const replies = await Promise.all(ids.map((id) => pack(scripts, id, 0)))
  return replies.flatMap(([word, n], i) => (word === 'ripe' ? [{ request: ids[i]!, attempt: wholeOf('pack', n) }] : []))
}

export async function packRecords(scripts: ScriptRunner, requests: readonly string[]): Promise<number> {
  const replies = await Promise.all(requests.map((id) => pack(scripts, id, 1)))
  return replies.filter(([word]) => word === 'packed').length
}

async function pack(scripts: ScriptRunner, id: string, packs: 0 | 1): Promise<readonly Reply[]> {
  // The letter's id follows from the event's, hence from the code: read before, so that its key can be declared.
  const code = await scripts.redis.call('HGET', [scripts.keys.record(id), 'code'])
  const letter = letterId(`${id}/${typeof code === 'string' ? code : ''}`)
  const reply = listOf('pack', await scripts.run('pack', { records: [id], tombs: [id], letter, args: { id, packs } }))
  if (!['gone', 'kept', 'ripe', 'packed'].includes(String(reply[0]))) throw unexpected('pack', reply)
  return reply
}

/** What is left of a request whose record is gone, as `show` tells it. */
export async function showTomb(scripts: ScriptRunner, id: string): Promise<RecordView | null> {
  const reply = listOf('tomb', await scripts.run('tomb', { tombs: [id], args: { id } }))
  if (reply[0] === 'none') return null
  if (reply[0] !== 'packed') throw unexpected('tomb', reply)
  const { code, attempts } = packedOf('tomb', reply)
  return packedView(id, code, attempts)
}

function packedView(id: string, code: string, attempts: number): RecordView {
  const nothing = { begunAtMs: null, decidedAtMs: null, toldAtMs: null, dueAtMs: null, holder: null, event: null }
  return { id, operation: '', state: 'packed', attempts, code, body: Buffer.alloc(0), ...nothing }
}
