// Requests whose providers are busy: until the ladder is used up, until they are late, or cancelled in the middle.
import { connect, type Channel, type ChannelModel } from 'amqplib'
import { expect } from 'chai'
import type { Message } from '../support/installation-line.ts'
import { holdingProxy, type HoldingProxy } from '../support/installation-proxies.ts'
import { faultsOfEvent } from '../support/installation-shape.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { cloud, json, request, type Answer } from './ground.ts'

const { books, host, server } = cloud()
const [OLD, NEW] = [host('trouble old'), host('trouble new')]
const [HELD, BEHIND] = ['held', 'behind'].map((name) => server(name, { [OLD]: { VCPU: 2 } }))
const way = (consumer: string | undefined) => ({ consumer, source: OLD, destination: NEW })

/** What a sender may say, and what would lose or multiply a copy. */
const DRESS = {
  contentType: 'application/json',
  userId: 'guest',
  replyTo: 'x',
  expiration: '60000',
  appId: 'nova',
  type: 'kind',
  timestamp: 1_700_000_000,
  headers: { traceparent: '00-1', 'x-mine': 1, 'dl-id': 'forged', nested: { a: 1 } },
}

describe('a request in trouble', () => {
  let installation: Installation
  let model: ChannelModel
  let channel: Channel
  before(async () => {
    installation = await openInstallation()
    await installation.seed(books)
    model = await connect(installation.env['FERRYMAN_RABBITMQ_URL']!)
    channel = await model.createChannel()
  })
  after(async () => {
    await model.close()
    await installation.close()
  })
  const decided = async (id: string): Promise<Answer> => (await installation.decision(id)) as Answer
  const letterOf = async (id: string): Promise<Message> => {
    await until('its letter came', () => installation.letters.of(id).length > 0, 20_000)
    return installation.letters.of(id)[0]!
  }

  describe('whose providers are busy, since another is stopped in the middle of its write', () => {
    let proxy: HoldingProxy
    let holder: WorkerUnderTest
    const held = request('transfer', way(HELD))
    before(async () => {
      const redis = installation.env['FERRYMAN_REDIS_URL']!
      proxy = await holdingProxy(Number(new URL(redis).port))
      const env = { FERRYMAN_REDIS_URL: proxy.urlOf(redis), FERRYMAN_LOCK_LEASE_MS: '60000', FERRYMAN_CONCURRENCY: '1' }
      holder = await installation.worker(env)
      const writing = proxy.holdFrom('ferryman.transfer.succeeded')
      await installation.ask(held)
      await writing
      await installation.worker({ FERRYMAN_LOCK_WAIT_MS: '200', FERRYMAN_RETRY_LADDER: '1s,1s' })
    })
    after(async () => {
      holder.signal('SIGKILL')
      await holder.ended
      await proxy.close()
    })

    it('ends contended when the ladder is used up: exhausted, did not happen, and work for a person', async () => {
      const asked = request('transfer', way(BEHIND))
      await installation.ask(asked)
      const told = await decided(asked.id)
      expect(told.outcome).to.include({ code: 'contended', class: 'exhausted', effect: 'did_not_happen' })
      expect(told.attempts).to.equal(3)
      const letter = await letterOf(asked.id)
      expect(letter.routingKey).to.equal('exhausted.contended')
      expect(faultsOfEvent(installation.events.of(asked.id)[0]!)).to.deep.equal([])
      const { headers } = letter.properties
      expect(headers!['dl-first-failed-at'] < headers!['dl-last-failed-at']).to.equal(true)
      const open = async (): Promise<number> =>
        (JSON.parse((await installation.cli(['dlq', 'status', '--json'])).out) as { open: number }).open
      await until('the desk has it', async () => (await open()) === 1, 20_000)
      expect((await installation.cli(['dlq', 'status'])).code).to.equal(1)
    }).timeout(60_000)

    it('ends contended, not expired, when its deadline passes after a first attempt', async () => {
      const notAfter = new Date(Date.now() + 700).toISOString()
      const late = request('transfer', { ...way(BEHIND), notAfter })
      await installation.ask(late)
      expect((await decided(late.id)).outcome).to.include({ code: 'contended', class: 'exhausted' })
    }).timeout(60_000)

    it('cannot be cancelled while its write is under way: the cancel waits, and both tell the same end', async () => {
      const open = request('cancel', { request: held.id })
      const seen: Message['properties'][] = []
      const { consumerTag } = await channel.consume('ferryman.retry.1s', (message) => {
        if (message === null) return
        seen.push(message.properties)
        channel.nack(message, false, true)
      })
      await installation.send([{ body: json(open), properties: DRESS }])
      await until('it is set aside', () => seen.length > 0, 20_000)
      await channel.cancel(consumerTag)
      const { headers, contentType, userId, replyTo, expiration, appId, type, timestamp } = seen[0]!
      expect({ contentType, userId, replyTo, expiration, appId, type, timestamp }).to.deep.equal({
        ...{ contentType: 'application/json', appId: 'nova', type: 'kind', timestamp: 1_700_000_000 },
        ...{ userId: undefined, replyTo: undefined, expiration: undefined },
      })
      expect(headers).to.include({ traceparent: '00-1', 'original-user-id': 'guest' })
      expect(headers).to.not.have.any.keys('x-mine', 'dl-id', 'nested')
      expect(installation.events.of(open.id)).to.deep.equal([])
      proxy.release()
      const ends = [(await decided(held.id)).outcome.code, (await decided(open.id)).outcome.code]
      expect([ends.join(), 'one or the other']).to.deep.equal([
        ends[0] === 'applied' ? 'applied,superseded' : 'cancelled,applied',
        'one or the other',
      ])
      const { consumers } = await installation.dump()
      const place = ends[0] === 'applied' ? NEW : OLD
      expect(consumers.find(({ id }) => id === HELD)!.allocations).to.deep.equal({ [place]: { VCPU: 2 } })
    }).timeout(60_000)
  })
})
