// Declaring and verifying the topology on a real RabbitMQ, with and without its management API.
import { expect } from 'chai'
import { UnsafeTopology } from '../../src/broker/rabbit/declare.ts'
import { reachManagement } from '../../src/broker/rabbit/management.ts'
import { vhostOf } from '../../src/broker/rabbit/urls.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { freePorts } from '../../src/demo/ports.ts'
import { Refused, Unavailable } from '../../src/retry/failures.ts'
import { limitedUser } from '../support/rabbit-api.ts'
import { freshVhost, sharedRabbit } from '../support/servers.ts'
import { silentProxy } from '../support/silent-proxy.ts'
import { brokerOn, eventually, inbox, message, names, withChannel, type UnderTest } from './broker-under-test.ts'

async function api(method: string, path: string, body?: object): Promise<unknown> {
  const base = new URL((await sharedRabbit()).managementUrl as string)
  const authorization = `Basic ${Buffer.from(`${base.username}:${base.password}`).toString('base64')}`
  const response = await fetch(`${base.origin}/api/${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  const text = await response.text()
  return text === '' ? null : JSON.parse(text)
}

async function namesIn(kind: 'queues' | 'policies' | 'exchanges', url: string): Promise<string[]> {
  const found = (await api('GET', `${kind}/${encodeURIComponent(vhostOf(url))}`)) as { name: string }[]
  return found
    .map(({ name }) => name)
    .filter((name) => name.startsWith('ferryman'))
    .toSorted()
}

describe('the topology on RabbitMQ', () => {
  const opened: UnderTest[] = []
  let url: string

  const open = async (options: Parameters<typeof brokerOn>[1] = {}): Promise<UnderTest> => {
    const made = await brokerOn(url, options)
    opened.push(made)
    return made
  }

  beforeEach(async () => {
    url = await freshVhost()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ broker }) => broker.stop()))
  })

  it('is complete after create, and a second create makes nothing', async () => {
    const { broker, told } = await open()
    await broker.start()
    expect(await namesIn('queues', url)).to.have.length(10)
    expect(await namesIn('exchanges', url)).to.have.length(4)
    expect(await namesIn('policies', url)).to.deep.equal(
      [...broker.topology.policies.map(({ name }) => name)].toSorted(),
    )
    expect(await broker.verifyTopology()).to.deep.equal({ findings: [], made: [], notCompared: [] })
    expect((await broker.createTopology()).made).to.deep.equal([])
    expect(told.all('warning')).to.deep.equal([])
  })

  it('may be created by several at once', async () => {
    const all = await Promise.all([1, 2, 3].map(() => open()))
    await Promise.all(all.map(({ broker }) => broker.start()))
    expect((await all[0]!.broker.verifyTopology()).findings).to.deep.equal([])
  })

  it('stands in arguments where there is no management API, and is as good', async () => {
    const { broker, told } = await open({ managementUrl: '' })
    await broker.start()
    expect(await namesIn('policies', url)).to.deep.equal([])
    expect(
      told
        .all('warning')
        .map(({ what }) => what)
        .join(),
    ).to.match(/without the management API these were not compared/)
    const judge = await open({ topology: 'verify' })
    await judge.broker.start()
    expect((await judge.broker.verifyTopology()).findings).to.deep.equal([])
    expect((await judge.broker.createTopology()).made).to.deep.equal([])
  })

  it('may be created at once by one with and one without the management API', async () => {
    const all = await Promise.all([open({ managementUrl: '' }), open()])
    await Promise.all(all.map(({ broker }) => broker.start()))
    expect((await all[1].broker.verifyTopology()).findings).to.deep.equal([])
  })

  it('is refused by verify with a table, and verify declares nothing', async () => {
    const { broker } = await open({ topology: 'verify' })
    const failure = await broker.start().catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(UnsafeTopology)
    expect((failure as UnsafeTopology).findings).to.have.length(14)
    expect((failure as Error).message).to.include(
      'queue ferryman.requests, existence, there, not there, ferryman topology apply',
    )
    expect(await namesIn('queues', url)).to.deep.equal([])
  })

  it('without management, verify finds what is missing and says what it did not compare', async () => {
    const maker = await open()
    await maker.broker.start()
    await withChannel(url, (channel) => channel.deleteQueue(names.retry('5s')))
    const { broker } = await open({ topology: 'verify', managementUrl: '' })
    const failure = (await broker.start().catch((cause: unknown) => cause)) as UnsafeTopology
    expect(failure.findings.map(({ object }) => object)).to.deep.equal(['queue ferryman.retry.5s'])
    const report = await maker.broker.createTopology()
    expect(report.made).to.deep.equal(['queue ferryman.retry.5s'])
  })

  it('foresees in a plan which policies of others will outrank ours on what is still to be made', async () => {
    const rival = { pattern: '^ferryman', 'apply-to': 'queues', priority: 700, definition: { 'max-age': '1h' } }
    await api('PUT', `policies/${encodeURIComponent(vhostOf(url))}/rival`, rival)
    const { broker } = await open({ topology: 'off' })
    await broker.start()
    const plan = await broker.planTopology()
    expect(plan.made).to.include(`queue ${names.eventsJournal}`)
    const { findings } = await broker.createTopology()
    expect(findings.length).to.be.greaterThan(0)
    expect(plan.findings).to.deep.equal(findings)
  })

  it('leaves a queue with other arguments as it is, warns in create, and is refused by verify', async () => {
    await withChannel(url, (channel) =>
      channel.assertQueue(names.requests, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2, 'x-dead-letter-exchange': 'elsewhere' },
      }),
    )
    const { broker, told } = await open()
    await broker.start()
    expect(told.all('warning').map(({ what }) => what)).to.deep.equal([
      'queue ferryman.requests: delivery-limit is 2, not 1000',
      'queue ferryman.requests: dead-letter-exchange is elsewhere, not ferryman.dead-letters',
    ])
    const strict = await open({ topology: 'verify' })
    const failure = (await strict.broker.start().catch((cause: unknown) => cause)) as UnsafeTopology
    expect(failure.findings.map(({ argument, found }) => `${argument} ${found}`)).to.deep.equal([
      'delivery-limit 2',
      'dead-letter-exchange elsewhere',
    ])
    const found = (await api('GET', `queues/${encodeURIComponent(vhostOf(url))}/ferryman.requests`)) as {
      arguments: object
    }
    expect(found.arguments).to.include({ 'x-delivery-limit': 2 })
  })

  it('writes a policy of its own again when somebody has changed it', async () => {
    const { broker } = await open({ topology: 'off' })
    await broker.start()
    await broker.createTopology()
    const vhost = encodeURIComponent(vhostOf(url))
    await api('PUT', `policies/${vhost}/ferryman.requests`, {
      pattern: '^ferryman\\.requests$',
      'apply-to': 'queues',
      priority: 100,
      definition: { 'delivery-limit': 3 },
    })
    expect((await broker.verifyTopology()).findings.map(({ argument }) => argument)).to.include('delivery-limit')
    expect((await broker.createTopology()).made).to.deep.equal(['policy ferryman.requests'])
    expect((await broker.verifyTopology()).findings).to.deep.equal([])
  })

  it('needs no right to configure in verify', async () => {
    const maker = await open()
    await maker.broker.start()
    const vhost = encodeURIComponent(vhostOf(url))
    await api('PUT', 'users/limited', { password: 'limited', tags: '' })
    await api('PUT', `permissions/${vhost}/limited`, { configure: '', write: '^ferryman\\.', read: '^ferryman\\.' })
    const limited = new URL(url)
    limited.username = 'limited'
    limited.password = 'limited'
    const made = await brokerOn(limited.href, { topology: 'verify', managementUrl: '' })
    opened.push(made)
    await made.broker.start()
    const box = inbox()
    await made.broker.consume(names.requests, 1, box.onDelivery)
    expect(await made.broker.publish(message('transfer.claim', 'm'))).to.equal('routed')
    ;(await box.next()).ack()
  })

  it('is refused to a user without the right to configure, in words', async () => {
    const vhost = encodeURIComponent(vhostOf(url))
    await api('PUT', 'users/limited', { password: 'limited', tags: '' })
    await api('PUT', `permissions/${vhost}/limited`, { configure: '', write: '.*', read: '.*' })
    const limited = new URL(url)
    limited.username = 'limited'
    limited.password = 'limited'
    const made = await brokerOn(limited.href, { managementUrl: '' })
    const failure = await made.broker.start().catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Refused)
    expect((failure as Error).message).to.match(/ACCESS_REFUSED.*FERRYMAN_RABBITMQ_TOPOLOGY=verify/s)
  })

  it('knows which rights to declare are missing: to configure, and to bind', async () => {
    const all = { configure: '^ferryman\\.', write: '^(amq\\.default$|ferryman\\.)', read: '^ferryman\\.' }
    const missing = async (rights: typeof all): Promise<string | null> => {
      const limited = await limitedUser(url, rights)
      const { broker } = await brokerOn(limited.url, { topology: 'off', managementUrl: '' })
      await broker.start()
      const found = await broker.missingRights('declaring', 'create')
      await broker.stop()
      return found?.replace(/; run .*/, '').replace(limited.user, 'u') ?? null
    }
    const ask = async (): Promise<(string | null)[]> => [
      await missing(all),
      await missing({ ...all, write: '^(amq\\.default|ferryman\\.events|ferryman\\.dead-letters)$' }),
      await missing({ ...all, read: '^ferryman\\.(requests|unroutable|dead-letters)$' }),
    ]
    const wanted = [
      null,
      'user u may not write queue ferryman.unroutable, write queue ferryman.dead-letters.journal, ' +
        'write queue ferryman.events.journal, write queue ferryman.requests',
      'user u may not read exchange ferryman.events',
    ]
    // Of what is not there, and of what is; either way without any effect.
    expect(await ask()).to.deep.equal(wanted)
    const { broker } = await open()
    await broker.start()
    expect(await ask()).to.deep.equal(wanted)
    expect((await broker.verifyTopology()).findings).to.deep.equal([])
  })

  it('lets what waits in the shortest ladder queue come to the queue of requests by itself', async () => {
    const { broker } = await open()
    await broker.start()
    const box = inbox()
    await broker.consume(names.requests, 10, box.onDelivery)
    expect(await broker.publish(message(names.retry('1s'), 'later', ''))).to.equal('routed')
    const sentMs = performance.now()
    const delivery = await box.next()
    expect(performance.now() - sentMs).to.be.within(900, 5_000)
    expect(delivery).to.include({ exchange: '', routingKey: names.requests })
    expect(delivery.body.toString()).to.equal('later')
    delivery.ack()
  })

  it('leads from every ladder queue to the queue of requests, without management too', async () => {
    for (const managementUrl of [(await sharedRabbit()).managementUrl, '']) {
      url = await freshVhost()
      const { broker } = await open({ managementUrl })
      await broker.start()
      for (const { name, definition } of broker.topology.queues) {
        if (!name.startsWith('ferryman.retry.')) continue
        // The same wiring with its delay cut to 50 ms, which the smaller-counts rule allows an operator to do.
        await api('PUT', `operator-policies/${encodeURIComponent(vhostOf(url))}/quick`, {
          pattern: `^${name.replaceAll('.', '\\.')}$`,
          'apply-to': 'queues',
          definition: { 'message-ttl': 50 },
        })
        expect(definition['message-ttl']).to.be.greaterThan(50)
        await broker.publish(message(name, name, ''))
        await eventually(async () => (await broker.counts([names.requests]))[names.requests] === 1)
        const box = inbox()
        const subscription = await broker.consume(names.requests, 1, box.onDelivery)
        const delivery = await box.next()
        expect(delivery.properties.messageId).to.equal(name)
        delivery.ack()
        await subscription.cancel()
      }
    }
  }).timeout(60_000)

  it('keeps what no binding wants in the unroutable queue', async () => {
    const { broker } = await open()
    await broker.start()
    expect(await broker.publish(message('nonsense', 'stray'))).to.equal('routed')
    const box = inbox()
    await broker.consume(names.unroutable, 1, box.onDelivery)
    const delivery = await box.next()
    expect(delivery).to.include({ exchange: names.requests, routingKey: 'nonsense' })
    delivery.ack()
  })

  it('dead-letters a request that was returned too often, under operator.broker', async () => {
    const { broker } = await open({ deliveryLimit: 2 })
    await broker.start()
    await broker.consume(names.requests, 1, (delivery) => delivery.handBack())
    await broker.publish(message('transfer.claim', 'returned'))
    const box = inbox()
    await broker.consume(names.deadLetters, 1, box.onDelivery)
    const letter = await box.next()
    expect(letter).to.include({ exchange: names.deadLetters, routingKey: 'operator.broker' })
    letter.ack()
    expect(await broker.lastOffset(names.deadLettersJournal)).to.equal(0)
  })
})

describe('the management API', () => {
  const options = { vhost: '/', tls: {}, timeoutMs: 1_000, clock: systemClock }

  it('is absent when a default refuses the connection', async () => {
    const [port] = await freePorts(1)
    const reached = await reachManagement({ ...options, url: null, defaults: [`http://guest:guest@127.0.0.1:${port}`] })
    expect(reached.management).to.equal(null)
  })

  it('is down, not absent, when it was set and does not answer', async () => {
    const [port] = await freePorts(1)
    const failure = await reachManagement({
      ...options,
      url: `http://guest:guest@127.0.0.1:${port}`,
      defaults: [],
    }).catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Unavailable)
    expect((failure as Error).message).to.not.include('guest')
  })

  it('is down when it accepts and says nothing', async () => {
    const proxy = await silentProxy((await sharedRabbit()).managementPort as number)
    proxy.swallow()
    const failure = await reachManagement({
      ...options,
      url: null,
      defaults: [`http://guest:guest@127.0.0.1:${proxy.port}`],
    }).catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Unavailable)
    await proxy.close()
  })

  it('refuses a wrong password where it was set, and is absent as a default for a user it does not know', async () => {
    const port = (await sharedRabbit()).managementPort
    const wrong = `http://guest:wrong@127.0.0.1:${port}`
    expect(
      await reachManagement({ ...options, url: wrong, defaults: [] }).catch((cause: unknown) => cause),
    ).to.be.instanceOf(Refused)
    expect((await reachManagement({ ...options, url: null, defaults: [wrong] })).management).to.equal(null)
  })

  it('keeps a start waiting until the time is over when it is down', async () => {
    const [port] = await freePorts(1)
    const { broker, told } = await brokerOn(await freshVhost(), {
      managementUrl: `http://guest:guest@127.0.0.1:${port}`,
      startTimeoutMs: 1_200,
    })
    const failure = await broker.start().catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Unavailable)
    expect(told.all('warning').length).to.be.greaterThan(1)
  })
})
