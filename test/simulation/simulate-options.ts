// What `npm run simulate` may be told: which lives, on which ledger, without which rule, and how it tells of them.
import { parseArgs } from 'node:util'
import { COVERED, MUTANTS, NONE, type Mutant } from './mutants.ts'
import { PLACEMENT_MUTANTS } from './placement-mutants.ts'
import type { LedgerName } from './world.ts'

export const USAGE = `npm run simulate -- [--ledger L] [--seeds N] [--seed S] [--trace] [--json] [--keep-going]
                    [--whole] [--mutant NAME | --mutants]
Lives the real worker through faults in virtual time. Each seed is one life, the same each time.
  --ledger L      on which ledger: redis (default) or placement
  --seeds N       live N seeds (1000), from seed S (1) on
  --seed S        alone: only this seed
  --trace         print every step
  --keep-going    do not stop at the first violation
  --whole         do not look for a shorter life that violates the same rule
  --mutant NAME   take a rule away: ${namesOf(MUTANTS)};
                  on placement: ${namesOf(PLACEMENT_MUTANTS)}
  --mutants       each of them in turn, until a seed notices
  --json          one JSON document at the end
  --help          print this
A signal ends it after the life that is under way, with the sums of those before.
Ends with 0 where nothing went wrong (with --mutants: where each was noticed), with 1 where something did, with 64 where
it was asked wrongly.`

const LEDGERS: readonly LedgerName[] = ['redis', 'placement']
export const MUTANTS_ON = { redis: MUTANTS, placement: PLACEMENT_MUTANTS } as const
const SEEDS = 1_000

export interface Task {
  readonly first: number
  readonly count: number
  readonly ledger: LedgerName
  readonly mutant: Mutant
  readonly trace: boolean
  readonly json: boolean
  readonly keepGoing: boolean
  readonly shrinks: boolean
  readonly tries: 'seeds' | 'mutants'
}

/** A text is what is wrong with `words`; `help`: nothing else is wanted. */
export function parse(words: readonly string[]): Task | 'help' | { readonly wrong: string } {
  const flag = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        ledger: text,
        seeds: text,
        seed: text,
        mutant: text,
        trace: flag,
        json: flag,
        mutants: flag,
        whole: flag,
        help: { ...flag, short: 'h' },
        'keep-going': flag,
      },
    })
    if (values.help) return 'help'
    const { trace, json, mutants, whole, 'keep-going': keepGoing } = values
    const first = numberOf(values.seed ?? '1', 'seed')
    const alone = values.seed !== undefined && values.seeds === undefined && !mutants
    const count = alone ? 1 : numberOf(values.seeds ?? String(SEEDS), 'seeds')
    const ledger = LEDGERS.find((name) => name === (values.ledger ?? 'redis'))
    if (ledger === undefined) return { wrong: `--ledger must be ${LEDGERS.join(' or ')}, not ${values.ledger}` }
    const known = [...MUTANTS_ON[ledger], ...(ledger === 'redis' ? COVERED : [])]
    const mutant = values.mutant === undefined ? NONE : known.find(({ name }) => name === values.mutant)
    if (mutant === undefined) return { wrong: `there is no mutant ${values.mutant} on ${ledger}` }
    const shrinks = !(trace || json || keepGoing || whole)
    return { first, count, ledger, mutant, trace, json, keepGoing, shrinks, tries: mutants ? 'mutants' : 'seeds' }
  } catch (failure) {
    return { wrong: (failure as Error).message }
  }
}

function namesOf(mutants: readonly Mutant[]): string {
  return mutants.map(({ name }) => name).join(' ')
}

function numberOf(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${option} must be a whole number from 1 on, not ${text}`)
  return Number(text)
}
