// Records read for people and for the sweep: `show`, `list`, and the entry to publish again.
import type { Reply } from '../../redis/client.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import { listOf, textOf, unexpected } from '../../redis/replies.ts'
import type { Entry, RecordView } from '../journal.ts'
import { showTomb } from './packing.ts'

/** What `sweep.lua` answered of one request: an entry, or none. */
export function entryOf(id: string, reply: Reply<Buffer>): readonly Entry[] {
  const [word, digest, operation, body, properties, exchange, routingKey] = listOf('sweep', reply)
  if (String(word) === 'none') return []
  if (String(word) !== 'entry' || !Buffer.isBuffer(body)) throw unexpected('sweep', String(word))
  return [
    {
      id,
      digest: String(digest),
      operation: String(operation),
      body,
      properties: String(properties),
      exchange: String(exchange),
      routingKey: String(routingKey),
    },
  ]
}

export async function showRecord(scripts: ScriptRunner, id: string): Promise<RecordView | null> {
  const record = listOf('HGETALL', await scripts.redis.callBuffers('HGETALL', [scripts.keys.record(id)]))
  return viewOf(id, record) ?? showTomb(scripts, id)
}

/** Newest first. What was packed meanwhile is left out. */
export async function listRecords(scripts: ScriptRunner, limit: number): Promise<readonly RecordView[]> {
  if (limit < 1) return []
  const ids = listOf('ZREVRANGE', await scripts.redis.call('ZREVRANGE', [scripts.keys.recent, 0, limit - 1]))
  const views = await Promise.all(ids.map((id) => showRecord(scripts, textOf('ZREVRANGE', id))))
  return views.filter((view) => view !== null).filter(({ state }) => state !== 'packed')
}

function viewOf(id: string, flat: readonly Reply<Buffer>[]): RecordView | null {
  const fields = new Map<string, Buffer>()
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(String(flat[i]), flat[i + 1] as Buffer)
  const text = (name: string): string | null => fields.get(name)?.toString() || null
  const time = (name: string): number | null => {
    const value = text(name)
    return value === null ? null : Number(value)
  }
  if (!fields.has('digest') && !fields.has('code')) return null
  const holder = text('proc')
  return {
    id,
    operation: text('op') ?? '',
    state: fields.has('told') ? 'told' : fields.has('code') ? 'decided' : holder === null ? 'waiting' : 'processing',
    attempts: time('attempts') ?? 0,
    begunAtMs: time('begunAt') ?? 0,
    decidedAtMs: time('decidedAt'),
    toldAtMs: time('toldAt'),
    dueAtMs: time('dueAt'),
    code: text('code'),
    holder: holder === null ? null : holder.slice(0, holder.lastIndexOf('.')),
    body: fields.get('body') ?? Buffer.alloc(0),
    event: text('event'),
  }
}
