// The documents against the project: printed pages are as printed, links lead somewhere, names and commands exist.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { eventOf } from '../../src/transfer/event.ts'
import { letterHeaders } from '../../src/transfer/letter.ts'
import { INVARIANTS, RULES } from '../simulation/rules.ts'
import { outcome } from '../../src/transfer/outcome.ts'
import { KEYS, settingOf } from '../../src/config/settings.ts'
import { KEY_TYPES } from '../../src/redis/keys.ts'
import { projectRoot } from '../support/project-root.ts'
import {
  commandFaults,
  documentsIn,
  firstColumn,
  helpsIn,
  jsonBlocks,
  linkFaults,
  nameFaults,
  proofFaults,
  section,
  type Document,
} from './docs.ts'
import { none } from './none.ts'

interface Generator {
  pages(built: string): Promise<Readonly<Record<string, string>>>
}

const ROOT = projectRoot()
const BUILT = join(import.meta.dirname, '..', '..')
const documents = documentsIn(ROOT)
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const EVENT = eventOf({
  identity: {
    id: 'r',
    operation: 'claim',
    consumer: null,
    migration: null,
    source: null,
    destination: null,
    origin: 'none',
    context: {},
    replayOf: null,
  },
  outcome: outcome('applied', 'Done.'),
  time: '',
  attempts: 1,
  worker: 'w',
  durationMs: 1,
})

describe('the printed pages', () => {
  it('are what the code prints; npm run docs writes them anew when they are not', async () => {
    const generator = (await import(join(ROOT, 'scripts', 'docs.mjs'))) as Generator
    const printed = await generator.pages(BUILT)
    const stale = Object.entries(printed)
      .filter(([name, page]) => page !== text(`docs/${name}`))
      .map(([name]) => `docs/${name} is stale`)
    none(stale)
  }).timeout(60_000)
})

describe('the documents', () => {
  it('lead nowhere that does not exist, file or heading', () => {
    none(linkFaults(documents, ROOT))
  })

  it('quote only tests that are there', () => {
    none(proofFaults(documents, ROOT))
  })

  it('show only commands, options and scripts that are there', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
    none(commandFaults(documents, helpsIn(text('docs/cli.md')), Object.keys(scripts)))
  })

  it('name only settings, variables and metrics that are there', () => {
    const variables = KEYS.map((key) => settingOf(key).env)
    none(
      nameFaults(documents, {
        settings: KEYS,
        variables: [...variables, ...variables.map((name) => `${name}_FILE`), 'FERRYMAN_CONFIG'],
        metrics: firstColumn(text('docs/metrics.md')),
        effects: firstColumn(text('docs/operations.md')),
      }),
    )
  })

  it('tell every key of an event, in its order, and nothing else', () => {
    const page = text('docs/events.md')
    expect(firstColumn(section(page, '## Body'))).to.deep.equal(Object.keys(EVENT))
    const [example] = jsonBlocks(section(page, '## Body'))
    expect(Object.keys(example!)).to.deep.equal(Object.keys(EVENT))
  })

  it('tell every header of a dead letter, and nothing else', () => {
    const headers = letterHeaders(EVENT, {
      firstFailedAt: '',
      lastFailedAt: '',
      exchange: '',
      routingKey: '',
      worker: '',
      workerVersion: '',
    })
    expect(firstColumn(section(text('docs/events.md'), '## Dead letters'))).to.deep.equal(Object.keys(headers))
  })

  it('tell every key in Redis', () => {
    const told = firstColumn(section(text('docs/internals.md'), '## Keys'))
    expect(told).to.have.members([
      ...Object.keys(KEY_TYPES),
      'r:<request>',
      'z:<4 hex digits>',
      'ch:<session>',
      'probe',
    ])
  })

  it('tell every rule of a simulated life, and of which invariant it is', () => {
    const told = section(text('docs/internals.md'), '## What a simulated life must keep')
    expect(firstColumn(told)).to.deep.equal(Object.keys(RULES))
    for (const { how, when } of Object.values(RULES)) expect(told).to.contain(`| ${how} | ${when} |`)
    for (const [name, what] of Object.entries(INVARIANTS)) {
      expect(told).to.contain(`- **${name}** ${what}.`)
      expect(Object.keys(RULES).some((rule) => rule.startsWith(`${name} `))).to.equal(true)
    }
  })

  it('begin with a title each, and hold no tabs', () => {
    none(
      documents.flatMap(({ path, text: page }) => [
        ...(page.startsWith('# ') ? [] : [`${path} does not begin with a title`]),
        ...(page.includes('\t') ? [`${path} has tabs`] : []),
      ]),
    )
  })
})

describe('faults of a document', () => {
  const page = (body: string): Document[] => [{ path: 'docs/x.md', text: `# X\n\n${body}\n` }]
  const helps = new Map([
    ['', ''],
    ['ledger', '  --set <key=value>'],
    ['ledger dump', '  --json  print'],
  ])

  it('are links to files and headings that are not there', () => {
    expect(
      linkFaults(page('[a](missing.md) [b](#nowhere) [c](#x) [d](outcomes.md#applied) [e](https://example.org)'), ROOT),
    ).to.deep.equal(['docs/x.md: missing.md does not exist', 'docs/x.md: #nowhere is no heading of docs/x.md'])
  })

  it('are tests that are not there, or do not say what is quoted', () => {
    const good = '["tell every header of a dead letter"](../test/tidy/docs.test.ts) '
    const bad = '["no such rule"](../test/tidy/none.ts) [its words](../test/tidy/docs.test.ts)'
    expect(proofFaults(page(good + bad), ROOT)).to.deep.equal([
      'docs/x.md: test/tidy/none.ts does not say "no such rule"',
    ])
  })

  it('are settings, variables and metrics that are not there', () => {
    const known = {
      settings: ['lock.holdMs'],
      variables: ['FERRYMAN_A'],
      metrics: ['ferryman_b'],
      effects: ['lock.take'],
    }
    const prose =
      '`lock.holdMs` `lock.hold` `lock.take` `FERRYMAN_A` `FERRYMAN_B` `ferryman_b{x="y"}` `ferryman_c` `ferryman.x`'
    expect(nameFaults(page(prose), known)).to.deep.equal([
      'docs/x.md: there is no lock.hold',
      'docs/x.md: there is no FERRYMAN_B',
      'docs/x.md: there is no ferryman_c',
    ])
  })

  it('are commands, options and scripts that are not there', () => {
    const shell = [
      'ferryman ledger dump --json > x',
      'ferryman ledger burn',
      'A=1 ferryman ledger dump --all',
      'npm run nothing',
      'ls',
    ].join('\n')
    expect(commandFaults(page(`\`\`\`sh\n${shell}\n\`\`\``), helps, ['docs'])).to.deep.equal([
      'docs/x.md: there is no command ferryman ledger burn',
      'docs/x.md: ferryman ledger dump has no --all',
      'docs/x.md: package.json has no script nothing',
    ])
  })
})
