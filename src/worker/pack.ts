// Upkeep of the journal: records of requests told long ago become tombstones, a few at a time.
import type { Effects } from '../flow/effects.ts'
import type { Telemetry } from '../telemetry/events.ts'

const BATCH = 100

/**
 * One pass; any number of workers may be at it. What proves the attempts is taken away first: a record is only packed
 * when nothing is left behind that nobody would remember.
 */
export async function pack(effects: Pick<Effects, 'ripe' | 'forget' | 'pack'>, telemetry: Telemetry): Promise<void> {
  const ripe = await effects.ripe.once(BATCH)
  if (ripe.length === 0) return
  await effects.forget.once(
    ripe.flatMap(({ request, attempt }) =>
      Array.from({ length: attempt }, (_, index) => ({ request, number: index + 1 })),
    ),
  )
  const requests = await effects.pack.once(ripe.map(({ request }) => request))
  telemetry.emit('journal.packed', { requests })
}
