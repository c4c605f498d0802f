// The judge of lock histories finds each kind of fault that is planted, and nothing in a history that is right.
import { expect } from 'chai'
import { faultsOf, LockHistory, type Seen } from '../../support/lock-history.ts'

/** Answers one after the other: ticket, what it says, and the resources where they are not A. */
function history(...answers: readonly (readonly [number, Seen['says'], string?])[]): Seen[] {
  return answers.map(([ticket, says, resources = 'A'], n) => ({
    ticket,
    says,
    resources: resources.split(''),
    askedAt: 2 * n,
    answeredAt: 2 * n + 1,
  }))
}

describe('the judge of lock histories', () => {
  it('finds nothing where each holds in its turn', () => {
    const right = history([1, 'granted'], [2, 'waiting'], [1, 'granted'], [1, 'gone'], [2, 'granted'], [2, 'gone'])
    expect(faultsOf(right)).to.deep.equal([])
  })

  it('finds nothing where two hold what they do not share', () => {
    const right = history([1, 'granted', 'AB'], [2, 'granted', 'C'], [1, 'granted', 'AB'], [2, 'granted', 'C'])
    expect(faultsOf(right)).to.deep.equal([])
  })

  it('finds two that hold one resource at a time', () => {
    const wrong = history([2, 'granted', 'BC'], [1, 'granted', 'AB'], [2, 'granted', 'BC'], [1, 'gone', 'AB'])
    expect(faultsOf(wrong)).to.include('tickets 1 and 2 were granted at one time')
  })

  it('finds one that overtook another that waits', () => {
    const wrong = history([1, 'waiting', 'AB'], [2, 'granted', 'B'], [1, 'waiting', 'AB'])
    expect(faultsOf(wrong)).to.deep.equal(['ticket 2 was granted while 1, which came first, still stood'])
  })

  it('finds a number that is not greater than an earlier one', () => {
    const wrong = history([5, 'granted', 'A'], [5, 'gone', 'A'], [4, 'granted', 'B'])
    expect(faultsOf(wrong)).to.deep.equal(['ticket 4 was taken after 5, which is not smaller'])
  })

  it('finds a ticket that comes back', () => {
    expect(faultsOf(history([1, 'granted'], [1, 'waiting']))).to.deep.equal(['ticket 1 is waiting again'])
    expect(faultsOf(history([1, 'gone'], [1, 'granted']))).to.deep.equal(['ticket 1 is granted again'])
  })

  it('takes nothing for proven of calls that overlap', () => {
    const seen = (ticket: number, askedAt: number, answeredAt: number): Seen => ({
      ticket,
      resources: ['A'],
      says: 'granted',
      askedAt,
      answeredAt,
    })
    expect(faultsOf([seen(2, 0, 5), seen(1, 1, 4), seen(2, 3, 6)])).to.deep.equal([])
  })

  it('is given what clients ask and are answered, in one order', async () => {
    const noted = new LockHistory()
    await noted.note(['A'], null, () => Promise.resolve(null))
    await noted.note(['A'], null, () => Promise.resolve({ number: 7, state: 'waiting' as const }))
    await noted.note(['A'], 7, () => Promise.resolve(null))
    expect(noted.seen.map(({ ticket, says }) => [ticket, says])).to.deep.equal([
      [7, 'waiting'],
      [7, 'gone'],
    ])
    expect(noted.seen[1]!.askedAt).to.be.greaterThan(noted.seen[0]!.answeredAt)
  })
})
