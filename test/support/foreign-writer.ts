// Somebody else who writes to the same consumers in Placement, with correct generations, and remembers what he did.
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Allocations } from '../../src/transfer/snapshot.ts'
import type { Random } from './crowd.ts'

export interface ForeignWrite {
  readonly consumer: string
  /** That it had before. */
  readonly generation: number
  /** That it holds since. */
  readonly allocations: Allocations
}

export interface ForeignWriter {
  /** What one consumer holds right now. */
  holds(consumer: string): Promise<Allocations>
  /** Writes that Placement took so far, in the order of their answers. */
  readonly writes: readonly ForeignWrite[]
  stop(): Promise<void>
}

export interface ForeignOptions {
  readonly env: Readonly<Record<string, string>>
  /** Whom to write to next, or null: nobody now. */
  readonly next: () => string | null
  /** Where to move it, or null: it is written down as it is, which raises its generation. */
  readonly target: (consumer: string) => string | null
  readonly random: Random
}

interface Holding {
  readonly allocations: Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>
  readonly consumer_generation?: number
  readonly project_id?: string
  readonly user_id?: string
  readonly consumer_type?: string
}

const REST_MS = 40

/** Reads a consumer and writes it, again and again, until it is stopped. */
export function foreignWriter({ env, next, target, random }: ForeignOptions): ForeignWriter {
  const writes: ForeignWrite[] = []
  const over = new AbortController()
  const ask = (method: string, consumer: string, body: string | null = null): Promise<Response> =>
    fetch(`${env['FERRYMAN_PLACEMENT_URL']}/allocations/${consumer}`, {
      method,
      body,
      headers: {
        'x-auth-token': env['FERRYMAN_PLACEMENT_TOKEN']!,
        'openstack-api-version': 'placement 1.38',
        'content-type': 'application/json',
      },
    })
  const read = async (consumer: string): Promise<Holding> => (await (await ask('GET', consumer)).json()) as Holding
  const act = async (consumer: string): Promise<void> => {
    const found = await read(consumer)
    const { consumer_generation: generation, project_id, user_id, consumer_type } = found
    if (generation === undefined) return // it holds nothing
    const to = target(consumer)
    const allocations = Object.fromEntries(
      Object.entries(found.allocations).map(([provider, { resources }]) => [to ?? provider, { resources }]),
    )
    const body = { allocations, consumer_generation: generation, project_id, user_id, consumer_type }
    const { status } = await ask('PUT', consumer, JSON.stringify(body))
    if (status === 204) writes.push({ consumer, generation, allocations: amountsOf({ allocations }) })
  }
  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const consumer = next()
      if (consumer !== null) await act(consumer)
      await systemClock.sleep(REST_MS * random(), over.signal).catch(() => undefined)
    }
  }
  const running = run()
  return {
    writes,
    holds: async (consumer) => amountsOf(await read(consumer)),
    stop: () => {
      over.abort()
      return running
    },
  }
}

function amountsOf({ allocations }: Pick<Holding, 'allocations'>): Allocations {
  return Object.fromEntries(Object.entries(allocations).map(([provider, { resources }]) => [provider, resources]))
}
