// The desk on a real Redis and RabbitMQ: each letter once, what the broker gave up goes back to work, and the filters.
import { expect } from 'chai'
import type { Channel } from 'amqplib'
import { namesOf } from '../../src/broker/names.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { loadConfig } from '../../src/config.ts'
import type { Filter, Letter, NewLetter } from '../../src/dead-letters/desk.ts'
import { catchUp, openIntake, takeIn, type IntakeParts } from '../../src/dead-letters/intake.ts'
import { Telemetry, type EventName } from '../../src/telemetry/events.ts'
import { openParts, type Parts, type RabbitBroker, type Store } from '../../src/wire/parts.ts'
import { freshNamespace, freshVhost, sharedRabbit, sharedRedis } from '../support/servers.ts'
import { withChannel } from './broker-under-test.ts'

const names = namesOf('ferryman')
const DAY_MS = 86_400_000

let serial = 0
/** A uuid that is new in this run. */
function uuid(kind: number): string {
  return `${kind}0000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`
}

function letter(fields: Partial<NewLetter> = {}): NewLetter {
  const [source, destination] = [uuid(2), uuid(3)]
  return {
    id: uuid(9),
    request: uuid(7),
    operation: 'claim',
    consumer: uuid(1),
    source,
    destination,
    providers: [source, destination],
    code: 'outcome_unknown',
    class: 'operator',
    effect: 'unknown',
    firstFailedAt: '2026-11-20T00:00:00.000Z',
    lastFailedAt: '2026-11-20T00:00:00.000Z',
    attempts: 1,
    body: Buffer.from('{}'),
    headers: { 'dl-schema': 1 },
    ...fields,
  }
}

/** The same letter as a message in the dead-letter queue. */
function messageOf(given: NewLetter): { key: string; body: Buffer; headers: Record<string, unknown> } {
  return {
    key: `${given.class}.${given.code}`,
    body: given.body,
    headers: {
      'dl-schema': 1,
      'dl-id': given.id,
      'dl-reason': given.code,
      'dl-class': given.class,
      'dl-effect': given.effect,
      'dl-request-id': given.request,
      'dl-operation': given.operation,
      'dl-attempts': given.attempts,
      'dl-first-failed-at': given.firstFailedAt,
      'dl-last-failed-at': given.lastFailedAt,
    },
  }
}

describe('the desk', () => {
  let parts: Parts
  let store: Store
  let broker: RabbitBroker
  let url: string
  let telemetry: Telemetry
  let told: EventName[]

  beforeEach(async () => {
    url = await freshVhost()
    telemetry = new Telemetry()
    told = []
    telemetry.listen((name) => {
      told.push(name)
    })
    const { config } = loadConfig({
      env: {
        FERRYMAN_REDIS_URL: (await sharedRedis()).url,
        FERRYMAN_REDIS_NAMESPACE: freshNamespace(),
        FERRYMAN_RABBITMQ_URL: url,
        FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl ?? '',
      },
    })
    parts = openParts(config, systemClock, telemetry)
    ;[store, broker] = await Promise.all([parts.store(), parts.broker()])
    await broker.createTopology()
  })
  afterEach(() => parts.close())

  const intakeParts = (): IntakeParts => {
    const { desk, journal, serverNowMs: nowMs } = store
    return { desk, journal, names, clock: systemClock, telemetry, publisher: broker, nowMs }
  }
  const listed = async (filter: Partial<Filter> = {}): Promise<Letter[]> => {
    const found: Letter[] = []
    for await (const one of store.desk.list({ state: 'open', ...filter })) found.push(one)
    return found
  }
  const idsOf = async (filter: Partial<Filter>): Promise<string[]> => (await listed(filter)).map(({ id }) => id)
  const publish = async (given: readonly NewLetter[]): Promise<void> => {
    for (const one of given) {
      const { key, body, headers } = messageOf(one)
      await broker.publish({ exchange: names.deadLetters, routingKey: key, body, properties: { headers } })
    }
  }
  const depthOf = async (queue: string): Promise<number | null> => (await broker.counts([queue]))[queue] ?? null
  const catchAll = async (holder = 'command'): Promise<void> => {
    const reader = await parts.reader()
    const waiting = { next: () => reader.get(names.deadLetters), depth: () => depthOf(names.deadLetters) }
    await catchUp(intakeParts(), waiting, holder)
  }
  const keysLeft = async (): Promise<string[]> => {
    const found = await store.redis.call('KEYS', [`{${parts.config.redis.namespace}}:letter*`])
    return (found as string[]).map((key) => key.slice(key.indexOf('}') + 2)).sort()
  }

  it('takes a letter once; another copy moves its last failure and its attempts on, and nothing else', async () => {
    const first = letter()
    expect(await store.desk.take(first)).to.equal('taken')
    const later = { lastFailedAt: '2026-11-21T00:00:00.000Z', attempts: 3 }
    expect(await store.desk.take({ ...first, ...later, code: 'poison' })).to.equal('again')
    expect(await store.desk.take({ ...first, lastFailedAt: '2026-11-19T00:00:00.000Z', attempts: 2 })).to.equal('again')
    const { body: _body, headers: _headers, providers: _providers, ...rest } = first
    expect(await listed()).to.deep.equal([{ ...rest, ...later, state: 'open' }])
    expect(await store.desk.counts()).to.deep.equal({
      open: [{ class: 'operator', code: 'outcome_unknown', count: 1 }],
      told: 0,
      oldestAtMs: { operator: Date.UTC(2026, 10, 20) },
    })
  })

  it('lists open letters, oldest failure first, and everything by its filters', async () => {
    const now = systemClock.nowMs()
    const at = (minutesAgo: number): string => new Date(now - minutesAgo * 60_000).toISOString()
    const effect = 'did_not_happen'
    const [young, old, told1] = [
      letter({ firstFailedAt: at(1), lastFailedAt: at(1) }),
      letter({ firstFailedAt: at(60), lastFailedAt: at(50), code: 'contended', class: 'exhausted', effect }),
      letter({ firstFailedAt: at(30), lastFailedAt: at(30), code: 'expired', class: 'refused', effect }),
    ]
    for (const one of [young, old, told1]) await store.desk.take(one)
    expect(await idsOf({})).to.deep.equal([old.id, young.id])
    expect(await idsOf({ state: 'told' })).to.deep.equal([told1.id])
    expect(await idsOf({ state: 'all' })).to.deep.equal([old.id, told1.id, young.id])
    expect(await idsOf({ state: 'discarded' })).to.deep.equal([])
    expect(await idsOf({ state: 'all', limit: 2 })).to.deep.equal([old.id, told1.id])
    expect(await idsOf({ state: 'all', after: old.id, limit: 1 })).to.deep.equal([told1.id])
    expect(await idsOf({ state: 'all', after: uuid(9) })).to.deep.equal([])
    expect(await idsOf({ code: 'contended' })).to.deep.equal([old.id])
    expect(await idsOf({ state: 'all', class: 'refused' })).to.deep.equal([told1.id])
    expect(await idsOf({ provider: young.destination!.toUpperCase() })).to.deep.equal([young.id])
    expect(await idsOf({ request: old.request })).to.deep.equal([old.id])
    expect(await idsOf({ sinceMs: now - 10 * 60_000 })).to.deep.equal([young.id])
  })

  it('lists more letters than one page holds, each once', async () => {
    const at = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString()
    const many = Array.from({ length: 450 }, (_, n) => letter({ firstFailedAt: at(n) }))
    await Promise.all(many.map((one) => store.desk.take(one)))
    expect(await idsOf({})).to.deep.equal(many.map(({ id }) => id))
  })

  it('lists letters that failed at the same moment, also more than one page of them, each once', async () => {
    const many = Array.from({ length: 450 }, () => letter())
    await Promise.all(many.map((one) => store.desk.take(one)))
    const ids = many.map(({ id }) => id).toSorted()
    expect(await idsOf({})).to.deep.equal(ids)
    expect(await idsOf({ after: ids[420]! })).to.deep.equal(ids.slice(421))
  })

  it('passes over none while others act on what has been listed, and goes on behind one that has left', async () => {
    const at = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString()
    const many = Array.from({ length: 450 }, (_, n) => letter({ firstFailedAt: at(n) }))
    await Promise.all(many.map((one) => store.desk.take(one)))
    const discarded = async (id: string): Promise<void> => {
      const [read] = await store.desk.find(id)
      const entry = { at: at(0), what: 'discarded', by: 'anna', why: 'so', request: null }
      await store.desk.act({ id: uuid(4), letter: read!, next: { state: 'discarded', before: 'open' }, entry })
    }
    const ids = many.map(({ id }) => id)
    const found: string[] = []
    for await (const one of store.desk.list({ state: 'open' })) {
      if (found.push(one.id) === 150) await Promise.all(ids.slice(0, 150).map(discarded))
    }
    expect(found).to.deep.equal(ids)
    expect(await idsOf({ after: ids[149]!, limit: 2 })).to.deep.equal(ids.slice(150, 152))
  })

  it('finds a letter by its id and by its request, with its exact bytes', async () => {
    const body = Buffer.from([0, 0xff, 0xfe, 0x80, 10])
    const [first, second] = [letter({ body }), letter()]
    const other = { ...second, request: first.request, lastFailedAt: '2026-11-21T00:00:00.000Z' }
    for (const one of [first, other]) await store.desk.take(one)
    const [found, ...none] = await store.desk.find(first.id.toUpperCase())
    expect(none).to.deep.equal([])
    expect(found?.body.equals(body)).to.equal(true)
    expect(found).to.deep.include({ headers: { 'dl-schema': 1 }, state: 'open' })
    expect(found?.history.map(({ what }) => what)).to.deep.equal(['taken in'])
    expect((await store.desk.find(first.request)).map(({ id }) => id)).to.deep.equal([other.id, first.id])
    expect(await store.desk.find(uuid(9))).to.deep.equal([])
  })

  it('forgets told letters after their time, wholly, and open ones never', async () => {
    const [open, news] = [letter(), letter({ class: 'refused', code: 'expired', effect: 'did_not_happen' })]
    await store.desk.take(open)
    const left = await keysLeft()
    await store.desk.take(news)
    expect(await store.desk.forget('told', systemClock.nowMs() - 7 * DAY_MS)).to.equal(0)
    expect(await store.desk.forget('told', systemClock.nowMs() + 60_000)).to.equal(1)
    expect(await idsOf({ state: 'all' })).to.deep.equal([open.id])
    expect((await store.desk.counts()).told).to.equal(0)
    expect(await keysLeft()).to.deep.equal(left)
  })

  it('forgets those that may go behind any number of those whose end is awaited', async () => {
    const at = new Date().toISOString()
    const entry = { at, what: 'replayed', by: null, why: null, request: null }
    const closed = async (watched: boolean): Promise<string> => {
      const one = letter()
      await store.desk.take(one)
      const [read] = await store.desk.find(one.id)
      await store.desk.act({ id: uuid(4), letter: read!, next: { state: 'replayed', watched }, entry })
      return one.id
    }
    await Promise.all(Array.from({ length: 600 }, () => closed(true)))
    const last = await closed(false)
    expect(await store.desk.forget('replayed', systemClock.nowMs() + 60_000)).to.equal(1)
    expect(await store.desk.find(last)).to.deep.equal([])
    expect(await idsOf({ state: 'replayed' })).to.have.length(600)
  })

  it('gives the intake to one at a time, until it is given back or its lease ends', async () => {
    expect(await store.desk.holdIntake('a', 60_000)).to.equal(true)
    expect(await store.desk.holdIntake('b', 60_000)).to.equal(false)
    expect(await store.desk.holdIntake('a', 60_000)).to.equal(true)
    await store.desk.releaseIntake('b')
    expect(await store.desk.holdIntake('b', 60_000)).to.equal(false)
    await store.desk.releaseIntake('a')
    expect(await store.desk.holdIntake('b', 1)).to.equal(true)
    await systemClock.sleep(20)
    expect(await store.desk.holdIntake('c', 60_000)).to.equal(true)
  })

  it('takes in what waits when no worker runs, each copy acknowledged', async () => {
    const [one, two] = [letter(), letter({ class: 'invalid', code: 'malformed', effect: 'did_not_happen' })]
    await publish([one, one, two])
    await catchAll()
    expect(await depthOf(names.deadLetters)).to.equal(0)
    expect(await idsOf({})).to.deep.equal([one.id])
    expect(await idsOf({ state: 'told' })).to.deep.equal([two.id])
    expect(told.filter((name) => name === 'intake.taken')).to.have.length(2)
  })

  it('does not wait for long for a worker that died with the intake', async () => {
    const one = letter()
    await publish([one])
    await store.desk.holdIntake('dead:1', 3_600_000)
    await catchAll()
    expect(await idsOf({})).to.deep.equal([one.id])
    expect(await store.desk.holdIntake('dead:1', 1_000)).to.equal(true)
  })

  it('sends what only the broker gave up back to work, bytes unchanged, without the marks of its death', async () => {
    const body = Buffer.from('{"any": "thing"}')
    const headers = { 'x-first-death-reason': 'delivery_limit', 'x-delivery-count': 7, traceparent: '00-1' }
    const properties = { headers, contentType: 'application/json' }
    await broker.publish({ exchange: names.deadLetters, routingKey: 'operator.broker', body, properties })
    await catchAll()
    expect(await depthOf(names.deadLetters)).to.equal(0)
    expect(await idsOf({ state: 'all' })).to.deep.equal([])
    const back = await withChannel(url, async (channel: Channel) => channel.get(names.requests, { noAck: true }))
    if (back === false) throw new Error('it is not in the queue of requests')
    expect(back.content.equals(body)).to.equal(true)
    expect(back.properties.contentType).to.equal('application/json')
    expect(back.properties.headers).to.include({ traceparent: '00-1' })
    expect(back.properties.headers).not.to.have.any.keys('x-first-death-reason', 'x-death')
  })

  it('takes no expired request for decided, although its sender gave it the headers of a letter', async () => {
    const body = Buffer.from('{"any": "thing"}')
    const headers = { 'dl-id': letter().id, 'dl-class': 'refused', 'dl-effect': 'did_not_happen' }
    await withChannel(url, async (channel) => {
      channel.sendToQueue(names.requests, body, { headers, expiration: '1' })
      await channel.waitForConfirms()
    })
    while ((await depthOf(names.deadLetters)) === 0) await systemClock.sleep(10)
    await catchAll()
    expect(await idsOf({ state: 'all' })).to.deep.equal([])
    const back = await withChannel(url, async (channel: Channel) => channel.get(names.requests, { noAck: true }))
    if (back === false) throw new Error('it is not in the queue of requests')
    expect(back.content.equals(body)).to.equal(true)
    expect(back.properties.headers).not.to.have.any.keys('dl-id', 'dl-class')
  })

  it('keeps a letter in its queue while it cannot be written down', async () => {
    await publish([letter()])
    const reader = await parts.reader()
    const delivery = await reader.get(names.deadLetters)
    const broken = { ...store.desk, take: () => Promise.reject(new Error('no room')) }
    const failed = await takeIn(delivery!, { ...intakeParts(), desk: broken }).then(
      () => 'taken',
      (failure: Error) => failure.message,
    )
    expect(failed).to.equal('no room')
    while ((await depthOf(names.deadLetters)) === 0) await systemClock.sleep(10)
    await catchAll()
    expect(await idsOf({})).to.have.length(1)
  })

  it('forgets by the time of Redis, not by that of a host whose clock is wrong', async () => {
    const [news, next] = [letter({ class: 'refused', code: 'expired', effect: 'did_not_happen' }), letter()]
    await store.desk.take(news)
    const ahead = { ...systemClock, nowMs: () => systemClock.nowMs() + 365 * DAY_MS }
    const options = { holder: 'ahead', leaseMs: 300, toldDays: 7, closedDays: 90 }
    const intake = openIntake({ ...intakeParts(), clock: ahead }, broker, options)
    intake.start()
    await publish([next])
    // It forgets before it takes in.
    while ((await listed()).length === 0) await systemClock.sleep(10)
    await intake.stop()
    expect(await idsOf({ state: 'told' })).to.deep.equal([news.id])
  })

  it('is fed by one of several intakes; another goes on when it stops', async () => {
    const options = { leaseMs: 300, toldDays: 7, closedDays: 90 }
    const intakes = ['a', 'b'].map((holder) => openIntake(intakeParts(), broker, { ...options, holder }))
    for (const intake of intakes) intake.start()
    const [one, two] = [letter(), letter()]
    const taken = async (wanted: number): Promise<void> => {
      while ((await listed()).length < wanted) await systemClock.sleep(10)
    }
    await publish([one])
    await taken(1)
    await intakes[0]!.stop()
    await publish([two])
    await taken(2)
    await Promise.all(intakes.map((intake) => intake.stop()))
    await intakes[1]!.stop()
    expect(await depthOf(names.deadLetters)).to.equal(0)
    expect(await store.desk.holdIntake('c', 1_000)).to.equal(true)
  })
})
