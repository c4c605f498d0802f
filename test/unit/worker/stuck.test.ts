// When a worker is stuck: its loop hangs. An outage of what it needs is none, nor is a process that was frozen.
import { expect } from 'chai'
import { namesOf } from '../../../src/broker/names.ts'
import { Unavailable } from '../../../src/retry/failures.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { Worker, type WorkerParts } from '../../../src/worker/worker.ts'
import { virtualClock } from '../../support/virtual-clock.ts'

const HOUR_MS = 3_600_000

describe('a worker', () => {
  const open = (consume: () => Promise<never>) => {
    const clock = virtualClock(1)
    const names = namesOf('ferryman')
    // Of all that a worker has, its loop needs no more.
    const deps = { clock, names, telemetry: new Telemetry(), locks: { session: 's' }, effects: {} }
    const restorer = { look: () => Promise.resolve(), troubles: () => [] }
    const parts = { deps, broker: { consume }, restorer, troubles: () => [] } as unknown as WorkerParts
    const options = {
      concurrency: 1,
      drainMs: 1,
      lookEveryMs: 500,
      sweepEveryMs: HOUR_MS * 100,
      packEveryMs: HOUR_MS * 100,
      restoreEveryMs: HOUR_MS * 100,
    }
    return { clock, worker: new Worker(parts, options) }
  }

  it('is stuck when its loop hangs, and not before it has begun', async () => {
    const { clock, worker } = open(() => new Promise(() => undefined))
    await clock.advance(HOUR_MS)
    expect(worker.stuck()).to.equal(null)
    worker.start()
    await clock.advance(60_000)
    expect(worker.stuck()).to.equal(null)
    await clock.advance(HOUR_MS)
    expect(worker.stuck()).to.match(/^stuck: the worker has not come round for 3660 s$/)
  })

  it('is not stuck while a dependency is down for as long as it may be', async () => {
    const { clock, worker } = open(() => Promise.reject(new Unavailable('down')))
    worker.start()
    await clock.advance(HOUR_MS)
    expect(worker.stuck()).to.equal(null)
  })
})
