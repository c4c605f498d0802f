// From an outcome to what is told: events, letters, settlement, and the check after a write.
import { expect } from 'chai'
import { usageDeltas, verify } from '../../../src/transfer/conservation.ts'
import { cancelOutcome, refusedBefore, rfc3339Ms } from '../../../src/transfer/deadline.ts'
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
import { candidatesOf, migrationOf, noCandidate, scopeOf, triesNext, type Write } from '../../../src/transfer/plan.ts'
import { afterTransient } from '../../../src/transfer/settlement.ts'
import type { Consumer } from '../../../src/transfer/snapshot.ts'
import { isUuid, uuidV5 } from '../../../src/transfer/uuid.ts'
import { consumer, derivedM, factsOf, ID, moveOf, planned, requestOf } from './world.ts'

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

describe('before a request is begun', () => {
  const soon = requestOf({ ...CLAIM, notAfter: '2026-01-01T00:00:01Z' })
  const atMs = Date.UTC(2026, 0, 1, 0, 0, 1)
  const rows: readonly (readonly [string, Parameters<typeof refusedBefore>[1], string])[] = [
    ['at the deadline', { nowMs: atMs, cancelledBy: null }, 'none'],
    ['after it', { nowMs: atMs + 1, cancelledBy: null }, 'expired'],
    ['cancelled', { nowMs: atMs, cancelledBy: ID.X }, 'cancelled'],
    ['expired stands before cancelled', { nowMs: atMs + 1, cancelledBy: ID.X }, 'expired'],
    [
      'after a first attempt it was contended',
      { nowMs: atMs + 1, cancelledBy: null, lastReason: 'contended' },
      'contended',
    ],
    [
      'after a first attempt the ledger was away',
      { nowMs: atMs + 1, cancelledBy: null, lastReason: 'ledger_unavailable' },
      'ledger_unavailable',
    ],
    ['tried, in time', { nowMs: atMs, cancelledBy: null, lastReason: 'contended' }, 'none'],
  ]
  for (const [rule, standing, code] of rows) {
    it(`${rule}: ${code}`, () => expect(refusedBefore(soon, standing)?.code ?? 'none').to.equal(code))
  }

  const moments: readonly (readonly [string, number | null])[] = [
    ['2026-01-01T00:00:01Z', atMs],
    ['2026-01-01t00:00:01z', atMs],
    ['2026-01-01T05:30:01+05:30', atMs],
    ['2025-12-31T23:00:01-01:00', atMs],
    ['2026-01-01T00:00:01.9999Z', atMs + 999],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['2026-01-01T00:00:01', null],
    ['2026-01-01 00:00:01Z', null],
    ['2026-13-01T00:00:01Z', null],
    ['2023-02-29T00:00:00Z', null],
    ['2026-01-01T24:00:00Z', null],
    ['2026-01-01T00:60:00Z', null],
    ['2026-01-01T00:00:01+24:00', null],
    ['2026-01-01', null],
    ['', null],
    ['2026-01-01T00:00:01Z\n', null],
  ]
  for (const [text, ms] of moments)
    it(`${JSON.stringify(text)} is ${ms ?? 'no moment'}`, () => expect(rfc3339Ms(text)).to.equal(ms))

  it('a cancel ends applied, with nothing to do, or superseded', () => {
    const codes = (['cancelled', 'cancelled_before', 'decided'] as const).map(
      (state) => cancelOutcome(ID.R, state).code,
    )
    expect(codes).to.deep.equal(['applied', 'nothing_to_do', 'superseded'])
  })
})

describe('after trouble', () => {
  const request = requestOf({ ...CLAIM, notAfter: '2026-01-01T00:00:00Z' })
  const forbidden = requestOf({ ...CLAIM, idempotent: false })
  const [early, late] = [0, Date.UTC(2027, 0)]
  const ladder = ['1s', '5s'] as const
  const rows: readonly (readonly [string, () => ReturnType<typeof afterTransient<string>>, string])[] = [
    ['the first rung', () => afterTransient('contended', 0, ladder, request, early), 'later 1 1s'],
    ['the last rung', () => afterTransient('contended', 1, ladder, request, early), 'later 2 5s'],
    ['the ladder is used up', () => afterTransient('contended', 2, ladder, request, early), 'contended'],
    [
      'the deadline has passed',
      () => afterTransient('ledger_unavailable', 0, ladder, request, late),
      'ledger_unavailable',
    ],
    [
      'used up, and a send is unclear',
      () => afterTransient('ledger_unavailable', 2, ladder, request, early, true),
      'outcome_unknown',
    ],
    [
      'unclear, but there is a rung',
      () => afterTransient('ledger_unavailable', 1, ladder, request, early, true),
      'later 2 5s',
    ],
    [
      'repeating is forbidden',
      () => afterTransient('ledger_unavailable', 0, ladder, forbidden, early),
      'ledger_unavailable',
    ],
    ['forbidden, but only contended', () => afterTransient('contended', 0, ladder, forbidden, early), 'later 1 1s'],
  ]
  for (const [rule, next, result] of rows) {
    it(`${rule}: ${result}`, () => {
      const found = next()
      expect(found.kind === 'later' ? `later ${found.rung} ${found.delay}` : found.outcome.code).to.equal(result)
    })
  }
})

describe('candidates and scope', () => {
  it('destination first, then alternates, each once', () => {
    expect(candidatesOf(requestOf({ ...CLAIM, alternates: [ID.E, ID.D, ID.E, ID.X] }))).to.deep.equal([
      ID.D,
      ID.E,
      ID.X,
    ])
    expect(candidatesOf(requestOf({ operation: 'confirm', destination: ID.D }))).to.deep.equal([null])
  })

  const scopes: readonly (readonly [Readonly<Record<string, unknown>>, string, string, boolean])[] = [
    [CLAIM, 'I M', 'S D', false],
    [{ ...CLAIM, migration: undefined, mode: 'doubled' }, 'I', 'S D', false],
    [{ operation: 'retarget', source: ID.D, destination: ID.E }, 'I', 'D E', true],
    [{ operation: 'confirm', migration: ID.M, source: ID.S, destination: ID.D }, 'I M', '', true],
    [{ operation: 'release', source: ID.S }, 'I', '', true],
    [{ operation: 'resize', source: ID.S, resources: { VCPU: 1 } }, 'I', 'S', false],
    [{ operation: 'adjust', deltas: { [ID.E]: { VCPU: 1 } } }, 'I', 'E', false],
    [{ operation: 'swap-consumer', newConsumer: ID.N }, 'I N', '', true],
    [{ operation: 'cancel', request: ID.X }, '', '', false],
  ]
  for (const [fields, consumers, providers, held] of scopes) {
    const what = `consumers ${consumers || '-'}, providers ${providers || '-'}${held ? ', and what is held' : ''}`
    it(`${String(fields['operation'])} reads ${what}`, () => {
      const request = requestOf(fields)
      const ids = (names: string): string[] =>
        names
          .split(' ')
          .filter(Boolean)
          .map((name) => ID[name as 'I'])
      expect(scopeOf(request, candidatesOf(request)[0] ?? null)).to.deep.equal({
        consumers: ids(consumers),
        providers: ids(providers),
        held,
      })
    })
  }

  it('M is given, derived, or that of the recorded move', () => {
    const facts = factsOf({ holds: 'I=D:2', move: moveOf() }, null)
    expect(migrationOf(requestOf(CLAIM), facts)).to.equal(ID.M)
    expect(migrationOf(requestOf({ ...CLAIM, migration: undefined }), facts)).to.equal(derivedM)
    expect(migrationOf(requestOf({ operation: 'confirm' }), facts)).to.equal(ID.M)
    expect(migrationOf(requestOf({ operation: 'transfer', source: ID.S, destination: ID.D }), facts)).to.equal(null)
    expect(isUuid(derivedM)).to.equal(true)
  })

  it('a refusal of room or fit tries the next destination, another stands', () => {
    expect(triesNext(outcome('capacity_exceeded', ''))).to.equal(true)
    expect(triesNext(outcome('source_missing', ''))).to.equal(false)
  })

  it('all refused: no_candidate with the violations of each; one alone keeps its code', () => {
    const full = outcome('capacity_exceeded', 'Full.', [{ rule: 'capacity' }])
    const off = outcome('destination_disabled', 'Off.', [{ rule: 'disabled' }])
    expect(noCandidate([full])).to.equal(full)
    expect(noCandidate([full, off])).to.deep.include({
      code: 'no_candidate',
      violations: [{ rule: 'capacity' }, { rule: 'disabled' }],
    })
    expect(noCandidate([full, outcome('source_missing', '')]).code).to.equal('source_missing')
  })
})

describe('uuid v5', () => {
  it('is the one of the standard library of Python', () => {
    expect(uuidV5('python.org')).to.equal('d85ed1f3-3021-535f-bc55-6f3d478f5415')
  })
})
