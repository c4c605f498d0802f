// The ledger on Redis: reads at one moment, writes, decides and releases in one script.
import type { Argument, Reply } from '../../redis/client.ts'
import { batched } from '../../redis/batched.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import { consumerOf, consumerText, pairsOf, snapshotOf } from '../../redis/books.ts'
import { decisionArgs, moveRows } from '../../redis/decision.ts'
import { listOf, textOf, unexpected, listOfJoined, wholeOrNull } from '../../redis/replies.ts'
import { dictionary } from '../../transfer/dictionary.ts'
import { Refused } from '../../retry/failures.ts'
import type { Decision } from '../../transfer/event.ts'
import type { Scope, Write } from '../../transfer/plan.ts'
import type { Consumer, Snapshot } from '../../transfer/snapshot.ts'
import type { Applied, Attempt, Ledger, Standing } from '../ledger.ts'

/** Writes that one script carries at most: the server does nothing else meanwhile. */
const APPLIED = { sizeMax: 16, lanes: 4 }

export function redisLedger(scripts: ScriptRunner): Ledger {
  const apply = batched(APPLIED, async (sends: readonly Send[]) => {
    const records = sends.map(({ attempt }) => attempt.request)
    return listOf('apply', await scripts.run('apply', { records, rest: [sends.length, ...sends.flatMap(fieldsOf)] }))
  })
  const snapshot = async ({ consumers, providers, held }: Scope): Promise<Snapshot> => {
    const args = { consumers: consumers.join(','), providers: providers.join(','), held: held ? 1 : 0 }
    return snapshotOf('snapshot', await scripts.run('snapshot', { args }))
  }
  return {
    name: 'redis',
    decides: true,
    reserve: null,
    deleteUnguarded: null,
    snapshot,
    sketch: async (scope) => ({ ...(await snapshot(scope)), assumed: false }),
    apply: async (write, attempt, decision) => appliedOf(write, await apply({ write, attempt, decision })),
    find: async (attempt) => {
      const reply = await scripts.redis.call('HMGET', [scripts.keys.record(attempt.request), 'written', 'n'])
      const [written, n] = listOf('HMGET', reply)
      return standingOf(attempt, wholeOrNull('HMGET', written), wholeOrNull('HMGET', n))
    },
    close: async (attempt) => {
      const reply = await scripts.run('close-attempt', {
        records: [attempt.request],
        args: { token: attempt.token, attempt: attempt.number },
      })
      const [word] = listOf('close-attempt', reply)
      if (word !== 'applied' && word !== 'closed' && word !== 'stale') throw unexpected('close-attempt', reply)
      return word
    },
    probe: async () => {
      await scripts.run('snapshot', { args: { consumers: '', providers: '', held: 0 } })
    },
    // The proof is the record's `written` mark, which goes with the record.
    forget: async () => undefined,
  }
}

/** A write as `apply.lua` takes it. Throws where a generation does not follow the one before: a bug of the plan. */
function rowsOf(write: Write): readonly Argument[] {
  for (const { before, after } of write.changes) {
    if (after.generation !== before.nextGeneration) {
      const seen = before.generation ?? 'none'
      throw new RangeError(`consumer ${before.id}: generation ${after.generation} does not follow ${seen}`)
    }
  }
  const changed = new Set(write.changes.map(({ before }) => before.id))
  if (changed.size < write.changes.length) throw new RangeError('a write may change a consumer only once')
  const providers = Object.entries(write.providers)
  return [
    write.changes.length,
    ...write.changes.flatMap(({ before, after }) => [
      before.id,
      before.generation ?? '',
      after.generation,
      consumerText(after),
    ]),
    write.guards.length,
    ...write.guards.flatMap((guard) => [guard.id, guard.generation ?? '']),
    providers.length,
    ...providers.flat(),
    ...moveRows(write.moves),
  ]
}

interface Send {
  readonly write: Write
  readonly attempt: Attempt
  readonly decision: Decision
}

function fieldsOf({ write, attempt, decision }: Send): readonly Argument[] {
  const { code, origin, event, letter } = decisionArgs(decision)
  return [attempt.token, attempt.ticket, attempt.number, code, origin, event, letter, ...rowsOf(write)]
}

function appliedOf(write: Write, reply: Reply): Applied {
  const [word, second, after] = listOfJoined('apply', reply)
  if (word === 'stale') return { kind: 'stale' }
  if (word === 'broken') throw new Refused(`Redis refused the write: ${textOf('apply', second)}`)
  if (word === 'conflict') return { kind: 'conflict', reason: textOf('apply', second) }
  if (word !== 'applied') throw unexpected('apply', reply)
  const decided = wholeOrNull('apply', second) === 1
  if (after === '') return { kind: 'applied', after: null, decided }
  const consumers = dictionary<Consumer>()
  for (const [id, json] of pairsOf('apply', after)) {
    const change = write.changes.find(({ before }) => before.id === id)
    consumers[id] = consumerOf(id, json, change?.after.generation ?? null)
  }
  return { kind: 'applied', after: consumers, decided }
}

function standingOf(attempt: Attempt, written: number | null, n: number | null): Standing {
  if (written === attempt.number) return 'applied'
  return n !== null && n > attempt.number ? 'closed' : 'absent'
}
