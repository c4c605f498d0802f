// A worker that stands still past its lease leaves what it had begun to be counted; one that is cut off does not.
import { expect } from 'chai'
import { entryOf, R1, SCOPE } from '../../contract/ground.ts'
import { LOOK_MS, loneWorker } from '../../support/lone-worker.ts'
import { begin } from '../../support/memory/records.ts'
import { heartbeat } from '../../support/memory/tickets.ts'

const WRITE_MS = 1_000

describe('a worker that stands still', () => {
  it('past its lease hands the delivery back, and the request has seen a death', async () => {
    const { clock, slot, line } = await loneWorker({
      ledger: (ledger, at) => ({
        ...ledger,
        apply: async (...args) => {
          await at.sleep(WRITE_MS)
          return ledger.apply(...args)
        },
      }),
    })
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    clock.stall(6_000)
    await clock.runUntil(() => settled() !== 'in hand')
    expect(settled()).to.equal('handed back')
    heartbeat(slot, 'other', 600_000, true)
    expect(begin(slot, entryOf(R1, slot.records.get(R1)!.digest!), SCOPE, 'other.1', true)).to.deep.equal({
      kind: 'suspect',
    })
    expect(slot.records.get(R1)).to.include({ suspect: true, deaths: 1 })
  })

  it('for less carries on', async () => {
    const { clock, line } = await loneWorker()
    clock.stall(4_000)
    await clock.advance(LOOK_MS)
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect(settled()).to.equal('acknowledged')
  })
})
