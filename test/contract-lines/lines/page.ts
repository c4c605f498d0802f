// The page that tells, section by section, which test shows each statement of the contract.
import { COMMANDS } from './commands.ts'
import { OPERATIONS } from './operations.ts'
import { OUTCOMES } from './outcomes.ts'
import { REPEATING } from './repeating.ts'
import { REQUESTS } from './requests.ts'
import { SETTINGS } from './settings.ts'
import type { Proof, Section, Statement } from './statement.ts'
import { TOPOLOGY } from './topology.ts'

export const SECTIONS: readonly Section[] = [TOPOLOGY, REQUESTS, OPERATIONS, OUTCOMES, REPEATING, COMMANDS, SETTINGS]

/** docs/contract-tests.md; a test keeps the file equal to it. */
export function contractTestsPage(sections: readonly Section[] = SECTIONS): string {
  const all = sections.flatMap(({ statements }) => statements)
  const open = all.filter(({ missing }) => missing !== null).length
  const count = `${all.length} statements: ${all.length - open} shown, ${open} not yet.`
  return [HEAD, count, sections.map(tableOf).join('\n')].join('\n\n')
}

const HEAD = `# The contract and its tests

<!-- Printed from test/contract-lines/lines by \`npm run docs\`; a test compares the two. -->

What other programs may rely on is told by [requests](requests.md), [outcomes](outcomes.md), [events](events.md),
[topology](topology.md), [the command line](cli.md), [configuration](configuration.md) and [metrics](metrics.md). Here
every checkable statement of it stands with the tests that hold Ferryman to it. They use only what others can use:
worker processes, commands, AMQP and HTTP, on a real RabbitMQ and Redis. A test fails when one that is named here does
not exist any more, and when a test of \`test/contract-lines\` is named nowhere.`

function tableOf({ title, statements }: Section): string {
  const rows = statements.map((one) => `| ${one.name} | ${cell(one.says)} | ${shownBy(one)} |\n`)
  return `## ${title}\n\n| name | says | shown by |\n| --- | --- | --- |\n${rows.join('')}`
}

function shownBy({ proofs, missing }: Statement): string {
  return missing === null ? proofs.map(link).join('<br>') : `not yet: ${cell(missing)}`
}

function link({ file, title }: Proof): string {
  const base = file.replace(/^.*\/|\.test\.ts$/g, '')
  return `[${base}](../${file}): ${cell(title)}`
}

/** Text in a cell of a table: nothing in it is taken for markup. */
function cell(text: string): string {
  const parts = text.split(/(`[^`]*`)/)
  const plain = (part: string): string => part.replace(/[<>*_[\]{}]/g, (sign) => `\\${sign}`)
  return parts.map((part) => (part.startsWith('`') ? part : plain(part)).replaceAll('|', '\\|')).join('')
}
