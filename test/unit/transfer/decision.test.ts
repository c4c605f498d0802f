// From an outcome to what is told: events, letters, settlement, and the check after a write.
import { expect } from 'chai'
import { usageDeltas, verify } from '../../../src/transfer/conservation.ts'
import {
  cloudEventHeaders,
  decisionOf,
  eventId,
  eventOf,
  followUpOf,
  identityOf,
  partiesGiven,
  routingKeyOf,
  viewsOf,
  viewsOfWrite,
  type EventBody,
} from '../../../src/transfer/event.ts'
import { copiedProperties, letterHeaders, letterRoutingKey, unroutableHeaders } from '../../../src/transfer/letter.ts'
import { outcome } from '../../../src/transfer/outcome.ts'
import type { Write } from '../../../src/transfer/plan.ts'
import type { Consumer } from '../../../src/transfer/snapshot.ts'
import { uuidV5 } from '../../../src/transfer/uuid.ts'
import { consumer, ID, moveOf, planned, requestOf } from './world.ts'

const CLAIM = { operation: 'claim', source: ID.S, destination: ID.D, migration: ID.M }
const AT = {
  firstFailedAt: '2026-01-01T00:00:00.000Z',
  lastFailedAt: '2026-01-01T00:00:01.000Z',
  exchange: 'ferryman.requests',
  routingKey: 'transfer.claim',
  worker: 'host:1',
  workerVersion: '0.1.0',
}

function written(): Write {
  const result = planned({ holds: 'I=S:2' }, CLAIM)
  if (result.kind !== 'write') throw new Error('the claim should fit')
  return result.write
}

function refusedEvent(message = 'No.'): EventBody {
  const request = requestOf({ ...CLAIM, origin: 'cell' })
  return eventOf({
    identity: identityOf(request, partiesGiven(request)),
    outcome: outcome('capacity_exceeded', message),
    time: '2026-01-01T00:00:00.000Z',
    attempts: 2,
    worker: 'host:1',
    durationMs: 1.6,
  })
}

describe('verify', () => {
  const found = (changes: Readonly<Record<string, Partial<Consumer>>> = {}): Record<string, Consumer> => ({
    [ID.I]: consumer(ID.I, 'D:2', { generation: 4, ...changes['I'] }),
    [ID.M]: consumer(ID.M, 'S:2', { generation: 1, ...changes['M'] }),
  })
  const rows: readonly (readonly [rule: string, after: Record<string, Consumer>, result: string])[] = [
    ['exactly the target', found(), 'applied'],
    ['another amount', found({ I: { allocations: { [ID.D]: { VCPU: 3 } } } }), 'postcondition_failed amount'],
    ['another class', found({ I: { allocations: { [ID.D]: { VGPU: 2 } } } }), 'postcondition_failed amount amount'],
    ['another provider', found({ M: { allocations: { [ID.E]: { VCPU: 2 } } } }), 'postcondition_failed amount amount'],
    ['another owner', found({ M: { project: 'q', type: 'INSTANCE' } }), 'postcondition_failed owner owner'],
    ['an older generation', found({ I: { generation: 3 } }), 'postcondition_failed generation'],
    [
      'a newer generation: somebody wrote since, comparing is moot',
      found({ I: { generation: 5, allocations: {} } }),
      'applied',
    ],
    [
      'a consumer that was not read back',
      { [ID.I]: consumer(ID.I, 'D:2', { generation: 4 }) },
      'postcondition_failed state',
    ],
    [
      'a consumer that holds nothing',
      found({ M: { generation: null, type: null, project: null, user: null, allocations: {} } }),
      'postcondition_failed generation owner owner owner amount',
    ],
  ]
  for (const [rule, after, result] of rows) {
    it(`${rule}: ${result}`, () => {
      const { code, violations } = verify(written(), after)
      expect([code, ...violations.map((violation) => violation.rule)].join(' ')).to.equal(result)
    })
  }

  it('a consumer emptied reads back as holding nothing', () => {
    const result = planned({ holds: 'I=S:2' }, { operation: 'release' })
    expect(result.kind === 'write' && verify(result.write, { [ID.I]: consumer(ID.I, '-') }).code).to.equal('applied')
  })

  it('usages move by exactly what the write says', () => {
    expect(usageDeltas(written())).to.deep.equal({ [ID.D]: { VCPU: 2 } })
  })
})

describe('an event', () => {
  it('has every key, in the order of the contract', () => {
    expect(Object.keys(refusedEvent())).to.deep.equal([
      'version',
      'id',
      'type',
      'time',
      'request',
      'replayOf',
      'operation',
      'consumer',
      'migration',
      'source',
      'destination',
      'outcome',
      'violations',
      'before',
      'after',
      'open',
      'origin',
      'context',
      'mappings',
      'attempts',
      'worker',
      'durationMs',
    ])
  })

  it('is named by request and code, and for class invalid by the bytes too', () => {
    expect(refusedEvent().id).to.equal(`${ID.R}/capacity_exceeded`)
    expect(eventId(ID.R, outcome('malformed', ''), 'abcdef0123456789')).to.equal(`${ID.R}/malformed/abcdef012345`)
    expect(eventId(ID.R, outcome('applied', ''), 'abcdef0123456789')).to.equal(`${ID.R}/applied`)
  })

  it('is routed by operation, result, code and origin', () => {
    expect(routingKeyOf(refusedEvent())).to.equal('transfer.claim.failed.capacity_exceeded.cell')
    const done = { ...refusedEvent(), outcome: outcome('applied', '') }
    expect(routingKeyOf(done)).to.equal('transfer.claim.succeeded.applied.cell')
  })

  it('carries CloudEvents attributes', () => {
    expect(cloudEventHeaders(refusedEvent(), 'ferryman')).to.deep.equal({
      cloudEvents_specversion: '1.0',
      cloudEvents_id: `${ID.R}/capacity_exceeded`,
      cloudEvents_source: '/ferryman/ferryman',
      cloudEvents_type: 'ferryman.transfer.failed',
      cloudEvents_time: '2026-01-01T00:00:00.000Z',
      cloudEvents_subject: ID.I,
    })
  })

  it('tells consumers before and after, and the open move', () => {
    const write = written()
    const { before, after } = viewsOfWrite(write)
    const nothing = { generation: null, type: null, allocations: {} }
    expect(before).to.deep.equal({
      [ID.I]: { generation: 3, type: 'INSTANCE', allocations: { [ID.S]: { VCPU: 2 } } },
      [ID.M]: nothing,
    })
    expect(after).to.deep.equal({
      [ID.I]: { generation: 4, type: 'INSTANCE', allocations: { [ID.D]: { VCPU: 2 } } },
      [ID.M]: { generation: 1, type: 'MIGRATION', allocations: { [ID.S]: { VCPU: 2 } } },
    })
    const event = eventOf({
      identity: identityOf(requestOf(CLAIM), partiesGiven(requestOf(CLAIM))),
      outcome: outcome('applied', ''),
      before,
      after,
      moves: write.moves.put,
      time: '',
      attempts: 1,
      worker: '',
      durationMs: 0,
    })
    const { confirm, revert } = moveOf()
    expect(event.open).to.deep.equal({ migration: ID.M, confirm, revert })
    expect(viewsOf({ [ID.M]: consumer(ID.M, '-') })).to.deep.equal({ [ID.M]: nothing })
  })

  it('is followed under an id of its own, the decision unchanged', () => {
    const followed = { what: 'replayed', by: 'ann', why: null, request: ID.X, effect: 'did_not_happen' } as const
    const { body, routingKey } = followUpOf(refusedEvent(), followed, 17, '2026-02-02T00:00:00.000Z')
    expect(body).to.deep.include({
      id: `${ID.R}/replayed/17`,
      type: 'ferryman.transfer.followed',
      time: '2026-02-02T00:00:00.000Z',
      followed,
    })
    expect(body.outcome).to.deep.equal(refusedEvent().outcome)
    expect(routingKey).to.equal('transfer.claim.followed.replayed.cell')
  })

  it('makes a decision: its exact bytes and the headers of its letter', () => {
    const event = refusedEvent()
    const letter = letterHeaders(event, AT)
    expect(decisionOf(event, letter)).to.deep.equal({
      request: ID.R,
      code: 'capacity_exceeded',
      operation: 'claim',
      origin: 'cell',
      event: JSON.stringify(event),
      letter,
      body: event,
    })
  })
})

describe('a letter', () => {
  it('has the headers of the contract', () => {
    expect(letterHeaders(refusedEvent(), AT)).to.deep.equal({
      'dl-schema': 1,
      'dl-attempts': 2,
      'dl-id': uuidV5(`${ID.R}/capacity_exceeded`),
      'dl-reason': 'capacity_exceeded',
      'dl-class': 'refused',
      'dl-effect': 'did_not_happen',
      'dl-description': 'No.',
      'dl-request-id': ID.R,
      'dl-operation': 'claim',
      'dl-first-failed-at': AT.firstFailedAt,
      'dl-last-failed-at': AT.lastFailedAt,
      'dl-original-exchange': 'ferryman.requests',
      'dl-original-routing-key': 'transfer.claim',
      'dl-worker': 'host:1',
      'dl-worker-version': '0.1.0',
    })
    expect(letterRoutingKey(letterHeaders(refusedEvent(), AT))).to.equal('refused.capacity_exceeded')
  })

  it('is ASCII and at most 1 KiB of description', () => {
    const description = letterHeaders(refusedEvent(`é\n${'ü'.repeat(2000)}`), AT)['dl-description']
    expect(description)
      .to.match(/^[\x20-\x7e]{1024}$/)
      .and.match(/^\\u00e9\\u000a/)
  })

  it('of an event that nobody could receive keeps the effect', () => {
    const headers = unroutableHeaders({ ...refusedEvent(), outcome: outcome('applied', '') }, AT)
    expect(headers).to.deep.include({
      'dl-effect': 'happened',
      'dl-class': 'operator',
      'dl-reason': 'event_unroutable',
    })
    expect(headers['dl-id']).to.equal(uuidV5(`${ID.R}/capacity_exceeded/event_unroutable`))
    expect(letterRoutingKey(headers)).to.equal('operator.event_unroutable')
  })

  it('carries only what neither loses nor multiplies a message', () => {
    const copied = copiedProperties(
      {
        contentType: 'application/json',
        type: 't',
        appId: 'a',
        timestamp: 7,
        userId: 'guest',
        headers: {
          traceparent: '00-1',
          'x-death': [1],
          'X-Retry': 1,
          CC: ['q'],
          BCC: ['q'],
          'dl-id': 'forged',
          table: {},
          list: [],
          none: null,
          flag: true,
          number: 3,
          ours: 'sent',
          text: 'é',
          'original-user-id': 'forged',
          __proto__x: 1,
        },
      },
      { ours: 'kept' },
    )
    expect(copied).to.deep.equal({
      contentType: 'application/json',
      type: 't',
      appId: 'a',
      timestamp: 7,
      headers: {
        ours: 'kept',
        'original-user-id': 'guest',
        traceparent: '00-1',
        flag: true,
        number: 3,
        text: '\\u00e9',
        __proto__x: 1,
      },
    })
  })

  it('leaves out what would make all headers larger than 16 KiB, ours first', () => {
    const { headers } = copiedProperties(
      { headers: { big: 'x'.repeat(16_000), small: 'y' } },
      { ours: 'z'.repeat(1000) },
    )
    expect(Object.keys(headers)).to.deep.equal(['ours', 'small'])
  })
})
