// An installation on Placement whose workers speak to it through a proxy, and what the wire and the books then show.
import type { Allocations } from '../../src/transfer/snapshot.ts'
import { openInstallation, type Installation } from './installation.ts'
import { uuidV5 } from './installation-shape.ts'
import type { WorkerUnderTest } from './installation-workers.ts'
import { placementProxy, type Chooser, type Fault, type PlacementProxy, type Seen } from './placement-proxy.ts'

type Env = Readonly<Record<string, string>>

export interface PlacementInstallation extends Installation {
  readonly proxy: PlacementProxy
}

/** Few marker providers, so that making them takes little time; leases short, so that the dead are soon succeeded. */
const ENV = { FERRYMAN_PLACEMENT_MARKERS: '8', FERRYMAN_LOCK_LEASE_MS: '1500' }

/** Its workers reach Placement through the proxy, all else (seed, dump) past it. */
export async function openBehindProxy(env: Env = {}): Promise<PlacementInstallation> {
  const installation = await openInstallation({ ledger: 'placement', env: { ...ENV, ...env } })
  const proxy = await placementProxy(Number(new URL(installation.env['FERRYMAN_PLACEMENT_URL']!).port))
  const through = { FERRYMAN_PLACEMENT_URL: proxy.url }
  return {
    ...installation,
    proxy,
    spawn: (more) => installation.spawn({ ...through, ...more }),
    worker: (more): Promise<WorkerUnderTest> => installation.worker({ ...through, ...more }),
    close: async () => {
      await installation.close()
      await proxy.close()
    },
  }
}

/** `fault` for each write of allocations (`POST /allocations`) that `which` holds of; all else passes. */
export function faultOfWrites(fault: Fault, which: (body: string) => boolean = () => true): Chooser {
  return (method, path, body) => (method === 'POST' && path === '/allocations' && which(body) ? fault : null)
}

/** One write of a request as it went over the wire. */
export interface WireWrite {
  /** Number of the attempt whose marker it carries. */
  readonly attempt: number
  /** Null where Placement was not asked, or has not answered yet. */
  readonly status: number | null
  /** Each consumer but the marker: what it becomes, and the generation that it must have. */
  readonly consumers: Readonly<
    Record<string, { readonly generation: number | null; readonly allocations: Allocations }>
  >
}

const ATTEMPTS_MAX = 40

/** The writes of `request` that the proxy has seen, known by their marker K = uuid v5 of `<request>/<attempt>`. */
export function writesOf({ seen }: Pick<PlacementProxy, 'seen'>, request: string): readonly WireWrite[] {
  const markers = new Map(
    Array.from({ length: ATTEMPTS_MAX }, (_, n) => [uuidV5(`${request}/${n + 1}`), n + 1] as const),
  )
  return seen.flatMap((one) => {
    if (one.method !== 'POST' || one.path !== '/allocations') return []
    const rows = Object.entries(JSON.parse(one.body) as Record<string, Row>)
    const marker = rows.find(([id]) => markers.has(id))
    if (marker === undefined) return []
    const consumers = rows.filter((row) => row !== marker).map(([id, row]) => [id, held(row)] as const)
    return [{ attempt: markers.get(marker[0])!, status: one.status, consumers: Object.fromEntries(consumers) }]
  })
}

interface Row {
  readonly consumer_generation: number | null
  readonly allocations: Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>
}

function held({ consumer_generation: generation, allocations }: Row): WireWrite['consumers'][string] {
  const amounts = Object.entries(allocations).map(([provider, { resources }]) => [provider, resources] as const)
  return { generation, allocations: Object.fromEntries(amounts) }
}

/** Those that Placement carried out. */
export function doneOf(proxy: Pick<PlacementProxy, 'seen'>, request: string): readonly WireWrite[] {
  return writesOf(proxy, request).filter(({ status }) => status === 204)
}

/** Requests of `method` for the allocations of one consumer that the proxy has seen. */
export function askedOf({ seen }: Pick<PlacementProxy, 'seen'>, method: string, consumer: string): readonly Seen[] {
  return seen.filter((one) => one.method === method && one.path === `/allocations/${consumer}`)
}
