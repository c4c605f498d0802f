// Restoring on Redis: who may do it, one decision at a time, and how far the events journal is kept.
import { consumerText } from '../../redis/books.ts'
import { decisionArgs, moveRows } from '../../redis/decision.ts'
import { listOf, textOf, unexpected, wholeOf, wholeOrNull } from '../../redis/replies.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import type { Journal, Restored, Restoring } from '../journal.ts'

export function redisRestoring(scripts: ScriptRunner): Pick<Journal, 'restoring' | 'restore' | 'restored'> {
  return {
    restoring: async (holder, keepMs) => restoringOf(scripts, holder, keepMs),
    restore: (run, restored) => restore(scripts, run, restored),
    restored: async (thisRun, offset, restores) => {
      const args = { thisRun, offset, restores: restores ? 1 : 0 }
      const [word] = listOf('restored', await scripts.run('restored', { args }))
      if (word !== 'noted' && word !== 'stale') throw unexpected('restored', word ?? null)
      return word
    },
  }
}

async function restoringOf(scripts: ScriptRunner, holder: string, keepMs: number): Promise<Restoring> {
  const reply = await scripts.run('restoring', { args: { holder, keepMs } })
  const [run, restoring, mine, offset] = listOf('restoring', reply)
  return {
    run: textOf('restoring', run),
    restoring: wholeOf('restoring', restoring) === 1,
    mine: wholeOf('restoring', mine) === 1,
    offset: wholeOrNull('restoring', offset),
  }
}

async function restore(scripts: ScriptRunner, thisRun: string, restored: Restored): ReturnType<Journal['restore']> {
  const { decision, attempts, decidedMs, changes, moves } = restored
  const id = decision.request
  const rows = changes.flatMap(({ before, after }) => [
    before.id,
    before.generation ?? '',
    after.generation,
    consumerText(after),
  ])
  const reply = await scripts.run('restore', {
    records: [id],
    tombs: [id],
    args: { thisRun, id, op: decision.operation, ...decisionArgs(decision), attempts, decidedMs },
    rest: [changes.length, ...rows, ...moveRows(moves)],
  })
  const [word] = listOf('restore', reply)
  if (word !== 'restored' && word !== 'known' && word !== 'changed' && word !== 'stale') {
    throw unexpected('restore', reply)
  }
  return word
}
