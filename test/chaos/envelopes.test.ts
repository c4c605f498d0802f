// One request in every dress that a scheduler may send it in: plain JSON, and CloudEvents in their two modes.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { moversBooks, moves, requestOf } from '../support/installation-moves.ts'
import { faultsOfEvent } from '../support/installation-shape.ts'
import { until } from '../support/installation-workers.ts'

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
/** The attributes that a CloudEvent must have; its id is its own and names no request. */
const attributes = (number: number): Record<string, string> => ({
  specversion: '1.0',
  id: uuidOf('envelope', number),
  source: '/nova',
  type: 'move',
  subject: 'x',
})
const prefixed = (prefix: string, number: number): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes(number)).map(([name, value]) => [`${prefix}${name}`, value]))

describe('a request of a scheduler', () => {
  let installation: Installation
  before(async () => {
    installation = await openInstallation()
    await installation.seed(moversBooks(7))
    await installation.worker()
  })
  after(() => installation.close())

  const requests = moves(7, { context: { order: 7 } })
  const dresses = {
    'plain JSON': (request: object) => ({ body: json(request) }),
    'plain JSON without any property': (request: object) => ({
      body: json(request),
      properties: { contentType: undefined, deliveryMode: undefined },
      routingKey: 'transfer.',
    }),
    'a structured CloudEvent': (request: object) => ({
      body: json({ ...attributes(2), data: request }),
      properties: { contentType: 'application/cloudevents+json' },
    }),
    'a structured CloudEvent with charset': (request: object) => ({
      body: json({ ...attributes(3), datacontenttype: 'application/json', data: request }),
      properties: { contentType: 'application/cloudevents+json; charset=utf-8' },
    }),
    'a structured CloudEvent with its attributes in headers too': (request: object) => ({
      body: json({ ...attributes(6), data: request }),
      properties: { contentType: 'application/cloudevents+json', headers: prefixed('cloudEvents_', 6) },
    }),
    'a binary CloudEvent with cloudEvents_ headers': (request: object) => ({
      body: json(request),
      properties: { headers: prefixed('cloudEvents_', 4) },
    }),
    'a binary CloudEvent with cloudEvents: headers': (request: object) => ({
      body: json(request),
      properties: { headers: prefixed('cloudEvents:', 5) },
    }),
  }

  for (const [server, [dress, wear]] of Object.entries(dresses).entries()) {
    it(`is carried out as ${dress}`, async () => {
      await installation.send([wear(requests[server]!)])
      const told = await installation.decision(requestOf(server))
      expect(told.outcome.code, told.outcome.message).to.equal('applied')
      expect(told).to.deep.include({ context: { order: 7 }, request: requestOf(server) })
      expect(faultsOfEvent(installation.events.of(requestOf(server))[0]!)).to.deep.equal([])
    })
  }

  it('is the same request in every dress: the event is told again, byte for byte', async () => {
    await installation.send(Object.values(dresses).map((wear) => wear(requests[0]!)))
    const copies = 1 + Object.keys(dresses).length
    await until('each was answered', () => installation.events.of(requestOf(0)).length === copies)
    const bodies = installation.events.of(requestOf(0)).map(({ body }) => body.toString('utf8'))
    expect(new Set(bodies)).to.have.length(1)
  }).timeout(60_000)

  it('has its problems named where they stand in the envelope', async () => {
    const id = uuidOf('bad in its envelope')
    await installation.send([{ body: json({ ...attributes(9), data: { ...requests[0], id, mode: 'x' } }) }])
    await until('it was answered', () => installation.events.of(id).length === 1)
    const told = toldOf(installation.events.of(id)[0]!)
    expect(told.outcome.code).to.equal('schema_invalid')
    expect(told.violations.map(({ path }) => path)).to.deep.equal(['/data/mode'])
  })

  it('leaves everything at rest', async () => {
    expect(await installation.faultsAtRest()).to.deep.equal([])
  }).timeout(60_000)
})
