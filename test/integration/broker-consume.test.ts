// Consuming on a real RabbitMQ: settled once, on its own channel; back after every loss; streams read again and again.
import { expect } from 'chai'
import type { Delivery } from '../../src/broker/broker.ts'
import { rabbitBroker } from '../../src/broker/rabbit/rabbit-broker.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { freePorts } from '../../src/demo/ports.ts'
import { Refused, Unavailable } from '../../src/retry/failures.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { freshVhost, sharedRabbit } from '../support/servers.ts'
import { lateDeliveries } from '../support/late-deliveries.ts'
import { silentProxy, type SilentProxy } from '../support/silent-proxy.ts'
import { brokerOn, eventually, inbox, message, names, withChannel, type UnderTest } from './broker-under-test.ts'

describe('consuming', () => {
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

  const ready = async (queue = names.requests): Promise<number | null> =>
    (await test.broker.counts([queue]))[queue] ?? null

  it('gives at most the prefetch, and more as deliveries are settled', async () => {
    const { broker } = test
    const box = inbox()
    for (let n = 0; n < 5; n++) await broker.publish(message('transfer.x', `m${n}`))
    await broker.consume(names.requests, 2, box.onDelivery)
    const first = await box.next()
    await box.next()
    await eventually(async () => (await ready()) === 3)
    expect(box.waiting()).to.equal(0)
    first.ack()
    expect((await box.next()).properties.messageId).to.equal('m2')
  })

  it('counts the first settlement only', async () => {
    const { broker } = test
    const box = inbox()
    await broker.publish(message('transfer.x', 'm'))
    await broker.consume(names.requests, 1, box.onDelivery)
    const delivery = await box.next()
    delivery.ack()
    delivery.ack()
    delivery.handBack()
    await broker.publish(message('transfer.x', 'next'))
    expect((await box.next()).properties.messageId).to.equal('next')
    expect(test.told.all('broker.cancelled')).to.deep.equal([])
  })

  it('acknowledges what one turn settles, and never what is still in hand', async () => {
    const { broker } = test
    const box = inbox()
    const take = async (count: number): Promise<Delivery[]> => {
      const taken: Delivery[] = []
      while (taken.length < count) taken.push(await box.next())
      return taken
    }
    for (let n = 0; n < 10; n++) await broker.publish(message('transfer.x', `m${n}`))
    await broker.consume(names.requests, 6, box.onDelivery)
    const first = await take(6)
    for (const n of [4, 0, 1, 3]) first[n]!.ack() // m0 and m1 go together, m3 and m4 alone
    await take(4)
    proxy.cut()
    const back = (await take(6)).map(({ properties }) => properties.messageId)
    expect(back).to.have.members(['m2', 'm5', 'm6', 'm7', 'm8', 'm9'])
  })

  it('brings back what is handed back, as redelivered', async () => {
    const { broker } = test
    const box = inbox()
    await broker.publish(message('transfer.x', 'm'))
    await broker.consume(names.requests, 1, box.onDelivery)
    const first = await box.next()
    expect(first.redelivered).to.equal(false)
    first.handBack()
    const second = await box.next()
    expect(second.redelivered).to.equal(true)
    second.ack()
  })

  it('comes back with the same subscription after a cut, and an ack of before does nothing', async () => {
    const { broker, told } = test
    const box = inbox()
    await broker.publish(message('transfer.x', 'm'))
    await broker.consume(names.requests, 1, box.onDelivery)
    const before = await box.next()
    const again = told.next('broker.consuming')
    proxy.cut()
    await again
    before.ack()
    const after = await box.next()
    expect(after.redelivered).to.equal(true)
    before.handBack()
    after.ack()
    await broker.publish(message('transfer.x', 'n'))
    expect((await box.next()).properties.messageId).to.equal('n')
    expect(told.all('broker.cancelled')).to.deep.equal([])
    await eventually(() => broker.ready)
  })

  it('declares a deleted queue again in create, and goes on with the same subscription', async () => {
    const { broker, told } = test
    const box = inbox()
    await broker.consume(names.requests, 1, box.onDelivery)
    const cancelled = told.next('broker.cancelled')
    const again = told.next('broker.consuming')
    await withChannel(url, (channel) => channel.deleteQueue(names.requests))
    expect((await cancelled).queue).to.equal(names.requests)
    await again
    // It may consume a moment before the queue is bound again.
    await eventually(() => broker.ready)
    await broker.publish(message('transfer.x', 'm'))
    ;(await box.next()).ack()
    expect((await broker.verifyTopology()).findings).to.deep.equal([])
    expect(broker.ready).to.equal(true)
  })

  it('waits in verify until a deleted queue is back, and is not ready meanwhile', async () => {
    const { broker, told } = await brokerOn(url, { topology: 'verify' })
    await broker.start()
    const box = inbox()
    await broker.consume(names.requests, 1, box.onDelivery)
    await withChannel(url, (channel) => channel.deleteQueue(names.requests))
    await eventually(() => broker.troubles.includes('queue ferryman.requests does not exist'))
    expect((await broker.counts([names.requests]))[names.requests]).to.equal(null)
    const again = told.next('broker.consuming')
    await test.broker.createTopology()
    await again
    await broker.publish(message('transfer.x', 'm'))
    ;(await box.next()).ack()
    await eventually(() => broker.ready)
    await broker.stop()
  })

  it('gives nothing after cancel, lets what is in hand be settled, and may be cancelled twice', async () => {
    const { broker } = test
    const box = inbox()
    await broker.publish(message('transfer.x', 'a'))
    const subscription = await broker.consume(names.requests, 1, box.onDelivery)
    const inHand = await box.next()
    await Promise.all([subscription.cancel(), subscription.cancel()])
    await broker.publish(message('transfer.x', 'b'))
    inHand.ack()
    await eventually(async () => (await ready()) === 1)
    const next = await broker.consume(names.requests, 1, box.onDelivery)
    expect((await box.next()).properties.messageId).to.equal('b')
    await next.cancel()
  })

  it('keeps the channel when the callback throws, and hands the message back', async () => {
    const { broker, told } = test
    const box = inbox()
    await broker.consume(names.requests, 1, (delivery) => {
      if (!delivery.redelivered) throw new Error('a bug')
      box.onDelivery(delivery)
    })
    await broker.publish(message('transfer.x', 'm'))
    ;(await box.next()).ack()
    expect(told.all('warning').map(({ what }) => what)).to.deep.equal([
      'taking a delivery of ferryman.requests failed: a bug',
    ])
    expect(told.all('broker.cancelled')).to.deep.equal([])
  })

  it('is unavailable when the queue does not come, and leaves nothing behind', async () => {
    const { broker } = await brokerOn(url, { topology: 'off', startTimeoutMs: 1_000 })
    await broker.start()
    expect(await broker.consume('no.such.queue', 1, () => undefined).catch((cause: unknown) => cause)).to.be.instanceOf(
      Unavailable,
    )
    expect(broker.troubles).to.deep.equal([])
    await broker.stop()
  })

  it('reads a stream from anywhere, again and again, to the message that was last when it began', async () => {
    const { broker } = test
    expect(await broker.readStreamToEnd(names.eventsJournal, 'first', () => undefined)).to.equal(null)
    for (let n = 0; n < 500; n++) void broker.publish(message('transfer.x', `m${n}`, names.events))
    await broker.publish(message('transfer.x', 'last', names.events))
    for (const from of ['first', 0, 250, 500] as const) {
      const seen: number[] = []
      expect(
        await broker.readStreamToEnd(names.eventsJournal, from, ({ offset }) => {
          seen.push(offset)
        }),
      ).to.equal(500)
      const begin = from === 'first' ? 0 : from
      expect(seen).to.deep.equal(Array.from({ length: 501 - begin }, (_, n) => begin + n))
    }
    expect(
      await broker.readStreamToEnd(names.eventsJournal, 501, () => {
        throw new Error('there is none')
      }),
    ).to.equal(500)
  })

  it('does not take a stream for empty whose messages come late', async () => {
    const { broker } = test
    for (let n = 0; n < 3; n++) await broker.publish(message('transfer.x', `m${n}`, names.events))
    const slow = await lateDeliveries((await sharedRabbit()).port, 2_500)
    const late = await brokerOn(slow.urlOf(url), { answerTimeoutMs: 5_000 })
    try {
      await late.broker.start()
      expect(await late.broker.lastOffset(names.eventsJournal)).to.equal(2)
    } finally {
      await late.broker.stop()
      await slow.close()
    }
  })

  it('follows a stream in order, each message once, while connections are cut', async () => {
    const { broker } = test
    const seen: string[] = []
    await broker.readStream(names.eventsJournal, 'first', ({ properties }) => {
      seen.push(properties.messageId as string)
    })
    const direct = await brokerOn(url)
    await direct.broker.start()
    for (let n = 0; n < 300; n++) {
      await direct.broker.publish(message('transfer.x', `m${n}`, names.events))
      if (n % 100 === 50) proxy.cut()
    }
    await eventually(() => seen.length >= 300)
    expect(seen).to.deep.equal(Array.from({ length: 300 }, (_, n) => `m${n}`))
    await direct.broker.stop()
  })

  it('begins a stream at a time, and with what comes next', async () => {
    const { broker } = test
    await broker.publish(message('transfer.x', 'old', names.events))
    const next: string[] = []
    await broker.readStream(names.eventsJournal, 'next', ({ properties }) => {
      next.push(properties.messageId as string)
    })
    const hourAgo: string[] = []
    await broker.readStream(names.eventsJournal, new Date(Date.now() - 3_600_000), ({ properties }) => {
      hourAgo.push(properties.messageId as string)
    })
    await broker.publish(message('transfer.x', 'new', names.events))
    await eventually(() => next.length > 0 && hourAgo.length > 1)
    expect({ next, hourAgo }).to.deep.equal({ next: ['new'], hourAgo: ['old', 'new'] })
  })

  it('ends a reading whose callback fails, and tells', async () => {
    const { broker } = test
    await broker.publish(message('transfer.x', 'm', names.events))
    const failure = await new Promise((resolve) => {
      void broker.readStream(
        names.eventsJournal,
        'first',
        () => {
          throw new Error('a bug')
        },
        resolve,
      )
    })
    expect((failure as Error).message).to.equal('a bug')
    const ended = await broker
      .readStreamToEnd(names.eventsJournal, 'first', () => {
        throw new Error('a bug')
      })
      .catch((cause: unknown) => cause)
    expect((ended as Error).message).to.equal('a bug')
  })
})

describe('starting', () => {
  const startOf = async (url: string): Promise<unknown> => {
    const { broker } = await brokerOn(url, { startTimeoutMs: 1_500 })
    return broker.start().then(
      () => broker.stop(),
      (cause: unknown) => cause,
    )
  }

  it('is refused at once for a wrong password, and does not show it', async () => {
    const failure = (await startOf((await freshVhost()).replace('guest:guest', 'guest:wrong-one'))) as Error
    expect(failure).to.be.instanceOf(Refused)
    expect(failure.message)
      .to.match(/refuses user and password/)
      .and.not.match(/wrong-one/)
  })

  it('is refused at once for an unknown virtual host', async () => {
    const failure = (await startOf(`${await freshVhost()}-not`)) as Error
    expect(failure).to.be.instanceOf(Refused)
    expect(failure.message).to.match(/virtual host does not exist/)
  })

  it('is unavailable when its time is over, whether the host refuses or says nothing', async () => {
    const [port] = await freePorts(1)
    const refusing = (await startOf(`amqp://guest:guest@127.0.0.1:${port}/`)) as Error
    expect(refusing).to.be.instanceOf(Unavailable)
    expect(refusing.message).to.match(/ECONNREFUSED/)
    const proxy = await silentProxy((await sharedRabbit()).port)
    proxy.swallow()
    const silent = await startOf(proxy.urlOf(await freshVhost()))
    expect(silent).to.be.instanceOf(Unavailable)
    await proxy.close()
  })

  it('finds the host that answers among several', async () => {
    const [port] = await freePorts(1)
    const url = await freshVhost()
    const { broker } = await brokerOn(url, {
      urls: [`amqp://guest:guest@127.0.0.1:${port}/`, url.replace('guest:guest', 'guest:guest')],
      topology: 'off',
    })
    await broker.start()
    expect(broker.serverVersion).to.match(/^\d+\.\d+/)
    await broker.stop()
  })

  it('may be stopped before, during and after the start', async () => {
    const url = await freshVhost()
    const never = await brokerOn(url)
    await never.broker.stop()
    expect(await never.broker.start().catch((cause: unknown) => cause)).to.be.instanceOf(Unavailable)
    const early = await brokerOn(url)
    const starting = early.broker.start().catch((cause: unknown) => cause)
    await early.broker.stop()
    expect(await starting).to.be.instanceOf(Unavailable)
    const twice = await brokerOn(url)
    await Promise.all([twice.broker.start(), twice.broker.start()])
    await twice.broker.stop()
    await twice.broker.stop()
    expect(twice.broker.ready).to.equal(false)
  })

  it('keeps trying and reports when the password is refused later', async () => {
    const shared = await sharedRabbit()
    const url = new URL(await freshVhost())
    await shared.rabbitmqctl('add_user', 'changing', 'one')
    await shared.rabbitmqctl('set_permissions', '-p', url.pathname.slice(1), 'changing', '.*', '.*', '.*')
    url.username = 'changing'
    url.password = 'one'
    const proxy = await silentProxy(shared.port)
    const telemetry = new Telemetry()
    const broker = rabbitBroker(
      {
        urls: [proxy.urlOf(url.href)],
        prefix: 'ferryman',
        topology: 'off',
        managementUrl: '',
        heartbeatS: 10,
        journalDays: 30,
        startTimeoutMs: 5_000,
        clientName: 'test',
        reconnect: { baseMs: 50, capMs: 200 },
      },
      systemClock,
      telemetry,
    )
    await broker.start()
    await shared.rabbitmqctl('change_password', 'changing', 'two')
    proxy.cut()
    await eventually(() => broker.troubles.some((trouble) => trouble.includes('refuses user and password')))
    await shared.rabbitmqctl('change_password', 'changing', 'one')
    await eventually(() => broker.ready)
    await broker.stop()
    await proxy.close()
  })
})
