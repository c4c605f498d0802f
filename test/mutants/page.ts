// The page that tells, guard by guard, what is taken away and which test notices.
import { GROUPS, type Group } from './all.ts'
import type { Mutant } from './mutant.ts'

/** docs/mutants.md; a test keeps the file equal to it. */
export function mutantsPage(groups: readonly Group[] = GROUPS): string {
  const count = groups.reduce((sum, { mutants }) => sum + mutants.length, 0)
  return [HEAD, `${count} guards.`, groups.map(tableOf).join('\n')].join('\n\n')
}

const HEAD = `# Guards and mutants

<!-- Printed from test/mutants by \`npm run docs\`; a test compares the two. -->

Each guard is one line without which something of [what is promised](guarantees.md) may break. \`npm run mutants\` takes
each away in a copy of the build, one at a time, runs the test named here, and fails where that test still passes;
before that it runs the same tests with all guards in place. \`npm run mutants -- --only grace,fence\` takes only these.
\`npm test\` checks that each line still stands once in its file and that each test named is there. Where the
[simulation](../test/simulation/mutants.ts) lacks the same guard too, its mutant is named; \`npm test\` notices it.`

function tableOf({ title, mutants }: Group): string {
  const rows = mutants.map(
    (one) => `| \`${one.name}\` | ${cell(one.fear)} | ${link(one.file)} | ${noticed(one)} | ${simulated(one)} |\n`,
  )
  const heading = '| guard | without it | stands in | noticed by | and in the simulation by |\n'
  return `## ${title}\n\n${heading}| --- | --- | --- | --- | --- |\n${rows.join('')}`
}

function link(file: string): string {
  return `[${nameOf(file)}](../${file})`
}

function noticed({ noticed: { file, title } }: Mutant): string {
  return `${link(file)}: ${cell(title)}`
}

function nameOf(file: string): string {
  return file.replace(/^.*\/|\.test\.ts$/g, '')
}

function simulated({ simulated: found }: Mutant): string {
  return found === null ? '' : `\`${found.mutant}\`${found.ledger === 'redis' ? '' : ` on ${found.ledger}`}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
