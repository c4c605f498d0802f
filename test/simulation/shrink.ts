// Makes a life in which something went wrong as plain as it can be: fewer faults, requests and workers, the same rule.
import type { Climate, StormKind } from './climate.ts'
import { live, type Life, type LifeOptions } from './life.ts'

/** A way to make a climate plainer; null where it is that plain already. */
interface Step {
  readonly says: string
  readonly plainer: (climate: Climate) => Climate | null
}

export interface Shrunk {
  readonly life: Life
  /** Every step of it. */
  readonly steps: readonly string[]
  /** What it does without, in the order in which it was taken away. */
  readonly without: readonly string[]
  readonly climate: Climate
  /** Lives that were tried. */
  readonly tried: number
}

export interface ShrinkOptions extends Pick<LifeOptions, 'mutant' | 'ledger'> {
  readonly livesMax?: number
  /** Called after each life that was tried, with their number. */
  readonly onTried?: (tried: number) => void
}

export const LIVES_MAX = 600
/** Other draws that are tried of each plainer climate: without one fault every later one falls otherwise. */
const SALTS = 6
const CHANCES = [
  'parked',
  'crash',
  'freeze',
  'meddling',
  'copies',
  'reused',
  'malformed',
  'cancels',
  'deadlines',
] as const
const HABITS = ['once', 'overtakes'] as const
const WAYS = ['store', 'broker'] as const
const WEATHERS = ['requestLost', 'replyLost', 'late', 'replyLate', 'noticeLost'] as const
const SIZES = { requests: 1, workers: 1, servers: 1, hosts: 2, concurrency: 1 } as const

/** The plainest life found that breaks the rule that `seed` breaks. Throws where it breaks none. */
export async function shrink(seed: number, options: ShrinkOptions = {}): Promise<Shrunk> {
  const { livesMax = LIVES_MAX, onTried } = options
  const first = await live(seed, options)
  const rule = first.violation?.rule
  if (rule === undefined) throw new Error(`seed ${seed} breaks no rule on ${options.ledger ?? 'redis'}`)
  let [best, tried] = [first, 1]
  const without: string[] = []
  /** Whether a life of this climate breaks the same rule. */
  const breaks = async (climate: Climate): Promise<boolean> => {
    for (let salt = 0; salt < SALTS && tried < livesMax; salt++) {
      const life = await live(seed, { ...options, climate, salt: best.salt + salt })
      onTried?.(++tried)
      if (life.violation?.rule !== rule) continue
      best = life
      return true
    }
    return false
  }
  for (let isPlainer = true; isPlainer; ) {
    isPlainer = false
    for (const { says, plainer } of stepsOf(best.climate)) {
      const climate = plainer(best.climate)
      if (climate === null || tried >= livesMax || !(await breaks(climate))) continue
      without.push(says)
      isPlainer = true
    }
  }
  const steps: string[] = []
  const { climate, salt } = best
  const life = await live(seed, { ...options, climate, salt, tell: (line) => steps.push(line) })
  return { life, steps, without, climate, tried }
}

/** The largest first. */
function stepsOf({ storms }: Climate): readonly Step[] {
  const kinds = [...new Set(storms.map(({ kind }) => kind))]
  return [
    ...Object.keys(SIZES).map((name) => fewer(name as keyof typeof SIZES, (size) => Math.floor(size / 2))),
    ...kinds.map(noStorms),
    ...[...CHANCES, ...HABITS].map((name) => off(name)),
    ...WAYS.flatMap((way) => WEATHERS.map((what) => fair(way, what))),
    ...storms.map((_, number) => oneStormLess(number)),
    ...Object.keys(SIZES).map((name) => fewer(name as keyof typeof SIZES, (size) => size - 1)),
  ]
}

function fewer(name: keyof typeof SIZES, of: (size: number) => number): Step {
  const least = SIZES[name]
  return {
    says: `fewer ${name}`,
    plainer: (climate) => {
      const size = Math.max(least, of(climate[name]))
      return size < climate[name] ? { ...climate, [name]: size } : null
    },
  }
}

function noStorms(kind: StormKind): Step {
  return {
    says: `no storm of kind ${kind}`,
    plainer: (climate) => {
      const storms = climate.storms.filter((storm) => storm.kind !== kind)
      return storms.length < climate.storms.length ? { ...climate, storms } : null
    },
  }
}

function oneStormLess(number: number): Step {
  return {
    says: 'one storm less',
    plainer: (climate) =>
      number < climate.storms.length ? { ...climate, storms: climate.storms.toSpliced(number, 1) } : null,
  }
}

function off(name: (typeof CHANCES)[number] | (typeof HABITS)[number]): Step {
  return { says: `no ${name}`, plainer: (climate) => (climate[name] > 0 ? { ...climate, [name]: 0 } : null) }
}

function fair(way: (typeof WAYS)[number], what: (typeof WEATHERS)[number]): Step {
  return {
    says: `no ${what} to the ${way}`,
    plainer: (climate) => (climate[way][what] > 0 ? { ...climate, [way]: { ...climate[way], [what]: 0 } } : null),
  }
}
