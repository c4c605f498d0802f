// What only a RabbitMQ of one's own can show: a memory alarm, a channel closed for its age, a crash, a freeze.
import { expect } from 'chai'
import type { Delivery } from '../../src/broker/broker.ts'
import { startRabbit, type RabbitServer } from '../../src/demo/servers.ts'
import { Unanswered, Unavailable } from '../../src/retry/failures.ts'
import { brokerOn, eventually, inbox, message, names, type UnderTest } from './broker-under-test.ts'

describe('a broker in trouble', function () {
  this.timeout(60_000)
  let server: RabbitServer
  let test: UnderTest

  before(async function () {
    this.timeout(120_000)
    server = await startRabbit({ config: ['consumer_timeout = 1500'] })
    await server.rabbitmqctl('eval', 'application:set_env(rabbit, channel_tick_interval, 500).')
  })

  after(() => server?.stop())

  beforeEach(async () => {
    test = await brokerOn(await server.addVhost(), { managementUrl: server.managementUrl, confirmTimeoutMs: 2_000 })
    await test.broker.start()
  })

  afterEach(() => test.broker.stop())

  it('lets acks go and publishing wait while memory is short, is not ready, and goes on by itself', async () => {
    const { broker, told } = test
    const box = inbox()
    await broker.consume(names.requests, 1, box.onDelivery)
    for (const id of ['a', 'b', 'c']) await broker.publish(message('transfer.x', id))
    const first = await box.next()
    const blocked = told.next('broker.blocked')
    await server.rabbitmqctl('set_vm_memory_high_watermark', 'absolute', '1000000')
    // The broker tells of the alarm only when something is published; what was sent then may have been stored.
    const during = broker.publish(message('transfer.x', 'during')).catch((cause: unknown) => cause)
    expect((await blocked).role).to.equal('publish')
    expect(broker.troubles.join()).to.match(/publish connection is blocked by the broker: low on memory/)
    first.ack()
    ;(await box.next()).ack()
    ;(await box.next()).ack()
    expect(await broker.publish(message('transfer.x', 'too late')).catch((cause: unknown) => cause)).to.be.instanceOf(
      Unavailable,
    )
    expect(await during).to.be.instanceOf(Unanswered)
    const patient = broker.publish(message('transfer.x', 'patient'))
    await server.rabbitmqctl('set_vm_memory_high_watermark', '0.4')
    expect(await patient).to.equal('routed')
    await eventually(() => broker.ready)
    expect(told.all('broker.disconnected')).to.deep.equal([])
  })

  it('loses one channel held too long, and no other', async () => {
    const { broker, told } = test
    const requests = inbox()
    const letters = inbox()
    const held: Delivery[] = []
    await broker.consume(names.requests, 5, requests.onDelivery)
    await broker.consume(names.deadLetters, 5, letters.onDelivery)
    await broker.publish(message('transfer.x', 'a'))
    const old = await requests.next()
    const again = told.next('broker.consuming')
    const cancelled = await told.next('broker.cancelled')
    expect(cancelled.queue).to.equal(names.requests)
    expect(cancelled.why).to.match(/PRECONDITION_FAILED - delivery acknowledgement/)
    expect((await again).queue).to.equal(names.requests)
    old.ack()
    held.push(await requests.next())
    expect(held[0]).to.include({ redelivered: true })
    held[0]!.ack()
    await broker.publish(message('invalid.malformed', 'b', names.deadLetters))
    ;(await letters.next()).ack()
    expect(told.all('broker.cancelled')).to.have.length(1)
    expect(told.all('broker.disconnected')).to.deep.equal([])
  })

  it('is answered by nobody while frozen: publishing is unanswered, and all comes back', async () => {
    const { broker } = test
    const box = inbox()
    await broker.consume(names.requests, 10, box.onDelivery)
    server.freeze()
    expect(await broker.publish(message('transfer.x', 'frozen')).catch((cause: unknown) => cause)).to.be.instanceOf(
      Unanswered,
    )
    expect(broker.ready).to.equal(false)
    server.thaw()
    await eventually(() => broker.ready)
    expect(await broker.publish(message('transfer.x', 'thawed'))).to.equal('routed')
    const seen = new Set<string>()
    while (!seen.has('thawed')) {
      const delivery = await box.next()
      seen.add(delivery.properties.messageId as string)
      delivery.ack()
    }
  })

  it('keeps what was confirmed through a crash, and consumes again afterwards', async () => {
    const { broker, told } = test
    const confirmed = new Set<string>()
    const sending = Array.from({ length: 300 }, (_, n) =>
      broker.publish(message('transfer.x', `m${n}`)).then(
        () => confirmed.add(`m${n}`),
        (cause: unknown) => expect(cause).to.be.instanceOf(Unanswered),
      ),
    )
    await Promise.race(sending)
    await server.kill()
    await Promise.all(sending)
    const box = inbox()
    const consuming = broker.consume(names.requests, 300, box.onDelivery).catch(() => null)
    await consuming
    await server.restart()
    await eventually(() => broker.ready)
    const subscription = await broker.consume(names.requests, 300, box.onDelivery)
    const seen = new Set<string>()
    while (![...confirmed].every((id) => seen.has(id))) {
      const delivery = await box.next()
      seen.add(delivery.properties.messageId as string)
      delivery.ack()
    }
    expect(confirmed.size).to.be.greaterThan(0)
    expect(told.all('broker.disconnected').length).to.be.greaterThan(1)
    await subscription.cancel()
  })
})
