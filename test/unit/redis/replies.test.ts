// Unit: a joined reply is read as the list it was made of, and a torn one is told, never guessed.
import { expect } from 'chai'
import { listOfJoined, UnexpectedReply } from '../../../src/redis/replies.ts'

const list = (count: number, ...parts: string[]): string => [`\x1e${count}`, ...parts].join('\x1f')

describe('joined replies', () => {
  it('are read as lists in lists, empty lists and empty texts apart', () => {
    const joined = list(5, 'begun', '', list(0), list(2, list(1, '*3'), 'é😀'), '7')
    expect(listOfJoined('begin', joined)).to.deep.equal(['begun', '', [], [['*3'], 'é😀'], '7'])
  })

  it('are taken as they are where the script answered a list', () => {
    expect(listOfJoined('begin', ['stale'])).to.deep.equal(['stale'])
  })

  for (const [what, reply] of [
    ['no list', 'begun'],
    ['a list cut short', list(3, 'begun', 'a')],
    ['nothing', null],
  ] as const) {
    it(`are refused where there is ${what}`, () => {
      expect(() => listOfJoined('begin', reply)).to.throw(UnexpectedReply, 'begin')
    })
  }
})
