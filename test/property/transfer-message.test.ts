// Whatever bytes come, they are read or refused, never thrown at; and the published schema says the same as the reader.
import { expect } from 'chai'
import fc from 'fast-check'
import { Compile } from 'typebox/schema'
import { canonicalJson } from '../../src/transfer/digest.ts'
import { CODES } from '../../src/transfer/outcome.ts'
import { decode, type Decoded } from '../../src/transfer/message.ts'
import { OPERATION_TABLE } from '../../src/transfer/operations.ts'
import { OPERATIONS } from '../../src/transfer/request.ts'
import { requestSchema } from '../../src/transfer/schema.ts'
import { isUuid } from '../../src/transfer/uuid.ts'

const read = (body: Uint8Array, headers = {}): Decoded => decode({ body, headers }, { bytesMax: 65_536 })
const readJson = (value: unknown): Decoded => read(Buffer.from(JSON.stringify(value)))

const id = fc
  .integer({ min: 0, max: 99 })
  .map((n) => String(n).padStart(2, '0'))
  .map((n) => `bbbbbbbb-0000-4000-8000-0000000000${n}`)
const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('VCPU', 'MEMORY_MB', 'CUSTOM_X') },
  { weight: 1, arbitrary: fc.constantFrom('vcpu', '__proto__', '') },
)
const amounts = fc.dictionary(
  name,
  fc.oneof(
    { weight: 15, arbitrary: fc.integer({ min: 1, max: 9 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, 1.5, 2 ** 31, '2', null) },
  ),
  { minKeys: 1, maxKeys: 2 },
)
const text = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('p', 'é') },
  { weight: 1, arbitrary: fc.constantFrom('', 'a\nb', 'x'.repeat(256)) },
)
const members: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  version: fc.constant(1),
  id,
  operation: fc.constantFrom(...OPERATIONS),
  consumer: id,
  source: id,
  destination: id,
  migration: id,
  mode: fc.constantFrom('migration', 'migration', 'migration', 'doubled', 'both'),
  resources: amounts,
  destinationResources: amounts,
  requires: fc.record(
    { traits: fc.array(name), forbiddenTraits: fc.array(name, { maxLength: 1 }), aggregates: fc.array(id) },
    { requiredKeys: [] },
  ),
  alternates: fc.array(id, { maxLength: 3 }),
  expect: fc.record(
    { consumerGeneration: fc.integer({ min: -1, max: 3 }), project: text, user: text, type: name },
    { requiredKeys: [] },
  ),
  notAfter: fc.constantFrom('2026-11-22T10:00:00Z'),
  idempotent: fc.boolean(),
  origin: fc.constantFrom('none', 'cell-1', 'cell-2', 'cell-3', 'A'),
  context: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
  replayOf: id,
  owner: fc.record({ project: text, user: text, type: name }, { requiredKeys: ['project'] }),
  force: fc.boolean(),
  policy: fc.constantFrom('max', 'sum', 'replace', 'min'),
  deltas: fc.dictionary(id, fc.dictionary(name, fc.integer({ min: -2, max: 2 }), { maxKeys: 2 }), { maxKeys: 2 }),
  newConsumer: id,
  request: id,
}

/** A request whose fields are mostly those that its operation takes; now and then one is surplus, missing or spoilt. */
const almost: fc.Arbitrary<Record<string, unknown>> = fc.constantFrom(...OPERATIONS).chain((operation) => {
  const { fields } = OPERATION_TABLE[operation]
  const taken = ['version', 'id', 'origin', 'context', ...Object.keys(fields)]
  const base = fc.record(Object.fromEntries(taken.map((field) => [field, members[field] ?? fc.constant(0)])))
  const extra = fc.option(fc.constantFrom(...Object.keys(members), 'unknown'), { freq: 4, nil: null })
  const less = fc.option(fc.constantFrom(...taken), { freq: 2, nil: null })
  const spoilt = fc.option(fc.tuple(fc.constantFrom(...taken), fc.jsonValue({ maxDepth: 2 })), { freq: 4, nil: null })
  return fc.tuple(base, extra, less, spoilt).chain(([body, more, gone, wrong]) =>
    (more === null ? fc.constant(0) : (members[more] ?? fc.constant(0))).map((value) => {
      const all: Record<string, unknown> = {
        ...body,
        operation,
        ...(more === null || more === 'operation' ? {} : { [more]: value }),
      }
      if (wrong !== null && wrong[0] !== 'operation') all[wrong[0]] = wrong[1]
      if (gone !== null) delete all[gone]
      return all
    }),
  )
})

function checkAnswered(decoded: Decoded): void {
  if (decoded.kind === 'request') return expect(decoded.digest).to.match(/^[0-9a-f]{64}$/) as unknown as void
  expect(CODES).to.include(decoded.outcome.code)
  expect(decoded.outcome.class).to.equal('invalid')
  expect(isUuid(decoded.identity.id)).to.equal(true)
  expect(decoded.outcome.message).to.match(/^[\x20-\x7e]+$/)
  for (const { path, message } of decoded.outcome.violations) expect(`${path}${message}`).to.match(/^[\x20-\x7e]+$/)
}

describe('reading a message', () => {
  it('never throws, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => checkAnswered(read(bytes))),
      { numRuns: 2000 },
    )
  })

  it('never throws, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 14 }), (json) => checkAnswered(read(Buffer.from(json)))),
      { numRuns: 1000 },
    )
  })

  it('never throws, whatever is changed in a request', () => {
    fc.assert(
      fc.property(almost, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 }), (body, at, bytes) => {
        const good = Buffer.from(JSON.stringify(body))
        const place = at % good.length
        checkAnswered(read(Buffer.concat([good.subarray(0, place), bytes, good.subarray(place + (at % 3))])))
        checkAnswered(read(good.subarray(0, place)))
      }),
      { numRuns: 1500 },
    )
  })

  it('never throws, whatever headers come', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (headers) =>
        checkAnswered(read(Buffer.from('{}'), headers)),
      ),
    )
  })

  it('gives one digest for every order of keys, spelling of uuids and envelope', () => {
    let accepted = 0
    fc.assert(
      fc.property(almost, fc.infiniteStream(fc.nat()), (body, chance) => {
        const plain = readJson(body)
        const keys = Object.keys(body)
          .map((key) => [chance.next().value as number, key] as const)
          .sort(([a], [b]) => a - b)
        const shuffled = Object.fromEntries(
          keys.map(([, key]) => [key, isUuid(body[key]) ? body[key].toUpperCase() : body[key]]),
        )
        const enveloped = readJson({ specversion: '1.0', id: 'e', source: '/s', type: 't', data: shuffled })
        if (plain.kind === 'request') accepted++
        const result = (decoded: Decoded): string =>
          decoded.kind === 'request' ? decoded.digest : decoded.outcome.code
        expect(result(readJson(shuffled))).to.equal(result(plain))
        expect(result(enveloped)).to.equal(result(plain))
      }),
      { numRuns: 1500 },
    )
    expect(accepted, 'requests accepted').to.be.greaterThan(50)
  })

  it('agrees with the published schema, read by another validator', () => {
    const validator = Compile(requestSchema)
    let accepted = 0
    fc.assert(
      fc.property(almost, (body) => {
        const decoded = readJson(body)
        if (decoded.kind === 'request') {
          accepted++
          expect(validator.Check(JSON.parse(JSON.stringify(body))), JSON.stringify(body)).to.equal(true)
          return
        }
        const onlyBetween = decoded.outcome.violations.every(({ message }) =>
          /must differ|together|two spellings|at most 4096/.test(message ?? ''),
        )
        if (decoded.outcome.code === 'schema_invalid' && !onlyBetween) {
          expect(
            validator.Check(JSON.parse(JSON.stringify(body))),
            `${decoded.outcome.message} ${JSON.stringify(body)}`,
          ).to.equal(false)
        }
      }),
      { numRuns: 3000 },
    )
    expect(accepted, 'requests accepted').to.be.greaterThan(100)
  })
})

describe('canonical JSON', () => {
  it('is the same for the same content, and parses back to it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as unknown
        const canonical = canonicalJson(plain)
        expect(JSON.stringify(JSON.parse(canonical))).to.equal(
          JSON.stringify(JSON.parse(canonicalJson(JSON.parse(canonical)))),
        )
        expect(JSON.parse(canonical)).to.deep.equal(plain)
      }),
    )
  })

  it('sorts keys by UTF-16 code units and leaves lists alone', () => {
    expect(canonicalJson({ b: [2, 1], a: { '\u20ac': 1, '\r': 2, '1': 3, '😀': 4 }, c: undefined })).to.equal(
      '{"a":{"\\r":2,"1":3,"€":1,"😀":4},"b":[2,1]}',
    )
  })
})
