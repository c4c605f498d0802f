// Waiting for replicas: what is about to be told, or sent to a ledger, must survive the loss of the master.
import { batched } from '../../redis/batched.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import { Unavailable } from '../../retry/failures.ts'
import type { Standing } from '../journal.ts'

/** Waits that are joined into one; while it runs the connection does nothing else. */
const WAITED = { sizeMax: 64, lanes: 1 }
/** Longest wait (ms) for a replica. */
const WAIT_MS = 1_000
const FIELDS = { intent: 'intent', decision: 'event' } as const

/** `replicas`: how many must have it; 0: nothing is asked. */
export function keptOn(scripts: ScriptRunner, replicas: number): (standing: Standing) => Promise<void> {
  if (replicas === 0) return async () => undefined
  const { redis, keys } = scripts
  const ask = batched(WAITED, async (asked: readonly Standing[]) => {
    // All at once, hence on one connection: WAIT counts what that connection has written, so something is written
    // after what was written before on any other; and what is read is read of the server that is waited for.
    const written = redis.call('HSET', [keys.meta, 'waited', 1])
    const found = asked.map(({ request, what }) => redis.call('HGET', [keys.record(request), FIELDS[what]]))
    const [have, , ...values] = await Promise.all([redis.call('WAIT', [replicas, WAIT_MS]), written, ...found])
    return values.map((value) => ({ have: Number(have), value }))
  })
  return async (standing) => {
    const { have, value } = await ask(standing)
    const { request, what } = standing
    if (value !== standing.value) throw new Unavailable(`the ${what} of request ${request} does not stand in Redis`)
    if (have < replicas) throw new Unavailable(`no replica of Redis has the ${what} of request ${request} yet`)
  }
}
