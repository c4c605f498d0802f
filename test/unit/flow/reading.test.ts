// A ledger that does not answer a question: asked again, then a rung of the ladder; where it is gone, neither.
import { expect } from 'chai'
import { Paused, Unanswered, Unavailable } from '../../../src/retry/failures.ts'
import { R1 } from '../../contract/ground.ts'
import { loneWorker, type Otherwise } from '../../support/lone-worker.ts'

/** Begins without a snapshot, as with a ledger apart; `asked` counts the questions, all of which fail. */
function silent(failure: Error, asked: { times: number }): Otherwise {
  const refuse = (): Promise<never> => {
    asked.times += 1
    return Promise.reject(failure)
  }
  return {
    journal: (journal) => ({
      ...journal,
      begin: async (...args) => {
        const begun = await journal.begin(...args)
        return begun.kind === 'begun' ? { ...begun, snapshot: null } : begun
      },
    }),
    ledger: (ledger) => ({ ...ledger, snapshot: refuse, sketch: refuse }),
  }
}

describe('a question that the ledger does not answer', () => {
  for (const failure of [new Unavailable('503'), new Unanswered('silence')]) {
    it(`is asked again, and then sends the request up the ladder: ${failure.name}`, async () => {
      const asked = { times: 0 }
      const { clock, line } = await loneWorker(silent(failure, asked))
      const settled = line.deliver(R1)
      await clock.runUntil(() => settled() !== 'in hand')
      expect([settled(), line.published]).to.deep.equal(['acknowledged', ['/ferryman.retry.1s']])
      expect(asked.times).to.be.above(1)
    })
  }

  it('since nobody is answered is asked once, and the request handed back without a rung', async () => {
    const asked = { times: 0 }
    const { clock, line } = await loneWorker(silent(new Paused('the breaker is open'), asked))
    const settled = line.deliver(R1)
    await clock.runUntil(() => settled() !== 'in hand')
    expect([settled(), line.published, asked.times]).to.deep.equal(['handed back', [], 1])
  })
})
