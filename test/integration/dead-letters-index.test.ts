// The index under acts, on a real Redis: each act once, only on what was read, its messages kept until they are sent.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Act, NewLetter, Outgoing, WholeLetter } from '../../src/dead-letters/desk.ts'
import { upkeep } from '../../src/dead-letters/upkeep.ts'
import type { Store } from '../../src/wire/parts.ts'
import { openGround, uuid, type Ground } from './dead-letters-ground.ts'

const AT = '2026-11-20T00:00:00.000Z'
const ENTRY = { at: AT, what: 'discarded', by: 'anna', why: 'so', request: null }

function newLetter(fields: Partial<NewLetter> = {}): NewLetter {
  return {
    id: uuid(9),
    request: uuid(7),
    operation: 'claim',
    consumer: uuid(1),
    source: null,
    destination: null,
    providers: [],
    code: 'poison',
    class: 'operator',
    effect: 'did_not_happen',
    firstFailedAt: AT,
    lastFailedAt: AT,
    attempts: 1,
    body: Buffer.from([0, 255]),
    headers: {},
    ...fields,
  }
}

function messageOf(messageId: string): Outgoing {
  return {
    exchange: 'x',
    routingKey: 'k',
    body: Buffer.from([255, 0, 13]),
    properties: { messageId, headers: { a: 1 } },
  }
}

describe('the index of the desk under acts', () => {
  let ground: Ground
  let desk: Store['desk']
  before(async () => {
    ground = await openGround()
    desk = ground.store.desk
  })
  after(() => ground.close())

  const taken = async (fields: Partial<NewLetter> = {}): Promise<WholeLetter> => {
    const letter = newLetter(fields)
    await desk.take(letter)
    return ground.letter(letter.id)
  }
  const actOn = (letter: WholeLetter, more: Partial<Act> = {}): Act => {
    return { id: uuid(4), letter, next: { state: 'discarded', before: letter.state }, entry: ENTRY, ...more }
  }
  const listed = async (state: WholeLetter['state']): Promise<string[]> => {
    const found: string[] = []
    for await (const { id } of desk.list({ state })) found.push(id)
    return found
  }
  const openCount = async (): Promise<number> => (await desk.counts()).open.reduce((sum, { count }) => sum + count, 0)

  const watched = async (nowMs: number, limit: number): Promise<string[]> =>
    (await desk.watched(nowMs, limit)).map(({ id }) => id)

  it('changes a letter as a whole: state, lists, counts, history, and what the act says', async () => {
    const [count, letter] = [await openCount(), await taken()]
    expect(await openCount()).to.equal(count + 1)
    const next = { state: 'replayed', effect: 'unknown', replays: 3, watched: true } as const
    expect(await desk.act(actOn(letter, { next }))).to.equal('done')
    const after = await ground.letter(letter.id)
    expect(after).to.deep.equal({ ...letter, ...next, version: 1, history: [...letter.history, ENTRY] })
    expect(await openCount()).to.equal(count)
    expect([await listed('open'), await listed('replayed')].map((ids) => ids.includes(letter.id))).to.deep.equal([
      false,
      true,
    ])
    expect(await watched(0, 1_000)).to.include(letter.id)
    expect(await desk.act(actOn(after, { next: { state: 'open', watched: false } }))).to.equal('done')
    expect(await openCount()).to.equal(count + 1)
    expect((await desk.counts()).oldestAtMs['operator']).to.equal(Date.parse(AT))
    expect(await watched(0, 1_000)).not.to.include(letter.id)
    expect((await ground.letter(letter.id)).history).to.have.length(3)
  })

  it('answers the same act again as done, and changes nothing then', async () => {
    const letter = await taken()
    const act = actOn(letter, { messages: [messageOf(uuid(5))] })
    expect([await desk.act(act), await desk.act(act)]).to.deep.equal(['done', 'done'])
    expect(await ground.letter(letter.id)).to.include({ version: 1, state: 'discarded', before: 'open' })
  })

  it('carries no act out on a letter that others have changed, or that is gone', async () => {
    const letter = await taken()
    expect(await desk.act(actOn(letter, { next: { watched: true } }))).to.equal('done')
    expect(await desk.act(actOn(letter))).to.equal('changed')
    expect(await ground.letter(letter.id)).to.include({ state: 'open', version: 1 })
    expect(await desk.act(actOn({ ...letter, id: uuid(9) }))).to.equal('changed')
    expect(await desk.act(actOn({ ...letter, state: 'told', version: 1 }))).to.equal('changed')
  })

  it('carries out only one act of those that saw the same replay chain', async () => {
    const [one, other] = [await taken(), await taken()]
    const root = uuid(7)
    expect(await desk.chainVersion(root)).to.equal(0)
    const chain = { root, version: 0 }
    expect(await desk.act(actOn(one, { chain }))).to.equal('done')
    expect(await desk.act(actOn(other, { chain }))).to.equal('changed')
    expect(await desk.chainVersion(root)).to.equal(1)
    expect(await desk.act(actOn(other, { chain: { root, version: 1 } }))).to.equal('done')
  })

  it('keeps messages until they are sent, and leaves them to their sender, then to one other at a time', async () => {
    const letter = await taken()
    const messages = [messageOf(uuid(5)), messageOf(uuid(5))]
    const ids = messages.map(({ properties }) => properties.messageId)
    await desk.act(actOn(letter, { messages }))
    const mine = (found: readonly Outgoing[]) => found.filter(({ properties }) => ids.includes(properties.messageId))
    const nowMs = systemClock.nowMs()
    expect(mine(await desk.unsent(nowMs, 100))).to.deep.equal([])
    const later = nowMs + 3_600_000
    expect(mine(await desk.unsent(later, 100))).to.have.deep.members(messages)
    expect(mine(await desk.unsent(later, 100))).to.deep.equal([])
    await desk.sent(ids[0]!)
    await desk.sent(ids[0]!)
    expect(mine(await desk.unsent(later + 3_600_000, 100))).to.deep.equal([messages[1]])
    await desk.sent(ids[1]!)
    expect(mine(await desk.unsent(later + 7_200_000, 100))).to.deep.equal([])
  })

  it('refuses to keep a message without an id', async () => {
    const letter = await taken()
    const messages = [{ ...messageOf(''), properties: { headers: {} } }]
    const failed = await desk.act(actOn(letter, { messages })).catch((failure: Error) => failure.message)
    expect(failed).to.match(/needs a messageId/)
    expect(await ground.letter(letter.id)).to.include({ version: 0 })
  })

  it('forgets no letter that has come into its state meanwhile', async () => {
    const letter = await taken({ class: 'refused' })
    await desk.act(actOn(letter))
    const betweenMs = (await ground.store.serverNowMs()) + 1
    while ((await ground.store.serverNowMs()) <= betweenMs) await desk.counts()
    await desk.act(actOn(await ground.letter(letter.id), { next: { state: 'told' } }))
    // As a list would have it that was read before.
    await ground.store.redis.call('ZADD', [`{${ground.parts.config.redis.namespace}}:letters:told`, 0, letter.id])
    expect(await desk.forget('told', betweenMs)).to.equal(0)
    expect(await ground.letter(letter.id)).to.include({ state: 'told' })
    expect(await desk.forget('told', betweenMs + 3_600_000)).to.equal(1)
    expect(await desk.find(letter.id)).to.deep.equal([])
  })

  it('looks first for those ends that were looked for longest ago', async () => {
    const [one, other] = [await taken(), await taken()]
    for (const letter of [one, other]) await desk.act(actOn(letter, { next: { watched: true } }))
    const all = await watched(1, 1_000)
    expect(all).to.include.members([one.id, other.id])
    const first = await watched(2, 1)
    expect(await watched(3, all.length - 1)).not.to.include(first[0])
  })

  it('reads no letter whole whose end has not come', async () => {
    const letter = await taken()
    await desk.act(actOn(letter, { next: { state: 'replayed', replays: 1, watched: true } }))
    const read: string[] = []
    const find = (id: string): ReturnType<typeof desk.find> => {
      read.push(id)
      return desk.find(id)
    }
    await upkeep({ ...ground.acts(), desk: { ...desk, find } })
    expect(read).to.deep.equal([])
    expect(await watched(6, 1_000)).to.include(letter.id)
  })

  it('awaits the telling of an event that nobody could receive from the first', async () => {
    const letter = await taken({ code: 'event_unroutable' })
    expect(letter.watched).to.equal(true)
    expect(await watched(4, 1_000)).to.include(letter.id)
    await desk.take({ ...newLetter(), id: letter.id })
    expect(await desk.act(actOn(letter, { next: { state: 'resolved', watched: false } }))).to.equal('done')
    await desk.take({ ...newLetter(), id: letter.id, code: 'event_unroutable' })
    expect(await watched(5, 1_000)).not.to.include(letter.id)
  })
})
