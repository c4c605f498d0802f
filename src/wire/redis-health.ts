// Whether Redis can be worked with now: connected, lease trusted, writes accepted, room left.
import type { LockSession } from '../locks/session.ts'
import { memoryOf, probe } from '../redis/check.ts'
import { Unavailable } from '../retry/failures.ts'
import type { Store } from './parts.ts'

export interface RedisHealth {
  troubles(): readonly string[]
  /** Writes and measures; what it finds stands until the next time. */
  probe(): Promise<void>
}

/** n.b. A full disk lets PING through and refuses every write, so the probe writes. A lease may end for that reason. */
export function redisHealth({ redis, keys }: Store, locks: LockSession): RedisHealth {
  let found: readonly string[] = []
  return {
    troubles: () => {
      if (!redis.ready) return ['redis is not connected']
      return [...found, ...(locks.trusted ? [] : ['the lease of this process is not trusted'])]
    },
    probe: async () => {
      try {
        await probe(redis, keys)
        const memory = await memoryOf(redis)
        found = memory.pressed
          ? [`redis uses ${memory.usedBytes} of ${memory.maxBytes} bytes: at least 80 % of maxmemory`]
          : []
      } catch (failure) {
        found = [`redis takes no writes: ${failure instanceof Error ? failure.message : String(failure)}`]
        if (!(failure instanceof Unavailable)) throw failure
      }
    },
  }
}
