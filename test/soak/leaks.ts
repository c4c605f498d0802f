// The verdict on growth: the lowest value of the last third beside the lowest of the first, after the warm-up.
import type { Sample } from './gauges.ts'

/** How much of a gauge may be more at the end: a share of what it was, and so many besides. */
interface Tolerance {
  readonly share: number
  readonly plus: number
}

const MEMORY: Tolerance = { share: 0.2, plus: 15 }
/** Records and markers of the last rounds, which differ in size. */
const ROUNDS: Tolerance = { share: 0.5, plus: 100 }
const FEW: Tolerance = { share: 0, plus: 4 }
const NONE: Tolerance = { share: 0, plus: 0 }

const TOLERANCES: Readonly<Record<string, Tolerance>> = {
  'worker rss, MiB': MEMORY,
  'worker heap, MiB': MEMORY,
  'Redis keys': ROUNDS,
  'Placement markers': ROUNDS,
  'RabbitMQ queues': NONE,
}

export interface Growth {
  readonly gauge: string
  /** Lowest of the first third, and of the last. */
  readonly first: number
  readonly last: number
  /** Most that `last` may be. */
  readonly limit: number
  readonly leaks: boolean
  /** Values over time, one character each; higher is more, between the lowest and the highest of all. */
  readonly line: string
}

/** Fewer samples than this after the warm-up tell nothing. */
export const SAMPLES_MIN = 6
/** Share of the samples, from the first one on, in which caches fill and code is compiled. */
const WARM_UP = 0.2

/** One for each gauge; empty where there are too few samples. */
export function growthOf(samples: readonly Sample[]): Growth[] {
  const warm = samples.slice(Math.ceil(samples.length * WARM_UP))
  if (warm.length < SAMPLES_MIN) return []
  const third = Math.floor(warm.length / 3)
  return Object.keys(warm[0]!).map((gauge) => {
    const values = warm.map((sample) => sample[gauge] ?? 0)
    const first = Math.min(...values.slice(0, third))
    const last = Math.min(...values.slice(-third))
    const { share, plus } = TOLERANCES[gauge] ?? FEW
    const limit = Math.round(first * (1 + share) + plus)
    return { gauge, first, last, limit, leaks: last > limit, line: lineOf(samples.map((sample) => sample[gauge] ?? 0)) }
  })
}

const STEPS = '▁▂▃▄▅▆▇█'
const COLUMNS_MAX = 40

/** More values than columns are thinned out by the lowest of each group. */
function lineOf(values: readonly number[]): string {
  const group = Math.ceil(values.length / COLUMNS_MAX)
  const shown = Array.from({ length: Math.ceil(values.length / group) }, (_, column) =>
    Math.min(...values.slice(column * group, (column + 1) * group)),
  )
  const [low, high] = [Math.min(...shown), Math.max(...shown)]
  const stepOf = (value: number): string =>
    STEPS[high === low ? 0 : Math.round(((value - low) / (high - low)) * (STEPS.length - 1))]!
  return shown.map(stepOf).join('')
}
