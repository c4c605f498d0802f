// Publishing on a real RabbitMQ: routed, unroutable, refused, unanswered; and what a silent broker does to it.
import { expect } from 'chai'
import { namesOf } from '../../src/broker/names.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { Unanswered, Unavailable } from '../../src/retry/failures.ts'
import { freshVhost, sharedRabbit } from '../support/servers.ts'
import { silentProxy, type SilentProxy } from '../support/silent-proxy.ts'
import { brokerOn, eventually, message, names, withChannel, type UnderTest } from './broker-under-test.ts'

describe('publishing', () => {
  let proxy: SilentProxy
  let url: string
  let test: UnderTest

  beforeEach(async () => {
    url = await freshVhost()
    proxy = await silentProxy((await sharedRabbit()).port)
    test = await brokerOn(proxy.urlOf(url))
    await test.broker.start()
  })

  afterEach(async () => {
    await test.broker.stop()
    await proxy.close()
  })

  it('is routed when a queue took it, with all its properties and persistent', async () => {
    const { broker } = test
    const properties = {
      messageId: 'm',
      correlationId: 'c',
      contentType: 'a/b',
      contentEncoding: 'utf-8',
      type: 't',
      appId: 'a',
      timestamp: 7,
      headers: { h: 'ü', n: 1 },
    }
    expect(
      await broker.publish({
        exchange: names.events,
        routingKey: 'transfer.claim.succeeded.applied.none',
        body: Buffer.from('{}'),
        properties,
      }),
    ).to.equal('routed')
    const found = new Promise<object>((resolve) => {
      void broker.readStream(names.eventsJournal, 'first', ({ properties: seen, routingKey, offset }) =>
        resolve({ seen, routingKey, offset }),
      )
    })
    const { seen, routingKey, offset } = (await found) as {
      seen: typeof properties
      routingKey: string
      offset: number
    }
    expect({ routingKey, offset }).to.deep.equal({ routingKey: 'transfer.claim.succeeded.applied.none', offset: 0 })
    expect({ ...seen, headers: { h: seen.headers.h, n: seen.headers.n } }).to.deep.equal(properties)
    const queue = names.retry('10m')
    expect(await broker.publish(message(queue, 'kept', ''))).to.equal('routed')
    const kept = await withChannel(url, (channel) => channel.get(queue, { noAck: true }))
    expect(kept).to.have.nested.property('properties.deliveryMode', 2)
  })

  it('is unroutable when no queue wanted it, and says so although the broker confirms', async () => {
    const { broker, told } = test
    await withChannel(url, (channel) => channel.unbindQueue(names.eventsJournal, names.events, '#'))
    expect(await broker.publish(message('transfer.x', 'lost', names.events))).to.equal('unroutable')
    expect(told.all('broker.returned')).to.deep.equal([{ messageId: 'lost', routingKey: 'transfer.x' }])
  })

  it('declares again in create what was found missing by a return', async () => {
    const { broker } = test
    await withChannel(url, (channel) => channel.deleteQueue(names.retry('5s')))
    expect(await broker.publish(message(names.retry('5s'), 'm', ''))).to.equal('unroutable')
    await eventually(async () => (await broker.publish(message(names.retry('5s'), 'm', ''))) === 'routed')
  })

  it('never takes a returned copy for a routed one when copies of one message are under way', async () => {
    const { broker } = test
    const copies = Array.from({ length: 50 }, () => broker.publish(message('nowhere.at.all', 'same', '')))
    const others = Array.from({ length: 50 }, (_, n) => broker.publish(message('transfer.x', `other-${n}`)))
    expect(new Set(await Promise.all(copies))).to.deep.equal(new Set(['unroutable']))
    expect(new Set(await Promise.all(others))).to.deep.equal(new Set(['routed']))
  })

  it('is unavailable when the queue refuses it', async () => {
    const { broker } = test
    await withChannel(url, (channel) =>
      channel.assertQueue('full', {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-max-length': 2, 'x-overflow': 'reject-publish' },
      }),
    )
    await withChannel(url, async (channel) => {
      for (let n = 0; n < 3; n++) channel.sendToQueue('full', Buffer.from('x'))
    })
    await eventually(() =>
      broker.publish(message('full', 'm', '')).then(
        () => false,
        (cause: unknown) => cause instanceof Unavailable,
      ),
    )
  })

  it('fails alone when a message cannot be encoded', async () => {
    const { broker } = test
    const huge = {
      ...message('transfer.x', 'huge'),
      properties: { messageId: 'huge', headers: { h: 'x'.repeat(70_000) } },
    }
    const beside = broker.publish(message('transfer.x', 'beside'))
    expect(await broker.publish(huge).catch((cause: unknown) => cause)).to.be.instanceOf(RangeError)
    expect(await beside).to.equal('routed')
    expect(broker.troubles).to.deep.equal([])
  })

  it('is unanswered when the exchange does not exist, and the channel is opened again', async () => {
    const { broker } = test
    expect(
      await broker.publish(message('k', 'm', 'no.such.exchange')).catch((cause: unknown) => cause),
    ).to.be.instanceOf(Unanswered)
    expect(await broker.publish(message('transfer.x', 'after'))).to.equal('routed')
  })

  it('is unanswered when the confirm is lost, though it is stored, and works again on a new channel', async () => {
    const { broker } = test
    proxy.loseReplies()
    expect(await broker.publish(message('transfer.x', 'stored')).catch((cause: unknown) => cause)).to.be.instanceOf(
      Unanswered,
    )
    expect(await broker.publish(message('transfer.x', 'second'))).to.equal('routed')
    const stored = await withChannel(url, (channel) => channel.checkQueue(names.requests))
    expect(stored.messageCount).to.equal(2)
  })

  it('is unanswered when the connection breaks before the confirm, and waits for the next connection', async () => {
    const { broker, told } = test
    proxy.freeze()
    const outstanding = broker.publish(message('transfer.x', 'outstanding')).catch((cause: unknown) => cause)
    const down = told.next('broker.disconnected', ({ role }) => role === 'publish')
    proxy.cut()
    proxy.thaw()
    expect(await outstanding).to.be.instanceOf(Unanswered)
    await down
    expect(broker.ready).to.equal(false)
    expect(await broker.publish(message('transfer.x', 'next'))).to.equal('routed')
    await eventually(() => broker.ready)
  })

  it('is unavailable when there is no connection for longer than it may wait', async () => {
    const { broker } = test
    proxy.refuse()
    proxy.cut()
    await eventually(() => !broker.ready)
    const sentMs = performance.now()
    expect(await broker.publish(message('transfer.x', 'never')).catch((cause: unknown) => cause)).to.be.instanceOf(
      Unavailable,
    )
    expect(performance.now() - sentMs).to.be.within(2_900, 6_000)
    expect(broker.troubles.join()).to.match(/publish connection is down/)
    proxy.serve()
    expect(await broker.publish(message('transfer.x', 'again'))).to.equal('routed')
    await eventually(() => broker.ready)
    expect((await broker.counts([names.requests]))[names.requests]).to.equal(1)
  })

  it('loses nothing that was confirmed while connections are cut again and again', async () => {
    const { broker } = test
    const confirmed = new Set<string>()
    const cutting = { over: false }
    const cutter = (async () => {
      for (let n = 0; n < 5; n++) {
        await systemClock.sleep(150)
        proxy.cut()
      }
      cutting.over = true
    })()
    for (let n = 0; !cutting.over || n % 20 !== 0; n++) {
      const known = (cause: unknown): boolean => cause instanceof Unanswered || cause instanceof Unavailable
      await broker.publish(message('transfer.x', `m${n}`)).then(
        () => confirmed.add(`m${n}`),
        (cause: unknown) => expect(cause).to.satisfy(known),
      )
    }
    await cutter
    const seen = new Set<string>()
    await broker.consume(names.requests, 200, (delivery) => {
      seen.add(delivery.properties.messageId as string)
      delivery.ack()
    })
    await eventually(() => [...confirmed].every((id) => seen.has(id)))
    expect(confirmed.size).to.be.greaterThan(20)
  })

  it('keeps to what the connection takes when it takes nothing, and sends all when it does again', async () => {
    const { broker } = test
    proxy.freeze()
    const body = 'x'.repeat(4_000)
    const sent = Array.from({ length: 3_000 }, (_, n) =>
      broker.publish(message('transfer.x', `m${n}`, names.requests, body)),
    )
    setTimeout(() => proxy.thaw(), 300)
    expect(new Set(await Promise.all(sent))).to.deep.equal(new Set(['routed']))
  })

  it('shows a broker that does not answer within seconds, long before the heartbeat', async () => {
    const { broker } = test
    proxy.freeze()
    await eventually(() => broker.troubles.length === 2)
    expect(broker.troubles.join()).to.match(/consume connection gets no answer.*publish connection gets no answer/)
    proxy.thaw()
    await eventually(() => broker.ready)
  })

  it('ends within bounds when the broker is frozen, with a confirm outstanding', async () => {
    const { broker } = test
    await broker.consume(names.requests, 1, () => undefined)
    proxy.freeze()
    const outstanding = broker.publish(message('transfer.x', 'm')).catch((cause: unknown) => cause)
    const stopMs = performance.now()
    await Promise.all([broker.stop(), broker.stop()])
    expect(performance.now() - stopMs).to.be.lessThan(7_000)
    expect(await outstanding).to.be.instanceOf(Unanswered)
    expect(await broker.publish(message('transfer.x', 'late')).catch((cause: unknown) => cause)).to.be.instanceOf(
      Unavailable,
    )
    proxy.thaw()
    await eventually(() => proxy.connections === 0)
  })

  it('has every confirm before stop resolves', async () => {
    const { broker } = test
    let confirmed = 0
    for (let n = 0; n < 500; n++)
      void broker.publish(message('transfer.x', `m${n}`)).then(() => {
        confirmed += 1
      })
    await broker.stop()
    expect(confirmed).to.equal(500)
  })

  it('meets no other prefix on the same virtual host', async () => {
    const other = await brokerOn(url, { prefix: 'other' })
    await other.broker.start()
    await other.broker.publish({ ...message('transfer.x', 'm'), exchange: namesOf('other').requests })
    expect(await test.broker.counts([names.requests, namesOf('other').requests, 'no.such.queue'])).to.deep.equal({
      'ferryman.requests': 0,
      'other.requests': 1,
      'no.such.queue': null,
    })
    await other.broker.stop()
  })
})
