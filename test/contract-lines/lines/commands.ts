// Statements about the command line: commands, their JSON, and exit codes.
import { notYet, shown, type Section } from './statement.ts'
import { REPLAY } from './titles.ts'

const LIST = 'commands: dead-letters list prints one JSON object a letter, with all thirteen keys, whatever the class'
const SEED = 'commands: ledger seed takes its own dump, leaves what was moved, and replaces only with --replace'

export const COMMANDS: Section = {
  title: '6. Command line',
  statements: [
    shown(
      'cli.help',
      '`--help` everywhere, on standard output.',
      'cli: has help for every command, with examples, on standard output',
    ),
    shown(
      'cli.misuse',
      'Misuse ends with 64 and a sentence on standard error.',
      'cli: nothing at all is misuse: 64 and a sentence on standard error',
      'commands: request publishes one, prints its id, and passes any field',
    ),
    shown(
      'cli.unavailable',
      'A dependency that is not there: 69.',
      'cli: worker ends with 69 when nothing answers, and prints no secret',
      'cli: dlq status ends with 69 when nothing answers, and prints no secret',
    ),
    shown(
      'cli.permission',
      'Wrong password, virtual host or right: 77 at once.',
      'work: ends with 77 at once for a wrong password',
      'rights: ends with 77 for each right that is missing, and runs after the command that it prints',
    ),
    shown(
      'cli.configuration',
      'Bad configuration or unsafe topology: 78.',
      'cli: ends with 78 and a sentence each for settings that do not hold',
      'work: ends a worker with 78 and a table when the topology is not there and may only be verified',
    ),
    notYet('cli.internal', 'A bug in a command: 70.', 'no command of the tests can be brought to one from outside'),
    shown(
      'worker.drain',
      'SIGTERM drains: 0, or 75 when work was handed back; a second signal forces.',
      'stop: under load finishes what it has in hand and exits with 0; others do the rest',
      'stop: hands it back when the time to drain is over, and exits with 75',
      'stop: is forced by a second signal, long before the time to drain is over',
      'watch: drains on SIGTERM with 0',
    ),
    shown(
      'worker.start',
      'At start it tries for `start.timeoutMs`, then 69.',
      'cli: worker ends with 69 when nothing answers, and prints no secret',
    ),
    shown(
      'worker.lasts',
      'Once started it never exits for a lost dependency.',
      'outages: of Redis: frozen for 3 s, and killed and started again',
      'outages: of RabbitMQ: connections cut and refused, and the node killed and started again',
    ),
    shown(
      'request.command',
      '`request` publishes one and prints its id; `--field` passes any field.',
      'commands: request publishes one, prints its id, and passes any field',
    ),
    shown(
      'request.wait',
      '`--wait` prints the event: 0 on success, 1 on failure, 69 when none came.',
      'work: answers 69 when no event comes',
      'work: moves allocations through a worker, prints its event, and answers a second copy with the same',
      'work: answers 1 to a refusal, and shows it at the desk as news',
    ),
    shown(
      'request.send',
      '`request send` takes an array or NDJSON, with confirms; one invalid line refuses the file.',
      'work: sends many with confirms, and tells their events from the journal',
      'cli: refuses a file with an invalid request as a whole, before it connects anywhere',
    ),
    shown(
      'events.tail',
      '`events tail` follows the journal from first, next, an offset or a time, or one request.',
      'commands: events tail reads from first, last, an offset or a time, and one request',
    ),
    shown(
      'plan',
      '`plan` says from the live ledger what would happen, without writing: 0 or 1.',
      'plan: names what a worker would find wrong with the request itself, exit 1',
      'plan: shows a person who moves from where to where, amounts and room before and after',
      'plan: shows a person every rule that stands against it, with numbers',
    ),
    shown(
      'desk.status',
      '`dead-letters status`: open, told, unroutable; 0 nothing open, 1 something.',
      'work: answers 1 to a refusal, and shows it at the desk as news',
      'trouble: ends contended when the ladder is used up: exhausted, did not happen, and work for a person',
    ),
    shown(
      'desk.without-worker',
      'The desk is readable when no worker runs, and takes in what waits.',
      'work: shows letters also when no worker runs',
    ),
    shown('desk.list', '`dead-letters list` prints NDJSON with its thirteen keys; refused and invalid are told.', LIST),
    shown(
      'desk.filters',
      'It keeps to state, code, class, provider, request, since, limit and after.',
      'commands: dead-letters list keeps to its filters',
    ),
    shown(
      'desk.show',
      '`show` adds body (or bodyBase64), headers, event and history.',
      'commands: dead-letters show prints the letter with body, headers, event and history, by either id',
      'work: shows letters also when no worker runs',
    ),
    shown(
      'desk.replay',
      '`replay` sends plain JSON under the uuid v5 of `<dl-id>/replay/<n>`, with replayOf; never class invalid.',
      REPLAY,
    ),
    shown(
      'desk.replay-deadline',
      'A passed deadline is dropped unless `--not-after` gives a new one; the whole chain must be undone.',
      'care: a replay drops a deadline that has passed, or takes the new one',
      'care: a replay is refused where one of its chain took effect',
    ),
    shown(
      'desk.discard',
      '`discard` without a reason is 64; `--by` says who, by default the user of the system.',
      'commands: dead-letters discard wants a reason, and says who acted: the user of the system, or --by',
    ),
    shown(
      'desk.restore',
      '`restore` brings a letter back.',
      'commands: dead-letters discard wants a reason, and says who acted: the user of the system, or --by',
    ),
    shown(
      'desk.others',
      '`groups`, `reconcile` and `export`.',
      'care: groups counts letters by cause; export prints whole letters; reconcile finds nothing left unknown',
    ),
    shown(
      'transfers',
      '`transfers list` and `show` tell what was asked, decided, written and told.',
      'commands: transfers list and show tell what was asked, decided, before and after',
    ),
    shown(
      'transfers.acts',
      '`transfers stuck` and `cancel`.',
      'care: transfers stuck names an open move until it is ended, by exit code too',
      'care: transfers cancel calls a request off, and says with --wait whether it was in time',
    ),
    shown(
      'ledger.dump',
      '`dump --json` prints the seed format, with generations and usages, without consumers that hold nothing.',
      'commands: ledger dump prints the seed format, generations and usages, and no consumer that holds nothing',
    ),
    shown(
      'ledger.seed',
      '`seed` is checked as a whole, safe to run twice, and refuses other allocations but for `--replace`.',
      SEED,
      'work: seeds the books as a whole or not at all, twice without harm',
    ),
    shown(
      'ledger.show',
      '`show` one consumer or provider.',
      'work: seeds the books as a whole or not at all, twice without harm',
    ),
    shown(
      'ledger.audit',
      '`audit` names what does not add up.',
      'care: ledger audit is exit 0 with books that add up, and 1 naming a provider that has less than is used',
    ),
    notYet('ledger.care', '`heal` and `reap`.', 'not part of this version'),
    shown(
      'topology.commands',
      '`topology plan|apply|verify|export`; apply again makes nothing, verify exits 78 when unsafe.',
      'topology: plan says what apply makes, makes nothing, and exits 1; apply makes just that, once',
      'topology: export is accepted by rabbitmqctl and by the management API, and verify finds it safe',
      'work: makes the topology once, and finds it safe',
    ),
    shown(
      'doctor',
      '`doctor` finds nothing wrong with what a worker needs.',
      'work: finds nothing wrong with what a worker needs',
    ),
    notYet('console', '`console`.', 'not part of this version'),
  ],
}
