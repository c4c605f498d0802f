// Letters by cause: which provider a code is about, how groups are counted, and how a person names one.
import { expect } from 'chai'
import type { Letter } from '../../../src/dead-letters/desk.ts'
import { groupOf, groupsOf, isIn } from '../../../src/dead-letters/groups.ts'

const letter: Letter = {
  id: 'l',
  request: 'r',
  operation: 'claim',
  consumer: 'c',
  source: 'from',
  destination: 'to',
  code: 'capacity_exceeded',
  class: 'refused',
  effect: 'did_not_happen',
  state: 'told',
  firstFailedAt: '2026-11-20T00:00:02.000Z',
  lastFailedAt: '2026-11-20T00:00:03.000Z',
  attempts: 1,
}
async function* lettersOf(...given: readonly Partial<Letter>[]): AsyncIterable<Letter> {
  for (const fields of given) yield { ...letter, ...fields }
}

describe('groups of letters', () => {
  it('are about the destination, but for codes that speak of the source, and about what there is', () => {
    expect(groupOf(letter)).to.equal('capacity_exceeded/to')
    expect(groupOf({ ...letter, code: 'source_missing' })).to.equal('source_missing/from')
    expect(groupOf({ ...letter, code: 'generation_mismatch' })).to.equal('generation_mismatch/from')
    expect(groupOf({ ...letter, destination: null })).to.equal('capacity_exceeded/from')
    expect(groupOf({ ...letter, code: 'malformed', source: null, destination: null })).to.equal('malformed/-')
  })

  it('count, and tell the oldest and the newest failure, the largest first', async () => {
    const early = { firstFailedAt: '2026-11-19T00:00:00.000Z', lastFailedAt: '2026-11-19T00:00:00.000Z' }
    const late = { firstFailedAt: '2026-11-20T00:00:02.500Z', lastFailedAt: '2026-11-21T00:00:00.000Z' }
    const groups = await groupsOf(lettersOf({ code: 'poison', class: 'operator' }, late, early, {}))
    expect(groups).to.deep.equal([
      {
        group: 'capacity_exceeded/to',
        code: 'capacity_exceeded',
        class: 'refused',
        provider: 'to',
        count: 3,
        oldest: early.firstFailedAt,
        newest: late.lastFailedAt,
      },
      {
        group: 'poison/to',
        code: 'poison',
        class: 'operator',
        provider: 'to',
        count: 1,
        oldest: letter.firstFailedAt,
        newest: letter.lastFailedAt,
      },
    ])
    expect(await groupsOf(lettersOf())).to.deep.equal([])
  })

  it('are named with their provider, or by a code for all providers', () => {
    expect(isIn(letter, 'capacity_exceeded/to')).to.equal(true)
    expect(isIn(letter, 'CAPACITY_EXCEEDED/TO')).to.equal(true)
    expect(isIn(letter, 'capacity_exceeded/from')).to.equal(false)
    expect(isIn(letter, 'capacity_exceeded')).to.equal(true)
    expect(isIn(letter, 'capacity')).to.equal(false)
  })
})
