// What tests of the Placement ledger are written with: hosts, a ledger behind a proxy, and one write of each kind.
import { change, claim, D, E, holding, I, M, OTHER, providerOf, S, SMALL, write } from '../contract/ground.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { PlacementServer } from '../../src/demo/servers.ts'
import type { Attempt } from '../../src/ledger/ledger.ts'
import type { SeedConsumer } from '../../src/ledger/seed-document.ts'
import type { PlacementLedger } from '../../src/ledger/placement/placement-ledger.ts'
import { placementBooks } from '../../src/ledger/placement/placement-books.ts'
import type { Decision } from '../../src/transfer/event.ts'
import type { Write } from '../../src/transfer/plan.ts'
import type { Snapshot } from '../../src/transfer/snapshot.ts'
import { placementProxy, type PlacementProxy } from './placement-proxy.ts'
import { ledgerOn, type LedgerOptions } from './placement-store.ts'

export interface PlacementGround {
  readonly proxy: PlacementProxy
  /** Through the proxy. */
  readonly ledger: PlacementLedger
  /** Past the proxy: what is really there. */
  holds(): Promise<unknown>
  seed(consumers: readonly SeedConsumer[]): Promise<void>
  stop(): Promise<void>
}

const HOSTS = [S, D, E].map((id) => providerOf(id, { MEMORY_MB: { total: 65_536 }, VCPU: { total: 64 } }))

/** On an emptied Placement, with its markers made. */
export async function placementGround(server: PlacementServer, options: LedgerOptions = {}): Promise<PlacementGround> {
  const proxy = await placementProxy(server.port)
  const ledger = ledgerOn(server, { ...options, url: proxy.url })
  const direct = ledgerOn(server)
  const books = placementBooks(direct.http, direct.markers, systemClock)
  await direct.markers.ensure()
  await ledger.http.minor()
  proxy.clear()
  return {
    proxy,
    ledger,
    holds: async () => {
      const { consumers } = await books.dump()
      return Object.fromEntries(
        consumers.map(({ id, generation, allocations }) => [id, { generation, ...allocations }]),
      )
    },
    seed: async (consumers) => {
      const { violations } = await books.seed({ providers: HOSTS, consumers }, { replace: true })
      if (violations.length > 0) throw new Error(JSON.stringify(violations))
    },
    stop: async () => {
      await Promise.all([ledger.stop(), direct.stop(), proxy.close()])
    },
  }
}

export const SCOPE = { consumers: [I, M, OTHER], providers: [S, D, E], held: false }

/** An attempt of a request that no other test has. */
export function attemptOf(request: string, number = 1): Attempt {
  return { request, token: 'a.1', ticket: 1, number }
}

/** Placement decides nothing, so that it takes no notice of this. */
export const DECISION: Decision = {
  request: '',
  code: 'applied',
  operation: 'claim',
  origin: 'none',
  event: '{}',
  letter: null,
}

export interface Kind {
  /** What stands before. */
  readonly consumers: readonly SeedConsumer[]
  readonly write: (snapshot: Snapshot) => Write
}

const ON_S = holding(I, { [S]: SMALL })
const ON_D = holding(I, { [D]: SMALL })
const M_ON_S = { ...holding(M, { [S]: SMALL }), type: 'MIGRATION' }

/** One write of each operation. */
export const KINDS: Readonly<Record<string, Kind>> = {
  claim: { consumers: [ON_S], write: claim },
  doubled: {
    consumers: [ON_S],
    write: ({ consumers }) => write([change(consumers[I]!, { [S]: SMALL, [D]: SMALL })]),
  },
  transfer: { consumers: [ON_S], write: ({ consumers }) => write([change(consumers[I]!, { [D]: SMALL })]) },
  retarget: {
    consumers: [ON_D, M_ON_S],
    write: ({ consumers }) => write([change(consumers[I]!, { [E]: SMALL })], { guards: [consumers[M]!] }),
  },
  confirm: {
    consumers: [ON_D, M_ON_S],
    write: ({ consumers }) => write([change(consumers[M]!, {})], { guards: [consumers[I]!] }),
  },
  revert: {
    consumers: [ON_D, M_ON_S],
    write: ({ consumers }) => write([change(consumers[I]!, { [S]: SMALL }), change(consumers[M]!, {})]),
  },
  acquire: { consumers: [], write: ({ consumers }) => write([change(consumers[I]!, { [D]: SMALL })]) },
  release: {
    consumers: [ON_D, M_ON_S],
    write: ({ consumers }) => write([change(consumers[I]!, {}), change(consumers[M]!, {})]),
  },
  resize: { consumers: [ON_S], write: ({ consumers }) => write([change(consumers[I]!, { [S]: { VCPU: 4 } })]) },
  adjust: { consumers: [ON_S], write: ({ consumers }) => write([change(consumers[I]!, { [S]: { VCPU: 1 } })]) },
  'swap-consumer': {
    consumers: [ON_S],
    write: ({ consumers }) => write([change(consumers[I]!, {}), change(consumers[OTHER]!, { [S]: SMALL })]),
  },
}
