// A message from the dead-letter queue to a letter, whatever its headers and its body are.
import { expect } from 'chai'
import { LETTER_CLASSES } from '../../../src/dead-letters/desk.ts'
import { firstStateOf, letterOf } from '../../../src/dead-letters/letter.ts'

const ID = '9d2b0a4e-7c34-5c1b-9f0f-1e2d3c4b5a69'
const REQUEST = '7d2b0a4e-7c34-4c1b-9f0f-1e2d3c4b5a69'
const CONSUMER = '10000000-0000-4000-8000-000000000000'
const [SOURCE, DESTINATION, OTHER] = ['2', '3', '4'].map((digit) => CONSUMER.replace('1', digit))
const NOW = Date.UTC(2026, 10, 22)
const headers = {
  'dl-schema': 1,
  'dl-id': ID,
  'dl-reason': 'capacity_exceeded',
  'dl-class': 'refused',
  'dl-effect': 'did_not_happen',
  'dl-request-id': REQUEST,
  'dl-operation': 'claim',
  'dl-attempts': 2,
  'dl-first-failed-at': '2026-11-20T01:00:00+01:00',
  'dl-last-failed-at': '2026-11-21T00:00:00.5Z',
  'x-delivery-count': 3,
  traceparent: '00-1',
  nested: {},
}
const claim = {
  version: 1,
  id: REQUEST,
  operation: 'claim',
  consumer: CONSUMER,
  source: SOURCE,
  destination: DESTINATION,
  alternates: [OTHER],
}
const letterWith = (own: Record<string, unknown>) =>
  letterOf({ body: Buffer.from('{}'), properties: { headers: own } }, NOW)

describe('a letter', () => {
  it('says what its headers and its body say', () => {
    const body = Buffer.from(JSON.stringify(claim))
    const { 'x-delivery-count': _count, nested: _nested, ...kept } = headers
    expect(letterOf({ body, properties: { headers } }, NOW)).to.deep.equal({
      id: ID,
      request: REQUEST,
      operation: 'claim',
      consumer: CONSUMER,
      source: SOURCE,
      destination: DESTINATION,
      providers: [SOURCE, DESTINATION, OTHER],
      code: 'capacity_exceeded',
      class: 'refused',
      effect: 'did_not_happen',
      firstFailedAt: '2026-11-20T00:00:00.000Z',
      lastFailedAt: '2026-11-21T00:00:00.500Z',
      attempts: 2,
      body,
      headers: kept,
    })
  })

  it('without a dl-id is one that the broker made', () => {
    expect(letterWith({ 'x-first-death-reason': 'delivery_limit' })).to.equal(null)
    expect(letterWith({ ...headers, 'dl-id': 'x' })).to.equal(null)
  })

  it('with the marks of the broker is none, whatever headers its sender gave it', () => {
    for (const mark of ['x-death', 'x-first-death-reason', 'x-last-death-reason']) {
      expect(letterWith({ ...headers, [mark]: 'expired' }), mark).to.equal(null)
    }
  })

  it('of bytes that are no request has no ids but those of its headers', () => {
    const letter = letterOf({ body: Buffer.from([0xff, 0xfe]), properties: { headers } }, NOW)
    expect(letter).to.include({ request: REQUEST, consumer: null, source: null, destination: null })
  })

  it('of an unknown class or effect waits for a person', () => {
    const letter = letterWith({ 'dl-id': ID, 'dl-class': 'new', 'dl-effect': 'new' })!
    expect(letter).to.include({ class: 'operator', effect: 'unknown', code: 'unknown', attempts: 0 })
    expect(letter.firstFailedAt).to.equal('2026-11-22T00:00:00.000Z')
    expect(firstStateOf(letter)).to.equal('open')
  })

  it('is told when it is news for the scheduler, else open', () => {
    const states = LETTER_CLASSES.map((name) => firstStateOf({ class: name }))
    expect(states).to.deep.equal(['told', 'told', 'open', 'open'])
  })
})
