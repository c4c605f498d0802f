// The command line: which commands there are, their options and help. What each does stands in a file of its own.
import { Command, CommanderError, Option } from 'commander'
import { loadConfig, type Loaded } from '../config.ts'
import { packageVersion } from '../config/root.ts'
import type { Clock } from '../clock/clock.ts'
import { Telemetry } from '../telemetry/events.ts'
import type { Log } from '../telemetry/log.ts'
import { scrub } from '../telemetry/scrub.ts'
import type { openWorker } from '../wire/open-worker.ts'
import { UnsafeTopology, type openParts, type Parts } from '../wire/parts.ts'
import { addDemoCommand } from './demo.ts'
import { addDeskCommands } from './program-desk.ts'
import { addSiteCommands } from './program-site.ts'
import { addWorkCommands } from './program-work.ts'
import { EXIT, exitOf, type ExitCode } from './exit.ts'
import { printTable, type Io } from './output.ts'

/** What the process brings to the commands. */
export interface Wiring {
  readonly clock: Clock
  /** `host:pid`. */
  readonly instance: string
  readonly openParts: typeof openParts
  readonly openWorker: typeof openWorker
  /** Aborts on the second signal. */
  readonly forced: AbortSignal
  readonly onLog: (log: Log) => void
}

/** What a group of commands gets: how to run one of them, and how to come by settings and parts. */
export interface Setup {
  readonly io: Io
  readonly wiring: Wiring
  /** Reads the settings; warnings go to standard error. */
  readonly load: () => Loaded
  /** Opens the parts for a command and closes them after it. */
  readonly withParts: (run: (parts: Parts) => Promise<ExitCode>) => Promise<ExitCode>
  /** Notes the exit code that an action ends with. */
  readonly act: <Words extends readonly unknown[]>(
    run: (...words: Words) => Promise<ExitCode>,
  ) => (...words: Words) => Promise<void>
}

/** Runs one command line; resolves with the exit code, never rejects. */
export async function run(argv: readonly string[], io: Io, wiring: Wiring): Promise<ExitCode> {
  const ended: { code: ExitCode } = { code: EXIT.ok }
  try {
    await programOf(io, wiring, ended).parseAsync([...argv], { from: 'user' })
    return ended.code
  } catch (failure) {
    // Commander has written its message; its own code is 0 for help and version, and 1 for every misuse.
    if (failure instanceof CommanderError) return failure.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (failure instanceof UnsafeTopology) {
      printTable(
        { ...io, out: io.err },
        ['object', 'argument', 'wanted', 'found', 'fix'],
        failure.findings.map(({ object, argument, wanted, found, fix }) => [object, argument, wanted, found, fix]),
      )
      return EXIT.config
    }
    const { code, sentences } = exitOf(failure)
    for (const sentence of sentences) io.err(`ferryman: ${scrub(sentence)}\n`)
    return code
  }
}

function programOf(io: Io, wiring: Wiring, ended: { code: ExitCode }): Command {
  const program = new Command('ferryman')
    .description('Moves resource allocations between providers in a cloud, exactly once, checked before and after.')
    .version(packageVersion())
    // Positional: what stands behind a command is an option of that command, so that no two of one name meet.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .addHelpText(
      'after',
      `
Examples:
  ferryman worker
  ferryman ledger seed seed.json
  ferryman request claim --consumer ID --source ID --destination ID --wait
  ferryman dead-letters list --state open

Exit codes: 0 ok, 1 the answer is no, 64 usage, 69 a dependency is unavailable, 70 internal,
75 drain deadline hit, 77 permission refused, 78 bad configuration or unsafe topology.`,
    )
  const flags: string[] = []
  const setting = (): Option =>
    new Option('--set <key=value>', 'one setting, as http.port=0 (may be repeated)').argParser((flag) => {
      flags.push(flag)
    })
  program.addOption(setting())
  const load = (): Loaded => {
    const loaded = loadConfig({ env: io.env, flags })
    for (const warning of loaded.warnings) io.err(`ferryman: warning: ${scrub(warning)}\n`)
    return loaded
  }
  const setup: Setup = {
    io,
    wiring,
    load,
    withParts: async (use) => {
      const parts = wiring.openParts(load().config, wiring.clock, warningsTo(io))
      try {
        return await use(parts)
      } finally {
        await parts.close()
      }
    },
    act:
      (action) =>
      async (...words) => {
        ended.code = await action(...words)
      },
  }
  addWorkCommands(program, setup)
  addDeskCommands(program, setup)
  addSiteCommands(program, setup)
  addDemoCommand(program, setup)
  for (const command of commandsBelow(program)) command.addOption(setting().hideHelp())
  return program
}

/** Settings may be given behind any command; the help of the program alone lists the option. */
function commandsBelow(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...commandsBelow(child)])
}

/** Commands tell warnings on standard error, and nothing else of what happens inside. */
function warningsTo(io: Io): Telemetry {
  const telemetry = new Telemetry()
  telemetry.listen((name, fields) => {
    if (name !== 'warning') return
    const { what, fix } = fields as { what: string; fix: string }
    io.err(`ferryman: warning: ${scrub(what)}${fix === '' ? '' : `; ${scrub(fix)}`}\n`)
  })
  return telemetry
}
