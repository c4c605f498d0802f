// What stands in for apply where a request has killed too often: its last attempt is settled, and it is tried no more.
import { outcome } from '../transfer/outcome.ts'
import { untouched } from './decision.ts'
import { closeDoor } from './intent.ts'
import type { Begun, Deps, Ending, Job } from './job.ts'

/** n.b. A cancel never is: its mark may stand, and "did not happen" would not be true. */
export function isPoison({ processing }: Begun, { settings }: Deps): boolean {
  return processing.deaths >= settings.poisonAfter
}

/** Where a send of it had been carried out, the decision that it left is told instead. */
export async function poison(job: Job, begun: Begun, deps: Deps): Promise<Ending> {
  const door = await closeDoor(begun, deps)
  if (door.kind !== 'closed') return door
  const { deaths } = begun.processing
  const result = outcome(
    'poison',
    `${deaths} processes died one after the other with request ${job.request.id} alone in hand; nothing was written.`,
  )
  return { kind: 'ended', begun, outcome: result, ...untouched(job.request) }
}
