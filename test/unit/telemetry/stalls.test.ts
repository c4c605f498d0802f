// A process that stood still tells so when it goes on, once each time, and one that was only a little late does not.
import { expect } from 'chai'
import type { Clock } from '../../../src/clock/clock.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { watchStalls } from '../../../src/telemetry/stalls.ts'
import { virtualClock } from '../../support/virtual-clock.ts'

describe('a process that stands still', () => {
  /** A machine whose timers can be late by what `stand` says. */
  function machine() {
    const clock = virtualClock(1)
    let stoodMs = 0
    const own: Pick<Clock, 'timer' | 'monotonicMs'> = {
      timer: clock.timer,
      monotonicMs: () => clock.monotonicMs() + stoodMs,
    }
    const telemetry = new Telemetry()
    const stalls: number[] = []
    telemetry.listen((name, fields) => {
      if (name === 'process.stalled') stalls.push((fields as { stalledMs: number }).stalledMs)
    })
    const stand = (ms: number): void => {
      stoodMs += ms
    }
    return { clock, own, telemetry, stalls, stand }
  }

  it('says for how long, once each time', async () => {
    const { clock, own, telemetry, stalls, stand } = machine()
    watchStalls(own, telemetry)
    await clock.advance(1_000)
    stand(3_000)
    await clock.advance(10_000)
    stand(1_500)
    await clock.advance(10_000)
    expect(stalls).to.deep.equal([3_000, 1_500])
  })

  it('says nothing of less than a second, nor when it is ended', async () => {
    const { clock, own, telemetry, stalls, stand } = machine()
    const end = watchStalls(own, telemetry)
    stand(990)
    await clock.advance(1_000)
    end()
    stand(5_000)
    await clock.advance(1_000)
    expect(stalls).to.deep.equal([])
    expect(clock.pending).to.equal(0)
  })
})
