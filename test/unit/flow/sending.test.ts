// What stands before a write goes out: a note that a replica has, a lock still trusted, a deadline not passed.
import { expect } from 'chai'
import type { Applied } from '../../../src/ledger/ledger.ts'
import { Unavailable } from '../../../src/retry/failures.ts'
import { I, R1, R2 } from '../../contract/ground.ts'
import { LOOK_MS, loneWorker, type Otherwise } from '../../support/lone-worker.ts'
import { acquire, heartbeat, release } from '../../support/memory/tickets.ts'

/** A ledger apart from the journal, and a journal with replicas; `calls` is what they are asked, in order. */
function apart(calls: string[], kept: () => Promise<void>): Required<Otherwise> {
  return {
    journal: (journal) => ({
      ...journal,
      sending: (...args) => {
        calls.push('noted')
        return journal.sending(...args)
      },
      kept: ({ what }) => {
        calls.push(`${what} kept`)
        return kept()
      },
    }),
    ledger: (ledger) => ({
      ...ledger,
      decides: false,
      reserve: async () => {
        calls.push('reserved')
        return null
      },
      apply: async (write): Promise<Applied> => {
        calls.push('sent')
        const after = write.changes.map(({ before, after: target }) => [
          before.id,
          { id: before.id, nextGeneration: target.generation + 1, ...target },
        ])
        return { kind: 'applied', after: Object.fromEntries(after), decided: false }
      },
      find: () => Promise.resolve('absent'),
    }),
  }
}

describe('a write', () => {
  it('to a ledger apart from the journal is noted, and the note kept by a replica, before it is sent', async () => {
    const calls: string[] = []
    const { clock, slot, line } = await loneWorker(apart(calls, () => Promise.resolve()))
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect(calls).to.deep.equal(['reserved', 'noted', 'intent kept', 'sent', 'decision kept'])
    expect([settled(), slot.records.get(R1)!.decision!.code]).to.deep.equal(['acknowledged', 'applied'])
  })

  it('whose proof is not its own is neither noted nor sent under that number, but under the next', async () => {
    const calls: string[] = []
    const { journal, ledger } = apart(calls, () => Promise.resolve())
    const { clock, slot, line } = await loneWorker({
      journal,
      ledger: (...inner) => ({
        ...ledger(...inner),
        reserve: async ({ number }) => {
          calls.push(`reserved ${number}`)
          return number === 1 ? { kind: 'conflict', reason: 'marker' } : null
        },
        close: async ({ number }) => {
          calls.push(`closed ${number}`)
          return 'closed'
        },
      }),
    })
    const settled = line.deliver(R1)
    await clock.runUntil(() => settled() !== 'in hand')
    expect(calls.slice(0, 5)).to.deep.equal(['reserved 1', 'closed 1', 'reserved 2', 'noted', 'intent kept'])
    expect(slot.records.get(R1)!.decision!.code).to.equal('applied')
  })

  it('is not sent where no replica has its note', async () => {
    const calls: string[] = []
    const { clock, line } = await loneWorker(apart(calls, () => Promise.reject(new Unavailable('no replica has it'))))
    const settled = line.deliver(R1)
    await clock.runUntil(() => settled() !== 'in hand')
    expect(settled()).to.equal('handed back')
    expect(calls).not.to.include('sent')
  })

  it('is not planned on consumers that a send of another request may be changing', async () => {
    const calls: string[] = []
    const { journal, ledger } = apart(calls, () => Promise.resolve())
    const { clock, line } = await loneWorker({
      journal: (...given) => ({ ...journal(...given), unsettled: () => Promise.resolve({ [I]: R2 }) }),
      ledger,
    })
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect([settled(), calls, line.published]).to.deep.equal(['acknowledged', [], ['/ferryman.retry.1s']])
  })

  it('is not sent by a worker that has slept past its lease meanwhile', async () => {
    let sends = 0
    const { clock, line } = await loneWorker({
      journal: (journal, at) => ({
        ...journal,
        sending: async (...args) => {
          const noted = await journal.sending(...args)
          at.stall(6_000)
          return noted
        },
      }),
      ledger: (ledger) => ({
        ...ledger,
        apply: (...args) => {
          sends += 1
          return ledger.apply(...args)
        },
      }),
    })
    const settled = line.deliver(R1, { idempotent: false }) // which is noted before it is sent
    await clock.runUntil(() => settled() !== 'in hand')
    expect([settled(), sends]).to.deep.equal(['handed back', 0])
  })

  it('is not sent once its deadline has passed while it waited for its lock', async () => {
    const { clock, slot, line } = await loneWorker()
    heartbeat(slot, 'other', 600_000, true)
    const held = acquire(slot, 'other', 'k', [`c:${I}`], null)!
    const notAfter = new Date(Math.floor(slot.nowUs() / 1_000) + 1_000).toISOString()
    const settled = line.deliver(R1, { notAfter })
    await clock.advance(1_500)
    expect(settled()).to.equal('in hand')
    release(slot, 'other', held.number)
    await clock.advance(LOOK_MS)
    expect([settled(), slot.records.get(R1)!.decision!.code]).to.deep.equal(['acknowledged', 'expired'])
  })

  it('that reading back shows otherwise than planned is told as such', async () => {
    const { clock, slot, line } = await loneWorker({
      ledger: (ledger) => ({
        ...ledger,
        decides: false,
        apply: async (): Promise<Applied> => ({ kind: 'applied', after: {}, decided: false }),
        find: () => Promise.resolve('absent'),
      }),
    })
    const settled = line.deliver(R1)
    await clock.advance(LOOK_MS)
    expect([settled(), slot.records.get(R1)!.decision!.code]).to.deep.equal(['acknowledged', 'postcondition_failed'])
  })
})
