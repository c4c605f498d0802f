// Which failure ends a command with which exit code: the closed list that scripts rely on.
import { expect } from 'chai'
import { EXIT, Exit, exitOf, wholeOrCut } from '../../../src/cli/exit.ts'
import { ConfigError } from '../../../src/config.ts'
import { Refused, Unanswered, Unavailable } from '../../../src/retry/failures.ts'

describe('the exit code', () => {
  const rows: readonly (readonly [string, unknown, number])[] = [
    ['the answer no', new Exit(EXIT.no, 'no'), 1],
    ['misuse', new Exit(EXIT.usage, 'so not'), 64],
    ['a dependency that is gone', new Unavailable('gone'), 69],
    ['a dependency that does not answer', new Unanswered('silent'), 69],
    ['a bug', new TypeError('oops'), 70],
    ['what is no error at all', 'oops', 70],
    ['work handed back', new Exit(EXIT.handedBack, ''), 75],
    ['a wrong password', new Refused('no'), 77],
    ['settings that do not hold', new ConfigError(['x is wrong']), 78],
  ]
  for (const [what, failure, code] of rows) {
    it(`of ${what} is ${code}`, () => {
      expect(exitOf(failure).code).to.equal(code)
    })
  }

  it('of a command that a signal cut is 1, with a sentence', () => {
    const said: string[] = []
    const io = (signal: AbortSignal) => ({ signal, err: (text: string) => void said.push(text) })
    expect(wholeOrCut(io(new AbortController().signal), 'list')).to.equal(0)
    expect(wholeOrCut(io(AbortSignal.abort()), 'list')).to.equal(1)
    expect(said).to.deep.equal(['ferryman: stopped by a signal: the list is not whole\n'])
  })
})
