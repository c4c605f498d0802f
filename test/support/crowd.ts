// A crowd of servers that move about at random, each asking again when answered, over hosts that are nearly full.
import { createHash } from 'node:crypto'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Allocations } from '../../src/transfer/snapshot.ts'
import { type Books, type Installation, type Told } from './installation.ts'

/** Numbers 0 … 1, the same for the same seed. */
export type Random = () => number

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A uuid made from words, the same in every run. */
export function uuidOf(...words: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(words.join(' ')).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export const hostId = (host: number): string => uuidOf('host', host)
export const serverId = (server: number): string => uuidOf('server', server)

export interface CrowdOptions {
  readonly hosts: number
  readonly servers: number
  /** Units of VCPU of one host; each server takes 2. */
  readonly roomOfHost: number
}

/** Books in which server n stands on host n modulo the number of hosts. */
export function crowdBooks({ hosts, servers, roomOfHost }: CrowdOptions): Books {
  const common = { reserved: 0, min_unit: 1, step_size: 1, allocation_ratio: 1 }
  const inventories = {
    VCPU: { ...common, total: roomOfHost, max_unit: roomOfHost },
    MEMORY_MB: { ...common, total: roomOfHost * 512, max_unit: roomOfHost * 512 },
  }
  const provider = (host: number) => ({
    id: hostId(host),
    name: `cn-${host}`,
    parent: null,
    traits: [],
    aggregates: [],
    inventories,
  })
  const consumer = (server: number) => ({
    id: serverId(server),
    type: 'INSTANCE',
    project: 'p',
    user: 'u',
    allocations: { [hostId(server % hosts)]: { VCPU: 2, MEMORY_MB: 1024 } },
  })
  return {
    providers: Array.from({ length: hosts }, (_, host) => provider(host)),
    consumers: Array.from({ length: servers }, (_, server) => consumer(server)),
  }
}

export interface Played {
  /** Ids of all requests that were sent. */
  readonly requests: readonly string[]
  /** Bodies sent beyond one for each request. */
  readonly copies: number
  /** Requests whose id was sent again with other content. */
  readonly reused: readonly string[]
}

/** One of the crowd, as far as the crowd knows. */
export interface Server {
  id: string
  allocations: Allocations
  open: boolean
}

/** The crowd as it stands in `crowdBooks`. */
export function crowdOf(options: CrowdOptions): Server[] {
  return crowdBooks(options).consumers.map(({ id, allocations }) => ({ id, allocations, open: false }))
}

/** Sends `count` requests, at most one a server at a time, and resolves when each was told. */
export function playOut(
  installation: Installation,
  options: CrowdOptions,
  count: number,
  random: Random,
  run = 'crowd',
): Promise<Played> {
  return playOn(installation, options, crowdOf(options), (asked) => asked < count, random, run)
}

/** Sends requests of a crowd that has moved before, while `more` holds of how many were asked; as `playOut`. */
export async function playOn(
  installation: Pick<Installation, 'ask' | 'decision'>,
  options: CrowdOptions,
  servers: readonly Server[],
  more: (asked: number) => boolean,
  random: Random,
  run: string,
): Promise<Played> {
  const requests: string[] = []
  const reused: string[] = []
  let copies = 0
  const askFor = async (server: Server): Promise<void> => {
    const id = uuidOf(run, requests.length)
    const fields = { version: 1, id, origin: 'crowd', ...nextOf(server, options, random, requests) }
    requests.push(id)
    const extra = random() < 0.15 ? 1 + Math.floor(random() * 3) : 0
    copies += extra
    await installation.ask(...Array.from({ length: 1 + extra }, () => fields))
    const told = await installation.decision(id)
    learn(server, fields, told)
    if (random() > 0.03) return
    reused.push(id)
    await installation.ask({ ...fields, context: { other: 'content' } })
  }
  await Promise.all(
    servers.map(async (server) => {
      while (more(requests.length)) await askFor(server)
    }),
  )
  return { requests, copies, reused }
}

export interface Load {
  readonly requests: readonly string[]
  /** Longest time (ms) from the publishing of a request to the arrival of its outcome. */
  readonly longestMs: number
  /** Longest time (ms) without any outcome. */
  readonly longestPauseMs: number
}

/** Plays on until `over`, and measures what a scheduler sees. */
export async function playTimed(
  installation: Installation,
  options: CrowdOptions,
  random: Random,
  over: AbortSignal,
): Promise<Load> {
  const askedMs = new Map<string, number>()
  let [longestMs, longestPauseMs, lastMs] = [0, 0, systemClock.monotonicMs()]
  const timed: Installation = {
    ...installation,
    ask: (...asked) => {
      const id = String((asked[0] as Fields)['id'])
      if (!askedMs.has(id)) askedMs.set(id, systemClock.monotonicMs())
      return installation.ask(...asked)
    },
    decision: async (request) => {
      const told = await installation.decision(request)
      const nowMs = systemClock.monotonicMs()
      longestMs = Math.max(longestMs, Math.round(nowMs - askedMs.get(request)!))
      longestPauseMs = Math.max(longestPauseMs, Math.round(nowMs - lastMs))
      lastMs = nowMs
      return told
    },
  }
  const { requests } = await playOn(timed, options, crowdOf(options), () => !over.aborted, random, 'crowd')
  return { requests, longestMs, longestPauseMs }
}

type Fields = Readonly<Record<string, unknown>>

/** What this server asks for now: mostly what can be done, sometimes what must be refused. */
function nextOf(server: Server, { hosts }: CrowdOptions, random: Random, earlier: readonly string[]): Fields {
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!
  const consumer = server.id
  const held = Object.keys(server.allocations)
  const elsewhere = (): string => {
    const free = Array.from({ length: hosts }, (_, host) => hostId(host)).filter((id) => !held.includes(id))
    return pick(free)
  }
  if (random() < 0.03 && earlier.length > 0) return { operation: 'cancel', request: pick(earlier.slice(-40)) }
  if (held.length === 0) {
    const owner = { project: 'p', user: 'u' }
    return { operation: 'acquire', consumer, destination: elsewhere(), resources: { VCPU: 2, MEMORY_MB: 1024 }, owner }
  }
  const source = held[0]!
  const wrong = random() < 0.08
  const move = { consumer, source: wrong ? elsewhere() : source, destination: wrong ? source : elsewhere() }
  const roll = random()
  if (server.open) {
    if (roll < 0.45) return { operation: 'confirm', consumer }
    if (roll < 0.85) return { operation: 'revert', consumer }
    return { operation: 'claim', ...move }
  }
  if (roll < 0.4) return { operation: 'claim', ...move, ...(random() < 0.2 ? { mode: 'doubled' } : {}) }
  if (roll < 0.7) {
    const alternates = !wrong && random() < 0.3 ? { alternates: [elsewhere()] } : {}
    return { operation: 'transfer', ...move, ...alternates }
  }
  if (roll < 0.8) return { operation: 'release', consumer, source }
  if (roll < 0.88) return { operation: 'adjust', consumer, deltas: { [source]: { MEMORY_MB: pick([-256, 256]) } } }
  if (roll < 0.94)
    return { operation: 'swap-consumer', consumer, newConsumer: uuidOf('swapped', consumer, earlier.length) }
  return { operation: 'confirm', consumer }
}

/** How the server stands after what it was told; a refusal leaves it as it was. */
function learn(server: Server, fields: Fields, told: Told): void {
  if (!['applied', 'already_applied'].includes(told.outcome.code) || told.operation === 'cancel') return
  if (told.operation === 'swap-consumer') server.id = String(fields['newConsumer'])
  server.allocations = told.after?.[server.id]?.allocations ?? {}
  server.open = told.open !== null
}
