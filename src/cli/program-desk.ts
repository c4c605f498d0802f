// The commands of the desk that read: dead-letters status, list, groups, show and export.
import type { Command } from 'commander'
import { LETTER_CLASSES, STATES, type Filter } from '../dead-letters/desk.ts'
import { CODES } from '../transfer/outcome.ts'
import { deskList, deskShow, deskStatus } from './dead-letters.ts'
import { deskExport, deskGroups } from './dead-letters-list.ts'
import { deskParts, type DeskParts } from './dead-letters-parts.ts'
import { addActingCommands } from './dead-letters-program.ts'
import type { ExitCode } from './exit.ts'
import { count, oneOf, since } from './options.ts'
import type { Setup } from './program.ts'

interface ListOptions {
  readonly state: Filter['state']
  readonly code?: string
  readonly class?: string
  readonly provider?: string
  readonly request?: string
  readonly since?: number
  readonly limit?: number
  readonly after?: string
  readonly json?: true
}

export function addDeskCommands(program: Command, setup: Setup): void {
  const { io, wiring, withParts, act } = setup
  const desk = program
    .command('dead-letters')
    .alias('dlq')
    .description('the desk: requests that came to rest without success')
  const reading = (run: (parts: DeskParts) => Promise<ExitCode>): Promise<ExitCode> =>
    withParts(async (parts) => run(await deskParts(parts, `${wiring.instance}:command`)))
  desk
    .command('status')
    .description('how many letters wait for a person; exit 0 none, 1 some')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters status --json')
    .action(act((options: { json?: true }) => reading((parts) => deskStatus(io, parts, options.json === true))))
  filtered(desk.command('list'), setup, 'open')
    .description('letters, oldest failure first')
    .addHelpText(
      'after',
      `
Examples:
  ferryman dead-letters list
  ferryman dlq list --state all --class operator --since 2h --json`,
    )
    .action(
      act((options: ListOptions) => reading((parts) => deskList(io, parts, filterOf(options), options.json === true))),
    )
  filtered(desk.command('groups'), setup, 'open')
    .description('letters by cause: code and provider, the largest group first')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters groups --state all')
    .action(
      act((options: ListOptions) =>
        reading((parts) => deskGroups(io, parts, filterOf(options), options.json === true)),
      ),
    )
  desk
    .command('show')
    .description('one letter with its body, headers, event and history')
    .argument('<id>', 'a dl-id, or the id of the request')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters show ID --json')
    .action(
      act((id: string, options: { json?: true }) => reading((parts) => deskShow(io, parts, id, options.json === true))),
    )
  filtered(desk.command('export'), setup, 'all')
    .description('whole letters with bodies, headers and history, one JSON object a line')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters export > letters.ndjson')
    .action(act((options: ListOptions) => reading((parts) => deskExport(io, parts, filterOf(options)))))
  addActingCommands(desk, setup)
}

/** The options that choose letters. */
function filtered(command: Command, { wiring }: Setup, state: Filter['state']): Command {
  return command
    .option('--state <state>', [...STATES, 'all'].join(', '), oneOf([...STATES, 'all']), state)
    .option('--code <code>', 'only this outcome code', oneOf([...CODES, 'event_unroutable']))
    .option('--class <class>', `only this class: ${LETTER_CLASSES.join(', ')}`, oneOf(LETTER_CLASSES))
    .option('--provider <uuid>', 'only requests that name this provider')
    .option('--request <uuid>', 'only this request')
    .option('--since <time>', 'only what failed at this time or later, or so long ago, as 2h', (word) =>
      since(word, wiring.clock.nowMs()),
    )
    .option('--limit <n>', 'at most so many', count)
    .option('--after <id>', 'begin behind this letter')
    .option('--json', 'one JSON object a line')
}

function filterOf({ json: _json, since: sinceMs, ...rest }: ListOptions): Filter {
  return { ...rest, ...(sinceMs === undefined ? {} : { sinceMs }) }
}
