// Many requests a few at a time: the results in order, and an end to all lanes after a failure.
import { expect } from 'chai'
import { eachOf } from '../../../src/ledger/placement/each.ts'

const NUMBERS = Array.from({ length: 40 }, (_, i) => i)

describe('eachOf', () => {
  it('visits all, at most eight at a time, and gives the results in order', async () => {
    let under = 0
    let most = 0
    const results = await eachOf(NUMBERS, async (number) => {
      most = Math.max(most, ++under)
      for (let turns = 40 - number; turns > 0; turns--) await Promise.resolve()
      under -= 1
      return -number
    })
    expect(results).to.deep.equal(NUMBERS.map((number) => -number))
    expect(most).to.equal(8)
  })

  it('begins nothing after a failure, and throws it when nothing is under way any more', async () => {
    const begun: number[] = []
    const ended: number[] = []
    const failure = await eachOf(NUMBERS, async (number) => {
      begun.push(number)
      for (let turns = number * 3; turns > 0; turns--) await Promise.resolve()
      if (number === 2 || number === 5) throw new Error(`visit ${number}`)
      ended.push(number)
    }).catch((cause: unknown) => cause)
    expect(String(failure)).to.equal('Error: visit 2')
    expect(begun.length).to.be.below(12)
    expect([...ended, 2, 5].toSorted((a, b) => a - b)).to.deep.equal(begun.toSorted((a, b) => a - b))
  })
})
