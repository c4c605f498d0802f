// What may be repeated after a timeout, how often, and what never is.
import { expect } from 'chai'
import type { Clock } from '../../../src/clock/clock.ts'
import { backoffMs } from '../../../src/retry/backoff.ts'
import { idempotent, isIdempotent, once, type Effect } from '../../../src/retry/effect.ts'
import { Refused, Unanswered, Unavailable } from '../../../src/retry/failures.ts'
import { assertIdempotent, retryOnTimeout } from '../../../src/retry/retry-on-timeout.ts'

const POLICY = { attemptsMax: 3, baseMs: 100, capMs: 1_000 }

function stillClock(slept: number[]): Clock {
  return {
    nowMs: () => 0,
    monotonicMs: () => 0,
    random: () => 0.5,
    uuid: () => '',
    timer: () => () => undefined,
    sleep: async (ms) => {
      slept.push(ms)
    },
  }
}

function failing(failures: Error[]): { calls: number[]; effect: Effect<number, string, 'idempotent'> } {
  const calls: number[] = []
  const effect = idempotent('test.write', 'it sets a value', async (input: number) => {
    calls.push(input)
    const failure = failures[calls.length - 1]
    if (failure !== undefined) throw failure
    return `done ${input}`
  })
  return { calls, effect }
}

describe('retryOnTimeout', () => {
  it('sends the identical input again after no answer, until it is answered', async () => {
    const slept: number[] = []
    const { calls, effect } = failing([new Unanswered('lost'), new Unavailable('refused')])
    expect(await retryOnTimeout(effect, 7, POLICY, { clock: stillClock(slept) })).to.equal('done 7')
    expect(calls).to.deep.equal([7, 7, 7])
    expect(slept).to.deep.equal([75, 150])
  })

  it('stops after attemptsMax sends with the last failure', async () => {
    const last = new Unanswered('third')
    const { calls, effect } = failing([new Unanswered('first'), new Unanswered('second'), last])
    const failure = await retryOnTimeout(effect, 1, POLICY, { clock: stillClock([]) }).catch((cause: unknown) => cause)
    expect(failure).to.equal(last)
    expect(calls).to.have.length(3)
  })

  it('sends once where the policy allows one send', async () => {
    const { calls, effect } = failing([new Unanswered('lost')])
    await retryOnTimeout(effect, 1, { ...POLICY, attemptsMax: 1 }, { clock: stillClock([]) }).catch(() => undefined)
    expect(calls).to.have.length(1)
  })

  for (const failure of [new Refused('wrong password'), new TypeError('a bug')]) {
    it(`never repeats after ${failure.name}`, async () => {
      const { calls, effect } = failing([failure])
      const thrown = await retryOnTimeout(effect, 1, POLICY, { clock: stillClock([]) }).catch((cause: unknown) => cause)
      expect(thrown).to.equal(failure)
      expect(calls).to.have.length(1)
    })
  }

  it('does not start another send once its signal has aborted', async () => {
    const aborting = new AbortController()
    aborting.abort()
    const { calls, effect } = failing([new Unanswered('lost')])
    await retryOnTimeout(effect, 1, POLICY, { clock: stillClock([]), signal: aborting.signal }).catch(() => undefined)
    expect(calls).to.have.length(1)
  })

  it('refuses at run time what was smuggled past the types, before the first send', async () => {
    let sent = 0
    const charge = once('test.charge', 'it adds to a value', async () => {
      sent += 1
    })
    const smuggled = charge as unknown as Effect<undefined, void, 'idempotent'>
    const forged = {
      name: 'forged',
      safety: 'idempotent',
      because: '',
      once: async () => {
        sent += 1
      },
    }
    for (const effect of [smuggled, forged as unknown as Effect<undefined, void, 'idempotent'>]) {
      const failure = await retryOnTimeout(effect, undefined, POLICY, { clock: stillClock([]) }).catch(
        (cause: unknown) => cause,
      )
      expect(failure)
        .to.be.instanceOf(TypeError)
        .with.property('message')
        .that.matches(/is not marked idempotent/)
    }
    expect(sent).to.equal(0)
  })
})

describe('the idempotency mark', () => {
  it('is carried by what idempotent() makes and by nothing else', () => {
    expect(isIdempotent(idempotent('a.b', 'c', async () => 1))).to.equal(true)
    expect(isIdempotent(once('a.b', 'c', async () => 1))).to.equal(false)
    expect(isIdempotent({ safety: 'idempotent' })).to.equal(false)
    expect(isIdempotent(null)).to.equal(false)
  })

  it('stops a start that wires an unmarked effect, naming it', () => {
    expect(() => {
      assertIdempotent(once('ledger.erase', 'unguarded', async () => 1))
    }).to.throw(TypeError, 'ledger.erase is not marked idempotent')
  })
})

describe('backoff', () => {
  it('doubles, keeps between half of its ceiling and the ceiling, and never passes the cap', () => {
    expect(
      [1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, { baseMs: 100, capMs: 1_000 }, 0.999_999)),
    ).to.deep.equal([100, 200, 400, 800, 1_000])
    expect(backoffMs(3, { baseMs: 100, capMs: 1_000 }, 0)).to.equal(200)
  })
})
