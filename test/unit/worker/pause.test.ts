// A worker that pauses hands back what only waits, uses no rung for it, and begins again one request at a time.
import { expect } from 'chai'
import { I, idOf, R1, R2 } from '../../contract/ground.ts'
import { CONCURRENCY, LOOK_MS, loneWorker } from '../../support/lone-worker.ts'
import { acquire, heartbeat, release } from '../../support/memory/tickets.ts'

describe('a worker that pauses', () => {
  it('hands back what waits for its lock, without rung, and resumes with prefetch 1', async () => {
    const { clock, slot, line, worker, troubles } = await loneWorker()
    heartbeat(slot, 'other', 600_000, true)
    const held = acquire(slot, 'other', 'k', [`c:${I}`], null)!
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect([settled(), worker.inHand]).to.deep.equal(['in hand', 1])

    troubles.push('the ledger does not answer')
    await clock.advance(2 * LOOK_MS)
    expect([settled(), worker.inHand]).to.deep.equal(['handed back', 0])
    expect(worker.reasons()).to.include('the ledger does not answer')
    expect(slot.records.get(R1)).to.include({ processing: '', rung: 0, reason: null })
    expect([...slot.tickets.keys()], 'its ticket is given up').to.deep.equal([held.number])
    expect(line.published).to.deep.equal([])

    troubles.length = 0
    release(slot, 'other', held.number)
    await clock.advance(2 * LOOK_MS)
    expect(worker.reasons()).to.deep.equal([])
    const again = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect(again()).to.equal('acknowledged')
    expect(line.prefetches).to.deep.equal([CONCURRENCY, 'cancelled', 1, 'cancelled', CONCURRENCY])
    expect(slot.records.get(R1)!.decision!.code).to.equal('applied')
  })

  it('hands back a suspect that waits to be alone, and those that wait for it', async () => {
    const { clock, slot, line, troubles } = await loneWorker()
    heartbeat(slot, 'other', 600_000, true)
    acquire(slot, 'other', 'k', [`c:${I}`], null)
    const busy = line.deliver(R1)
    await clock.advance(LOOK_MS)
    slot.records.set(R2, { ...slot.records.get(R1)!, digest: null, processing: '', suspect: true, last: '' })
    const [suspect, behind] = [line.deliver(R2), line.deliver(idOf('b', 3))]
    await clock.advance(LOOK_MS)
    expect([busy(), suspect(), behind()]).to.deep.equal(['in hand', 'in hand', 'in hand'])
    expect(slot.records.get(R2)).to.include({ processing: '' }) // not begun beside the other
    troubles.push('the ledger does not answer')
    await clock.advance(2 * LOOK_MS)
    expect([busy(), suspect(), behind()]).to.deep.equal(['handed back', 'handed back', 'handed back'])
  })
})
