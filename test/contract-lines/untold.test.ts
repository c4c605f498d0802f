// What the broker will not pass on: a request that it dead-lettered itself, and an event that no queue takes.
import { connect, type Channel, type ChannelModel } from 'amqplib'
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import type { Message } from '../support/installation-line.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { toldOf } from '../support/installation.ts'
import { until } from '../support/installation-workers.ts'
import { cloud, json, openGround, request, type Ground } from './ground.ts'

const { books, host, server } = cloud()
const [FAR, OTHER] = [host('untold far'), host('untold other')]
const ELSEWHERE = server('untold', { [FAR]: { VCPU: 2 } })

describe('a request', () => {
  let ground: Ground
  let model: ChannelModel
  let channel: Channel
  before(async () => {
    ground = await openGround(books)
    model = await connect(ground.env['FERRYMAN_RABBITMQ_URL']!)
    channel = await model.createChannel()
  })
  after(async () => {
    await model.close()
    await ground.close()
  })
  const letterOf = async (id: string): Promise<Message> => {
    await until('its letter came', () => ground.letters.of(id).length > 0, 20_000)
    return ground.letters.of(id)[0]!
  }

  it('that the broker dead-lettered before anybody began it is decided', async () => {
    const asked = request('transfer', { consumer: ELSEWHERE, source: FAR, destination: OTHER })
    channel.publish('ferryman.dead-letters', 'operator.broker', json(asked), {
      persistent: true,
      headers: { 'x-delivery-count': 1_000 },
    })
    const told = await ground.decision(asked.id)
    expect(told.outcome.code).to.be.oneOf(['applied', 'expired'])
    await until('the letter is taken in', async () => {
      return (await channel.checkQueue('ferryman.dead-letters')).messageCount === 0
    })
  }).timeout(60_000)

  it('whose event no queue takes keeps its decision; a letter says so, and the event is told later', async () => {
    await channel.unbindQueue('test.ferryman.events', 'ferryman.events', '#')
    await channel.deleteQueue('ferryman.events.journal')
    const asked = request('release', { consumer: uuidOf('nobody at all') })
    await ground.ask(asked)
    const letter = await letterOf(asked.id)
    expect(letter.routingKey).to.equal('operator.event_unroutable')
    expect(letter.properties.headers).to.include({
      'dl-id': uuidV5(`${asked.id}/nothing_to_do/event_unroutable`),
      'dl-reason': 'event_unroutable',
      'dl-class': 'operator',
      'dl-effect': 'happened',
      'dl-request-id': asked.id,
    })
    expect(letter.properties.messageId).to.equal(letter.properties.headers!['dl-id'])
    expect(letter.body.equals(json(asked))).to.equal(true)
    await channel.bindQueue('test.ferryman.events', 'ferryman.events', '#')
    await ground.cli(['topology', 'apply'])
    await ground.cli(['dlq', 'replay', String(letter.properties.messageId), '--yes'])
    const [event] = [await ground.decision(asked.id)]
    expect(event.outcome.code).to.equal('nothing_to_do')
    expect(ground.events.of(asked.id).map(toldOf)).to.deep.equal([event])
  }).timeout(90_000)
})
