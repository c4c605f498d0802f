// What `ferryman plan` foretells beside what a worker then does, on real servers; and that foretelling writes nothing.
import { expect } from 'chai'
import { inProcess } from '../support/in-process.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import type { Run } from '../support/program.ts'
import { ferryman } from './ferryman-process.ts'

const idOf = (kind: string, n: number): string => `${kind.repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`
const [SOURCE, ROOMY, FULL, DISABLED] = [1, 2, 3, 4].map((n) => idOf('a', n)) as [string, string, string, string]
const NOWHERE = idOf('a', 9)
const [SERVER, OTHER, THIRD] = [1, 2, 3].map((n) => idOf('c', n)) as [string, string, string]

const provider = (id: string, name: string, total: number, traits: string[] = []) => ({
  id,
  name,
  parent: null,
  traits,
  aggregates: [],
  inventories: { VCPU: { total, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 16, step_size: 1 } },
})
const server = (id: string, allocations: Record<string, Record<string, number>>) => ({
  id,
  type: 'INSTANCE',
  project: 'p',
  user: 'u',
  allocations,
})
const BOOKS = {
  providers: [
    provider(SOURCE, 'cn-source', 16),
    provider(ROOMY, 'cn-roomy', 16),
    provider(FULL, 'cn-full', 3),
    provider(DISABLED, 'cn-disabled', 16, ['COMPUTE_STATUS_DISABLED']),
  ],
  consumers: [
    server(SERVER, { [SOURCE]: { VCPU: 4 } }),
    server(OTHER, { [SOURCE]: { VCPU: 4 } }),
    server(THIRD, { [FULL]: { VCPU: 2 } }),
  ],
}

describe('ferryman plan', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation()
    await site.seed(BOOKS)
    await site.worker()
  })
  after(() => site.close())

  let serial = 0
  const documentOf = ({ out }: Run): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>
  const plan = (words: readonly string[]): Promise<Run> => inProcess(['plan', ...words], site.env)
  const books = async (): Promise<string> => (await inProcess(['ledger', 'dump', '--json'], site.env)).out
  const claim = (consumer: string, destination: string): string[] => {
    return ['claim', '--consumer', consumer, '--source', SOURCE, '--destination', destination]
  }

  const rows: readonly (readonly [what: string, words: readonly string[], code: string])[] = [
    ['a claim that fits', claim(SERVER, ROOMY), 'applied'],
    ['a claim of a consumer whose move is open', claim(SERVER, FULL), 'conflicting_operation'],
    ['a claim without room', claim(OTHER, FULL), 'capacity_exceeded'],
    ['a claim to what does not exist', claim(OTHER, NOWHERE), 'destination_missing'],
    ['two destinations that refuse', [...claim(OTHER, FULL), '--alternates', DISABLED], 'no_candidate'],
    ['a guard that does not hold', [...claim(OTHER, ROOMY), '--resources', 'VCPU=3'], 'source_unexpected'],
    ['a deadline that has passed', [...claim(OTHER, ROOMY), '--not-after', '2020-01-01T00:00:00Z'], 'expired'],
    ['an owner that is another', [...claim(OTHER, ROOMY), '--field', 'expect={"project":"x"}'], 'owner_mismatch'],
    ['a claim whose alternate fits', [...claim(OTHER, FULL), '--alternates', `${DISABLED},${ROOMY}`], 'applied'],
    ['a confirm', ['confirm', '--consumer', SERVER], 'applied'],
    ['the same confirm again', ['confirm', '--consumer', SERVER], 'nothing_to_do'],
    ['a revert', ['revert', '--consumer', OTHER], 'applied'],
    ['a transfer of nothing', ['transfer', ...claim(idOf('c', 9), ROOMY).slice(1)], 'source_missing'],
    ['a release', ['release', '--consumer', THIRD], 'applied'],
    ['a cancel of what was never seen', ['cancel', '--request', idOf('b', 77)], 'applied'],
    ['the same cancel again', ['cancel', '--request', idOf('b', 77)], 'nothing_to_do'],
  ]
  for (const [what, words, code] of rows) {
    it(`foretells ${what}: ${code}, as the worker then ends it`, async () => {
      const id = idOf('b', ++serial)
      const before = await books()
      const foretold = await plan([...words, '--id', id, '--json'])
      expect(await books()).to.equal(before)
      const { outcome, violations, before: held, after: holds, ...rest } = documentOf(foretold)
      expect((outcome as { code: string }).code).to.equal(code)
      const told = documentOf(await inProcess(['request', ...words, '--id', id, '--wait'], site.env))
      expect(outcome).to.deep.equal(told['outcome'])
      expect(violations).to.deep.equal(told['violations'])
      expect({ before: held, after: holds }).to.deep.equal({ before: told['before'], after: told['after'] })
      for (const key of ['request', 'operation', 'consumer', 'migration', 'source', 'destination', 'open']) {
        expect(rest[key], key).to.deep.equal(told[key])
      }
      const isDone = ['applied', 'nothing_to_do'].includes(code)
      expect(foretold.code).to.equal(isDone ? 0 : 1)
      const again = await plan([...words, '--id', id, '--json'])
      expect(documentOf(again)['outcome'], 'what is decided already').to.deep.equal(told['outcome'])
    }).timeout(60_000)
  }

  it('foretells that a request was called off before it came', async () => {
    const { code, out } = await plan([...claim(OTHER, ROOMY), '--id', idOf('b', 77), '--json'])
    expect([code, (JSON.parse(out) as { outcome: { code: string } }).outcome.code]).to.deep.equal([1, 'cancelled'])
  }).timeout(60_000)

  it('names what a worker would find wrong with the request itself, exit 1', async () => {
    const { code, out } = await plan([...claim('x', ROOMY), '--json'])
    expect(code).to.equal(1)
    const document = JSON.parse(out) as { outcome: { code: string }; violations: { path: string }[] }
    expect(document.outcome.code).to.equal('schema_invalid')
    expect(document.violations.map(({ path }) => path)).to.deep.equal(['/consumer'])
    const known = idOf('b', 1)
    const reused = documentOf(await plan([...claim(OTHER, ROOMY), '--id', known, '--json']))
    expect((reused['outcome'] as { code: string }).code).to.equal('id_reused')
    const shown = await plan(claim('x', ROOMY))
    expect(shown.code).to.equal(1)
    expect(shown.out)
      .to.match(/would not be done: schema_invalid/)
      .and.match(/schema +\/consumer must be/)
  }).timeout(60_000)

  it('shows a person who moves from where to where, amounts and room before and after', async () => {
    const { code, out } = await plan([...claim(OTHER, FULL), '--alternates', ROOMY])
    expect(code).to.equal(0)
    expect(out)
      .to.match(/^claim +would end applied$/m)
      .and.match(new RegExp(`^from +cn-source \\(${SOURCE}\\)$`, 'm'))
      .and.match(new RegExp(`^to +cn-roomy \\(${ROOMY}\\)$`, 'm'))
      .and.match(
        new RegExp(`^cn-full \\(${FULL}\\) +capacity_exceeded +Provider cn-full .* has room for 3 more VCPU`, 'm'),
      )
      .and.match(new RegExp(`^${OTHER} +${SOURCE} +cn-source +VCPU +4 +0$`, 'm'))
      .and.match(new RegExp(`^${OTHER} +${ROOMY} +cn-roomy +VCPU +0 +4$`, 'm'))
      .and.match(new RegExp(`^${ROOMY} +VCPU +4 +8 +16$`, 'm'))
  }).timeout(60_000)

  it('shows a person every rule that stands against it, with numbers', async () => {
    const words = ['acquire', '--consumer', idOf('c', 8), '--destination', DISABLED, '--resources', 'VCPU=17']
    const { code, out } = await plan([...words, '--field', 'owner={"project":"p","user":"u"}'])
    expect(code).to.equal(1)
    expect(out)
      .to.match(/^acquire +would not be done: destination_disabled$/m)
      .and.match(/^disabled +Provider cn-disabled .* is disabled/m)
      .and.match(/^max_unit +Provider cn-disabled .* at most 16 VCPU to one consumer, but 17 were asked for/m)
      .and.match(/^capacity +Provider cn-disabled .* has room for 16 more VCPU \(0 of 16 used\), but 17/m)
  }).timeout(60_000)

  it('answers 69 when Redis does not, and needs no RabbitMQ', async () => {
    const env = { FERRYMAN_RABBITMQ_URL: 'amqp://127.0.0.1:1' }
    const words = ['plan', ...claim(OTHER, ROOMY)]
    expect((await ferryman(words, { env: { ...site.env, ...env } })).code).to.equal(0)
    const dead = { ...site.env, ...env, FERRYMAN_REDIS_URL: 'redis://127.0.0.1:1', FERRYMAN_START_TIMEOUT_MS: '500' }
    expect((await ferryman(words, { env: dead })).code).to.equal(69)
  }).timeout(60_000)
})
