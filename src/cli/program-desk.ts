// The commands of the desk: dead-letters status, list and show.
import { InvalidArgumentError, type Command } from 'commander'
import { meant } from '../config/nearest.ts'
import { LETTER_CLASSES, STATES, type Filter } from '../dead-letters/desk.ts'
import { catchUp } from '../dead-letters/intake.ts'
import { CODES } from '../transfer/outcome.ts'
import type { Parts } from '../wire/parts.ts'
import { deskList, deskShow, deskStatus, type DeskParts } from './dead-letters.ts'
import { addLater } from './later.ts'
import { count, since } from './options.ts'
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

export function addDeskCommands(program: Command, { io, wiring, withParts, act }: Setup): void {
  const desk = program
    .command('dead-letters')
    .alias('dlq')
    .description('the desk: requests that came to rest without success')
  const instance = `${wiring.instance}:command`
  desk
    .command('status')
    .description('how many letters wait for a person; exit 0 none, 1 some')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters status --json')
    .action(
      act((options: { json?: true }) =>
        withParts(async (parts) => deskStatus(io, await deskParts(parts, instance), options.json === true)),
      ),
    )
  desk
    .command('list')
    .description('letters, oldest failure first')
    .option('--state <state>', [...STATES, 'all'].join(', '), oneOf([...STATES, 'all']), 'open')
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
    .addHelpText(
      'after',
      `
Examples:
  ferryman dead-letters list
  ferryman dlq list --state all --class operator --since 2h --json`,
    )
    .action(
      act((options: ListOptions) =>
        withParts(async (parts) => {
          const { json, since: sinceMs, ...rest } = options
          const filter: Filter = { ...rest, ...(sinceMs === undefined ? {} : { sinceMs }) }
          return deskList(io, await deskParts(parts, instance), filter, json === true)
        }),
      ),
    )
  desk
    .command('show')
    .description('one letter with its body, headers, event and history')
    .argument('<id>', 'a dl-id, or the id of the request')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters show ID --json')
    .action(
      act((id: string, options: { json?: true }) =>
        withParts(async (parts) => deskShow(io, await deskParts(parts, instance), id, options.json === true)),
      ),
    )
  addLater(desk, ['groups', 'replay', 'discard', 'restore', 'reconcile', 'export'])
}

async function deskParts(parts: Parts, instance: string): Promise<DeskParts> {
  const { names, clock, telemetry } = parts
  const [store, broker, reader] = await Promise.all([parts.store(), parts.broker(), parts.reader()])
  return {
    desk: store.desk,
    journal: store.journal,
    names,
    clock,
    depths: (queues) => broker.counts(queues),
    catchUp: () =>
      catchUp(
        { desk: store.desk, names, clock, telemetry, publisher: broker },
        {
          next: () => reader.get(names.deadLetters),
          depth: async () => (await broker.counts([names.deadLetters]))[names.deadLetters] ?? null,
        },
        instance,
      ),
  }
}

function oneOf<Word extends string>(allowed: readonly Word[]): (word: string) => Word {
  return (word) => {
    const found = allowed.find((candidate) => candidate === word)
    if (found === undefined) {
      throw new InvalidArgumentError(`It is none of ${allowed.join(', ')}${meant(word, allowed)}`)
    }
    return found
  }
}
