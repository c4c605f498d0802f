// The whole state of a namespace in one comparable shape, read from the memory twin or from Redis.
import { expect } from 'chai'
import type { Reply } from '../../src/redis/client.ts'
import { recordOf, type MemorySlot, type Place, type Record as StoredRecord } from './memory/slot.ts'
import type { RedisStore } from './redis-store.ts'

interface TicketState {
  readonly session: string
  readonly key: string
  readonly state: string
  readonly unheard: boolean
  readonly grantedAtMs: number
  readonly deadlineMs: number
  readonly resources: readonly string[]
}

/** Plain objects all through; what is empty is left out. */
export interface SlotState {
  readonly meta: unknown
  readonly sessions: Readonly<{ [session: string]: number }>
  readonly tickets: Readonly<{ [number: string]: TicketState }>
  /** Tickets of each resource, first come first. */
  readonly queues: Readonly<{ [resource: string]: readonly number[] }>
  readonly keys: unknown
  readonly records: unknown
  readonly journal: unknown
  readonly books: unknown
}

type Flat = Readonly<{ [field: string]: string }>

export function stateOfMemory(slot: MemorySlot, requests: readonly string[]): SlotState {
  const records = requests.flatMap((id) => {
    const record = recordOf(slot, id)
    return record === null ? [] : [[id, comparable(record)] as const]
  })
  return {
    meta: { run: slot.metaRun, graceUntil: slot.graceUntilMs, sequence: slot.sequence },
    sessions: Object.fromEntries(slot.sessions),
    tickets: Object.fromEntries([...slot.tickets].map(([number, place]) => [number, ticketState(place)])),
    queues: Object.fromEntries(slot.queues),
    keys: Object.fromEntries(slot.keys),
    records: Object.fromEntries(records),
    journal: {
      open: Object.fromEntries(slot.open),
      recent: Object.fromEntries(slot.recent),
      told: Object.fromEntries(slot.told),
      ended: Object.fromEntries(slot.ended),
      moves: Object.fromEntries(slot.moves),
      intents: Object.fromEntries(slot.intents),
    },
    books: {
      consumers: Object.fromEntries(slot.consumers),
      generations: Object.fromEntries(slot.generations),
      providers: Object.fromEntries(slot.providers),
      usages: Object.fromEntries(slot.usages),
    },
  }
}

export async function stateOfRedis(
  { scripts: { redis, keys } }: RedisStore,
  requests: readonly string[],
): Promise<SlotState> {
  const hash = async (key: string): Promise<Flat> => pairs(await redis.call('HGETALL', [key]))
  const zset = async (key: string): Promise<Flat> => pairs(await redis.call('ZRANGE', [key, 0, -1, 'WITHSCORES']))
  const [meta, heads, t, rq, moves, intents, consumers, generations, providers, usages] = (await Promise.all(
    [
      keys.meta,
      keys.heads,
      keys.t,
      keys.rq,
      keys.moves,
      keys.intents,
      keys.consumers,
      keys.generations,
      keys.providers,
      keys.usages,
    ].map(hash),
  )) as [Flat, Flat, Flat, Flat, Flat, Flat, Flat, Flat, Flat, Flat]
  const [q, s, st, dl, open, recent, told, ended] = (await Promise.all(
    [keys.q, keys.s, keys.st, keys.dl, keys.open, keys.recent, keys.told, keys.ended].map(zset),
  )) as [Flat, Flat, Flat, Flat, Flat, Flat, Flat, Flat]
  const records = await Promise.all(requests.map(async (id) => [id, await hash(keys.record(id))] as const))
  const tickets = ticketsOf(t, dl)
  expectIndex(st, tickets)
  return {
    meta: { run: meta['run'] ?? '', graceUntil: Number(meta['graceUntil'] ?? 0), sequence: Number(meta['seq'] ?? 0) },
    sessions: numbers(s),
    tickets,
    queues: queuesOf(heads, q),
    keys: numbers(rq),
    records: Object.fromEntries(
      records
        .filter(([, record]) => Object.keys(record).length > 0)
        .map(([id, record]) => [id, recordFrom(id, record)]),
    ),
    journal: {
      open: numbers(open),
      recent: numbers(recent),
      told: numbers(told),
      ended: numbers(ended),
      moves: parsed(moves),
      intents,
    },
    books: {
      consumers: parsed(consumers),
      generations: numbers(generations),
      providers: parsed(providers),
      usages: usagesOf(usages),
    },
  }
}

function ticketsOf(t: Flat, dl: Flat): { [number: string]: TicketState } {
  expect(Object.keys(dl).sort(), 'dl has a deadline for every ticket').to.deep.equal(Object.keys(t).sort())
  return Object.fromEntries(
    Object.entries(t).map(([number, packed]) => {
      const [head, session, key, resources] = packed.split('\x1f') as [string, string, string, string]
      return [
        number,
        sortedResources({
          session,
          key,
          state: head[0] === 'W' ? 'waiting' : 'granted',
          unheard: head[0] === 'N',
          grantedAtMs: Number(head.slice(1)),
          deadlineMs: Number(dl[number]),
          resources: resources.split(','),
        }),
      ]
    }),
  )
}

function ticketState({ resources, unheard = false, number: _number, ...place }: Place): TicketState {
  return { ...place, unheard, resources: [...resources].sort() }
}

/** What a dead session would leave behind is known for every ticket, and for nothing else. */
function expectIndex(st: Flat, tickets: { readonly [number: string]: TicketState }): void {
  const wanted = Object.entries(tickets).map(([number, { session }]) => `${session}\x1f${number}`)
  expect(Object.keys(st).sort(), 'st').to.deep.equal(wanted.sort())
}

function queuesOf(heads: Flat, q: Flat): { [resource: string]: number[] } {
  const queues: { [resource: string]: number[] } = {}
  for (const [resource, head] of Object.entries(heads)) queues[resource] = [Number(head.slice(0, 16))]
  for (const member of Object.keys(q)) {
    const [resource, number] = member.split('\x1f') as [string, string]
    const queue = (queues[resource] ??= [])
    queue.push(Number(number))
  }
  for (const queue of Object.values(queues)) queue.sort((left, right) => left - right)
  return queues
}

function sortedResources<T extends { readonly resources: readonly string[] }>(ticket: T): T {
  return { ...ticket, resources: [...ticket.resources].sort() }
}

function comparable({ expiresAtMs: _expires, lastWrite: _write, ...record }: StoredRecord): unknown {
  if (record.digest === null) return { cancelledBy: record.cancelledBy }
  return { ...record, body: record.body.toString() }
}

function recordFrom(id: string, flat: Flat): unknown {
  if (flat['digest'] === undefined) return flat
  const text = (name: string): string | null => flat[name] || null
  const number = (name: string): number | null =>
    flat[name] === undefined || flat[name] === '' ? null : Number(flat[name])
  const decision =
    flat['code'] === undefined
      ? null
      : {
          request: id,
          code: flat['code'],
          operation: flat['op'],
          origin: flat['origin'],
          event: flat['event'],
          letter: flat['letter'] === '' ? null : (JSON.parse(flat['letter']!) as unknown),
        }
  return {
    digest: text('digest'),
    operation: flat['op'],
    body: flat['body'],
    properties: flat['props'],
    exchange: flat['exchange'],
    routingKey: flat['rk'],
    begunAtMs: number('begunAt'),
    run: flat['run'],
    processing: flat['proc'],
    attempts: number('attempts'),
    attempt: number('n'),
    written: number('written'),
    decision,
    decidedAtMs: number('decidedAt'),
    toldAtMs: number('toldAt'),
    rung: number('rung') ?? 0,
    dueAtMs: number('dueAt'),
    firstFailedAtMs: number('firstFailedAt'),
    reason: text('reason'),
    cancelledBy: text('cancelledBy'),
    last: flat['last'] ?? '',
    sent: number('sent'),
    intent: flat['intent'] === undefined ? null : (JSON.parse(flat['intent']) as unknown),
    suspect: flat['suspect'] === '1',
    deaths: number('deaths') ?? 0,
    swept: number('swept') ?? 0,
  }
}

function usagesOf(usages: Flat): { [provider: string]: { [resourceClass: string]: number } } {
  return Object.fromEntries(
    Object.entries(usages).map(([provider, text]) => [
      provider,
      Object.fromEntries(
        text
          .split(',')
          .map((part) => part.split('=') as [string, string])
          .map(([name, used]) => [name, Number(used)]),
      ),
    ]),
  )
}

function pairs(reply: Reply): Flat {
  const list = reply as readonly string[]
  return Object.fromEntries(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]))
}

function numbers(flat: Flat): { [field: string]: number } {
  return Object.fromEntries(Object.entries(flat).map(([field, value]) => [field, Number(value)]))
}

function parsed(flat: Flat): { [field: string]: unknown } {
  return Object.fromEntries(Object.entries(flat).map(([field, json]) => [field, JSON.parse(json) as unknown]))
}
