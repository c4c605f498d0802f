// The simulation's broker keeps the rules of the real one: order, prefetch, returns, the ladder, broken connections.
import { expect } from 'chai'
import { namesOf } from '../../src/broker/names.ts'
import type { Delivery, Outgoing } from '../../src/broker/broker.ts'
import { Unanswered, Unavailable } from '../../src/retry/failures.ts'
import { connection, FAIR, type Weather } from '../support/memory/weather.ts'
import { virtualClock } from '../support/virtual-clock.ts'
import { VirtualProcess } from '../support/virtual-process.ts'
import { BrokerConnection } from './broker-connection.ts'
import { MemoryBroker } from './memory-broker.ts'

const NAMES = namesOf('p')

describe('the broker of the simulation', () => {
  it('gives each message to one consumer, in order, no more than its prefetch', async () => {
    const { server, clock, join, ask } = ground()
    const [one, two] = [join(), join()]
    await clock.until(one.consume(2))
    await clock.until(two.consume(1))
    ask('a', 'b', 'c', 'd')
    await clock.advance(100)
    expect([...one.got, ...two.got].sort()).to.deep.equal(['a', 'b', 'c'])
    expect([one.got.length, two.got.length]).to.deep.equal([2, 1])
    expect(server.depths).to.deep.equal({ ready: 1, unsettled: 3, delayed: 0 })
    one.deliveries[0]!.ack()
    await clock.advance(100)
    expect(one.got.at(-1)).to.equal('d')
    expect(server.depths.unsettled).to.equal(3)
  })

  it('gives back first, and marked, what was handed back', async () => {
    const { clock, join, ask } = ground()
    const one = join()
    await clock.until(one.consume(1))
    ask('a', 'b')
    await clock.advance(100)
    expect(one.deliveries[0]!.redelivered).to.equal(false)
    one.deliveries[0]!.handBack()
    await clock.advance(100)
    expect(one.got).to.deep.equal(['a', 'a'])
    expect(one.deliveries[1]!.redelivered).to.equal(true)
  })

  it('takes the first settlement only', async () => {
    const { server, clock, join, ask } = ground()
    const one = join()
    await clock.until(one.consume(1))
    ask('a')
    await clock.advance(100)
    one.deliveries[0]!.ack()
    one.deliveries[0]!.handBack()
    await clock.advance(100)
    expect(server.empty).to.equal(true)
  })

  it('takes back what a dead process held, in its order', async () => {
    const { clock, join, ask } = ground()
    const one = join()
    await clock.until(one.consume(9))
    ask('a', 'b')
    await clock.advance(100)
    one.process.kill()
    one.broker.drop()
    ask('c')
    const two = join()
    await clock.until(two.consume(9))
    await clock.advance(100)
    expect(two.got).to.deep.equal(['a', 'b', 'c'])
    one.deliveries[0]!.ack()
    await clock.advance(100)
    expect(two.got).to.have.lengthOf(3)
  })

  it('keeps a copy on the ladder as long as its queue says', async () => {
    const { server, clock, join } = ground()
    const one = join()
    await clock.until(one.consume(9))
    await clock.until(one.broker.publish(message('', NAMES.retry('5s'), 'later')))
    await clock.advance(4_900)
    expect([one.got, server.depths.delayed]).to.deep.equal([[], 1])
    await clock.advance(200)
    expect(one.got).to.deep.equal(['later'])
    expect(one.deliveries[0]!.routingKey).to.equal(NAMES.requests)
  })

  it('keeps events and letters, and says when nobody would get them', async () => {
    const { server, clock, join } = ground()
    const { broker } = join()
    const publish = (exchange: string, key = 'k') => clock.until(broker.publish(message(exchange, key, 'x')))
    expect([await publish(NAMES.events), await publish(NAMES.deadLetters)]).to.deep.equal(['routed', 'routed'])
    expect([server.events.length, server.letters.length]).to.deep.equal([1, 1])
    server.eventsBound = false
    expect([await publish(NAMES.events), await publish('', 'nowhere')]).to.deep.equal(['unroutable', 'unroutable'])
  })
})

describe('a connection to the broker of the simulation', () => {
  it('may lose a confirm of what is stored', async () => {
    const { server, clock, join } = ground()
    const { broker } = join({ replyLost: 1 })
    const published = broker.publish(message(NAMES.events, 'k', 'x'))
    expect(await failureOf(clock.until(published))).to.be.instanceOf(Unanswered)
    expect(server.events).to.have.lengthOf(1)
  })

  it('breaks, gives back what was in hand, and consumes again', async () => {
    const { server, clock, join, ask } = ground()
    const one = join()
    await clock.until(one.consume(9))
    ask('a')
    await clock.advance(100)
    one.broker.break(50, 1_000)
    expect(server.depths).to.deep.equal({ ready: 1, unsettled: 0, delayed: 0 })
    const published = failureOf(one.broker.publish(message(NAMES.events, 'k', 'x')))
    await clock.advance(100)
    expect(await published).to.be.instanceOf(Unanswered)
    expect(one.broker.troubles).to.have.lengthOf(1)
    one.deliveries[0]!.ack()
    await clock.advance(2_000)
    expect([one.got, one.broker.troubles]).to.deep.equal([['a', 'a'], []])
  })

  it('sends nothing while the broker is blocked, and says that it was not sent', async () => {
    const { server, clock, join } = ground()
    const { broker } = join()
    server.blocked = true
    expect(broker.ready).to.equal(false)
    expect(await failureOf(clock.until(broker.publish(message(NAMES.events, 'k', 'x'))))).to.be.instanceOf(Unavailable)
    expect(server.events).to.have.lengthOf(0)
  })

  it('gives nothing new after a cancel, and lets what is in hand be settled', async () => {
    const { server, clock, join, ask } = ground()
    const one = join()
    const subscription = await clock.until(one.consume(9))
    ask('a')
    await clock.advance(100)
    await clock.until(subscription.cancel())
    ask('b')
    await clock.advance(100)
    one.deliveries[0]!.ack()
    await clock.advance(100)
    expect([one.got, server.depths]).to.deep.equal([['a'], { ready: 1, unsettled: 0, delayed: 0 }])
  })
})

function ground() {
  const clock = virtualClock(7)
  const server = new MemoryBroker(clock, NAMES, { stored: () => undefined })
  const join = (weather: Partial<Weather> = {}) => {
    const process = new VirtualProcess(clock)
    const link = connection(clock, { ...FAIR, ...weather }, process)
    const watch = {
      delivered: () => undefined,
      settled: () => undefined,
      publishing: () => undefined,
      confirmed: () => undefined,
    }
    const broker = new BrokerConnection({ server, clock, process, link, watch, sendTimeoutMs: 500 })
    const deliveries: Delivery[] = []
    const got: string[] = []
    const consume = (prefetch: number) =>
      broker.consume(NAMES.requests, prefetch, (delivery) => {
        deliveries.push(delivery)
        got.push(delivery.body.toString())
      })
    return { process, broker, deliveries, got, consume }
  }
  const ask = (...texts: readonly string[]): void => {
    for (const text of texts) server.publish(message(NAMES.requests, 'transfer.claim', text))
  }
  return { clock, server, join, ask }
}

function message(exchange: string, routingKey: string, text: string): Outgoing {
  return { exchange, routingKey, body: Buffer.from(text), properties: { headers: {} } }
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (failure: unknown) => failure,
  )
}
