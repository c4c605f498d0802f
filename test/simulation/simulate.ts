// The program `npm run simulate`: lives by the thousand under the real worker, and what went wrong in them.
import { live, type Life } from './life.ts'
import { NONE, type Mutant } from './mutants.ts'
import { Progress } from './progress.ts'
import { LIVES_MAX, shrink } from './shrink.ts'
import { MUTANTS_ON, parse, USAGE, type Task } from './simulate-options.ts'
import { Tally } from './tally.ts'

const EXIT_OK = 0
const EXIT_VIOLATED = 1
const EXIT_USAGE = 64

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
  const task = parse(words)
  if (task === 'help') {
    print(USAGE)
    return EXIT_OK
  }
  if ('wrong' in task) {
    say(`${task.wrong}\n${USAGE}`)
    return EXIT_USAGE
  }
  return task.tries === 'mutants' ? tryMutants(task) : runSeeds(task)
}

async function runSeeds(task: Task): Promise<number> {
  const tally = new Tally()
  const progress = new Progress(task.count, 'seeds')
  let isWanted = true
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isWanted = false))
  for (let seed = task.first; isWanted && seed < task.first + task.count; seed++) {
    const life = await live(seed, { ledger: task.ledger, mutant: task.mutant, ...(task.trace ? { tell: print } : {}) })
    tally.add(life)
    if (life.violation !== null) {
      progress.clear()
      say(task.shrinks ? await shortest(life, task) : failureText(life, life.steps, task))
      if (!task.keepGoing) break
    }
    progress.show(tally.seeds)
  }
  progress.clear()
  if (task.json) print(JSON.stringify(tally.summary(progress.tookMs)))
  else for (const line of tally.lines(progress.tookMs)) print(line)
  return tally.violations.length === 0 ? EXIT_OK : EXIT_VIOLATED
}

/** The plainest life that violates the same rule, every step of it, and what it does without. */
async function shortest(life: Life, task: Task): Promise<string> {
  say(`seed ${life.seed} violates ${life.violation?.rule}; looking for the shortest life that does`)
  const progress = new Progress(LIVES_MAX, 'lives at most')
  const { steps, without, climate, tried, ...found } = await shrink(life.seed, {
    ledger: task.ledger,
    mutant: task.mutant,
    livesMax: LIVES_MAX,
    onTried: (number) => progress.show(number),
  })
  progress.clear()
  const { workers, requests, storms } = climate
  const left = storms.map(({ kind, atMs }) => `${kind} at ${(atMs / 1_000).toFixed(3)} s`)
  return [
    failureText(found.life, steps, task),
    `the shortest of ${tried} lives: ${steps.length} steps, ${workers} workers, ${requests} requests, ` +
      `storms: ${left.join(', ') || 'none'}`,
    `without: ${without.join('; ') || 'nothing'}`,
  ].join('\n')
}

function failureText({ seed, violation }: Life, steps: readonly string[], { ledger, mutant }: Task): string {
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
