// The tap: however its openings, closings and widenings meet, no more than one consumer stands, and none after its end.
import { expect } from 'chai'
import type { Broker, Subscription } from '../../../src/broker/broker.ts'
import { systemClock } from '../../../src/clock/system-clock.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { Tap } from '../../../src/worker/tap.ts'
import { randomOf } from '../../support/crowd.ts'

/** What a test lets happen when it likes. */
interface Step {
  readonly kind: 'consume' | 'cancel'
  readonly prefetch: number
  go(): void
}

/** A broker whose answers come one by one, as the test says, and the consumers that stand on it. */
class SlowBroker {
  readonly waiting: Step[] = []
  readonly standing: number[] = []

  readonly consume = async (_queue: string, prefetch: number): Promise<Subscription> => {
    await this.#answer('consume', prefetch)
    this.standing.push(prefetch)
    let cancelling: Promise<void> | null = null
    return {
      cancel: () => {
        cancelling ??= this.#answer('cancel', prefetch).then(() => {
          this.standing.splice(this.standing.indexOf(prefetch), 1)
        })
        return cancelling
      },
    }
  }

  /** Lets the oldest answer come, or the one at `place`, and all that follows from it without another answer. */
  async next(place = 0): Promise<void> {
    this.waiting.splice(place, 1)[0]?.go()
    await systemClock.sleep(0)
  }

  async all(): Promise<void> {
    while (this.waiting.length > 0) await this.next()
  }

  #answer(kind: Step['kind'], prefetch: number): Promise<void> {
    return new Promise((go) => {
      this.waiting.push({ kind, prefetch, go })
    })
  }
}

const CONCURRENCY = 16

describe('the tap', () => {
  let broker: SlowBroker
  let troubles: string[]
  let tap: Tap

  beforeEach(() => {
    broker = new SlowBroker()
    troubles = []
    tap = new Tap(broker as unknown as Broker, systemClock, new Telemetry(), {
      queue: 'requests',
      concurrency: CONCURRENCY,
      onDelivery: () => undefined,
      troubles: () => troubles,
      onPause: () => undefined,
    })
  })

  /** Open, closed by a trouble, open again with prefetch 1. */
  const careful = async (): Promise<void> => {
    for (const trouble of [[], ['a trouble'], []]) {
      troubles = trouble
      const looking = tap.look()
      await broker.all()
      await looking
    }
    expect(broker.standing).to.deep.equal([1])
  }

  it('opens fully at first, with prefetch 1 after a trouble, and fully again when a request went through', async () => {
    await careful()
    const widening = tap.widen()
    await broker.all()
    await widening
    expect(broker.standing).to.deep.equal([CONCURRENCY])
  })

  it('has one consumer where a look and two requests come while it widens', async () => {
    await careful()
    const moving = [tap.widen(), tap.look(), tap.widen()]
    await broker.all()
    await Promise.all(moving)
    expect(broker.standing).to.have.length(1)
  })

  it('has none where a trouble comes while it widens', async () => {
    await careful()
    const widening = tap.widen()
    await broker.next() // the careful one is cancelled, the full one is being opened
    troubles = ['a trouble']
    const looking = tap.look()
    await broker.all()
    await Promise.all([widening, looking])
    expect(broker.standing).to.deep.equal([])
    expect(tap.consuming).to.equal(false)
  })

  it('has one at most, and none after its end, in whatever order all of it happens', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomOf(seed)
      const moving: Promise<void>[] = []
      let looking = Promise.resolve()
      let looks = false
      for (let step = 0; step < 30; step++) {
        const roll = random()
        if (roll < 0.15) troubles = troubles.length === 0 ? ['a trouble'] : []
        else if (roll < 0.4 && !looks) {
          looks = true
          looking = tap.look().finally(() => (looks = false))
          moving.push(looking)
        } else if (roll < 0.55 && broker.standing.length > 0) moving.push(tap.widen())
        else await broker.next(Math.floor(random() * broker.waiting.length))
      }
      await broker.all()
      await Promise.all(moving)
      expect(broker.standing.length, `seed ${seed}`).to.equal(tap.consuming ? 1 : 0)
    }
    const ending = tap.end()
    await broker.all()
    await ending
    expect(broker.standing).to.deep.equal([])
  })
})
