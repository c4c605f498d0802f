// The program `npm run mutants`: takes each guard away in a copy of the build, and shows that the test named fails.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/clock/system-clock.ts'
import { projectRoot } from '../support/project-root.ts'
import { MUTANTS } from './all.ts'
import { Copy } from './copy.ts'
import type { Mutant } from './mutant.ts'
import { Trials, type Trial } from './trial.ts'

const USAGE = `npm run mutants -- [--only NAME,..]
  --only NAME,..  only these; without it all: ${MUTANTS.map(({ name }) => name).join(' ')}`

const EXIT_OK = 0
const EXIT_SURVIVED = 1
const EXIT_USAGE = 64

/** `broken`: the test could not run, with or without the guard, so that nothing is shown. */
type End = 'noticed' | 'survived' | 'broken'

const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  const chosen = parse(words)
  if (typeof chosen === 'string') {
    print(chosen)
    return EXIT_USAGE
  }
  const copy = new Copy(projectRoot(), join(import.meta.dirname, '..', '..'))
  const trials = new Trials(copy.folder)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      trials.stop()
      copy.remove()
      process.exit(EXIT_SURVIVED)
    })
  }
  try {
    return await tryAll(chosen, copy, trials)
  } finally {
    copy.remove()
  }
}

function parse(words: readonly string[]): readonly Mutant[] | string {
  try {
    const { values } = parseArgs({ args: [...words], options: { only: { type: 'string' } } })
    const names = values.only?.split(',')
    const unknown = names?.filter((name) => !MUTANTS.some((mutant) => mutant.name === name)) ?? []
    if (unknown.length > 0) return `there is no mutant ${unknown.join(', ')}\n${USAGE}`
    return MUTANTS.filter(({ name }) => names === undefined || names.includes(name))
  } catch (failure) {
    return `${(failure as Error).message}\n${USAGE}`
  }
}

async function tryAll(chosen: readonly Mutant[], copy: Copy, trials: Trials): Promise<number> {
  const startedMs = systemClock.monotonicMs()
  const files = [...new Set(chosen.map(({ noticed }) => noticed.file))]
  print(`the tests themselves, ${files.length} files, with all guards in place`)
  const unfit = new Map<string, string>()
  for (const file of files) {
    const titles = chosen.filter(({ noticed }) => noticed.file === file).map(({ noticed }) => noticed.title)
    for (const [title, why] of unfitOf(titles, await trials.run(file, [...new Set(titles)], false))) {
      unfit.set(`${file}: ${title}`, why)
    }
  }
  const counts: Record<End, number> = { noticed: 0, survived: 0, broken: 0 }
  for (const [index, mutant] of chosen.entries()) {
    const beganMs = systemClock.monotonicMs()
    const whole = unfit.get(`${mutant.noticed.file}: ${mutant.noticed.title}`)
    const { end, why } =
      whole === undefined ? await tryOne(mutant, copy, trials) : { end: 'broken' as const, why: whole }
    counts[end] += 1
    const took = `${((systemClock.monotonicMs() - beganMs) / 1_000).toFixed(1)} s`
    const place = `${index + 1}/${chosen.length}`.padEnd(8)
    print(`${place}${end.padEnd(9)} ${mutant.name.padEnd(28)} ${took.padStart(7)}  ${why}`)
  }
  const minutes = ((systemClock.monotonicMs() - startedMs) / 60_000).toFixed(1)
  const sums = `${counts.noticed} noticed, ${counts.survived} survived, ${counts.broken} broken`
  print(`\n${chosen.length} mutants in ${minutes} min: ${sums}`)
  return counts.noticed === chosen.length ? EXIT_OK : EXIT_SURVIVED
}

/** Titles that do not pass with all guards in place, and why. */
function unfitOf(titles: readonly string[], trial: Trial): ReadonlyMap<string, string> {
  const passed = trial.kind === 'passed' ? trial.titles : []
  const missing = titles.filter((title) => !passed.some((full) => full.includes(title)))
  const why = trial.kind === 'passed' ? 'no such test ran' : `with all guards in place: ${trial.why}`
  return new Map(missing.map((title) => [title, why]))
}

async function tryOne(
  mutant: Mutant,
  copy: Copy,
  trials: Trials,
): Promise<{ readonly end: End; readonly why: string }> {
  const { noticed, fear } = mutant
  const putBack = copy.take(mutant)
  try {
    const trial = await trials.run(noticed.file, [noticed.title], true)
    switch (trial.kind) {
      case 'passed':
        return { end: 'survived', why: `${fear} ${noticed.file} does not notice: "${noticed.title}"` }
      case 'failed':
        return { end: 'noticed', why: `"${noticed.title}": ${trial.why}` }
      case 'broken':
        return { end: 'broken', why: trial.why }
    }
  } finally {
    putBack()
  }
}
