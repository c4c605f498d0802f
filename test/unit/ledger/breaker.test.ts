// The breaker of a ledger, in virtual time: when it opens, what it then lets through, and that only a probe closes it.
import { expect } from 'chai'
import { Breaker } from '../../../src/ledger/breaker.ts'
import type { Attempt, Ledger } from '../../../src/ledger/ledger.ts'
import { Paused, Refused, Unanswered, Unavailable } from '../../../src/retry/failures.ts'
import type { Scope, Write } from '../../../src/transfer/plan.ts'
import { decisionOf, idOf, write } from '../../contract/ground.ts'
import { memoryLedger } from '../../support/memory/ports.ts'
import { memorySlot } from '../../support/memory/slot.ts'
import { connection, FAIR, type Weather } from '../../support/memory/weather.ts'
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts'

const SAID_WITHIN_MS = 5_000
const NOTHING: Write = write([])
const scopeOf = (number: number): Scope => ({ consumers: [idOf('c', number)], providers: [], held: false })
const attemptOf = (number: number): Attempt => ({ request: idOf('b', number), token: 's.1', ticket: 1, number: 1 })

interface Ground {
  readonly clock: VirtualClock
  readonly weather: Weather
  readonly breaker: Breaker<Ledger>
  /** What was really asked of the ledger, by name. */
  readonly asked: string[]
  read(number: number): Promise<unknown>
  send(number: number): Promise<unknown>
  /** Lets `ms` pass while it is probed. */
  pass(ms: number): Promise<void>
  /** A failure, or what was answered. */
  ends(asked: Promise<unknown>): Promise<unknown>
}

/** `replaced`: methods that do otherwise than the ledger in memory. */
function ground(replaced: (clock: VirtualClock) => Partial<Ledger> = () => ({})): Ground {
  const clock = virtualClock(1)
  const weather = { ...FAIR, timeoutMs: 5_000 }
  const asked: string[] = []
  const { call } = connection(clock, weather)
  const noting = <T>(name: string, run: () => T): Promise<T> => {
    asked.push(name)
    return call(name, run)
  }
  const ledger = { ...memoryLedger(memorySlot({ nowUs: clock.nowUs }), noting), ...replaced(clock) }
  const breaker = new Breaker<Ledger>(ledger, clock)
  void breaker.run(new AbortController().signal)
  return {
    clock,
    weather,
    breaker,
    asked,
    read: (number) => breaker.ledger.snapshot(scopeOf(number)),
    send: (number) => breaker.ledger.apply(NOTHING, attemptOf(number), decisionOf(idOf('b', number))),
    pass: (ms) => clock.advance(ms),
    ends: async (call_) => clock.until(call_.catch((failure: unknown) => failure)),
  }
}

const down = (): Promise<never> => Promise.reject(new Unavailable('503'))

describe('the breaker of a ledger', () => {
  it('tells a question that fails alone from one that fails because nobody is answered', async () => {
    const alone = ground(() => ({ snapshot: down }))
    expect(await alone.ends(alone.read(1)))
      .to.be.instanceOf(Unavailable)
      .and.not.instanceOf(Paused)
    const gone = ground(() => ({ snapshot: down, probe: down }))
    expect(await gone.ends(gone.read(1))).to.be.instanceOf(Paused)
  })

  it('lets all through, and has nothing to say, while the ledger answers', async () => {
    const { breaker, read, send, pass, ends } = ground()
    await pass(60_000)
    expect(await ends(read(1))).to.have.property('consumers')
    expect(await ends(send(1))).to.deep.equal({ kind: 'stale' })
    expect(breaker.ledger.name).to.equal('memory')
    expect(breaker.troubles()).to.deep.equal([])
  })

  for (const state of ['refusing', 'silent'] as const) {
    it(`says within 5 s that the ledger is ${state}, though nobody asks for anything, and takes it back`, async () => {
      const { breaker, weather, pass } = ground()
      await pass(10_000)
      weather.state = state
      await pass(SAID_WITHIN_MS)
      expect(breaker.troubles()).to.have.length(1)
      expect(breaker.troubles()[0]).to.match(/^the memory ledger does not answer: (ledger.probe|no answer to a probe)/)
      await pass(600_000)
      weather.state = 'up'
      await pass(SAID_WITHIN_MS)
      expect(breaker.troubles()).to.deep.equal([])
    })
  }

  it('lets nothing be read or settled while it is open, and writes that were announced be sent', async () => {
    const { breaker, weather, asked, read, send, pass, ends } = ground()
    weather.state = 'refusing'
    await pass(SAID_WITHIN_MS)
    asked.length = 0
    expect(await ends(read(1))).to.be.instanceOf(Unavailable)
    expect(await ends(breaker.ledger.find(attemptOf(1)))).to.be.instanceOf(Unavailable)
    expect(await ends(breaker.ledger.close(attemptOf(1)))).to.be.instanceOf(Unavailable)
    expect(asked.filter((name) => name !== 'ledger.probe')).to.deep.equal([])
    await ends(send(1))
    expect(asked).to.include('ledger.apply')
  })

  it('is closed by a probe, never by a request', async () => {
    const { breaker, send, pass, ends } = ground(() => ({ probe: down }))
    await pass(SAID_WITHIN_MS)
    expect(breaker.troubles()).to.have.length(1)
    expect(await ends(send(1))).to.deep.equal({ kind: 'stale' })
    expect(breaker.troubles()).to.have.length(1)
  })

  it('opens when requests of several fail in a row, although probes are answered', async () => {
    const { breaker, read, ends } = ground(() => ({ snapshot: down }))
    for (const number of [1, 2, 1, 2, 1, 2]) await ends(read(number))
    expect(breaker.troubles(), 'two consumers may both be of one request').to.deep.equal([])
    await ends(read(3))
    expect(breaker.troubles()).to.deep.equal(['the memory ledger does not answer: 503'])
  })

  it('stays closed however often one request fails, and when others are answered in between', async () => {
    const { breaker, read, send, ends } = ground(() => ({ apply: down }))
    for (let sends = 0; sends < 20; sends++) await ends(send(1))
    expect(breaker.troubles()).to.deep.equal([])
    await ends(read(1))
    for (let number = 0; number < 40; number++) {
      await ends(send(number))
      if (number % 4 === 3) await ends(read(number))
    }
    expect(breaker.troubles()).to.deep.equal([])
  })

  it('takes a refusal for an answer', async () => {
    const { breaker, read, ends } = ground(() => ({ snapshot: () => Promise.reject(new Refused('a bug')) }))
    for (let number = 0; number < 20; number++) await ends(read(number))
    expect(breaker.troubles()).to.deep.equal([])
  })

  it('opens again at the first failure after a probe, for twice as long, until a call is answered', async () => {
    let fails = true
    const { breaker, clock, read, ends } = ground(() => ({
      snapshot: async () => {
        if (fails) throw new Unavailable('503')
        return { providers: {}, consumers: {} }
      },
    }))
    const closed = (): boolean => breaker.troubles().length === 0
    for (let number = 0; number < 5; number++) await ends(read(number))
    const open: number[] = []
    for (let times = 0; times < 8; times++) {
      const sinceMs = clock.monotonicMs()
      await clock.runUntil(closed)
      open.push(clock.monotonicMs() - sinceMs)
      await ends(read(times))
      expect(closed(), 'one failure is enough').to.equal(false)
    }
    for (const [n, ms] of open.entries()) expect(ms).to.be.within(Math.min(2 ** n, 30) * 1_000, 2 ** n * 1_000 + 2_000)
    await clock.runUntil(closed)
    fails = false
    await ends(read(1))
    fails = true
    await ends(read(2))
    expect(closed(), 'it was answered').to.equal(true)
  })

  it('does not take one broken connection for an outage', async () => {
    let probes = 0
    const { breaker, pass } = ground(() => ({
      probe: () => (++probes % 2 === 1 ? Promise.reject(new Unanswered('reset')) : Promise.resolve()),
    }))
    await pass(60_000)
    expect(probes).to.be.greaterThan(50)
    expect(breaker.troubles()).to.deep.equal([])
  })

  it('does not take a slow probe for an outage while requests are answered', async () => {
    const { breaker, clock, read, ends, pass } = ground((at) => ({ probe: () => at.sleep(3_000) }))
    const untilMs = clock.monotonicMs() + 60_000
    while (clock.monotonicMs() < untilMs) {
      await ends(read(1))
      await pass(500)
      expect(breaker.troubles()).to.deep.equal([])
    }
  })

  it('learns nothing of now from a call that was made before it opened', async () => {
    const { breaker, clock, weather, send, pass } = ground()
    weather.state = 'silent'
    weather.timeoutMs = 8_000
    const late = send(1).catch((failure: unknown) => failure)
    await pass(4_000)
    expect(breaker.troubles()).to.have.length(1)
    weather.state = 'up'
    await clock.runUntil(() => breaker.troubles().length === 0)
    expect(await clock.until(late)).to.be.instanceOf(Unanswered)
    expect(breaker.troubles()).to.deep.equal([])
  })
})
