// Prints the pages of docs/ that follow from the code: `npm run docs` writes them, a test compares them.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { prepare, root, say } from './prepare.mjs'

const GENERATED = (source) => `<!-- Printed from ${source} by \`npm run docs\`; a test compares the two. -->`

/** File name in docs/ to its text. `built` is the folder that the sources were compiled into. */
export async function pages(built) {
  const load = (path) => import(pathToFileURL(join(built, 'src', path)).href)
  return {
    'requests.md': await requestsPage(load),
    'outcomes.md': await outcomesPage(load),
    'configuration.md': (await load('config.js')).describeSettings(),
    'operations.md': await operationsPage(load),
    'metrics.md': await metricsPage(load),
    'cli.md': await commandsPage(built),
    'contract-tests.md': (await fromTests(built, 'contract-lines/lines/page.js')).contractTestsPage(),
    'mutants.md': (await fromTests(built, 'mutants/page.js')).mutantsPage(),
  }
}

const fromTests = (built, path) => import(pathToFileURL(join(built, 'test', path)).href)

const OPERATIONS = {
  claim:
    'M takes the source, the consumer takes the destination; the move stays open until `confirm` or `revert`. ' +
    'Mode `doubled`: the consumer holds both.',
  transfer: 'The consumer holds the destination instead of the source, at once.',
  retarget: 'The open move goes to another destination.',
  confirm: 'Ends the open move: the source is freed.',
  revert: 'Ends the open move: the consumer holds the source again, the destination is freed.',
  acquire: 'The consumer, which holds nothing, takes `resources` at the destination.',
  release: 'The consumer, and every M of its open move, hold nothing any more. `force` skips all comparison.',
  resize:
    'Opens a resize in place: the consumer holds both sizes as `policy` counts them (`max`, `sum`, `replace`) ' +
    'until it is ended.',
  adjust: 'Changes amounts by `deltas`, on providers that the consumer uses already.',
  'swap-consumer': 'All that the consumer holds passes to `newConsumer`, which holds nothing.',
  cancel: 'Ends `request` as `cancelled` unless it is decided; also before it was ever seen.',
}

const FIELDS = {
  version: '1',
  id: 'uuid; one id, one effect, one outcome',
  operation: 'one of the table above',
  consumer: 'uuid of the consumer',
  source: 'uuid of the resource provider that it leaves; where optional, a guard',
  destination: 'uuid of the resource provider that it goes to; where optional, a guard',
  migration: 'uuid of M; a claim derives one from `id`, the others take that of the open move',
  mode: '`migration` (default) or `doubled`',
  resources:
    'amounts by class. A guard: each class named is held at the source in exactly this amount. For `acquire` ' +
    'and `resize` the whole set wanted',
  destinationResources: 'the whole set held at the destination, for another size; default: as at the source',
  requires: '`traits`, `forbiddenTraits`, `aggregates` (every one) of the destination',
  alternates: 'at most 32 further destinations, tried in order when one refuses for lack of room or fit',
  expect: 'guards: `consumerGeneration`, `project`, `user`, `type`; each one given must hold',
  owner: '`project`, `user`, and `type` (default `INSTANCE`)',
  force: 'true or false (default)',
  policy: '`max` (default), `sum` or `replace`',
  deltas: 'differences by provider and class, none of them 0',
  newConsumer: 'uuid of who takes over',
  request: 'uuid of the request to cancel',
  notAfter: 'deadline, RFC 3339 with offset, compared with the clock of Redis',
  idempotent: '`false` forbids repeating the write after a timeout; it can forbid, never permit',
  origin: "last word of the event's routing key: a-z, 0-9 and -, at most 64; default `none`",
  context: 'any object of at most 4 KiB, told again in the event',
  replayOf: 'uuid of the request that this one tries again',
}

async function requestsPage(load) {
  const { COMMON_FIELDS, OPERATION_TABLE } = await load('transfer/operations.js')
  const named = (fields, presence) =>
    Object.keys(fields)
      .filter((name) => fields[name] === presence)
      .map((name) => `\`${name}\``)
      .join(' ')
  const operations = Object.entries(OPERATION_TABLE).map(([name, { fields }]) => [
    `\`${name}\``,
    OPERATIONS[name],
    named(fields, 'required'),
    named(fields, 'optional'),
  ])
  const all = new Set(
    [COMMON_FIELDS, ...Object.values(OPERATION_TABLE).map(({ fields }) => fields)].flatMap(Object.keys),
  )
  const fields = [...all].map((name) => [`\`${name}\``, FIELDS[name]])
  for (const name of Object.keys(FIELDS)) if (!all.has(name)) throw new Error(`${name} is no field of a request`)
  return page([
    '# Requests',
    GENERATED('src/transfer/operations.ts'),
    'A request is one JSON object, UTF-8, at most `requests.bytesMax` bytes, nested at most 12 deep. It is ' +
      'published to the' +
      '\nexchange `<prefix>.requests` with routing key `transfer.<operation>`, persistent, with publisher confirms;' +
      '\n`message_id` = `id` and `content_type` = `application/json` are good manners, but the body alone ' +
      'counts. The same' +
      '\nobject as `data` of a CloudEvents 1.0 envelope, structured or binary, is accepted too.',
    '```json\n{\n  "version": 1,\n  "id": "42ad2521-32f6-475f-8387-bb32c82cdbb6",\n  "operation": "claim",' +
      '\n  "consumer": "0b6e1c1e-0003-4000-8000-000000000003",\n  "source": "5f2a1c1e-0001-4000-8000-000000000001",' +
      '\n  "destination": "9d1c1c1e-0002-4000-8000-000000000002",\n  "resources": { "VCPU": 2, "MEMORY_MB": ' +
      '2048 }\n}\n```',
    'Unknown fields, `null`, and fields that the operation does not take are refused as `schema_invalid`, ' +
      'naming the path:' +
      '\na misspelt guard never silently disappears. Uuids have hyphens, in any case. Amounts are whole ' +
      'numbers from 1 to' +
      '\n2147483647; classes and traits match `^[A-Z0-9_]{1,255}$`. The package exports the JSON Schema as ' +
      '`requestSchema`.',
    `## Operations\n\nEach is one atomic write. M is the consumer that holds the source while a move is open. ` +
      `Every operation takes also ${named(
        COMMON_FIELDS,
        'optional',
      )}; \`version\`, \`id\` and \`operation\` are always required.`,
    table(['operation', 'does', 'requires', 'takes'], operations),
    '## Fields',
    table(['field', 'is'], fields),
    'No order is promised between requests, and there are no priorities: wait for an outcome before sending ' +
      'what depends' +
      '\non it. How each ends: [outcomes](outcomes.md). What is told: [events](events.md).',
  ])
}

const CLASSES = {
  done: 'The request ends with success. Nothing waits for anybody.',
  invalid: 'The message is no request. It answers these bytes, not the id: the event id carries their digest.',
  refused: 'The request was read and must not be carried out. News for the scheduler; nothing was written.',
  exhausted: 'It could not be carried out in time. Work for a person; it is settled that nothing was written.',
  operator: 'Something that a person must look at.',
}

async function outcomesPage(load) {
  const { CODES, classOf, effectOf } = await load('transfer/outcome.js')
  const { MEANINGS } = await load('transfer/meaning.js')
  const { tellingOf } = await load('transfer/settlement.js')
  const rows = CODES.map((code) => {
    const telling = tellingOf(classOf(code))
    const key = `\`transfer.<operation>.${telling.event}.${code}.<origin>\``
    return [`[\`${code}\`](#${code})`, classOf(code), words(effectOf(code)), key, telling.letter ? 'yes' : 'no']
  })
  const sections = Object.entries(CLASSES).flatMap(([name, sentence]) => {
    const { letter, asks } = tellingOf(name)
    const state = asks === 'news' ? '`told`' : '`open`'
    const desk = letter ? ` The desk lists its letters as ${state}.` : ''
    const codes = CODES.filter((code) => classOf(code) === name)
    return [
      `## Class \`${name}\`\n\n${sentence}${desk}`,
      ...codes.map((code) => {
        const { means, todo } = MEANINGS[code]
        return `### ${code}\n\n${means}\n\n- Effect: ${words(effectOf(code))}.\n- What to do: ${todo}`
      }),
    ]
  })
  return page([
    '# Outcomes',
    GENERATED('src/transfer/outcome.ts, settlement.ts and meaning.ts'),
    'Every request ends in exactly one of these codes, written down before it is told. A code never changes ' +
      'its meaning' +
      '\nonce it is released. They are listed in order of precedence: where several hold, the first is told, and' +
      '\n`violations` lists everything that was found. Each end is one event; every end but those of class ' +
      '`done` is one' +
      '\ndead letter too, with routing key `<class>.<code>`.',
    table(['code', 'class', 'effect', 'event routing key', 'dead letter'], rows),
    ...sections,
  ])
}

async function operationsPage(load) {
  const { loadConfig } = await load('config.js')
  const { systemClock } = await load('clock/system-clock.js')
  const { Telemetry } = await load('telemetry/events.js')
  const { openParts } = await load('wire/parts.js')
  const effects = openParts(loadConfig({ env: {} }).config, systemClock, new Telemetry()).effects()
  const rows = effects.map(({ name, ledger, idempotent, because }) => [
    `\`${name}\``,
    ledger,
    idempotent ? 'yes' : 'no',
    because,
  ])
  return page([
    '# Operations',
    GENERATED('the declared effects, as `ferryman operations` prints them,'),
    'Every effect on the world outside, declared once with its mark. After a timeout only what is marked ' +
      'idempotent is' +
      '\nsent again: the identical input, with backoff and jitter, at most `retry.attemptsMax` times within ' +
      'one processing.' +
      '\nTo repeat an effect without the mark does not compile, and stops a start where types were ' +
      'circumvented. A request' +
      '\nwith `"idempotent": false` forbids repeating its write; it can forbid, never permit.',
    table(['name', 'ledger', 'idempotent', 'because'], rows),
  ])
}

async function metricsPage(load) {
  const { loadConfig } = await load('config.js')
  const { systemClock } = await load('clock/system-clock.js')
  const { Telemetry } = await load('telemetry/events.js')
  const { openParts } = await load('wire/parts.js')
  const { openMetrics } = await load('telemetry/metrics.js')
  const effects = openParts(loadConfig({ env: {} }).config, systemClock, new Telemetry()).effects()
  const { body } = await openMetrics({ version: '0', clock: systemClock, effects }).text()
  const rows = metricsIn(body).map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(' '),
    help,
  ])
  return page([
    '# Metrics',
    GENERATED('the registry of src/telemetry/metrics.ts'),
    '`GET /metrics` of a worker serves these as Prometheus text. All are there from the first scrape; none ' +
      'carries an id' +
      '\nas label. Beside them stand `ferryman_process_*` and `ferryman_nodejs_*`, which tell of the process ' +
      'itself. Gauges' +
      '\nthat have to be asked for (letters, strays, transfers) are polled every 5 s, so that a scrape depends ' +
      'on neither' +
      '\nRedis nor the broker; they tell of the installation, not of the worker that serves them.',
    table(['metric', 'type', 'labels', 'help'], rows),
  ])
}

/** Name, type, labels and help of each metric of a Prometheus text, but for those of the process. */
export function metricsIn(text) {
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)/gm)]
    .map(([, name, help, type]) => {
      const series = [...text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'gm'))].map((match) => match[1])
      const labels = series.flatMap((one) => [...one.matchAll(/(\w+)="/g)].map((match) => match[1]))
      return { name, type, help, labels: [...new Set(labels)].filter((label) => label !== 'le') }
    })
    .filter(({ name }) => !/^ferryman_(?:process|nodejs)_/.test(name))
}

async function commandsPage(built) {
  // In a process of its own, whose output is no terminal: on one, the help is as wide as that.
  const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, '--helps', built])
  const helps = JSON.parse(stdout)
  const [[, whole], ...commands] = helps
  return page([
    '# Command line',
    GENERATED('the help of each command'),
    'Every reading command takes `--json`: one JSON document, or one JSON object a line for lists, on standard ' +
      'output.' +
      '\nProgress, warnings and errors go to standard error. `--set key=value` may stand behind any command. ' +
      'No command' +
      '\nhere changes a decision; what is not listed does not exist in this version and ends with 64.',
    table(
      ['exit code', 'says'],
      [
        ['0', 'ok'],
        ['1', 'the answer is no: refused, not found, something is open'],
        ['64', 'misuse: the command line is wrong'],
        ['69', 'a dependency is unavailable, or no answer came in time'],
        ['70', 'a bug in Ferryman'],
        ['75', 'the drain deadline was hit and work was handed back'],
        ['77', 'permission refused: password, rights, virtual host'],
        ['78', 'bad configuration, or a topology that is not safe'],
      ],
    ),
    `## ferryman\n\n${block(whole)}`,
    ...commands.map(([words, help]) => `## ferryman ${words.join(' ')}\n\n${block(help)}`),
  ])
}

/** Help of a command and of all below it, by the words that lead there. */
async function helpsBelow(run, words) {
  let help = ''
  const out = (text) => {
    help += text
  }
  await run([...words, '--help'], { out, err: out, env: {}, isTerminal: false }, {})
  const [, listed = ''] = /\nCommands:\n([^]*?)\n(?:\n|$)/.exec(help) ?? []
  const names = [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1]).filter((name) => name !== 'help')
  const below = await Promise.all(names.map((name) => helpsBelow(run, [...words, name])))
  return [[words, help], ...below.flat()]
}

const words = (effect) => effect.replaceAll('_', ' ')
const page = (parts) => `${parts.join('\n\n')}\n`
const block = (text) => `\`\`\`text\n${text.trimEnd()}\n\`\`\``
const cell = (text) => text.replaceAll('|', '\\|')
const table = (heading, rows) =>
  [heading, heading.map(() => '---'), ...rows.map((row) => row.map(cell))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

if (process.argv[1] === import.meta.filename && process.argv[2] === '--helps') {
  const { run } = await import(pathToFileURL(join(process.argv[3], 'src', 'cli', 'program.js')).href)
  process.stdout.write(JSON.stringify(await helpsBelow(run, [])))
} else if (process.argv[1] === import.meta.filename) {
  await prepare()
  for (const [name, text] of Object.entries(await pages(join(root, 'dist')))) {
    writeFileSync(join(root, 'docs', name), text)
    say(`docs/${name}`)
  }
}
