// When a letter may be replayed: a table of what is known of its chain, and what follows.
import { expect } from 'chai'
import type { Member, Standing } from '../../../src/dead-letters/chain.ts'
import type { WholeLetter } from '../../../src/dead-letters/desk.ts'
import { verdictOf } from '../../../src/dead-letters/verdict.ts'

const letter: WholeLetter = {
  id: 'l',
  request: 'r',
  operation: 'claim',
  consumer: null,
  source: null,
  destination: null,
  code: 'capacity_exceeded',
  class: 'refused',
  effect: 'did_not_happen',
  state: 'told',
  firstFailedAt: '',
  lastFailedAt: '',
  attempts: 1,
  body: Buffer.alloc(0),
  headers: {},
  history: [],
  replays: 0,
  before: null,
  watched: false,
  version: 0,
}

/** The letter's own request stands as its effect says; `others` are the rest of its chain. */
function verdict(fields: Partial<WholeLetter>, others: readonly Standing[] = [], own?: Standing) {
  const given = { ...letter, ...fields }
  const members: Member[] = [
    { request: 'r', standing: own ?? given.effect, letters: [given] },
    ...others.map((standing, index) => ({ request: `other-${index}`, standing, letters: [] })),
  ]
  return verdictOf(given, { root: 'r', version: 0, members })
}

describe('the verdict on a replay', () => {
  it('lets a letter go whose whole chain did not happen, under the next number', () => {
    expect(verdict({})).to.deep.equal({ kind: 'replay', n: 1 })
    expect(verdict({ state: 'open', code: 'poison', class: 'operator' })).to.deep.equal({ kind: 'replay', n: 1 })
    const again = verdict({ state: 'replayed', replays: 2 }, ['did_not_happen', 'did_not_happen'])
    expect(again).to.deep.equal({ kind: 'replay', n: 3 })
  })

  const refusals: readonly [string, Partial<WholeLetter>, readonly Standing[], RegExp][] = [
    ['what happened', { effect: 'happened', code: 'postcondition_failed' }, [], /^its effect happened/],
    ['what is not known', { effect: 'unknown', code: 'outcome_unknown' }, [], /reconcile/],
    [
      'an earlier replay that happened',
      { state: 'replayed' },
      ['did_not_happen', 'happened'],
      /^request other-1 .* happened/,
    ],
    ['one that is not decided', { state: 'replayed' }, ['undecided'], /^no decision on request other-0/],
    ['one that is not known', {}, ['unknown'], /^whether request other-0/],
    ['class invalid', { class: 'invalid', code: 'schema_invalid' }, [], /schema_invalid/],
    ['a discarded letter', { state: 'discarded' }, [], /restore/],
    ['a resolved letter', { state: 'resolved' }, [], /resolved/],
  ]
  for (const [what, fields, others, why] of refusals) {
    it(`refuses ${what}`, () => {
      const given = verdict(fields, others)
      expect(given.kind === 'refused' && given.why).to.match(why)
    })
  }

  it('refuses a letter whose request has been found to have happened since', () => {
    expect(verdict({}, [], 'happened')).to.have.property('kind', 'refused')
  })

  it('only tells an event again that nobody could receive, whatever its effect', () => {
    for (const effect of ['happened', 'did_not_happen', 'unknown'] as const) {
      expect(verdict({ code: 'event_unroutable', class: 'operator', effect })).to.deep.equal({ kind: 'tell' })
    }
    expect(verdict({ code: 'event_unroutable', state: 'discarded' })).to.have.property('kind', 'refused')
  })
})
