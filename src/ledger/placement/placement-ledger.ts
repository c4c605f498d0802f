// The ledger on Placement: reads in parallel, writes everything with its marker in one request, proves by the marker.
import type { Clock } from '../../clock/clock.ts'
import { Unanswered } from '../../retry/failures.ts'
import type { Scope } from '../../transfer/plan.ts'
import type { Move, Provider, Snapshot } from '../../transfer/snapshot.ts'
import type { Ledger, Sketch } from '../ledger.ts'
import { applyOn, reserveAlone } from './apply.ts'
import type { Authorise } from './authorise.ts'
import { placementHttp, type PlacementHttp } from './http.ts'
import { placementMarkers, type Markers } from './markers.ts'
import { ownMarkers } from './own-markers.ts'
import { accepted } from './refusals.ts'
import { absent, placementReading, type ReadConsumer, type Reading } from './reading.ts'

export interface PlacementOptions extends OverHttpOptions {
  readonly url: string
  /** Deadline (ms) of one request to Placement. */
  readonly timeoutMs: number
  readonly authorise: Authorise
}

export interface OverHttpOptions {
  readonly clock: Clock
  /** Names the marker providers: one installation, one namespace. */
  readonly namespace: string
  /** Marker providers, at least 1. */
  readonly markers: number
  /** Recorded moves by consumer, for scopes that take in what is held. */
  readonly moves: (consumers: readonly string[]) => Promise<Readonly<Record<string, Move>>>
}

export interface PlacementLedger extends Ledger {
  readonly name: 'placement'
  readonly reserve: NonNullable<Ledger['reserve']>
  readonly deleteUnguarded: NonNullable<Ledger['deleteUnguarded']>
  readonly markers: Markers
  readonly http: PlacementHttp
  stop(): Promise<void>
}

/** Unconnected; `markers.ensure()` must have been carried out once before the first write. */
export function placementLedger(options: PlacementOptions): PlacementLedger {
  return placementLedgerOver(placementHttp(options), options)
}

/** The same over requests that are carried by whatever `http` is. */
export function placementLedgerOver(http: PlacementHttp, options: OverHttpOptions): PlacementLedger {
  if (options.markers < 1) {
    throw new RangeError(
      `placement.markers is ${options.markers}: this version proves its writes by markers only. ` +
        'Set FERRYMAN_PLACEMENT_MARKERS to a number from 1 on, or remove it for the default.',
    )
  }
  const markers = placementMarkers(http, { namespace: options.namespace, count: options.markers })
  const reading = placementReading(http, options.clock)
  const parts = { http, markers, reading, clock: options.clock }
  const own = ownMarkers((attempt) => reserveAlone(parts, attempt))
  return {
    name: 'placement',
    decides: false,
    markers,
    http,
    snapshot: async (scope) => {
      const { consumers, providers } = await partsOf(scope, reading, options.moves)
      return snapshotOf(consumers, await providersIn(providers, reading))
    },
    sketch: (scope) => sketchOf(scope, reading, options.moves),
    reserve: own.take,
    apply: async (write, attempt) => {
      const ended = await own.take(attempt)
      if (ended !== null) return ended
      const sends = own.sendsOf(attempt) ?? 'answered'
      if (sends === 'done') return { kind: 'applied', after: null, decided: false }
      try {
        const applied = await applyOn(parts, write, attempt, sends === 'unanswered')
        own.keep(attempt, applied.kind === 'applied' ? 'done' : sends)
        return applied
      } catch (failure) {
        own.keep(attempt, failure instanceof Unanswered ? 'unanswered' : sends)
        throw failure
      }
    },
    find: (attempt) => markers.find(attempt),
    forget: async (attempts) => {
      await markers.remove(attempts)
    },
    close: async (attempt) => {
      const standing = await markers.close(attempt)
      own.drop(attempt)
      return standing
    },
    // n.b. The root document would be answered without a look at the database.
    probe: async () => {
      accepted(await http.send('GET', `/allocations/${NOBODY}`))
    },
    deleteUnguarded: async (consumer) => {
      const answer = await http.send('DELETE', `/allocations/${consumer}`)
      if (answer.status === 404) return 'absent'
      accepted(answer)
      return 'deleted'
    },
    stop: () => http.close(),
  }
}

/** A consumer that nobody is. */
const NOBODY = '00000000-0000-0000-0000-000000000000'

type Moves = PlacementOptions['moves']

const NO_MOVES: Readonly<Record<string, Move>> = {}

/** The consumers of a scope, and which providers are to be read: with what is held, also those of open moves. */
async function partsOf(
  scope: Scope,
  reading: Reading,
  moves: Moves,
): Promise<{ readonly consumers: readonly ReadConsumer[]; readonly providers: readonly string[] }> {
  const [named, recorded] = await Promise.all([
    Promise.all(scope.consumers.map((id) => reading.consumer(id))),
    scope.held ? moves(scope.consumers) : NO_MOVES,
  ])
  if (!scope.held) return { consumers: named, providers: scope.providers }
  const open = scope.consumers.flatMap((id) => {
    const move = recorded[id]
    return move?.state === 'open' && move.consumer === id ? [move] : []
  })
  const more = new Set(open.flatMap(({ migration }) => migration ?? []).filter((id) => !scope.consumers.includes(id)))
  const consumers = [...named, ...(await Promise.all([...more].map((id) => reading.consumer(id))))]
  const held = consumers.flatMap(({ consumer }) => Object.keys(consumer.allocations))
  const sides = open.flatMap(({ source, destination }) => [source, destination])
  return { consumers, providers: [...new Set([...scope.providers, ...sides, ...held])] }
}

async function providersIn(
  ids: readonly string[],
  reading: Reading,
): Promise<Readonly<Record<string, Provider | null>>> {
  const read = ids.map(async (id) => [id, await reading.provider(id)] as const)
  return Object.fromEntries(await Promise.all(read))
}

function snapshotOf(consumers: readonly ReadConsumer[], providers: Snapshot['providers']): Snapshot {
  return { providers, consumers: Object.fromEntries(consumers.map(({ consumer }) => [consumer.id, consumer])) }
}

/**
 * Left out is that consumers but the first hold nothing (unless the scope takes in what is held), and usages of
 * providers that the consumer holds of.
 */
async function sketchOf(scope: Scope, reading: Reading, moves: Moves): Promise<Sketch> {
  const empty = scope.held ? [] : scope.consumers.slice(1)
  const whole = { ...scope, consumers: scope.consumers.filter((id) => !empty.includes(id)) }
  const { consumers, providers: wanted } = await partsOf(whole, reading, moves)
  const generations = new Map(consumers.flatMap(({ providers }) => Object.entries(providers)))
  const known = wanted.flatMap((id) => reading.definition(id, generations.get(id) ?? null) ?? [])
  const read = await providersIn(
    wanted.filter((id) => !known.some((one) => one.id === id)),
    reading,
  )
  const left = empty.map((id): ReadConsumer => ({ consumer: absent(id), providers: {} }))
  const providers = { ...Object.fromEntries(known.map((one) => [one.id, one])), ...read }
  return { ...snapshotOf([...consumers, ...left], providers), assumed: left.length + known.length > 0 }
}
