// The program `npm run simulate`: lives by the thousand under the real worker, and what went wrong in them.
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/clock/system-clock.ts'
import { live, type Life } from './life.ts'
import { COVERED, MUTANTS, NONE, type Mutant } from './mutants.ts'
import { PLACEMENT_MUTANTS } from './placement-mutants.ts'
import { Tally } from './tally.ts'
import type { LedgerName } from './world.ts'

const USAGE = `npm run simulate -- [--ledger L] [--seeds N] [--seed S] [--trace] [--json] [--keep-going]
                    [--mutant NAME | --mutants]
  --ledger L      on which ledger: redis (default) or placement
  --seeds N       live N seeds (1000), from seed S (1) on
  --seed S        alone: only this seed
  --trace         print every step
  --keep-going    do not stop at the first violation
  --mutant NAME   take a rule away: ${namesOf(MUTANTS)};
                  on placement: ${namesOf(PLACEMENT_MUTANTS)}
  --mutants       each of them in turn, until a seed notices
  --json          one JSON document at the end`

const LEDGERS: readonly LedgerName[] = ['redis', 'placement']
const MUTANTS_ON = { redis: MUTANTS, placement: PLACEMENT_MUTANTS } as const
const EXIT_OK = 0
const EXIT_VIOLATED = 1
const EXIT_USAGE = 64
const SEEDS = 1_000
const PROGRESS_EVERY_MS = 2_000
const BAR = 30

interface Task {
  readonly first: number
  readonly count: number
  readonly ledger: LedgerName
  readonly mutant: Mutant
  readonly trace: boolean
  readonly json: boolean
  readonly keepGoing: boolean
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

// A reader that has gone, as with `| head`, ends the program quietly.
process.stdout.on('error', () => process.exit(EXIT_OK))
process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  const parsed = parse(words)
  if (typeof parsed === 'string') {
    say(parsed)
    return EXIT_USAGE
  }
  const { values, task } = parsed
  return values.mutants ? tryMutants(task) : runSeeds(task)
}

function parse(
  words: readonly string[],
): { readonly values: { readonly mutants?: boolean }; readonly task: Task } | string {
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
        'keep-going': flag,
      },
    })
    const first = numberOf(values.seed ?? '1', 'seed')
    const alone = values.seed !== undefined && values.seeds === undefined && !values.mutants
    const count = alone ? 1 : numberOf(values.seeds ?? String(SEEDS), 'seeds')
    const ledger = LEDGERS.find((name) => name === (values.ledger ?? 'redis'))
    if (ledger === undefined) return `--ledger must be ${LEDGERS.join(' or ')}, not ${values.ledger}\n${USAGE}`
    const known = [...MUTANTS_ON[ledger], ...(ledger === 'redis' ? COVERED : [])]
    const mutant = values.mutant === undefined ? NONE : known.find(({ name }) => name === values.mutant)
    if (mutant === undefined) return `there is no mutant ${values.mutant} on ${ledger}\n${USAGE}`
    return {
      values,
      task: { first, count, ledger, mutant, trace: values.trace, json: values.json, keepGoing: values['keep-going'] },
    }
  } catch (failure) {
    return `${(failure as Error).message}\n${USAGE}`
  }
}

function namesOf(mutants: readonly Mutant[]): string {
  return mutants.map(({ name }) => name).join(' ')
}

function numberOf(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${option} must be a whole number from 1 on, not ${text}`)
  return Number(text)
}

async function runSeeds(task: Task): Promise<number> {
  const tally = new Tally()
  const startedMs = systemClock.monotonicMs()
  let shownMs = startedMs
  for (let seed = task.first; seed < task.first + task.count; seed++) {
    const life = await live(seed, { ledger: task.ledger, mutant: task.mutant, ...(task.trace ? { tell: print } : {}) })
    tally.add(life)
    if (life.violation !== null) {
      say(failureText(life, task))
      if (!task.keepGoing) break
    }
    const nowMs = systemClock.monotonicMs()
    if (nowMs - shownMs < PROGRESS_EVERY_MS) continue
    shownMs = nowMs
    say(progressLine(tally, task.count, nowMs - startedMs))
  }
  const tookMs = systemClock.monotonicMs() - startedMs
  if (task.json) print(JSON.stringify(tally.summary(tookMs)))
  else for (const line of tally.lines(tookMs)) print(line)
  return tally.violations.length === 0 ? EXIT_OK : EXIT_VIOLATED
}

function progressLine(tally: Tally, count: number, tookMs: number): string {
  const done = Math.round((BAR * tally.seeds) / count)
  const speed = Math.round((tally.seeds * 1_000) / tookMs)
  return `[${'#'.repeat(done)}${'.'.repeat(BAR - done)}] ${tally.seeds} of ${count} seeds, ${speed} a second`
}

function failureText({ seed, violation, steps }: Life, { ledger, mutant }: Task): string {
  const on = ledger === 'redis' ? '' : ` --ledger ${ledger}`
  const without = mutant === NONE ? '' : ` --mutant ${mutant.name}`
  return [
    ...steps,
    '',
    `seed ${seed} violates ${violation?.rule}: ${violation?.what}`,
    `again, with every step: npm run simulate -- --seed ${seed}${on}${without} --trace`,
  ].join('\n')
}

interface Hunted {
  readonly mutant: string
  readonly what: string
  /** Null: not noticed. */
  readonly seed: number | null
  readonly rule: string | null
}

/** Every mutant must be noticed; which seed and which rule noticed it first. */
async function tryMutants(task: Task): Promise<number> {
  const found: Hunted[] = []
  for (const mutant of MUTANTS_ON[task.ledger]) {
    const hunted = await hunt(mutant, task)
    found.push(hunted)
    const end = hunted.seed === null ? 'NOT FOUND' : `found at seed ${hunted.seed} by ${hunted.rule}`
    if (!task.json) print(`${mutant.name.padEnd(28)} ${end.padEnd(54)} ${mutant.what}`)
  }
  if (task.json) print(JSON.stringify(found))
  return found.every(({ seed }) => seed !== null) ? EXIT_OK : EXIT_VIOLATED
}

async function hunt(mutant: Mutant, { first, count, ledger }: Task): Promise<Hunted> {
  const { name, what } = mutant
  for (let seed = first; seed < first + count; seed++) {
    const { violation } = await live(seed, { ledger, mutant })
    if (violation !== null) return { mutant: name, what, seed, rule: violation.rule }
  }
  return { mutant: name, what, seed: null, rule: null }
}
