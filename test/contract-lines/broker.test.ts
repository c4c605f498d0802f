// The objects on RabbitMQ by their literal names, as the management API shows them, and how messages go through them.
import { connect, type Channel, type ChannelModel } from 'amqplib'
import { expect } from 'chai'
import { ferryman, type Run } from '../integration/ferryman-process.ts'
import { rabbitApi, vhostIn } from '../support/rabbit-api.ts'
import { freshVhost, sharedRabbit } from '../support/servers.ts'
import { until } from '../support/installation-workers.ts'
import type { Fields } from './ground.ts'

const P = 'cell-9_a'
const LADDER = { '1s': 1_000, '5s': 5_000, '30s': 30_000, '2m': 120_000, '10m': 600_000 }
const RETRY = Object.keys(LADDER).map((delay) => `${P}.retry.${delay}`)
const QUORUM = [`${P}.requests`, `${P}.dead-letters`, `${P}.unroutable`, ...RETRY]
const STREAMS = [`${P}.events.journal`, `${P}.dead-letters.journal`]
const EXCHANGES = { requests: 'topic', events: 'topic', 'dead-letters': 'topic', unroutable: 'fanout' }

describe('the objects on RabbitMQ', () => {
  let url: string
  let managementUrl: string
  let model: ChannelModel
  let channel: Channel
  const run = (words: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Run> =>
    ferryman(words, {
      env: {
        FERRYMAN_RABBITMQ_URL: url,
        FERRYMAN_RABBITMQ_MANAGEMENT_URL: managementUrl,
        FERRYMAN_RABBITMQ_PREFIX: P,
        ...more,
      },
    })
  const listed = async (what: string): Promise<Fields[]> =>
    (await rabbitApi('GET', `${what}/${vhostIn(url)}`)) as Fields[]
  const isOurs = ({ name }: Fields): boolean => String(name).startsWith(`${P}.`)

  before(async () => {
    url = await freshVhost()
    managementUrl = (await sharedRabbit()).managementUrl as string
    expect((await run(['topology', 'apply'])).code).to.equal(0)
    model = await connect(url)
    channel = await model.createChannel()
  })
  after(() => model.close())

  it('are the exchanges of the contract, durable', async () => {
    const found = (await listed('exchanges')).filter(isOurs)
    expect(found.map(({ name, type, durable }) => [name, type, durable])).to.have.deep.members(
      Object.entries(EXCHANGES).map(([name, type]) => [`${P}.${name}`, type, true]),
    )
  })

  it('are the queues of the contract, declared with their type and nothing else', async () => {
    const found = await listed('queues')
    const shape = (name: string, type: string): unknown => [name, true, { 'x-queue-type': type }]
    expect(found.map(({ name, durable, arguments: given }) => [name, durable, given])).to.have.deep.members([
      ...QUORUM.map((name) => shape(name, 'quorum')),
      ...STREAMS.map((name) => shape(name, 'stream')),
    ])
  })

  it('are bound as the contract has it: requests by transfer.#, journals and letters by #', async () => {
    const found = (await listed('bindings')).filter(({ source }) => source !== '')
    expect(found.map((one) => [one['source'], one['routing_key'], one['destination']])).to.have.deep.members([
      [`${P}.requests`, 'transfer.#', `${P}.requests`],
      [`${P}.events`, '#', `${P}.events.journal`],
      [`${P}.dead-letters`, '#', `${P}.dead-letters`],
      [`${P}.dead-letters`, '#', `${P}.dead-letters.journal`],
      [`${P}.unroutable`, '', `${P}.unroutable`],
    ])
  })

  it('have one policy each, named like the object, its pattern anchored and escaped', async () => {
    const found = await listed('policies')
    const pattern = (name: string): string => `^${name.replaceAll('.', '\\.')}$`
    expect(found.map((one) => [one['name'], one['pattern'], one['apply-to']])).to.have.deep.members([
      ...[...QUORUM, ...STREAMS].map((name) => [name, pattern(name), 'queues']),
      [`${P}.requests.exchange`, pattern(`${P}.requests`), 'exchanges'],
    ])
    const of = (name: string): Fields => found.find((one) => one['name'] === name)!['definition'] as Fields
    expect(of(`${P}.requests.exchange`)).to.include({ 'alternate-exchange': `${P}.unroutable` })
    expect(of(`${P}.requests`)).to.include({
      'delivery-limit': 1_000,
      'dead-letter-exchange': `${P}.dead-letters`,
      'dead-letter-routing-key': 'operator.broker',
      'dead-letter-strategy': 'at-least-once',
      overflow: 'reject-publish',
    })
    for (const [delay, ms] of Object.entries(LADDER)) {
      expect(of(`${P}.retry.${delay}`)).to.include({
        'message-ttl': ms,
        'dead-letter-exchange': '',
        'dead-letter-routing-key': `${P}.requests`,
      })
    }
    for (const name of STREAMS) expect(of(name)['max-age']).to.equal('30D')
  })

  it('lead from the ladder into the queue of requests, and to no other binding of the exchange', async () => {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, `${P}.requests`, '#')
    channel.sendToQueue(`${P}.retry.1s`, Buffer.from('again'))
    const got: unknown[] = []
    const came = async (): Promise<boolean> => {
      const message = await channel.get(`${P}.requests`, { noAck: true })
      if (message !== false) got.push([message.content.toString(), message.fields.exchange, message.fields.routingKey])
      return got.length > 0
    }
    await until('it comes back', came, 10_000)
    expect(got).to.deep.equal([['again', '', `${P}.requests`]])
    expect((await channel.checkQueue(queue)).messageCount).to.equal(0)
    await channel.deleteQueue(queue)
  })

  it('do not meet those of another prefix', async () => {
    const checked = ['cell.x', '', '-a', 'A', 'a'.repeat(65)].map((prefix) =>
      run(['config', 'check', '--set', `rabbitmq.prefix=${prefix}`]),
    )
    expect((await Promise.all(checked)).map(({ code }) => code)).to.deep.equal([78, 78, 78, 78, 78])
    expect((await run(['topology', 'apply'], { FERRYMAN_RABBITMQ_PREFIX: 'cell' })).code).to.equal(0)
    expect((await run(['topology', 'verify'])).code).to.equal(0)
    channel.publish('cell.requests', 'transfer.claim', Buffer.from('theirs'))
    await until('it is there', async () => (await channel.checkQueue('cell.requests')).messageCount === 1, 10_000)
    expect((await channel.checkQueue(`${P}.requests`)).messageCount).to.equal(0)
  })

  it('have their wiring in arguments where there is no management API, and verify says what it left out', async () => {
    const bare = { FERRYMAN_RABBITMQ_URL: await freshVhost(), FERRYMAN_RABBITMQ_MANAGEMENT_URL: '' }
    expect((await run(['topology', 'apply'], bare)).code).to.equal(0)
    const queues = (await rabbitApi('GET', `queues/${vhostIn(bare.FERRYMAN_RABBITMQ_URL)}`)) as Fields[]
    const of = (name: string): Fields => queues.find((one) => one['name'] === name)!['arguments'] as Fields
    expect(of(`${P}.requests`)).to.include({ 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000 })
    expect(of(`${P}.retry.5s`)).to.include({ 'x-message-ttl': 5_000, 'x-dead-letter-routing-key': `${P}.requests` })
    expect(await rabbitApi('GET', `policies/${vhostIn(bare.FERRYMAN_RABBITMQ_URL)}`)).to.deep.equal([])
    const verified = await run(['topology', 'verify', '--json'], bare)
    expect(verified.code).to.equal(0)
    expect((JSON.parse(verified.out) as { notCompared: unknown[] }).notCompared).to.not.have.length(0)
  }).timeout(30_000)
})
