// The commands of the desk that act: dead-letters replay, discard, restore, reconcile and rebuild.
import { InvalidArgumentError, type Command } from 'commander'
import { STATES } from '../dead-letters/desk.ts'
import { rfc3339Ms } from '../transfer/deadline.ts'
import { shortText, withActor } from './actor.ts'
import {
  checkReplay,
  deskDiscard,
  deskRebuild,
  deskReconcile,
  deskReplay,
  deskRestore,
  type ActOptions,
  type ReplayCommand,
} from './dead-letters-acts.ts'
import { deskParts, type ActingParts } from './dead-letters-parts.ts'
import type { ExitCode } from './exit.ts'
import type { Io } from './output.ts'
import { oneOf } from './options.ts'
import type { Setup } from './program.ts'

/** Longest reason. */
const REASON_MAX = 1_024

export function addActingCommands(desk: Command, { io, wiring, withParts, act }: Setup): void {
  const acting = (run: (parts: ActingParts) => Promise<ExitCode>): Promise<ExitCode> =>
    withParts(async (parts) => run(await deskParts(parts, `${wiring.instance}:command`)))
  addReplay(desk, io, acting, act)
  acted(desk.command('discard'), io)
    .description('take letters out of the way; they can be restored')
    .argument('<id...>', 'dl-ids, or ids of requests')
    .requiredOption('--reason <text>', 'why; told in the event that follows', shortText(REASON_MAX))
    .addHelpText('after', "\nExample:\n  ferryman dead-letters discard ID --reason 'the server was deleted'")
    .action(
      act((ids: string[], options: ActOptions & { reason: string }) =>
        acting((parts) => deskDiscard(io, parts, ids, options)),
      ),
    )
  acted(desk.command('restore'), io)
    .description('bring discarded letters back, in the state they had')
    .argument('<id...>', 'dl-ids, or ids of requests')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters restore ID')
    .action(act((ids: string[], options: ActOptions) => acting((parts) => deskRestore(io, parts, ids, options))))
  acted(desk.command('reconcile'), io)
    .description('find out what is known by now of letters whose effect is unknown; exit 1 when it still is')
    .argument('[id...]', 'dl-ids, or ids of requests; default: all open letters whose effect is unknown')
    .addHelpText('after', '\nExamples:\n  ferryman dead-letters reconcile\n  ferryman dlq reconcile ID --json')
    .action(act((ids: string[], options: ActOptions) => acting((parts) => deskReconcile(io, parts, ids, options))))
  desk
    .command('rebuild')
    .description('bring back what the index has lost, from the journals; changes nothing else')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman dead-letters rebuild')
    .action(act((options: { json?: true }) => acting((parts) => deskRebuild(io, parts, options.json === true))))
}

function addReplay(
  desk: Command,
  io: Io,
  acting: (run: (parts: ActingParts) => Promise<ExitCode>) => Promise<ExitCode>,
  act: Setup['act'],
): void {
  acted(desk.command('replay'), io)
    .description('try requests again under new ids, where it is certain that they did not take effect')
    .argument('[id...]', 'dl-ids, or ids of requests')
    .option('--group <group>', 'all letters of a group, as groups shows it, or of a code', (word) => word.toLowerCase())
    .option('--all', 'all letters')
    .option('--state <state>', 'with --group or --all: only letters in this state', oneOf(STATES), 'open')
    .option('--not-after <time>', 'a new deadline, RFC 3339 with offset; else one that has passed is dropped', moment)
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
An event_unroutable letter is only told again. What is refused, and why, is printed; exit 1 when anything was.

Examples:
  ferryman dead-letters replay ID --yes
  ferryman dead-letters replay --group ledger_unavailable --yes
  ferryman dlq replay --all --not-after 2026-11-22T10:00:00Z`,
    )
    .action(
      act((ids: string[], options: ReplayCommand) => {
        checkReplay(io, ids, options)
        return acting((parts) => deskReplay(io, parts, ids, options))
      }),
    )
}

/** `--by` and `--json`, which every act takes. */
function acted(command: Command, io: Io): Command {
  return withActor(command, io).option('--json', 'one JSON object a line')
}

function moment(word: string): string {
  if (rfc3339Ms(word) === null) throw new InvalidArgumentError('Write a time with offset, as 2026-11-22T10:00:00Z.')
  return word
}
