// The storm of a soak: hands that strike at the same time, each with one fault after the other.
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Random } from '../support/crowd.ts'
import type { Crew } from './crew.ts'
import type { Ground } from './ground.ts'
import type { Load } from './load.ts'

export interface Scene {
  readonly ground: Ground
  readonly crew: Crew
  readonly load: Load
  readonly random: Random
  /** Waits for a random time; no longer than until the faults are to end. */
  last(minMs: number, maxMs: number): Promise<void>
}

export interface Fault {
  readonly name: string
  /** How often it is chosen, beside the others. */
  readonly weight: number
  strike(scene: Scene): Promise<void>
}

/** Strikes one fault after the other. */
export interface Hand {
  readonly faults: readonly Fault[]
  /** Of this hand alone, so that its faults and their order follow from the seed. */
  readonly random: Random
  /** Mean pause between two faults (ms). */
  readonly everyMs: number
}

/** One of `faults`, by their weights. */
function chosen(faults: readonly Fault[], random: Random): Fault {
  let left = random() * faults.reduce((sum, { weight }) => sum + weight, 0)
  return faults.find(({ weight }) => (left -= weight) < 0) ?? faults[0]!
}

export interface Storm {
  /** No more faults: those that last are cut short and mended. Rejects when one could not be mended. */
  end(): Promise<void>
}

/** Longest time from a rush of requests to the fault (ms). */
const RUSH_MS = 300

/** Begins at once. `onFault` is told the name of each fault before it strikes. */
export function startStorm(
  scene: Omit<Scene, 'last' | 'random'>,
  hands: readonly Hand[],
  onFault: (name: string) => void,
): Storm {
  const over = new AbortController()
  const pause = (ms: number): Promise<void> => systemClock.sleep(ms, over.signal).catch(() => undefined)
  const blowing = hands.map(async ({ faults, random, everyMs }) => {
    const last = (minMs: number, maxMs: number): Promise<void> => pause(minMs + random() * (maxMs - minMs))
    for (;;) {
      await pause(everyMs * (0.5 + random()))
      if (over.signal.aborted) return
      const fault = chosen(faults, random)
      // Something is in hand then, at whatever step.
      scene.load.rush()
      await pause(random() * RUSH_MS)
      onFault(fault.name)
      await fault.strike({ ...scene, random, last })
    }
  })
  const blown = Promise.all(blowing)
  blown.catch(() => undefined) // it is told by `end`
  return {
    end: async () => {
      over.abort()
      await blown
    },
  }
}
