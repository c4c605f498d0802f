// The commands about the installation: ledger, topology, operations, config, doctor.
import type { Command } from 'commander'
import { checksOf } from './doctor-checks.ts'
import { doctor } from './doctor.ts'
import { addLater } from './later.ts'
import { ledgerAudit } from './ledger-audit.ts'
import { ledgerDump, ledgerSeed, ledgerShow, readSource } from './ledger.ts'
import { printOperations } from './operations.ts'
import type { ExitCode } from './exit.ts'
import type { Setup } from './program.ts'
import type { Parts } from '../wire/parts.ts'
import { checkConfig, printConfig } from './settings.ts'
import { printExport, printPlan, printReport } from './topology.ts'
import { siteOf } from '../wire/topology.ts'

interface Json {
  readonly json?: true
}

export function addSiteCommands(program: Command, setup: Setup): void {
  addLedger(program, setup)
  addTopology(program, setup)
  const { io, load, withParts, act } = setup
  program
    .command('operations')
    .description('every effect, and whether it may be repeated after a timeout')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  ferryman operations')
    .action(
      act((options: Json) => withParts(async (parts) => printOperations(io, parts.effects(), options.json === true))),
    )
  const config = program.command('config').description('the settings')
  config
    .command('print')
    .description('every setting with its value and origin; passwords are masked')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  NODE_ENV=production ferryman config print')
    .action(act(async (options: Json) => printConfig(io, load(), options.json === true)))
  config
    .command('check')
    .description('whether the settings hold; exit 78 when not')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman --set lock.leaseMs=1000 config check')
    .action(act(async (options: Json) => checkConfig(io, load(), options.json === true)))
  program
    .command('doctor')
    .description('try everything a worker needs, one by one, each with the fix')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  ferryman doctor')
    .action(
      act((options: Json) => withParts((parts) => doctor(io, checksOf(parts, io.nodeVersion), options.json === true))),
    )
}

function addLedger(program: Command, { io, withParts, act }: Setup): void {
  const ledger = program.command('ledger').description('the books of providers and allocations')
  ledger
    .command('seed')
    .description('write providers and consumers from a file, all of them or none; safe to run twice')
    .argument('<file>', 'the file, or - for standard input')
    .option('--replace', 'overwrite consumers whose allocations are others')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman ledger seed seed.json')
    .action(
      act(async (file: string, options: Json & { replace?: true }) => {
        const text = (await readSource(io, file)).toString('utf8')
        return withParts(async (parts) =>
          ledgerSeed(io, (await parts.store()).books, text, {
            replace: options.replace === true,
            json: options.json === true,
          }),
        )
      }),
    )
  ledger
    .command('dump')
    .description('all of the books at one moment; --json is the seed format')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman ledger dump --json > books.json')
    .action(
      act((options: Json) =>
        withParts(async (parts) => ledgerDump(io, (await parts.store()).books, options.json === true)),
      ),
    )
  ledger
    .command('show')
    .description('one consumer, or one provider with those that hold something of it')
    .option('--consumer <uuid>', 'the consumer')
    .option('--provider <uuid>', 'the provider')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman ledger show --consumer ID')
    .action(
      act((options: Json & { consumer?: string; provider?: string }) =>
        withParts((parts) => ledgerShow(io, async () => (await parts.store()).books, options)),
      ),
    )
  ledger
    .command('audit')
    .description('what does not add up in the books, and moves that are not as they were left; exit 1 when something')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  ferryman ledger audit --json')
    .action(
      act((options: Json) => withParts(async (parts) => ledgerAudit(io, await parts.store(), options.json === true))),
    )
  addLater(ledger, ['heal', 'reap'])
}

function addTopology(program: Command, { io, load, withParts, act }: Setup): void {
  const topology = program.command('topology').description('exchanges, queues and policies on RabbitMQ')
  const addActing = (name: string, description: string, run: (parts: Parts, json: boolean) => Acting): void => {
    topology
      .command(name)
      .description(description)
      .option('--json', 'print a JSON document')
      .addHelpText('after', `\nExample:\n  ferryman topology ${name} --json`)
      .action(act((options: Json) => withParts((parts) => run(parts, options.json === true))))
  }
  addActing('plan', 'what apply would make, and change nothing; exit 1 when there is something', async (parts, json) =>
    printPlan(io, await parts.topology('plan'), json),
  )
  addActing('apply', 'make what is missing; safe to run again', async (parts, json) =>
    printReport(io, await parts.topology('apply'), json),
  )
  addActing('verify', 'compare and change nothing; exit 78 when unsafe', async (parts, json) =>
    printReport(io, await parts.topology('verify'), json),
  )
  topology
    .command('export')
    .description('a definitions file for rabbitmqctl import_definitions; asks no server')
    .option('--commands', 'the policies alone, as rabbitmqctl commands')
    .option('--json', 'print a JSON document, which is the default')
    .addHelpText('after', '\nExample:\n  ferryman topology export > definitions.json')
    .action(
      act(async (options: { commands?: true }) => printExport(io, siteOf(load().config), options.commands === true)),
    )
}

type Acting = Promise<ExitCode>
