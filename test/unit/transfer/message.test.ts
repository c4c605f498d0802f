// Bytes to requests, as tables: what is accepted alike, what is refused and as what, and under which names.
import { expect } from 'chai'
import { gzipSync } from 'node:zlib'
import { decode, type Decoded, type Message } from '../../../src/transfer/message.ts'
import { uuidV5 } from '../../../src/transfer/uuid.ts'
import { sha256Hex } from '../../../src/transfer/digest.ts'

const U = (last: number): string => `aaaaaaaa-0000-4000-8000-00000000000${last}`
const CLAIM = { version: 1, id: U(1), operation: 'claim', consumer: U(2), source: U(3), destination: U(4) }
type Fields = Readonly<Record<string, unknown>>

function read(body: string | Uint8Array | Fields, message: Partial<Message> = {}, bytesMax = 65_536): Decoded {
  const bytes =
    typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
  return decode({ body: bytes, headers: {}, ...message }, { bytesMax })
}

/** `code path path …`, or `ok`. */
function verdict(decoded: Decoded): string {
  if (decoded.kind === 'request') return 'ok'
  return [decoded.outcome.code, ...decoded.outcome.violations.map(({ path }) => path)].join(' ').trim()
}

function digest(decoded: Decoded): string {
  return decoded.kind === 'request' ? decoded.digest : verdict(decoded)
}

const deep = (levels: number): string => `{"a":`.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1)
const withContext = (levels: number): string => JSON.stringify(CLAIM).replace(/}$/, `,"context":${deep(levels - 1)}}`)

describe('the form of a message', () => {
  const rows: readonly (readonly [rule: string, decoded: () => Decoded, result: string])[] = [
    ['64 KiB is read', () => read(JSON.stringify(CLAIM).padEnd(65_536)), 'ok'],
    ['one byte more is not', () => read(JSON.stringify(CLAIM).padEnd(65_537)), 'too_large'],
    ['size comes before everything', () => read('x'.repeat(20), { contentEncoding: 'gzip' }, 10), 'too_large'],
    ['no bytes', () => read(''), 'malformed'],
    ['not JSON', () => read('{"version":1'), 'malformed'],
    ['text after it', () => read(`${JSON.stringify(CLAIM)} x`), 'malformed'],
    ['NaN', () => read(JSON.stringify(CLAIM).replace('1,', 'NaN,')), 'malformed'],
    ['a byte order mark', () => read(`\ufeff${JSON.stringify(CLAIM)}`), 'malformed'],
    ['bytes that are not UTF-8', () => read(Buffer.from('{"version":"\xff"}', 'latin1')), 'malformed'],
    ['UTF-16', () => read(Buffer.from(JSON.stringify(CLAIM), 'utf16le')), 'malformed'],
    ['gzip', () => read(gzipSync(JSON.stringify(CLAIM)), { contentEncoding: 'gzip' }), 'malformed'],
    ['an encoding that only says gzip', () => read(CLAIM, { contentEncoding: 'gzip' }), 'malformed'],
    ['no encoding', () => read(CLAIM, { contentEncoding: '' }), 'ok'],
    ['utf-8', () => read(CLAIM, { contentEncoding: 'utf-8' }), 'ok'],
    ['identity', () => read(CLAIM, { contentEncoding: 'identity' }), 'ok'],
    ['a key twice', () => read('{"version":1,"version":1}'), 'malformed'],
    ['a key twice in two spellings', () => read('{"version":1,"\\u0076ersion":1}'), 'malformed'],
    [
      'a key twice, deep down',
      () => read(JSON.stringify(CLAIM).replace(/}$/, ',"context":{"a":[{"b":1,"b":2}]}}')),
      'malformed',
    ],
    ['a key in two objects', () => read({ ...CLAIM, context: { a: [{ b: 1 }, { b: 2 }], c: { b: 1 } } }), 'ok'],
    ['a value that looks like a key', () => read({ ...CLAIM, context: { a: 'b', c: 'a', d: '{"a":1,"a":1}' } }), 'ok'],
    ['12 levels', () => read(withContext(12)), 'ok'],
    ['13 levels', () => read(withContext(13)), 'malformed'],
    ['a million lists', () => read('['.repeat(1_000_000), {}, 2_000_000), 'malformed'],
    [
      'thousands of keys',
      () => read(JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`k${n}`, 0])))),
      '',
    ],
    ['another version', () => read({ ...CLAIM, version: 2, unknown: 1 }), 'unsupported_version'],
    ['version 1.5', () => read({ ...CLAIM, version: 1.5 }), 'unsupported_version'],
    ['a version that is no number', () => read({ ...CLAIM, version: '1' }), 'schema_invalid /version'],
    ['no version', () => read({ ...CLAIM, version: undefined }), 'schema_invalid /version'],
    ['a list', () => read('[]'), 'schema_invalid'],
    ['null', () => read('null'), 'schema_invalid'],
    ['a string', () => read('"x"'), 'schema_invalid'],
  ]
  for (const [rule, decoded, result] of rows) {
    it(`${rule}: ${result || 'at most 64 problems'}`, () => {
      const found = decoded()
      if (result !== '') return expect(verdict(found)).to.equal(result)
      return expect(found.kind === 'invalid' && found.outcome.violations.length).to.equal(64)
    })
  }
})

describe('the content of a message', () => {
  const amounts = (text: string): Decoded => read(JSON.stringify(CLAIM).replace(/}$/, `,"resources":${text}}`))
  const rows: readonly (readonly [rule: string, decoded: () => Decoded, result: string])[] = [
    ['an unknown field', () => read({ ...CLAIM, sorce: U(3) }), 'schema_invalid /sorce'],
    ['a field that the operation does not take', () => read({ ...CLAIM, force: true }), 'schema_invalid /force'],
    ['null', () => read({ ...CLAIM, migration: null }), 'schema_invalid /migration'],
    ['an unknown operation', () => read({ ...CLAIM, operation: 'move' }), 'schema_invalid /operation'],
    [
      'every problem at once',
      () => read({ ...CLAIM, id: 'x', mode: 'both', resources: { vcpu: 0 } }),
      'schema_invalid /id /mode /resources/vcpu /resources/vcpu',
    ],
    ['source = destination', () => read({ ...CLAIM, destination: U(3).toUpperCase() }), 'schema_invalid /destination'],
    ['migration = consumer', () => read({ ...CLAIM, migration: U(2) }), 'schema_invalid /migration'],
    ['migration with doubled', () => read({ ...CLAIM, migration: U(5), mode: 'doubled' }), 'schema_invalid /migration'],
    [
      'an alternate that is the source',
      () => read({ ...CLAIM, alternates: [U(5), U(3)] }),
      'schema_invalid /alternates/1',
    ],
    ['32 alternates', () => read({ ...CLAIM, alternates: Array.from({ length: 32 }, () => U(6)) }), 'ok'],
    [
      '33 alternates',
      () => read({ ...CLAIM, alternates: Array.from({ length: 33 }, () => U(6)) }),
      'schema_invalid /alternates',
    ],
    ['{} for amounts', () => amounts('{}'), 'schema_invalid /resources'],
    ['an amount of 1', () => amounts('{"VCPU":1}'), 'ok'],
    ['an amount of 2147483647', () => amounts('{"VCPU":2147483647}'), 'ok'],
    ...[
      '0',
      '-0',
      '-1',
      '1.5',
      '"2"',
      'true',
      'null',
      '1e400',
      '2147483648',
      '9007199254740993',
      `1${'0'.repeat(30)}`,
      '[1]',
      '{}',
    ].map(
      (text) => [`an amount of ${text}`, () => amounts(`{"VCPU":${text}}`), 'schema_invalid /resources/VCPU'] as const,
    ),
    ['__proto__ as a class', () => amounts('{"__proto__":1}'), 'schema_invalid /resources/__proto__'],
    ['constructor as a class', () => amounts('{"constructor":1}'), 'schema_invalid /resources/constructor'],
    ['toString as a class', () => amounts('{"toString":1}'), 'schema_invalid /resources/toString'],
    [
      '__proto__ as a field',
      () => read(JSON.stringify(CLAIM).replace(/}$/, ',"__proto__":{"force":true}}')),
      'schema_invalid /__proto__',
    ],
    ['a class with a comma', () => amounts('{"VCPU,A":1}'), 'schema_invalid /resources/VCPU,A'],
    ['a class that ends in a newline', () => amounts('{"VCPU\\n":1}'), 'schema_invalid /resources/VCPU\\u000a'],
    ['a class with NUL', () => amounts('{"A\\u0000":1}'), 'schema_invalid /resources/A\\u0000'],
    ['a class with half a surrogate pair', () => amounts('{"\\ud800":1}'), 'schema_invalid /resources/\\ud800'],
    [
      'a class of 256 letters',
      () => amounts(`{"${'A'.repeat(256)}":1}`),
      `schema_invalid /resources/${'A'.repeat(45)}...`,
    ],
    ['a key with a slash', () => read({ ...CLAIM, 'a/b~c': 1 }), 'schema_invalid /a~1b~0c'],
    ...[
      U(3).replaceAll('-', ''),
      `{${U(3)}}`,
      `urn:uuid:${U(3)}`,
      `${U(3)}\n`,
      ` ${U(3)}`,
      U(3).replace('3', '３'),
      '../x',
      '//host',
      '',
    ].map(
      (text) =>
        [
          `a uuid written ${JSON.stringify(text)}`,
          () => read({ ...CLAIM, source: text }),
          'schema_invalid /source',
        ] as const,
    ),
    ['an upper-case uuid', () => read({ ...CLAIM, source: U(3).toUpperCase() }), 'ok'],
    ['an origin in upper case', () => read({ ...CLAIM, origin: 'Cell' }), 'schema_invalid /origin'],
    ['an origin with a dot', () => read({ ...CLAIM, origin: 'a.b' }), 'schema_invalid /origin'],
    ['a context of 4 KiB', () => read({ ...CLAIM, context: { a: 'x'.repeat(4096 - 8) } }), 'ok'],
    [
      'a context of one byte more',
      () => read({ ...CLAIM, context: { a: 'x'.repeat(4096 - 7) } }),
      'schema_invalid /context',
    ],
    [
      'a context of wide characters',
      () => read({ ...CLAIM, context: { a: 'é'.repeat(2045) } }),
      'schema_invalid /context',
    ],
    [
      'a deadline without offset',
      () => read({ ...CLAIM, notAfter: '2026-11-22T10:00:00' }),
      'schema_invalid /notAfter',
    ],
    [
      'a deadline that is no day',
      () => read({ ...CLAIM, notAfter: '2026-02-29T10:00:00Z' }),
      'schema_invalid /notAfter',
    ],
    ['a deadline with offset', () => read({ ...CLAIM, notAfter: '2026-11-22T10:00:00.5+05:30' }), 'ok'],
    [
      'a generation of -0',
      () => read(JSON.stringify(CLAIM).replace(/}$/, ',"expect":{"consumerGeneration":-0}}')),
      'schema_invalid /expect/consumerGeneration',
    ],
    [
      'a guard that does not exist',
      () => read({ ...CLAIM, expect: { generation: 1 } }),
      'schema_invalid /expect/generation',
    ],
    [
      'a project with a control character',
      () => read({ ...CLAIM, expect: { project: 'a\u009bb' } }),
      'schema_invalid /expect/project',
    ],
    [
      'a user with half a surrogate pair',
      () => read({ ...CLAIM, expect: { user: '\ud800' } }),
      'schema_invalid /expect/user',
    ],
    [
      'an owner without a user',
      () =>
        read({ ...CLAIM, operation: 'acquire', source: undefined, resources: { VCPU: 1 }, owner: { project: 'p' } }),
      'schema_invalid /owner/user',
    ],
    [
      'deltas of 0',
      () => read({ version: 1, id: U(1), operation: 'adjust', consumer: U(2), deltas: { [U(3)]: { VCPU: 0 } } }),
      `schema_invalid /deltas/${U(3)}/VCPU`,
    ],
    [
      'deltas {}',
      () => read({ version: 1, id: U(1), operation: 'adjust', consumer: U(2), deltas: { [U(3)]: {} } }),
      `schema_invalid /deltas/${U(3)}`,
    ],
    [
      'one provider in two spellings',
      () =>
        read({
          version: 1,
          id: U(1),
          operation: 'adjust',
          consumer: U(2),
          deltas: { [U(3)]: { VCPU: 1 }, [U(3).toUpperCase()]: { VCPU: 2 } },
        }),
      `schema_invalid /deltas/${U(3).toUpperCase()}`,
    ],
    [
      'a cancel of itself',
      () => read({ version: 1, id: U(1), operation: 'cancel', request: U(1) }),
      'schema_invalid /request',
    ],
    ['a cancel without consumer', () => read({ version: 1, id: U(1), operation: 'cancel', request: U(2) }), 'ok'],
  ]
  for (const [rule, decoded, result] of rows) {
    it(`${rule}: ${result}`, () => expect(verdict(decoded())).to.equal(result))
  }

  it('leaves Object.prototype alone', () => {
    read(
      JSON.stringify(CLAIM).replace(
        /}$/,
        ',"context":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
      ),
    )
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
  })

  it('fills in the defaults', () => {
    const decoded = read(CLAIM)
    expect(decoded.kind === 'request' && decoded.request).to.deep.equal({
      ...CLAIM,
      migration: null,
      mode: 'migration',
      resources: null,
      destinationResources: null,
      requires: { traits: [], forbiddenTraits: [], aggregates: [] },
      alternates: [],
      expect: {},
      notAfter: null,
      idempotent: true,
      origin: 'none',
      context: {},
      replayOf: null,
      owner: null,
      force: false,
      policy: 'max',
      deltas: null,
      newConsumer: null,
      request: null,
    })
  })
})

const ENVELOPE = { specversion: '1.0', id: 'x', source: '/s', type: 't', data: CLAIM }
const BINARY = { cloudEvents_specversion: '1.0', cloudEvents_id: 'y' }

describe('the digest of a request', () => {
  const same: readonly (readonly [string, () => Decoded])[] = [
    ['another order of keys', () => read(Object.fromEntries(Object.entries(CLAIM).toReversed()))],
    ['white space', () => read(JSON.stringify(CLAIM, null, 2))],
    ['uuids in upper case', () => read({ ...CLAIM, consumer: U(2).toUpperCase() })],
    [
      'defaults given',
      () => read({ ...CLAIM, mode: 'migration', origin: 'none', context: {}, requires: {}, idempotent: true }),
    ],
    ['the derived migration given', () => read({ ...CLAIM, migration: uuidV5(U(1)) })],
    ['a structured envelope', () => read(ENVELOPE, { contentType: 'application/cloudevents+json' })],
    ['an envelope that no property announces', () => read({ ...ENVELOPE, extension: 1 })],
    ['an envelope whose attributes stand in headers too', () => read(ENVELOPE, { headers: BINARY })],
    ['binary headers', () => read(CLAIM, { headers: BINARY })],
    ['binary headers with a colon', () => read(CLAIM, { headers: { 'cloudEvents:specversion': '1.0' } })],
    ['other properties', () => read(CLAIM, { messageId: U(9), contentType: 'text/plain', headers: { a: 1 } })],
  ]
  const other: readonly (readonly [string, () => Decoded])[] = [
    ['another amount', () => read({ ...CLAIM, resources: { VCPU: 1 } })],
    ['another order of a list', () => read({ ...CLAIM, alternates: [U(5), U(6)] })],
    ['another context', () => read({ ...CLAIM, context: { a: 1 } })],
    ['idempotent false', () => read({ ...CLAIM, idempotent: false })],
  ]
  for (const [what, decoded] of same)
    it(`does not change by ${what}`, () => expect(digest(decoded())).to.equal(digest(read(CLAIM))))
  for (const [what, decoded] of other)
    it(`changes by ${what}`, () =>
      expect(digest(decoded()))
        .to.match(/^[0-9a-f]{64}$/)
        .and.not.equal(digest(read(CLAIM))))

  it('tells lists in another order apart', () => {
    expect(digest(read({ ...CLAIM, alternates: [U(5), U(6)] }))).to.not.equal(
      digest(read({ ...CLAIM, alternates: [U(6), U(5)] })),
    )
  })
})

describe('an envelope', () => {
  const rows: readonly (readonly [string, Fields, string])[] = [
    [
      'problems are told by their place in the message',
      { specversion: '1.0', data: { ...CLAIM, x: 1 } },
      'schema_invalid /data/x',
    ],
    ['another version of CloudEvents', { specversion: '0.3', data: CLAIM }, 'schema_invalid /specversion'],
    ['no data', { specversion: '1.0' }, 'schema_invalid /data'],
    ['data as text', { specversion: '1.0', data: JSON.stringify(CLAIM) }, 'schema_invalid /data'],
    ['the depth counts from the request', { specversion: '1.0', data: JSON.parse(withContext(12)) as Fields }, 'ok'],
  ]
  for (const [rule, body, result] of rows) it(`${rule}: ${result}`, () => expect(verdict(read(body))).to.equal(result))

  it('13 levels in an envelope are too deep', () => {
    expect(verdict(read(`{"specversion":"1.0","data":${withContext(13)}}`))).to.equal('malformed')
  })
})

describe('the names of a refused message', () => {
  const bad = { ...CLAIM, resources: {} }
  const idOf = (decoded: Decoded): string => (decoded.kind === 'invalid' ? decoded.identity.id : 'accepted')
  const rows: readonly (readonly [string, () => Decoded, string])[] = [
    ['the id of the body', () => read(bad, { messageId: U(9) }), U(1)],
    ['the id of the body, lower-case', () => read({ ...bad, id: U(1).toUpperCase() }), U(1)],
    ['the id of an envelope is none', () => read({ specversion: '1.0', id: U(8), data: bad }), U(1)],
    ['else message_id', () => read({ ...bad, id: 'x' }, { messageId: U(9).toUpperCase() }), U(9)],
    ['else made from the bytes', () => read('nonsense', { messageId: 'x' }), uuidV5(sha256Hex('nonsense'))],
    ['a body that is too large is not looked into', () => read(JSON.stringify(CLAIM), { messageId: U(9) }, 10), U(9)],
    ['keys twice', () => read(JSON.stringify(CLAIM).replace('{', '{"version":1,')), U(1)],
    ['slightly too deep', () => read(withContext(20)), U(1)],
    ['far too deep', () => read(withContext(100), { messageId: U(9) }), U(9)],
  ]
  for (const [rule, decoded, id] of rows) it(rule, () => expect(idOf(decoded())).to.equal(id))

  it('are all those that can be read', () => {
    const decoded = read({ ...bad, origin: 'cell', context: { a: 1 }, replayOf: U(7), migration: U(5) })
    expect(decoded.kind === 'invalid' && decoded.identity).to.deep.equal({
      id: U(1),
      operation: 'claim',
      consumer: U(2),
      migration: U(5),
      source: U(3),
      destination: U(4),
      origin: 'cell',
      context: { a: 1 },
      replayOf: U(7),
    })
  })

  it('are null, unknown and none where nothing can be read', () => {
    const decoded = read({ operation: 'a.b', origin: 'A', context: 1, consumer: 'x', source: 3 })
    expect(decoded.kind === 'invalid' && { ...decoded.identity, id: '' }).to.deep.equal({
      id: '',
      operation: 'unknown',
      consumer: null,
      migration: null,
      source: null,
      destination: null,
      origin: 'none',
      context: null,
      replayOf: null,
    })
  })

  it('go with the digest of the bytes', () => {
    const decoded = read('nonsense')
    expect(decoded.kind === 'invalid' && decoded.bytesDigest).to.equal(sha256Hex('nonsense'))
  })
})
