// A send that carries no marker: no door can be closed behind it, so nothing is decided in its stead.
import { expect } from 'chai'
import { closeDoor } from '../../../src/flow/intent.ts'
import type { Begun, Deps } from '../../../src/flow/job.ts'
import { idempotent } from '../../../src/retry/effect.ts'
import { decisionOf, I, R1 } from '../../contract/ground.ts'

describe('a door without a marker', () => {
  const asked: unknown[] = []
  const close = idempotent('ledger.close', 'for the test', async (attempt: unknown) => {
    asked.push(attempt)
    return 'closed' as const
  })
  const deps = {
    ledger: { decides: false },
    effects: { close },
    settings: { retry: { attemptsMax: 1, baseMs: 1, capMs: 1 } },
  } as unknown as Deps
  const begunWith = (marked: boolean): Begun => {
    const noted = { decision: decisionOf(R1), moves: { put: [] }, consumers: [I], marked }
    return { processing: { request: R1, token: 'a.1' }, attempt: 1, held: 1, noted } as unknown as Begun
  }

  it('is left to the next delivery, which reads what became of the send', async () => {
    const begun = begunWith(false)
    expect(await closeDoor(begun, deps)).to.include({ kind: 'stopped' })
    expect(begun).to.include({ attempt: 1 })
    expect(begun.noted).to.include({ marked: false })
    expect(asked).to.deep.equal([])
  })

  it('is closed where there is one, and the next number may write', async () => {
    const begun = begunWith(true)
    expect(await closeDoor(begun, deps)).to.deep.equal({ kind: 'closed' })
    expect(begun).to.include({ attempt: 2, noted: null })
    expect(asked).to.have.length(1)
  })
})
