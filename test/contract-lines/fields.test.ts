// Which fields each operation takes, and what each field may be: asked of a worker, cell by cell of the table.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { until } from '../support/installation-workers.ts'
import { answerOf, cloud, json, openGround, request, type Answer, type Fields, type Ground } from './ground.ts'

const [CONSUMER, SOURCE, DESTINATION] = ['consumer', 'source', 'destination'].map((name) => uuidOf('field', name)) as [
  string,
  string,
  string,
]

const GIVEN: Fields = {
  consumer: CONSUMER,
  source: SOURCE,
  destination: DESTINATION,
  migration: uuidOf('field', 'migration'),
  mode: 'migration',
  resources: { VCPU: 2 },
  destinationResources: { VCPU: 4 },
  requires: { traits: ['HW_X'], forbiddenTraits: [], aggregates: [uuidOf('aggregate')] },
  alternates: [uuidOf('field', 'alternate')],
  expect: { consumerGeneration: 3, project: 'p', user: 'u', type: 'INSTANCE' },
  owner: { project: 'p', user: 'u' },
  force: false,
  policy: 'max',
  deltas: { [DESTINATION]: { VCPU: -1 } },
  newConsumer: uuidOf('field', 'new consumer'),
  request: uuidOf('field', 'request'),
  notAfter: '2099-11-22T10:00:00+01:00',
  idempotent: true,
  origin: 'nova-cell1',
  context: { a: [1] },
  replayOf: uuidOf('field', 'replay'),
}
const COMMON = 'notAfter idempotent origin context replayOf'.split(' ')
const MOVE = 'resources destinationResources requires alternates expect'
/** Operation to the fields it requires and those it takes besides; all others are refused. */
const TABLE: Readonly<Record<string, readonly [string, string]>> = {
  claim: ['consumer source destination', `migration mode ${MOVE}`],
  transfer: ['consumer source destination', MOVE],
  retarget: ['consumer source destination', `migration ${MOVE}`],
  confirm: ['consumer', 'source destination migration expect'],
  revert: ['consumer', 'source destination migration expect'],
  acquire: ['consumer destination resources owner', 'requires alternates'],
  release: ['consumer', 'source migration expect force'],
  resize: ['consumer source resources', 'requires expect policy'],
  adjust: ['consumer deltas', 'expect'],
  'swap-consumer': ['consumer newConsumer', 'expect'],
  cancel: ['request', 'consumer'],
}
const pick = (names: readonly string[]): Fields => Object.fromEntries(names.map((name) => [name, GIVEN[name]]))
const pathsOf = ({ outcome, violations }: Answer): string =>
  outcome.code === 'schema_invalid' ? violations.map(({ path }) => path).join() : 'taken'

describe('the fields of a request', () => {
  const seeded = cloud()
  let ground: Ground
  before(async () => {
    ground = await openGround(seeded.books)
  })
  after(() => ground.close())

  /** The paths that each body is refused for, or `taken`. */
  const pathsFor = async (bodies: readonly (Fields & { readonly id: string })[]): Promise<string[]> => {
    const messages = bodies.map((body) => ({ body: json(body) }))
    const ids = bodies.map(({ id }) => id)
    return (await ground.answers(messages, ids)).map((message) => pathsOf(answerOf(message)))
  }

  for (const [operation, [required, optional]] of Object.entries(TABLE)) {
    it(`are required, taken or refused by ${operation} as the table says`, async () => {
      const [needs, takes] = [required.split(' '), [...optional.split(' '), ...COMMON]]
      const whole = pick(needs)
      const cells = Object.keys(GIVEN).map((field) => {
        const without = Object.fromEntries(Object.entries(whole).filter(([name]) => name !== field))
        if (needs.includes(field)) return [field, without, `/${field}`] as const
        return [field, { ...whole, [field]: GIVEN[field] }, takes.includes(field) ? 'taken' : `/${field}`] as const
      })
      const found = await pathsFor(cells.map(([, body]) => request(operation, body)))
      expect(Object.fromEntries(cells.map(([field], n) => [field, found[n]]))).to.deep.equal(
        Object.fromEntries(cells.map(([field, , wanted]) => [field, wanted])),
      )
    })
  }

  it('version, id and operation are always required', async () => {
    const whole = { version: 1, id: uuidOf('no version'), operation: 'confirm', consumer: CONSUMER }
    const { version: _, ...noVersion } = whole
    const { operation: __, ...noOperation } = { ...whole, id: uuidOf('no operation') }
    expect(await pathsFor([noVersion, noOperation])).to.deep.equal(['/version', '/operation'])
    const noId = json({ version: 1, operation: 'confirm', consumer: CONSUMER, context: { no: 'id' } })
    const id = uuidV5(createHash('sha256').update(noId).digest('hex'))
    const [answer] = await ground.answers([{ body: noId }], [id])
    expect(pathsOf(answerOf(answer!))).to.equal('/id')
  })

  it('are never null, and amounts are never {}', async () => {
    const takes = Object.entries(TABLE).flatMap(([operation, [required, optional]]) =>
      [...required.split(' '), ...optional.split(' '), ...COMMON].map((field) => [operation, field] as const),
    )
    const bodies = takes.map(([operation, field]) =>
      request(operation, { ...pick(TABLE[operation]![0].split(' ')), [field]: null }),
    )
    const claim = pick(['consumer', 'source', 'destination'])
    const empty = [
      request('claim', { ...claim, resources: {} }),
      request('claim', { ...claim, destinationResources: {} }),
      request('adjust', { consumer: CONSUMER, deltas: {} }),
      request('adjust', { consumer: CONSUMER, deltas: { [SOURCE]: {} } }),
      request('adjust', { consumer: CONSUMER, deltas: { [SOURCE]: { VCPU: 0 } } }),
      request('acquire', { ...pick(['consumer', 'destination', 'owner']), resources: {} }),
      request('resize', { ...pick(['consumer', 'source']), resources: {} }),
    ]
    expect(await pathsFor([...bodies, ...empty])).to.deep.equal([
      ...takes.map(([, field]) => `/${field}`),
      '/resources',
      '/destinationResources',
      '/deltas',
      `/deltas/${SOURCE}`,
      `/deltas/${SOURCE}/VCPU`,
      '/resources',
      '/resources',
    ])
  })

  it('keep to their bounds, and are taken at them', async () => {
    const claim = pick(['consumer', 'source', 'destination'])
    const uuids = (count: number): string[] => Array.from({ length: count }, (_, n) => uuidOf('alternate', n))
    const fill = (bytes: number): object => ({ t: 'x'.repeat(bytes - '{"t":""}'.length) })
    const cases: [Fields, string][] = [
      [{ alternates: uuids(32) }, 'taken'],
      [{ alternates: uuids(33) }, '/alternates'],
      [{ resources: { VCPU: 2_147_483_647, ['A_0'.repeat(85)]: 1 } }, 'taken'],
      [{ resources: { VCPU: 2_147_483_648 } }, '/resources/VCPU'],
      [{ resources: { VCPU: 0 } }, '/resources/VCPU'],
      [{ origin: 'a-0'.repeat(21) + 'z' }, 'taken'],
      [{ origin: 'a'.repeat(65) }, '/origin'],
      [{ origin: 'Nova' }, '/origin'],
      [{ origin: 'a.b' }, '/origin'],
      [{ origin: '' }, '/origin'],
      [{ context: fill(4_096) }, 'taken'],
      [{ context: fill(4_097) }, '/context'],
      [{ notAfter: '2099-01-01T00:00:00' }, '/notAfter'],
      [{ notAfter: '2099-01-01 00:00:00Z' }, 'any'],
      [{ mode: 'both' }, '/mode'],
      [{ idempotent: 'false' }, '/idempotent'],
      [{ requires: { traits: ['hw'] } }, '/requires/traits/0'],
      [{ requires: { aggregate: [] } }, '/requires/aggregate'],
      [{ expect: { consumerGeneration: '3' } }, '/expect/consumerGeneration'],
      [{ expect: { generation: 3 } }, '/expect/generation'],
      [{ source: DESTINATION }, '/destination,/source'],
      [{ migration: CONSUMER }, '/migration'],
      [{ migration: uuidOf('m'), mode: 'doubled' }, '/migration'],
      [{ soure: SOURCE }, '/soure'],
    ]
    const found = await pathsFor(cases.map(([fields]) => request('claim', { ...claim, ...fields })))
    for (const [n, [fields, wanted]] of cases.entries()) {
      const one = wanted.split(',').includes(found[n]!) ? wanted : found[n]
      if (wanted !== 'any') expect([fields, one]).to.deep.equal([fields, wanted])
    }
    expect(await pathsFor([request('resize', { ...pick(['consumer', 'source', 'resources']), policy: 'min' })])).eql([
      '/policy',
    ])
    const owned = pick(['consumer', 'destination', 'resources'])
    expect(await pathsFor([request('acquire', { ...owned, owner: { project: 'p' } })])).eql(['/owner/user'])
  })

  it('take uuids in any case and tell them in lower case', async () => {
    const upper = pick(['consumer', 'source', 'destination'])
    const asked = request(
      'claim',
      Object.fromEntries(Object.entries(upper).map(([k, v]) => [k, String(v).toUpperCase()])),
    )
    await ground.ask({ ...asked, id: asked.id.toUpperCase() })
    const told = (await ground.decision(asked.id)) as Answer
    expect(told).to.include({ request: asked.id, ...upper, migration: uuidV5(asked.id) })
    expect(told.id).to.match(new RegExp(`^${asked.id}/`))
  })

  it('count with their defaults, in any order: the same content is answered with the same event', async () => {
    const plain = request('claim', pick(['consumer', 'source', 'destination', 'alternates']))
    const spelled = {
      context: {},
      origin: 'none',
      idempotent: true,
      expect: {},
      requires: { aggregates: [], traits: [] },
      mode: 'migration',
      migration: uuidV5(plain.id).toUpperCase(),
      ...Object.fromEntries(Object.entries(plain).toReversed()),
    }
    await ground.ask(plain)
    await ground.decision(plain.id)
    await ground.ask(spelled)
    await until('it is answered again', () => ground.events.of(plain.id).length === 2, 20_000)
    const [first, second] = ground.events.of(plain.id)
    expect(second!.body.toString()).to.equal(first!.body.toString())
    const letters = (): readonly unknown[] => ground.letters.of(plain.id)
    await until('its letter is told again', () => letters().length === 2, 20_000)
    const ids = ground.letters.of(plain.id).map(({ properties }) => properties.headers?.['dl-id'] as string)
    expect(ids).to.deep.equal([uuidV5(`${plain.id}/source_missing`), ids[0]])
  })

  it('in another order within a list are another content', async () => {
    const asked = request('claim', {
      ...pick(['consumer', 'source', 'destination']),
      alternates: [uuidOf('1'), uuidOf('2')],
    })
    await ground.ask(asked)
    await ground.decision(asked.id)
    const other = json({ ...asked, alternates: [uuidOf('2'), uuidOf('1')] })
    await ground.send([{ body: other }])
    await until('it is answered', () => ground.events.of(asked.id).length === 2, 20_000)
    const told = answerOf(ground.events.of(asked.id)[1]!)
    const digest = createHash('sha256').update(other).digest('hex').slice(0, 12)
    expect(told).to.deep.include({ id: `${asked.id}/id_reused/${digest}`, before: null, after: null, open: null })
    expect(told.outcome).to.include({ code: 'id_reused', class: 'invalid', effect: 'did_not_happen' })
  })
})
