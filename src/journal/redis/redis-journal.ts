// The journal on Redis: one script a call; what was told is joined into batches.
import { isUtf8 } from 'node:buffer'
import { batched } from '../../redis/batched.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import type { Argument, Reply } from '../../redis/client.ts'
import { pairsOf, snapshotOf } from '../../redis/books.ts'
import { decisionArgs, moveRows } from '../../redis/decision.ts'
import {
  listOf,
  textOf,
  textOrNull,
  ticketOf,
  unexpected,
  listOfJoined,
  wholeOf,
  wholeOrNull,
} from '../../redis/replies.ts'
import { effectOf, type Code } from '../../transfer/outcome.ts'
import type { Decision } from '../../transfer/event.ts'
import type { Scope } from '../../transfer/plan.ts'
import type { Move } from '../../transfer/snapshot.ts'
import type { Begun, Entry, Intent, Journal, Sending } from '../journal.ts'
import { noteOf } from '../note.ts'

import { packRecords, packedOf, ripeRecords } from './packing.ts'
import { entryOf, listRecords, showRecord } from './records.ts'
import { keptOn } from './replicas.ts'
import { redisRestoring } from './restoring.ts'

/** Calls that one script carries at most: the server does nothing else meanwhile. */
const TOLD = { sizeMax: 64, lanes: 1 }
const BEGUN = { sizeMax: 16, lanes: 4 }

export interface JournalOptions {
  /** Whether the books stand in the same namespace, so that what is begun can be read in the same step. */
  readonly booksHere?: boolean
  /** How many replicas must have a decision before it is told. */
  readonly replicas?: number
}

export function redisJournal(scripts: ScriptRunner, options: JournalOptions = {}): Journal {
  const { booksHere = true, replicas = 0 } = options
  const tell = batched(TOLD, async (ids: readonly string[]) => {
    await scripts.run('told', { records: ids, rest: ids })
    return ids
  })
  const begin = batched(BEGUN, async (rows: readonly Beginning[]) =>
    listOf('begin', await scripts.run('begin', { ...requestsOf(rows), rest: rowsOf(rows) })),
  )
  return {
    begin: async (entry, scope, token, mine, alone = false) => {
      const begun = begunOf(entry, token, await begin({ entry, scope, token, mine, alone }))
      return begun.kind === 'begun' && !booksHere ? { ...begun, snapshot: null } : begun
    },
    decide: async (processing, decision, moves) => {
      const reply = await scripts.run('decide', {
        records: [processing.request],
        args: {
          id: processing.request,
          token: processing.token,
          effect: effectOf(decision.code),
          ...decisionArgs(decision),
        },
        rest: moveRows(moves),
      })
      return wordOf('decide', reply, ['decided', 'stale'] as const)
    },
    kept: keptOn(scripts, replicas),
    told: async (requests) => {
      await Promise.all(requests.map(tell))
    },
    aside: async (processing, aside) => {
      const { rung, delayMs, reason } = aside
      const reply = await scripts.run('aside', {
        records: [processing.request],
        args: { id: processing.request, token: processing.token, rung, delayMs, reason },
      })
      return wordOf('aside', reply, ['aside', 'stale'] as const)
    },
    sending: async (processing, sending) => {
      const args = { id: processing.request, token: processing.token, ...sendingArgs(sending) }
      const reply = await scripts.run('sending', { records: [processing.request], args })
      return wordOf('sending', reply, ['noted', 'stale'] as const)
    },
    cancel: async (target, by) => {
      const [word, code] = listOf(
        'cancel',
        await scripts.run('cancel', { records: [target], tombs: [target], args: { id: target, by } }),
      )
      if (word === 'cancelled' || word === 'cancelled_before' || word === 'waits') return { kind: word }
      if (word !== 'decided') throw unexpected('cancel', [word ?? null])
      return { kind: 'decided', code: textOf('cancel', code) as Code }
    },
    unsettled: async (consumers) => Object.fromEntries(await fieldsOf(scripts, scripts.keys.intents, consumers)),
    moves: async (consumers) => movesOf(await fieldsOf(scripts, scripts.keys.moves, consumers)),
    sweep: (limit) => sweep(scripts, limit),
    ripe: (limit) => ripeRecords(scripts, limit),
    pack: (requests) => packRecords(scripts, requests),
    ...redisRestoring(scripts),
    show: (id) => showRecord(scripts, id),
    list: (limit) => listRecords(scripts, limit),
  }
}

interface Beginning {
  readonly entry: Entry
  readonly scope: Scope
  readonly token: string
  readonly mine: boolean
  readonly alone: boolean
}

function requestsOf(rows: readonly Beginning[]): { records: readonly string[]; tombs: readonly string[] } {
  const ids = rows.map(({ entry }) => entry.id)
  return { records: ids, tombs: ids }
}

/** Number of rows, then the thirteen columns of each. */
function rowsOf(rows: readonly Beginning[]): Argument[] {
  const columns: Argument[] = [rows.length]
  for (const { entry, scope, token, mine, alone } of rows) {
    columns.push(
      entry.id,
      token,
      mine ? '1' : '0',
      entry.digest,
      entry.operation,
      textOrBytes(entry.body),
      entry.properties,
      entry.exchange,
      entry.routingKey,
      scope.consumers.join(','),
      scope.providers.join(','),
      scope.held ? '1' : '0',
      alone ? '1' : '0',
    )
  }
  return columns
}

/** One Buffer among the arguments makes ioredis copy all of them piece by piece; UTF-8 comes back the same bytes. */
function textOrBytes(body: Buffer): string | Buffer {
  return isUtf8(body) ? body.toString('utf8') : body
}

function begunOf(entry: Entry, token: string, answer: Reply): Begun {
  const reply = listOfJoined('begin', answer)
  const [word] = reply
  if (word === 'stale' || word === 'reused' || word === 'duplicate' || word === 'suspect') return { kind: word }
  if (word === 'decided') return { kind: 'decided', decision: decisionOf(entry.id, reply) }
  if (word === 'packed') return { kind: 'packed', packed: packedOf('begin', reply) }
  if (word !== 'begun') throw unexpected('begin', reply)
  const [, attempts, n, rung, now, firstFailedAt, reason, cancelledBy, written, sent, deaths, intent, ...read] = reply
  const [ticket, moves, snapshot] = read
  return {
    kind: 'begun',
    processing: {
      request: entry.id,
      token,
      session: token.slice(0, token.lastIndexOf('.')),
      attempts: wholeOf('begin', attempts),
      attempt: wholeOf('begin', n),
      rung: wholeOf('begin', rung),
      nowMs: wholeOf('begin', now),
      firstFailedAtMs: wholeOrNull('begin', firstFailedAt),
      lastReason: textOrNull(reason),
      cancelledBy: textOrNull(cancelledBy),
      written: wholeOf('begin', written) === 1,
      sent: wholeOf('begin', sent) === 1,
      intent: intent === '' ? null : (JSON.parse(textOf('begin', intent)) as Intent),
      deaths: wholeOf('begin', deaths),
    },
    ticket: ticketOf('begin', ticket),
    moves: movesOf(pairsOf('begin', moves)),
    snapshot: snapshot === '' || snapshot === undefined ? null : snapshotOf('begin', snapshot),
  }
}

function sendingArgs({ attempt, once, intent }: Sending): Readonly<Record<string, Argument>> {
  const consumers = intent?.consumers.join(',') ?? ''
  return { attempt, once: once ? 1 : 0, intent: intent === null ? '' : noteOf(intent), consumers }
}

/** Those of `fields` that the hash has. */
async function fieldsOf(
  scripts: ScriptRunner,
  key: string,
  fields: readonly string[],
): Promise<readonly (readonly [string, string])[]> {
  if (fields.length === 0) return []
  const found = listOf('HMGET', await scripts.redis.call('HMGET', [key, ...fields]))
  return fields.flatMap((field, i) => {
    const value = textOrNull(found[i])
    return value === null ? [] : [[field, value] as const]
  })
}

/** Two steps: which are due, then each by a script that declares its record. All of the second are sent at once. */
async function sweep(scripts: ScriptRunner, limit: number): Promise<readonly Entry[]> {
  const ids = listOf('due', await scripts.run('due', { args: { limit } })).map((id) => textOf('due', id))
  const replies = await Promise.all(ids.map((id) => scripts.runBuffers('sweep', { records: [id], args: { id } })))
  return replies.flatMap((reply, i) => entryOf(ids[i]!, reply))
}

function decisionOf(request: string, reply: readonly Reply[]): Decision {
  const [code, operation, origin, event, letter] = reply.slice(1).map((part) => textOf('begin', part))
  return {
    request,
    code: code as Code,
    operation: operation!,
    origin: origin!,
    event: event!,
    letter: letter === '' ? null : (JSON.parse(letter!) as Record<string, string | number>),
  }
}

function movesOf(pairs: readonly (readonly [string, string])[]): Readonly<Record<string, Move>> {
  return Object.fromEntries(pairs.filter(([, json]) => json !== '').map(([id, json]) => [id, JSON.parse(json) as Move]))
}

function wordOf<Word extends string>(script: string, reply: Reply, words: readonly Word[]): Word {
  const found = words.find((word) => word === listOf(script, reply)[0])
  if (found === undefined) throw unexpected(script, reply)
  return found
}
