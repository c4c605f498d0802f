// A replay that no record tells of any more, on real servers: a way out of it, and never a second effect.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { discard, restore, type Actor } from '../../src/dead-letters/acts.ts'
import { replayId } from '../../src/dead-letters/replay.ts'
import { withChannel } from './broker-under-test.ts'
import { BY, inIndex, openGround, type DeskActs, type Ground, type Wish } from './dead-letters-ground.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const WHY: Actor = { by: 'anna', why: 'the server was deleted' }

describe('a replay that was lost', () => {
  let ground: Ground
  beforeEach(async () => {
    ground = await openGround()
    await ground.startWorker()
  })
  afterEach(() => ground.close())

  /** Acts at a desk whose clock, that of Redis, has gone on. */
  const later = (ms: number): DeskActs => {
    const { nowMs, ...acts } = ground.acts()
    return { ...acts, nowMs: async () => (await nowMs()) + ms }
  }
  /** A refusal that was replayed while no worker runs, its message lost or still waiting. */
  const replayed = async (isLost: boolean): Promise<{ wish: Wish; letter: string; request: string }> => {
    const wish = await ground.refused()
    await ground.stopWorker()
    const { newRequest } = await ground.replay(wish.letter.id)
    expect(newRequest).to.equal(replayId(wish.letter.id, 1))
    const { requests } = ground.parts.names
    if (isLost) await withChannel(ground.url, (channel) => channel.purgeQueue(requests))
    return { wish, letter: wish.letter.id, request: newRequest! }
  }
  const depth = (): Promise<number> => ground.depth(ground.parts.names.requests)
  /** Decisions of a request, each event id once. */
  const decisions = (request: string): string[] => {
    const told = ground.events.filter((event) => event.request === request && event.followed === undefined)
    return [...new Set(told.map(({ id }) => id))]
  }
  /** An event as a worker tells it whose record has expired since. */
  const tell = async (request: string, code: string, ofClass: string): Promise<void> => {
    const event = {
      version: 1,
      time: new Date(systemClock.nowMs()).toISOString(),
      request,
      type: 'x',
      outcome: { code, class: ofClass },
    }
    const body = Buffer.from(JSON.stringify(event))
    const properties = { headers: {}, correlationId: request }
    await ground.broker.publish({ exchange: ground.parts.names.events, routingKey: 'transfer.x', body, properties })
  }

  it('is sent again under the same id when it never came, and is carried out once', async () => {
    const { letter, request, wish } = await replayed(true)
    expect((await ground.replay(letter)).why).to.match(/less than a minute ago/)
    expect(await depth()).to.equal(0)
    const again = await ground.replay(letter, later(2 * MINUTE_MS))
    expect(again).to.include({ result: 'replayed', newRequest: request })
    expect(await depth()).to.equal(1)
    await ground.makeRoom(wish)
    await ground.startWorker()
    expect((await ground.event((told) => told.request === request)).outcome.code).to.equal('applied')
    await ground.catchUp()
    expect(await ground.letter(letter)).to.include({ state: 'resolved' })
  })

  it('is not sent again while its message may still wait; an hour later it is, and has one effect', async () => {
    const { letter, request, wish } = await replayed(false)
    const waits = await ground.replay(letter, later(2 * MINUTE_MS))
    expect(waits.result).to.equal('refused')
    expect(waits.why).to.match(/1 messages wait for a worker, and it may be among them/)
    const acts = later(2 * HOUR_MS)
    const results = await Promise.all(Array.from({ length: 4 }, () => ground.replay(letter, acts)))
    expect(new Set(results.map(({ newRequest }) => newRequest ?? request))).to.deep.equal(new Set([request]))
    expect(await depth()).to.be.greaterThan(1)
    await ground.makeRoom(wish)
    await ground.startWorker()
    await ground.event((told) => told.request === request)
    while ((await depth()) > 0) await ground.catchUp()
    expect(decisions(request)).to.deep.equal([`${request}/applied`])
    const { allocations } = (await ground.store.books.consumer(wish.consumer))!
    expect(Object.keys(allocations)).to.deep.equal([wish.destination])
  })

  it('is known from the events journal when its record has gone: a failure lets the next one go', async () => {
    const { letter, request } = await replayed(true)
    await tell(request, 'capacity_exceeded', 'refused')
    const next = await ground.replay(letter, later(30 * DAY_MS))
    expect(next).to.include({ result: 'replayed', newRequest: replayId(letter, 2) })
    expect((await ground.letter(letter)).history.map(({ what, why }) => [what, why])).to.deep.equal([
      ['taken in', null],
      ['replayed', null],
      ['replay failed', 'capacity_exceeded'],
      ['replayed', null],
    ])
  })

  it('is known from the events journal when its record has gone: a success resolves the letter', async () => {
    const { letter, request } = await replayed(true)
    await tell(request, 'id_reused', 'invalid') // answers other bytes under the id, and says nothing of it
    await tell(request, 'applied', 'done')
    expect(await ground.replay(letter, later(30 * DAY_MS))).to.include({ result: 'refused' })
    expect(await depth()).to.equal(0)
    expect(await ground.letter(letter)).to.include({ state: 'resolved' })
  })

  it('is never sent again when the journal may have forgotten it; its letter can be discarded', async () => {
    const { letter } = await replayed(true)
    const acts = later(8 * DAY_MS)
    const refused = await ground.replay(letter, acts)
    expect(refused.result).to.equal('refused')
    expect(refused.why).to.match(/nothing tells any more whether it was carried out/)
    expect(await depth()).to.equal(0)
    expect(await discard(letter, WHY, acts)).to.include({ result: 'discarded' })
    await restore(letter, BY, acts)
    expect(await ground.replay(letter, acts)).to.include({ result: 'refused' })
  })

  it('is never sent again when the events journal does not reach back behind it', async () => {
    const { letter, request } = await replayed(true)
    const { witnesses, ...acts } = later(2 * MINUTE_MS)
    const cut = {
      ...witnesses,
      heardOf: async () => ({ ...(await witnesses.heardOf(request)), sinceMs: systemClock.nowMs() }),
    }
    expect((await ground.replay(letter, { ...acts, witnesses: cut })).why).to.match(/nothing tells any more/)
    expect(await depth()).to.equal(0)
  })

  it('is called off when its letter is discarded: should it come after all, it ends cancelled', async () => {
    const { letter, request } = await replayed(false)
    expect(await discard(letter, WHY, ground.acts())).to.include({ result: 'refused' })
    expect(await discard(letter, WHY, later(2 * MINUTE_MS))).to.include({ result: 'discarded' })
    await ground.startWorker()
    expect((await ground.event((told) => told.request === request)).outcome.code).to.equal('cancelled')
    await inIndex(ground, request)
    await restore(letter, BY, ground.acts())
    expect(await ground.replay(letter)).to.include({ result: 'replayed', newRequest: replayId(letter, 2) })
  })
})
