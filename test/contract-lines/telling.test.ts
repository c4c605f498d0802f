// How an end is told: one event, one letter for what is not done, their names, and what they carry of the sender.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import type { Message } from '../support/installation-line.ts'
import { faultsOfEvent, faultsOfLetter, uuidV5 } from '../support/installation-shape.ts'
import { until } from '../support/installation-workers.ts'
import { answerOf, cloud, json, openGround, request, type Ground } from './ground.ts'

const { books, host, server } = cloud()
const [OLD, NEW] = [host('told old'), host('told new')]
const FULL = host('told full', { total: 1 })
const mover = (name: string): string => server(name, { [OLD]: { VCPU: 2 } })
const [GOOD, BAD] = [mover('told good'), mover('told bad')]
const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex')
const way = (consumer: string, destination: string) => ({ consumer, source: OLD, destination })

describe('what is told', () => {
  let ground: Ground
  before(async () => {
    ground = await openGround(books)
  })
  after(() => ground.close())

  const lettersOf = async (id: string, count = 1): Promise<readonly Message[]> => {
    await until('its letters came', () => ground.letters.of(id).length >= count, 20_000)
    return ground.letters.of(id)
  }

  it('of a success is one event and no letter, under operation, code and origin', async () => {
    const asked = request('transfer', { ...way(GOOD, NEW), origin: 'nova-cell1', context: { a: [1, { b: null }] } })
    await ground.ask(asked)
    const told = await ground.decision(asked.id)
    const [event] = ground.events.of(asked.id)
    expect(event!.routingKey).to.equal('transfer.transfer.succeeded.applied.nova-cell1')
    expect(faultsOfEvent(event!)).to.deep.equal([])
    expect(told).to.deep.include({ context: { a: [1, { b: null }] }, origin: 'nova-cell1', violations: [] })
    expect(told.outcome.effect).to.equal('happened')
    expect(ground.letters.of(asked.id)).to.deep.equal([])
  })

  it('of a refusal is one event and one letter, which holds the bytes unchanged and names replayOf', async () => {
    const asked = request('transfer', { ...way(BAD, FULL), replayOf: uuidOf('an earlier one').toUpperCase() })
    const body = Buffer.from(` ${JSON.stringify(asked, null, 1)}\n`)
    await ground.send([{ body, routingKey: 'transfer.whatever.it.says' }])
    const told = await ground.decision(asked.id)
    const [event] = ground.events.of(asked.id)
    const [letter] = await lettersOf(asked.id)
    expect([event!.routingKey, letter!.routingKey]).to.deep.equal([
      'transfer.transfer.failed.capacity_exceeded.none',
      'refused.capacity_exceeded',
    ])
    expect([...faultsOfEvent(event!), ...faultsOfLetter(letter!, event!)]).to.deep.equal([])
    expect(letter!.body.equals(body)).to.equal(true)
    expect(letter!.properties.headers!['dl-original-routing-key']).to.equal('transfer.whatever.it.says')
    expect(told).to.deep.include({ replayOf: uuidOf('an earlier one'), attempts: 1 })
    expect(ground.letters.of(asked.id)).to.have.length(1)
  })

  it('of a body without a usable id goes under message_id, else under the digest of its bytes', async () => {
    const bodies = [
      Buffer.from('{"operation":"claim","id":"none","origin":"x y","context":3}'),
      Buffer.from('not json'),
      Buffer.from('{"id":5}'),
    ]
    const messageId = uuidOf('a message').toUpperCase()
    const ids = [messageId.toLowerCase(), uuidV5(digest(bodies[1]!)), uuidV5(digest(bodies[2]!))]
    const messages = [
      { body: bodies[0]!, properties: { messageId } },
      { body: bodies[1]! },
      { body: bodies[2]!, properties: { messageId: 'no uuid' } },
    ]
    const told = (await ground.answers(messages, ids)).map(answerOf)
    expect(told.map(({ operation, outcome }) => [operation, outcome.code])).to.deep.equal([
      ['claim', 'schema_invalid'],
      ['unknown', 'malformed'],
      ['unknown', 'schema_invalid'],
    ])
    for (const [n, event] of told.entries()) {
      expect(event).to.include({ origin: 'none', context: null })
      expect(event.id).to.equal(`${ids[n]}/${event.outcome.code}/${digest(bodies[n]!).slice(0, 12)}`)
      const [letter] = await lettersOf(ids[n]!)
      expect(letter!.routingKey).to.equal(`invalid.${event.outcome.code}`)
      expect(letter!.properties.messageId).to.equal(uuidV5(event.id))
    }
  })

  it('of what is invalid goes by the body where message_id says otherwise, and the sizes come first', async () => {
    const id = uuidOf('the body counts')
    const large = json({ version: 2, id, pad: 'x'.repeat(70_000) })
    const largeId = uuidV5(digest(large))
    const other = json({ version: 2, id, soure: 1 })
    const messages = [
      { body: other, properties: { messageId: uuidOf('other') } },
      { body: large, properties: { contentEncoding: 'gzip' } },
    ]
    const [version, size] = (await ground.answers(messages, [id, largeId])).map(answerOf)
    expect(version!.outcome.code).to.equal('unsupported_version')
    expect(size!.outcome.code, 'never parsed, so its id is not known').to.equal('too_large')
  })

  it('is read up to 65536 bytes, and in the encodings utf-8 and identity', async () => {
    const base = request('release', { consumer: uuidOf('holds nothing') })
    const text = JSON.stringify(base)
    const whole = Buffer.from(text + ' '.repeat(65_536 - text.length))
    await ground.send([{ body: whole }])
    expect((await ground.decision(base.id)).outcome.code).to.equal('nothing_to_do')
    for (const contentEncoding of ['utf-8', 'identity', '']) {
      const asked = request('release', { consumer: uuidOf('holds nothing') })
      await ground.send([{ body: json(asked), properties: { contentEncoding } }])
      expect((await ground.decision(asked.id)).outcome.code).to.equal('nothing_to_do')
    }
  })

  it('leaves everything at rest', async () => {
    expect(await ground.faultsAtRest()).to.deep.equal([])
  }).timeout(30_000)
})
