// What stands before an end is told and a delivery acknowledged: a decision that is kept, and queues that took it.
import { expect } from 'chai'
import { Unavailable } from '../../../src/retry/failures.ts'
import { E, R1 } from '../../contract/ground.ts'
import { LOOK_MS, loneWorker } from '../../support/lone-worker.ts'

/** What is refused: I holds nothing there. */
const REFUSED = { source: E }

describe('an end', () => {
  it('is not told where no replica has its decision', async () => {
    const { clock, line, slot } = await loneWorker({
      journal: (journal) => ({ ...journal, kept: () => Promise.reject(new Unavailable('no replica has it')) }),
    })
    const settled = line.deliver(R1)
    await clock.runUntil(() => settled() !== 'in hand')
    expect(slot.records.get(R1)!.decision!.code).to.equal('applied')
    expect([settled(), line.published]).to.deep.equal(['handed back', []])
  })

  it('is not told by a worker whom another has overtaken', async () => {
    const { clock, line } = await loneWorker({
      journal: (journal) => ({ ...journal, decide: () => Promise.resolve('stale') }),
    })
    const settled = line.deliver(R1, REFUSED)
    await clock.runUntil(() => settled() !== 'in hand')
    expect([settled(), line.published]).to.deep.equal(['handed back', []])
  })

  it('whose letter no queue takes leaves the delivery where it is', async () => {
    const { clock, line } = await loneWorker()
    line.unbound.add('ferryman.dead-letters')
    const settled = line.deliver(R1, REFUSED)
    await clock.runUntil(() => settled() !== 'in hand')
    expect(settled()).to.equal('handed back')
  })

  it('whose event no queue takes is told by a letter, and is not noted as told', async () => {
    const { clock, line, slot } = await loneWorker()
    line.unbound.add('ferryman.events')
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect(settled()).to.equal('acknowledged')
    expect(line.published.at(-1)).to.equal('ferryman.dead-letters/operator.event_unroutable')
    expect(slot.records.get(R1)!.toldAtMs).to.equal(null)
  })

  it('that is put off leaves the delivery where it is, where no queue takes the copy', async () => {
    const { clock, line } = await loneWorker({
      ledger: (ledger) => ({ ...ledger, apply: () => Promise.reject(new Unavailable('the ledger is restarting')) }),
    })
    line.unbound.add('')
    const settled = line.deliver(R1)
    await clock.runUntil(() => settled() !== 'in hand')
    expect([settled(), new Set(line.published)]).to.deep.equal(['handed back', new Set(['/ferryman.retry.1s'])])
  })

  it('is poison where enough processes died with the request alone in hand', async () => {
    const { clock, line, slot } = await loneWorker({
      journal: (journal) => ({
        ...journal,
        begin: async (...args) => {
          const begun = await journal.begin(...args)
          return begun.kind === 'begun' ? { ...begun, processing: { ...begun.processing, deaths: 5 } } : begun
        },
      }),
    })
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect([settled(), slot.records.get(R1)!.decision!.code]).to.deep.equal(['acknowledged', 'poison'])
  })
})
