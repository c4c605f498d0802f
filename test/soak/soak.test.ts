// A soak as short as can be, and proof that its judge and its verdict on growth notice what they are there for.
import { join } from 'node:path'
import { expect } from 'chai'
import type { Books } from '../support/installation.ts'
import type { Message, Reading } from '../support/installation-line.ts'
import { ran } from '../support/program.ts'
import { sharedRabbit } from '../support/servers.ts'
import { growthOf } from './leaks.ts'
import { violationsOf, type Heard, type Judged } from './judge.ts'
import { soak } from './run.ts'

describe('a short soak', () => {
  it('keeps every promise under mixed faults, and ends with everything drained', async () => {
    const { requests, faults, violations } = await soak({
      ledger: 'redis',
      ms: 8_000,
      roundMs: 4_000,
      seed: 4,
      workers: 2,
      rabbit: await sharedRabbit(),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
    expect(violations).to.deep.equal([])
    expect(requests).to.be.greaterThan(50)
    expect(faults.size).to.be.greaterThan(1)
  }).timeout(120_000)
})

describe('the program of a soak', () => {
  it('says how it is used, and what of a command line is wrong', async () => {
    const soakWith = (...words: string[]): ReturnType<typeof ran> =>
      ran(process.execPath, [join(import.meta.dirname, 'soak.js'), ...words], {})
    const help = await soakWith('--help')
    expect(help).to.include({ code: 0 })
    expect(help.out).to.match(/--minutes N/)
    for (const [words, why] of [
      [['--ledger', 'paper'], /--ledger must be redis or placement, not paper/],
      [['--minutes', 'many'], /--minutes must be a number from 0.1 on, not many/],
      [['--workers', '1'], /--workers must be a number from 2 on, not 1/],
    ] as const) {
      const wrong = await soakWith(...words)
      expect(wrong).to.include({ code: 64 })
      expect(wrong.err).to.match(why)
    }
  })
})

const message = (fields: Partial<Message> & { readonly id: string; readonly request: string }): Message => ({
  exchange: 'x',
  routingKey: 'k',
  body: Buffer.from('{}'),
  ...fields,
  properties: { messageId: fields.id, correlationId: fields.request, ...fields.properties } as Message['properties'],
})

const reading = (...all: readonly Message[]): Reading => ({
  all,
  of: (request) => all.filter(({ properties }) => properties.correlationId === request),
  decision: () => Promise.reject(new Error('nobody waits here')),
})

const [HOST, OTHER, SERVER] = ['host', 'other', 'server']
const heldBy = (host: string): Record<string, Record<string, number>> => ({ [host]: { VCPU: 2 } })
const INVENTORY = { total: 2, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 2, step_size: 1 }
const booksAt = (host: string, more: Books['consumers'] = []): Books => ({
  providers: [HOST, OTHER].map((id) => ({
    id,
    inventories: { VCPU: INVENTORY },
    usages: id === host ? { VCPU: 2 + 2 * more.length } : {},
  })),
  consumers: [{ id: SERVER, allocations: heldBy(host) }, ...more],
})

const told = (code: string, outcomeClass: string, fields: object = {}): Message => {
  const event = {
    request: 'r',
    operation: 'transfer',
    outcome: { code, class: outcomeClass, message: 'x' },
    before: { [SERVER]: { generation: 1, allocations: heldBy(HOST) } },
    after: { [SERVER]: { generation: 2, allocations: heldBy(OTHER) } },
    ...fields,
  }
  return message({ id: `r/${code}`, request: 'r', body: Buffer.from(JSON.stringify(event)) })
}
const letter = (reason: string): Message =>
  message({
    id: 'l',
    request: 'r',
    properties: { headers: { 'dl-class': 'refused', 'dl-reason': reason } } as unknown as Message['properties'],
  })

const APPLIED = told('applied', 'done')
const judged = (heard: Partial<Heard>, more: Partial<Judged> = {}): string =>
  violationsOf(
    { events: reading(APPLIED), letters: reading(), ...heard },
    {
      round: { requests: ['r'], reused: [], malformed: new Map() },
      from: booksAt(HOST),
      to: booksAt(OTHER),
      order: 'generations',
      ...more,
    },
  ).join('; ')

describe('the judge of a soak', () => {
  it('finds nothing in a request that is told once and done once', () => {
    expect(judged({})).to.equal('')
    expect(judged({ events: reading(APPLIED, APPLIED) })).to.equal('')
  })

  it('notices a request that is never told', () => {
    expect(judged({ events: reading() })).to.match(/request r was never told/)
  })

  it('notices a second decision, and a copy with other bytes', () => {
    const refused = told('cancelled', 'refused')
    expect(judged({ events: reading(APPLIED, refused), letters: reading(letter('cancelled')) })).to.match(/request r: /)
    expect(judged({ events: reading(APPLIED, told('applied', 'done', { attempts: 2 })) })).to.match(/request r: /)
  })

  it('notices an effect that nobody told, one that was told and is not there, and one that came twice', () => {
    expect(judged({ events: reading(told('expired', 'refused')), letters: reading(letter('expired')) })).to.match(
      /the events end at host VCPU=2, the books at other VCPU=2/,
    )
    expect(judged({}, { to: booksAt(HOST) })).to.match(/the events end at other VCPU=2, the books at host VCPU=2/)
    const again = {
      ...told('applied', 'done', { request: 's' }),
      properties: message({ id: 's/applied', request: 's' }),
    }
    const events = reading(APPLIED, { ...again, properties: again.properties.properties })
    const round = { requests: ['r', 's'], reused: [], malformed: new Map<string, string>() }
    expect(judged({ events }, { round })).to.match(/began at host VCPU=2, but other VCPU=2 stood there/)
  })

  it('notices books that do not add up, and a provider over capacity', () => {
    const { providers, consumers } = booksAt(OTHER)
    const idle = { providers: providers.map((one) => ({ ...one, usages: {} })), consumers }
    expect(judged({}, { to: idle })).to.match(/nothing used, 2 allocated/)
    const guest = { id: 'guest', allocations: heldBy(OTHER) }
    const from = { ...booksAt(HOST), consumers: [...booksAt(HOST).consumers, guest] }
    expect(judged({}, { from, to: booksAt(OTHER, [guest]) })).to.match(/4 used of 2/)
  })

  it('notices what was given up, and a letter of what was done', () => {
    for (const [code, outcomeClass] of [
      ['poison', 'operator'],
      ['internal_error', 'operator'],
      ['ledger_unavailable', 'exhausted'],
    ] as const) {
      const heard = { events: reading(told(code, outcomeClass)), letters: reading(letter(code)) }
      expect(judged(heard, { to: booksAt(HOST) })).to.equal(`request r ended ${code}: x`)
    }
    expect(judged({ letters: reading(letter('applied')) })).to.match(/request r \(applied\) has letters/)
  })

  it('notices bytes that nobody answered, or answered as something else', () => {
    const round = { requests: ['r'], reused: [], malformed: new Map([['m', 'malformed']]) }
    expect(judged({}, { round })).to.match(/message m \(malformed\) was never answered/)
    const answer = message({ id: 'm/x/y', request: 'm', body: Buffer.from('{"outcome":{"code":"too_large"}}') })
    expect(judged({ events: reading(APPLIED, answer) }, { round })).to.match(/was answered too_large, not malformed/)
  })
})

describe('the verdict of a soak on growth', () => {
  const over = (gauge: string, valueAt: (minute: number) => number) =>
    growthOf(Array.from({ length: 30 }, (_, minute) => ({ [gauge]: valueAt(minute) })))[0]!

  it('finds a leak in what goes up steadily, whatever its waves', () => {
    expect(over('worker rss, MiB', (minute) => 100 + 3 * minute + 20 * (minute % 3)).leaks).to.equal(true)
    expect(over('worker files', (minute) => 30 + minute).leaks).to.equal(true)
    expect(over('RabbitMQ queues', (minute) => 12 + Math.floor(minute / 15)).leaks).to.equal(true)
  })

  it('finds none in waves, in a warm-up, or in what is within the tolerance', () => {
    expect(over('worker rss, MiB', (minute) => 100 + 40 * (minute % 4)).leaks).to.equal(false)
    expect(over('worker rss, MiB', (minute) => 60 + 10 * Math.min(minute, 6)).leaks).to.equal(false)
    expect(over('worker files', (minute) => 30 + (minute % 5)).leaks).to.equal(false)
  })

  it('says nothing after a few minutes', () => {
    expect(growthOf([{ 'worker files': 1 }, { 'worker files': 100 }])).to.deep.equal([])
  })
})
