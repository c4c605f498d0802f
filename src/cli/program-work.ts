// The commands of daily work: worker, request, events, transfers.
import { Option, type Command } from 'commander'
import type { Parts } from '../wire/parts.ts'
import { withActor } from './actor.ts'
import { tail, type Follow, type TailOptions } from './events.ts'
import { addLater } from './later.ts'
import { readSource } from './ledger.ts'
import { count, durationMs, streamStart } from './options.ts'
import { planOne, type PlanOptions } from './plan.ts'
import type { Setup } from './program.ts'
import { requestMany, requestOne, type RequestOptions, type RequestParts, type SendOptions } from './request.ts'
import { withRequestOptions } from './request-options.ts'
import { transfersCancel, transfersList, transfersShow, type CancelOptions } from './transfers.ts'
import { transfersStuck } from './transfers-stuck.ts'
import { runWorker } from './worker.ts'

export function addWorkCommands(program: Command, setup: Setup): void {
  addWorker(program, setup)
  addRequest(program, setup)
  addPlan(program, setup)
  addEvents(program, setup)
  addTransfers(program, setup)
  addLater(program, ['console'])
}

function addWorker(program: Command, { io, wiring, load, act }: Setup): void {
  program
    .command('worker')
    .description('run a worker, which also takes in dead letters; SIGTERM drains it, a second signal forces it')
    .addHelpText('after', '\nExamples:\n  ferryman worker\n  FERRYMAN_HTTP_PORT=0 ferryman --set concurrency=16 worker')
    .action(act(() => runWorker(io, load(), wiring)))
}

function addRequest(program: Command, { io, withParts, act }: Setup): void {
  const request = withRequestOptions(
    program.command('request').description('publish requests').enablePositionalOptions(),
  )
    .option('--wait', 'wait for the event and print it; exit 0 on success, 1 on failure, 69 when none came')
    .addOption(timeoutOption())
    .option('--json', 'print a JSON document instead of the id')
    .addHelpText(
      'after',
      `
Examples:
  ferryman request claim --consumer ID --source ID --destination ID --resources VCPU=2,MEMORY_MB=2048
  ferryman request confirm --consumer ID --wait --timeout 10s
  ferryman request release --consumer ID --field 'expect={"consumerGeneration":3}'
  ferryman request send requests.ndjson`,
    )
    .action(
      act((operation: string, options: RequestOptions) =>
        withParts((parts) => requestOne(io, requestParts(parts), operation, options)),
      ),
    )
  request
    .command('send')
    .description('publish every request of a file: a JSON array, or one JSON object a line')
    .argument('<file>', 'the file, or - for standard input')
    .option('--force', 'send also what is invalid, as it is')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExamples:\n  ferryman request send requests.ndjson\n  generate | ferryman request send -')
    .action(
      act(async (file: string, options: SendOptions) => {
        const text = await readSource(io, file)
        return withParts((parts) => requestMany(io, requestParts(parts), text, options))
      }),
    )
}

function addPlan(program: Command, { io, wiring, withParts, act }: Setup): void {
  withRequestOptions(program.command('plan').description('what a request would do now, without writing anything'))
    .option('--json', 'print a JSON document')
    .addHelpText(
      'after',
      `
Exit 0 when it would be done, 1 when not, with every rule that stands against it. Nothing is locked meanwhile: others
may change the ledger before the request comes.

Examples:
  ferryman plan claim --consumer ID --source ID --destination ID --alternates ID,ID
  ferryman plan confirm --consumer ID --json`,
    )
    .action(
      act((operation: string, options: PlanOptions) =>
        withParts((parts) => planOne(io, parts, wiring.clock, operation, options)),
      ),
    )
}

function requestParts(parts: Parts): RequestParts {
  return {
    names: parts.names,
    clock: parts.clock,
    bytesMax: parts.config.requests.bytesMax,
    publisher: () => parts.broker(),
    reader: () => parts.reader(),
  }
}

function addEvents(program: Command, { io, withParts, act }: Setup): void {
  const events = program.command('events').description('the events journal')
  events
    .command('tail')
    .description('print events as they are told')
    .option('--from <place>', 'first, last, next, an offset, or a time', streamStart, 'next')
    .option('--request <uuid>', 'only events of this request')
    .option('--count <n>', 'end after so many events', count)
    .option('--timeout <duration>', 'end after so long, as 30s', durationMs)
    .option('--json', 'one JSON event a line')
    .addHelpText(
      'after',
      `
Examples:
  ferryman events tail
  ferryman events tail --from first --request ID --json --timeout 5s`,
    )
    .action(
      act((options: TailOptions) =>
        withParts(async (parts) => {
          const broker = await parts.broker()
          const follow: Follow = (from, onMessage) => broker.readStream(parts.names.eventsJournal, from, onMessage)
          return tail(io, follow, parts.clock, options)
        }),
      ),
    )
}

function addTransfers(program: Command, setup: Setup): void {
  const { io, withParts, act } = setup
  const transfers = program.command('transfers').description('the journal: what was asked, decided, written, told')
  transfers
    .command('list')
    .description('the newest requests, newest first')
    .option('--limit <n>', 'at most so many', count, 50)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  ferryman transfers list --limit 10 --json')
    .action(
      act((options: { limit: number; json?: true }) =>
        withParts(async (parts) =>
          transfersList(io, (await parts.store()).journal, options.limit, options.json === true),
        ),
      ),
    )
  transfers
    .command('show')
    .description('one request with its body and its event')
    .argument('<id>', 'id of the request')
    .option('--json', 'print a JSON document')
    .addHelpText('after', '\nExample:\n  ferryman transfers show ID --json')
    .action(
      act((id: string, options: { json?: true }) =>
        withParts(async (parts) => transfersShow(io, (await parts.store()).journal, id, options.json === true)),
      ),
    )
  transfers
    .command('stuck')
    .description('requests not told and moves not ended for too long, with what to do next; exit 1 when there are some')
    .addOption(
      new Option('--older-than <duration>', 'under way for so long or longer')
        .argParser(durationMs)
        .default(STUCK_MS, '15m'),
    )
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExamples:\n  ferryman transfers stuck\n  ferryman transfers stuck --older-than 2h --json')
    .action(
      act((options: { olderThan: number; json?: true }) =>
        withParts(async (parts) => {
          const { overview, serverNowMs: nowMs } = await parts.store()
          return transfersStuck(io, { overview, nowMs }, options.olderThan, options.json === true)
        }),
      ),
    )
  addCancel(transfers, setup)
}

/** Longer than a request takes that goes through the whole delay ladder. */
const STUCK_MS = 15 * 60_000

function addCancel(transfers: Command, { io, withParts, act }: Setup): void {
  withActor(transfers.command('cancel'), io)
    .description('ask that a request is not carried out, also before it is ever seen; what is decided stands')
    .argument('<id>', 'id of the request')
    .option('--wait', 'wait for the event of the cancel and print it; exit 0 when the request is cancelled, 1 when not')
    .addOption(timeoutOption())
    .option('--json', 'print a JSON document instead of the id')
    .addHelpText('after', '\nExample:\n  ferryman transfers cancel ID --by anna --wait')
    .action(
      act((id: string, options: CancelOptions) =>
        withParts((parts) => transfersCancel(io, requestParts(parts), id, options)),
      ),
    )
}

function timeoutOption(): Option {
  return new Option('--timeout <duration>', 'longest wait').argParser(durationMs).default(30_000, '30s')
}
