// What a replay sends: plain JSON under an id that follows from letter and number, with the deadline put right.
import { expect } from 'chai'
import { letterOf } from '../../../src/dead-letters/letter.ts'
import { replayId, replayOf, type Replay, type ReplayOptions } from '../../../src/dead-letters/replay.ts'
import type { WholeLetter } from '../../../src/dead-letters/desk.ts'
import { uuidV5 } from '../../support/installation-shape.ts'

const ID = '9d2b0a4e-7c34-5c1b-9f0f-1e2d3c4b5a69'
const NOW = Date.UTC(2026, 10, 22, 12)
const CLAIM = {
  version: 1,
  id: '70000000-0000-4000-8000-00000000000A',
  operation: 'claim',
  consumer: '10000000-0000-4000-8000-000000000000',
  source: '20000000-0000-4000-8000-000000000000',
  destination: '30000000-0000-4000-8000-000000000000',
  resources: { VCPU: 2 },
  context: { any: ['thing'] },
}
const OPTIONS: ReplayOptions = {
  names: { requests: 'p.requests' },
  nowMs: NOW,
  bytesMax: 65_536,
  notAfter: null,
  by: 'Zoë',
  operation: 'c0000000-0000-4000-8000-000000000000',
}

function letterWith(body: unknown, headers: Record<string, unknown> = {}): WholeLetter {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const properties = { headers: { 'dl-id': ID, 'dl-class': 'refused', 'dl-reason': 'no_inventory', ...headers } }
  const letter = letterOf({ body: bytes, properties }, NOW)
  if (letter === null) throw new Error('it has no dl-id')
  return { ...letter, state: 'told', history: [], replays: 0, before: null, watched: false, version: 0 }
}

function sent(replay: Replay): { body: Record<string, unknown>; headers: Readonly<Record<string, unknown>> } {
  if (replay.kind === 'refused') throw new Error(replay.why)
  const { body, properties } = replay.message
  return { body: JSON.parse(body.toString('utf8')) as Record<string, unknown>, headers: properties.headers }
}

describe('a replay', () => {
  it('has an id of its own for each letter and number', () => {
    const ids = [1, 2].map((n) => replayId(ID, n))
    expect(ids).to.deep.equal([uuidV5(`${ID}/replay/1`), uuidV5(`${ID}/replay/2`)])
    const replay = replayOf(letterWith(CLAIM), 2, OPTIONS)
    expect(replay).to.include({ kind: 'message', request: ids[1] })
  })

  it('is the same request, which names the old one, and nothing else of it changes', () => {
    const replay = replayOf(letterWith(CLAIM, { traceparent: '00-1', 'replay-of': 'x' }), 1, OPTIONS)
    const { body, headers } = sent(replay)
    const old = CLAIM.id.toLowerCase()
    expect(body).to.deep.equal({ ...CLAIM, id: replayId(ID, 1), replayOf: old })
    expect(headers).to.deep.equal({
      'replay-of': old,
      'replay-by': 'Zo\\u00eb',
      'replay-operation': OPTIONS.operation,
      traceparent: '00-1',
    })
    const { message } = replay as Extract<Replay, { kind: 'message' }>
    expect(message).to.include({ exchange: 'p.requests', routingKey: 'transfer.claim' })
    expect(message.properties).to.include({
      messageId: replayId(ID, 1),
      correlationId: replayId(ID, 1),
      contentType: 'application/json',
      timestamp: NOW / 1_000,
    })
  })

  it('is the same bytes however often it is made', () => {
    const bytes = [1, 2].map(() => replayOf(letterWith(CLAIM), 1, OPTIONS))
    expect(bytes[0]).to.deep.equal(bytes[1])
  })

  it('leaves a passed deadline out, keeps one to come, and takes a new one', () => {
    const deadlineOf = (notAfter: string, given: string | null = null): unknown =>
      sent(replayOf(letterWith({ ...CLAIM, notAfter }), 1, { ...OPTIONS, notAfter: given })).body['notAfter']
    expect(deadlineOf('2026-11-22T11:59:59.999Z')).to.equal(undefined)
    expect(deadlineOf('2026-11-22T12:59:59+01:00')).to.equal(undefined)
    expect(deadlineOf('2026-11-22T12:00:00Z')).to.equal('2026-11-22T12:00:00Z')
    expect(deadlineOf('2026-11-22T12:00:01Z', '2027-01-01T00:00:00Z')).to.equal('2027-01-01T00:00:00Z')
    expect(sent(replayOf(letterWith(CLAIM), 1, { ...OPTIONS, notAfter: '2027-01-01T00:00:00Z' })).body).to.include({
      notAfter: '2027-01-01T00:00:00Z',
    })
  })

  it('takes the request out of its envelope', () => {
    const envelope = { specversion: '1.0', id: 'x', source: '/s', type: 't', data: CLAIM }
    const structured = sent(replayOf(letterWith(envelope, { 'content-type': 'x' }), 1, OPTIONS))
    expect(structured.body).to.deep.equal({ ...CLAIM, id: replayId(ID, 1), replayOf: CLAIM.id.toLowerCase() })
    const binary = sent(
      replayOf(letterWith(CLAIM, { cloudEvents_specversion: '1.0', 'cloudEvents:id': 'y' }), 1, OPTIONS),
    )
    expect(binary.body).to.deep.equal(structured.body)
    expect(Object.keys(binary.headers)).to.deep.equal(['replay-of', 'replay-by', 'replay-operation'])
  })

  it('is refused where there is no request to send, or it has become too large', () => {
    const nothing = replayOf(letterWith(Buffer.from([0xff])), 1, OPTIONS)
    expect(nothing).to.have.property('kind', 'refused')
    const length = JSON.stringify(CLAIM).length
    const large = replayOf(letterWith(CLAIM), 1, { ...OPTIONS, bytesMax: length })
    expect(large.kind === 'refused' && large.why).to.match(/^the new request would be refused: .* at most \d+ are read/)
  })
})
