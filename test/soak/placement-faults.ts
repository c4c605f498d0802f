// The faults of Placement: it refuses, is late, loses what goes either way, is gone, or somebody else writes to it.
import { randomOf } from '../support/crowd.ts'
import { foreignWriter } from '../support/foreign-writer.ts'
import type { Fault as ProxyFault } from '../support/placement-proxy.ts'
import type { Fault } from './storm.ts'

/** For a share of all requests to Placement, while it lasts. */
const placementFault = (name: string, weight: number, share: number, fault: ProxyFault): Fault => ({
  name: `Placement ${name}`,
  weight,
  strike: async ({ ground, random, last }) => {
    const { proxy } = ground.placement!
    const own = randomOf(random() * 2 ** 32) // the faults that come after must not hang on how many requests there are
    proxy.fault(() => (own() < share ? fault : null))
    await last(1_000, 7_000)
    proxy.fault(() => null)
    await proxy.release()
  },
})

export const PLACEMENT_FAULTS: readonly Fault[] = [
  placementFault('answers 503', 2, 1, { kind: 'answer', status: 503, body: 'down for maintenance' }),
  placementFault('answers 503 to some', 2, 0.3, { kind: 'answer', status: 503, body: 'down for maintenance' }),
  placementFault('answers lost', 3, 0.3, { kind: 'lose_answer' }),
  placementFault('requests lost', 2, 0.3, { kind: 'lose_request' }),
  placementFault('requests late', 3, 0.2, { kind: 'hold' }),
  {
    name: 'Placement gone',
    weight: 2,
    strike: async ({ ground, last }) => {
      await ground.placement!.server.kill()
      await last(500, 6_000)
      await ground.placement!.server.restart()
    },
  },
  {
    name: 'Placement frozen',
    weight: 2,
    strike: async ({ ground, last }) => {
      ground.placement!.server.freeze()
      await last(500, 6_000)
      ground.placement!.server.thaw()
    },
  },
  {
    // Written down as it is, which raises its generation: what was told stays what the books say.
    name: 'foreign writer on Placement',
    weight: 4,
    strike: async ({ ground, load, random, last }) => {
      const own = randomOf(random() * 2 ** 32)
      const next = (): string => load.consumers()[Math.floor(own() * load.consumers().length)]!
      const writer = foreignWriter({ env: ground.installation.env, next, target: () => null, random: own })
      await last(2_000, 6_000)
      await writer.stop()
    },
  },
]
