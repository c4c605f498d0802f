// Everything that is no request, through the real broker: the right code, the original bytes at rest, nothing changed.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { Options } from 'amqplib'
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, toldOf, type Books, type Installation } from '../support/installation.ts'
import { destinationOf, moverOf, moversBooks, moves, sourceOf } from '../support/installation-moves.ts'
import { faultsOfEvent, faultsOfLetter, uuidV5 } from '../support/installation-shape.ts'

interface Case {
  readonly name: string
  readonly code: string
  readonly body: Buffer
  readonly properties?: Options.Publish
  /** Under which request it is told; default: a message id that the test gives. */
  readonly request?: string
}

const BASE = {
  version: 1,
  operation: 'transfer',
  consumer: moverOf(0),
  source: sourceOf(0),
  destination: destinationOf(0),
}
let serial = 0
const text = (name: string, code: string, body: string, more: Partial<Case> = {}): Case => ({
  name,
  code,
  body: Buffer.from(body),
  ...more,
})
/** A request under an id of its own that is wrong in `fields`. */
const wrong = (name: string, fields: object, code = 'schema_invalid'): Case => {
  const request = uuidOf('wrong', ++serial)
  return text(name, code, JSON.stringify({ id: request, ...BASE, ...fields }), { request })
}
/** The same with JSON text that no object can be written as. */
const spelled = (name: string, field: string, code = 'schema_invalid'): Case => {
  const request = uuidOf('spelled', ++serial)
  const rest = JSON.stringify({ id: request, ...BASE }).slice(1)
  return text(name, code, `{${field},${rest}`, code === 'malformed' && field.includes('NaN') ? {} : { request })
}
const nested = (depth: number): unknown => (depth === 0 ? {} : { a: nested(depth - 1) })
const KIB64 = 65_536

const SIZES: Case[] = [
  text('one byte more than 64 KiB', 'too_large', 'x'.repeat(KIB64 + 1)),
  text('8 MB', 'too_large', ' '.repeat(8 << 20)),
  text('60 000 open brackets', 'malformed', '['.repeat(60_000)),
  wrong('nested 13 deep', { context: nested(12) }, 'malformed'),
  wrong('5 000 unknown keys', Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, 1]))),
]
const PROTOTYPES: Case[] = [
  spelled('__proto__', '"__proto__": {"force": true}'),
  wrong('constructor', { constructor: { prototype: { force: true } } }),
  wrong('a class named toString', { resources: { toString: 1 } }),
  spelled('a class named __proto__', '"resources": {"__proto__": 2}'),
]
const AMOUNTS: Case[] = [1.5, '2', true, -1, 0, 2 ** 31, null, [], {}].map((amount) =>
  wrong(`an amount of ${JSON.stringify(amount)}`, { resources: { VCPU: amount } }),
)
const SPELLED_AMOUNTS: Case[] = ['-0', '1e400', '9007199254740993', '1000000000000000000000000000000'].map((amount) =>
  spelled(`an amount of ${amount}`, `"resources": {"VCPU": ${amount}}`),
)
const UUIDS: Case[] = [
  moverOf(0).replaceAll('-', ''),
  `{${moverOf(0)}}`,
  `urn:uuid:${moverOf(0)}`,
  `${moverOf(0)}\n`,
  ` ${moverOf(0)}`,
  '',
  moverOf(0).replace(/^./, '\uff11'),
  '../resource_providers/x',
  '//evil.example/x',
  `${moverOf(0)}@x`,
  '%2e%2e',
].map((consumer) => wrong(`a consumer ${JSON.stringify(consumer)}`, { consumer }))
const NAMES: Case[] = ['VCPU\u001f1', 'A,B', 'A\u0000', 'VCPU\n', 'vcpu', '', 'A'.repeat(256), '\ud800'].map((name) =>
  wrong(`a class ${JSON.stringify(name.slice(0, 20))}`, { resources: { [name]: 1 } }),
)
const BYTES: Case[] = [
  { name: 'invalid UTF-8', code: 'malformed', body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) },
  { ...wrong('a byte order mark', {}), code: 'malformed' },
  spelled('a key twice', `"source": "${sourceOf(0)}"`, 'malformed'),
  spelled('NaN', '"resources": {"VCPU": NaN}', 'malformed'),
  text('nothing', 'malformed', ''),
  text('a NUL', 'malformed', '\u0000'),
  text('a list', 'schema_invalid', '[1]'),
  text('null', 'schema_invalid', 'null'),
  { ...wrong('gzip, it says', {}, 'malformed'), properties: { contentEncoding: 'gzip' } },
].map((one) =>
  one.name === 'a byte order mark' ? { ...one, body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), one.body]) } : one,
)
const FIELDS: Case[] = [
  wrong('version 2', { version: 2 }, 'unsupported_version'),
  wrong('no version', { version: undefined }),
  wrong('an unknown field', { soure: sourceOf(0) }),
  wrong('null as a guard', { expect: null }),
  wrong('no amounts', { resources: {} }),
  wrong('one provider as both ends', { destination: sourceOf(0) }),
  wrong('a field of another operation', { force: true }),
  wrong('a deadline without offset', { notAfter: '2026-11-22T10:00:00' }),
  wrong('a log line as origin', { origin: 'x"}\n{"level":60' }),
  wrong('a context beyond 4 KiB', { context: { text: 'x'.repeat(4_096) } }),
  text('a message without any id', 'malformed', 'no json, and no id', { properties: { messageId: 'not a uuid' } }),
]
const CASES = [...SIZES, ...PROTOTYPES, ...AMOUNTS, ...SPELLED_AMOUNTS, ...UUIDS, ...NAMES, ...BYTES, ...FIELDS]

describe('what is no request', () => {
  let installation: Installation
  let seeded: Books
  const sent = CASES.map((one, number) => {
    const messageId = uuidOf('message', number)
    const nameless = one.properties?.messageId !== undefined
    const digest = createHash('sha256').update(one.body).digest('hex')
    const request = one.request ?? (nameless ? uuidV5(digest) : messageId)
    return { ...one, request, digest, properties: { messageId, ...one.properties } }
  })

  before(async () => {
    installation = await openInstallation()
    await installation.seed(moversBooks(1))
    seeded = await installation.dump()
    await installation.worker()
    await installation.send(sent.map(({ body, properties }) => ({ body, properties, routingKey: 'transfer.claim' })))
  })
  after(() => installation.close())

  for (const { name, code, body, request, digest } of sent) {
    it(`${name} is ${code}`, async () => {
      const read = (): boolean =>
        installation.letters.of(request).length > 0 && installation.events.of(request).length > 0
      while (!read())
        await new Promise((resolve) => {
          setTimeout(resolve, 10)
        })
      const [event, letter] = [installation.events.of(request)[0]!, installation.letters.of(request)[0]!]
      const told = toldOf(event)
      expect(told.outcome.code, told.outcome.message).to.equal(code)
      expect(told).to.deep.include({
        id: `${request}/${code}/${digest.slice(0, 12)}`,
        before: null,
        after: null,
        open: null,
      })
      expect(letter.body.equals(body)).to.equal(true)
      expect([...faultsOfEvent(event), ...faultsOfLetter(letter, event)]).to.deep.equal([])
      expect(letter.properties.headers).to.include({
        'dl-class': 'invalid',
        'dl-original-routing-key': 'transfer.claim',
      })
    })
  }

  it('occupies no id: a good request under the same one is carried out', async () => {
    const taken = sent.find(({ name }) => name === 'an unknown field')!.request
    await installation.ask({ ...moves(1)[0], id: taken })
    expect((await installation.decision(taken)).outcome.code).to.equal('applied')
    await installation.ask({ ...BASE, id: uuidOf('way back'), source: destinationOf(0), destination: sourceOf(0) })
    expect((await installation.decision(uuidOf('way back'))).outcome.code).to.equal('applied')
  })

  it('carries into its letter only those properties of its sender that cannot lose or multiply it', async () => {
    const request = uuidOf('dressed')
    const properties = {
      messageId: request,
      contentType: 'text/x',
      timestamp: 1_700_000_000,
      type: 'kind',
      appId: 'nova',
      userId: 'guest',
      replyTo: 'somewhere',
      expiration: '600000',
      priority: 3,
      correlationId: 'mine',
      headers: {
        traceparent: '00-1',
        'dl-id': 'forged',
        'DL-class': 'forged',
        'x-delivery-count': 900,
        'x-death': [{ count: 9 }],
        CC: ['transfer.other'],
        table: { a: 1 },
        list: [1],
        count: 5,
        yes: true,
        umlaut: 'gr\u00fcn',
        ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`long-${n}`, 'x'.repeat(1_000)])),
      },
    }
    await installation.send([{ body: Buffer.from('dressed'), properties }])
    const letterCame = (): boolean => installation.letters.of(request).length > 0
    while (!letterCame())
      await new Promise((resolve) => {
        setTimeout(resolve, 10)
      })
    const [letter, event] = [installation.letters.of(request)[0]!, installation.events.of(request)[0]!]
    expect(faultsOfLetter(letter, event)).to.deep.equal([])
    const { contentType, timestamp, type, appId, priority, headers } = letter.properties
    expect({ contentType, timestamp, type, appId, priority }).to.deep.equal({
      contentType: 'text/x',
      timestamp: 1_700_000_000,
      type: 'kind',
      appId: 'nova',
      priority: undefined,
    })
    expect(headers).to.include({ traceparent: '00-1', count: 5, yes: true, 'original-user-id': 'guest' })
    expect(headers).not.to.have.any.keys('DL-class', 'x-delivery-count', 'x-death', 'CC', 'table', 'list')
    expect(headers!['dl-id']).to.equal(letter.properties.messageId)
  })

  it('changes nothing in the ledger, and leaves one event and one letter each', async () => {
    expect(await installation.faultsAtRest()).to.deep.equal([])
    const { consumers } = await installation.dump()
    expect(consumers.map(({ id, allocations }) => [id, allocations])).to.deep.equal(
      seeded.consumers.map(({ id, allocations }) => [id, allocations]),
    )
    expect((await installation.transfers()).map(({ code }) => code)).to.deep.equal(['applied', 'applied'])
    expect(installation.letters.all).to.have.length(CASES.length + 1)
    expect(installation.events.all).to.have.length(CASES.length + 3)
  }).timeout(60_000)
})
