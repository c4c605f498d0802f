// The commands of daily work: worker, request, events, transfers.
import { Option, type Command } from 'commander'
import { OPERATIONS } from '../transfer/request.ts'
import type { Parts } from '../wire/parts.ts'
import { tail, type Follow, type TailOptions } from './events.ts'
import { addLater } from './later.ts'
import { readSource } from './ledger.ts'
import { amounts, count, durationMs, field, streamStart, words } from './options.ts'
import type { Setup } from './program.ts'
import { requestMany, requestOne, type RequestOptions, type RequestParts, type SendOptions } from './request.ts'
import { transfersList, transfersShow } from './transfers.ts'
import { runWorker } from './worker.ts'

export function addWorkCommands(program: Command, setup: Setup): void {
  addWorker(program, setup)
  addRequest(program, setup)
  addEvents(program, setup)
  addTransfers(program, setup)
  addLater(program, ['plan', 'console'])
}

function addWorker(program: Command, { io, wiring, load, act }: Setup): void {
  program
    .command('worker')
    .description('run a worker, which also takes in dead letters; SIGTERM drains it, a second signal forces it')
    .addHelpText('after', '\nExamples:\n  ferryman worker\n  FERRYMAN_HTTP_PORT=0 ferryman --set concurrency=16 worker')
    .action(act(() => runWorker(io, load(), wiring)))
}

function addRequest(program: Command, { io, withParts, act }: Setup): void {
  const request = program
    .command('request')
    .description('publish requests')
    .enablePositionalOptions()
    .argument('<operation>', `one of ${OPERATIONS.join(', ')}`)
    .option('--id <uuid>', 'id of the request; default: a new one')
    .option('--consumer <uuid>', 'the consumer whose allocations move')
    .option('--source <uuid>', 'root resource provider that it leaves')
    .option('--destination <uuid>', 'root resource provider that it goes to')
    .option('--migration <uuid>', 'consumer that holds the source while the move is open')
    .option('--mode <mode>', 'claim: migration (default) or doubled')
    .option('--resources <amounts>', 'amounts by resource class, as VCPU=2,MEMORY_MB=2048', amounts)
    .option('--destination-resources <amounts>', 'the whole set held at the destination, for another size', amounts)
    .option('--alternates <uuids>', 'further destinations, separated by commas', words)
    .option('--not-after <time>', 'deadline, RFC 3339 with offset')
    .option('--origin <name>', "last word of the event's routing key")
    .option('--force', 'release: skip all comparison')
    .option('--policy <policy>', 'resize: max (default), sum or replace')
    .option('--new-consumer <uuid>', 'swap-consumer: who takes over')
    .option('--request <uuid>', 'cancel: the request to cancel')
    .option('--field <name=json>', 'any other field of the request, as JSON (may be repeated)', field)
    .option('--wait', 'wait for the event and print it; exit 0 on success, 1 on failure, 69 when none came')
    .addOption(new Option('--timeout <duration>', 'longest wait').argParser(durationMs).default(30_000, '30s'))
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

function addTransfers(program: Command, { io, withParts, act }: Setup): void {
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
  addLater(transfers, ['stuck', 'cancel'])
}
