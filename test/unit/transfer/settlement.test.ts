// What may end a request before it is begun, where it goes after trouble, and what it concerns.
import { expect } from 'chai'
import { tryCandidates } from '../../../src/transfer/candidates.ts'
import { cancelOutcome, refusedBefore, rfc3339Ms } from '../../../src/transfer/deadline.ts'
import { outcome } from '../../../src/transfer/outcome.ts'
import { candidatesOf, migrationOf, scopeOf } from '../../../src/transfer/plan.ts'
import { noCandidate, triesNext } from '../../../src/transfer/refusal.ts'
import { afterTransient } from '../../../src/transfer/settlement.ts'
import { isUuid, uuidV5 } from '../../../src/transfer/uuid.ts'
import { derivedM, factsOf, ID, moveOf, requestOf } from './world.ts'

const CLAIM = { operation: 'claim', source: ID.S, destination: ID.D, migration: ID.M }

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
    const ended = factsOf({ holds: 'I=D:2', move: moveOf({ state: 'confirmed' }) }, null)
    expect(migrationOf(requestOf({ operation: 'retarget', source: ID.D, destination: ID.E }), ended)).to.equal(null)
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

describe('the choice among destinations', () => {
  const { E, X } = ID
  const request = requestOf({ ...CLAIM, alternates: [E, X] })
  const [full, gone] = [outcome('capacity_exceeded', 'Full.'), outcome('source_missing', 'Gone.')]
  /** Tries with these answers, in order; null: not refused. */
  const tried = async (...answers: (typeof full | null)[]) => {
    const asked: unknown[] = []
    const { refusal, passed } = await tryCandidates(
      request,
      async (destination, isFirst) => {
        asked.push(isFirst ? `first ${destination}` : destination)
        return answers[asked.length - 1] ?? null
      },
      (answer) => answer,
    )
    return { asked, code: refusal?.outcome.code, told: refusal?.destination, passed: passed.length }
  }
  const first = `first ${ID.D}`

  it('goes to the next one only after a refusal of room or fit', async () => {
    expect(await tried(null)).to.deep.equal({ asked: [first], code: undefined, told: undefined, passed: 0 })
    expect(await tried(full, null)).to.deep.equal({ asked: [first, E], code: undefined, told: undefined, passed: 1 })
    expect(await tried(gone)).to.deep.equal({ asked: [first], code: 'source_missing', told: undefined, passed: 0 })
    const second = { asked: [first, E], code: 'source_missing', told: undefined, passed: 1 }
    expect(await tried(full, gone)).to.deep.equal(second)
  })

  it('ends as no_candidate of the first where all refuse', async () => {
    const all = { asked: [first, E, X], code: 'no_candidate', told: ID.D, passed: 2 }
    expect(await tried(full, full, full)).to.deep.equal(all)
  })
})

describe('uuid v5', () => {
  it('is the one of the standard library of Python', () => {
    expect(uuidV5('python.org')).to.equal('d85ed1f3-3021-535f-bc55-6f3d478f5415')
  })
})
