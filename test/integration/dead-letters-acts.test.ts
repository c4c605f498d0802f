// Acting on letters, on real servers: discard, restore, replay and its chain; what is told, and how long it is kept.
import { expect } from 'chai'
import { discard, restore } from '../../src/dead-letters/acts.ts'
import { replayId } from '../../src/dead-letters/replay.ts'
import { upkeep } from '../../src/dead-letters/upkeep.ts'
import { BY, inIndex, openGround, uuid, type Ground } from './dead-letters-ground.ts'

describe('acting at the desk', () => {
  let ground: Ground
  beforeEach(async () => {
    ground = await openGround()
    await ground.startWorker()
  })
  afterEach(() => ground.close())

  const reason = { by: 'anna', why: 'the server was deleted' }
  const followUps = (request: string) =>
    ground.events.filter((event) => event.request === request && event.followed !== undefined)

  it('discards with a reason and restores, and tells both without changing the decision', async () => {
    const { letter, request } = await ground.refused()
    const decided = await ground.event((event) => event.request === request.id)
    expect(await discard(letter.id, reason, ground.acts())).to.include({ result: 'discarded', request: request.id })
    expect(await ground.letter(letter.id)).to.include({ state: 'discarded', before: 'told' })
    expect((await ground.store.desk.counts()).told).to.equal(0)
    expect(await discard(letter.id, reason, ground.acts())).to.include({ result: 'unchanged' })
    expect(await ground.replay(letter.id)).to.include({ result: 'refused' })
    expect(await restore(request.id, BY, ground.acts())).to.include({ result: 'restored', id: letter.id })
    expect(await restore(letter.id, BY, ground.acts())).to.include({ result: 'unchanged' })
    const { history, ...standing } = await ground.letter(letter.id)
    expect(standing).to.deep.include({ state: 'told', effect: 'did_not_happen', version: 2 })
    expect(history.map(({ what, by, why }) => [what, by, why])).to.deep.equal([
      ['taken in', null, null],
      ['discarded', 'anna', 'the server was deleted'],
      ['restored', 'anna', null],
    ])
    const told = await ground.event(({ followed, request: id }) => id === request.id && followed?.what === 'restored')
    const [first, ...more] = followUps(request.id)
    expect(more).to.deep.equal([told])
    const { id, time, type, followed, ...rest } = first!
    const { id: _id, time: _time, type: _type, ...same } = decided
    expect(rest).to.deep.equal(same)
    expect(id).to.equal(`${request.id}/discarded/${Date.parse(time)}`)
    expect(type).to.equal('ferryman.transfer.followed')
    expect(followed).to.deep.equal({
      what: 'discarded',
      by: 'anna',
      why: 'the server was deleted',
      request: null,
      effect: 'did_not_happen',
    })
    expect(told.followed).to.include({ what: 'restored', why: null })
  })

  it('says so where there is no such letter', async () => {
    for (const act of [discard, restore]) {
      expect(await act(uuid(9), BY, ground.acts())).to.include({ result: 'not_found', request: null })
    }
    expect(await ground.replay(uuid(9))).to.include({ result: 'not_found' })
  })

  it('replays a refusal once there is room: applied, told, and the letter resolved', async () => {
    const wish = await ground.refused()
    await ground.makeRoom(wish)
    const replayed = await ground.replay(wish.letter.id)
    const request = replayId(wish.letter.id, 1)
    expect(replayed).to.deep.equal({
      id: wish.letter.id,
      request: wish.request.id,
      result: 'replayed',
      newRequest: request,
      why: null,
    })
    const event = await ground.event((told) => told.request === request)
    expect(event).to.deep.include({ replayOf: wish.request.id, operation: 'claim', destination: wish.destination })
    expect(event.outcome.code).to.equal('applied')
    const followed = await ground.event((told) => told.request === wish.request.id && told.followed !== undefined)
    expect(followed.followed).to.deep.equal({
      what: 'replayed',
      by: 'anna',
      why: null,
      request,
      effect: 'did_not_happen',
    })
    expect(followed.outcome.code).to.equal('capacity_exceeded')
    const { desk, serverNowMs } = ground.store
    expect(await desk.unsent((await serverNowMs()) + 3_600_000, 100)).to.deep.equal([])
    await ground.catchUp()
    const { state, history, watched } = await ground.letter(wish.letter.id)
    expect({ state, watched }).to.deep.equal({ state: 'resolved', watched: false })
    expect(history.map(({ what, request: id }) => [what, id])).to.deep.equal([
      ['taken in', null],
      ['replayed', request],
      ['replay succeeded', request],
    ])
    expect(await ground.replay(wish.letter.id)).to.include({
      result: 'refused',
      why: 'it is resolved: nothing is left to do',
    })
  })

  it('is one replay when many desks replay the same letter at once', async () => {
    const wish = await ground.refused()
    await ground.stopWorker()
    const results = await Promise.all(Array.from({ length: 12 }, () => ground.replay(wish.letter.id)))
    const done = results.filter(({ result }) => result === 'replayed')
    expect(done.map(({ newRequest }) => newRequest)).to.deep.equal([replayId(wish.letter.id, 1)])
    expect(new Set(results.map(({ result }) => result))).to.deep.equal(new Set(['replayed', 'refused']))
    expect(await ground.depth(ground.parts.names.requests)).to.equal(1)
    expect(await ground.letter(wish.letter.id)).to.include({ state: 'replayed', replays: 1, watched: true })
    expect(followUps(wish.request.id)).to.have.length(1)
  })

  it('refuses a replay while an earlier one is not decided, and counts on when that failed', async () => {
    const wish = await ground.refused()
    await ground.stopWorker()
    const first = (await ground.replay(wish.letter.id)).newRequest!
    const waits = await ground.replay(wish.letter.id)
    expect(waits).to.include({ result: 'refused' })
    expect(waits.why).to.include(`no decision on request ${first} of its replay chain is known`)
    expect(await discard(wish.letter.id, reason, ground.acts())).to.include({ result: 'refused' })
    await ground.startWorker()
    expect((await ground.event((told) => told.request === first)).outcome.code).to.equal('capacity_exceeded')
    const second = await inIndex(ground, first)
    expect(await ground.letter(wish.letter.id)).to.include({ state: 'replayed', watched: false })
    await ground.makeRoom(wish)
    expect(await ground.replay(wish.letter.id)).to.include({ newRequest: replayId(wish.letter.id, 2) })
    await ground.event((told) => told.request === replayId(wish.letter.id, 2))
    await ground.catchUp()
    expect((await ground.letter(wish.letter.id)).history.map(({ what, why }) => [what, why])).to.deep.equal([
      ['taken in', null],
      ['replayed', null],
      ['replay failed', 'capacity_exceeded'],
      ['replayed', null],
      ['replay succeeded', 'applied'],
    ])
    // The letter of the first replay wants what has happened by now.
    expect(await ground.letter(second.id)).to.include({ state: 'resolved' })
  })

  it('takes the whole chain into account, from whichever letter it is seen', async () => {
    const wish = await ground.refused()
    const first = (await ground.replay(wish.letter.id)).newRequest!
    await ground.event((told) => told.request === first)
    const second = await inIndex(ground, first)
    await ground.stopWorker()
    const [one, other] = await Promise.all([ground.replay(wish.letter.id), ground.replay(second.id)])
    expect([one.result, other.result].sort()).to.deep.equal(['refused', 'replayed'])
    expect(await ground.depth(ground.parts.names.requests)).to.equal(1)
    const last = (one.newRequest ?? other.newRequest)!
    for (const id of [wish.letter.id, second.id]) {
      expect((await ground.replay(id)).why).to.include(`no decision on request ${last} of its replay chain is known`)
    }
    await ground.makeRoom(wish)
    await ground.startWorker()
    expect((await ground.event((told) => told.request === last)).outcome.code).to.equal('applied')
    for (const id of [wish.letter.id, second.id]) expect(await ground.replay(id)).to.include({ result: 'refused' })
    await ground.catchUp()
    for (const id of [wish.letter.id, second.id]) expect(await ground.letter(id)).to.include({ state: 'resolved' })
  })

  it('knows how an earlier replay ended also when the journal and the index have forgotten it', async () => {
    const wish = await ground.refused()
    const first = (await ground.replay(wish.letter.id)).newRequest!
    await inIndex(ground, first)
    await ground.catchUp()
    await ground.stopWorker()
    const { store } = ground
    await store.redis.call('DEL', [store.keys.record(first)])
    expect(await store.journal.show(first)).to.equal(null)
    expect(await store.desk.forget('told', (await store.serverNowMs()) + 60_000)).to.equal(1)
    expect(await ground.replay(wish.letter.id)).to.include({ newRequest: replayId(wish.letter.id, 2) })
  })

  it('takes a request into account that a sender has tried again by itself', async () => {
    const wish = await ground.refused()
    const byHand = { ...wish.request, id: uuid(7), replayOf: wish.request.id }
    await ground.decided(byHand)
    const letter = await inIndex(ground, byHand.id)
    await ground.stopWorker()
    const { newRequest } = await ground.replay(letter.id)
    expect(newRequest).to.equal(replayId(letter.id, 1))
    expect((await ground.replay(letter.id)).why).to.include(`no decision on request ${newRequest}`)
    expect(await ground.depth(ground.parts.names.requests)).to.equal(1)
    // What it says that it replays is not known to anybody: so it may have happened.
    await ground.startWorker()
    const forged = { ...wish.request, id: uuid(7), replayOf: uuid(7) }
    await ground.decided(forged)
    const { id } = await inIndex(ground, forged.id)
    expect((await ground.replay(id)).why).to.include(`no decision on request ${forged.replayOf}`)
  })

  it('tells the letter of a decision from those that answer other bytes under its id', async () => {
    const wish = await ground.refused()
    const { names } = ground.parts
    const invalid = async (request: string): Promise<string> => {
      const id = uuid(9)
      const headers = { 'dl-id': id, 'dl-request-id': request, 'dl-class': 'invalid', 'dl-reason': 'id_reused' }
      const properties = { headers: { ...headers, 'dl-effect': 'did_not_happen' } }
      const body = wish.letter.body
      await ground.broker.publish({ exchange: names.deadLetters, routingKey: 'invalid.id_reused', body, properties })
      return (await inIndex(ground, id)).id
    }
    const answer = await invalid(wish.request.id)
    expect(await ground.replay(answer)).to.include({ result: 'refused', id: answer })
    await ground.stopWorker()
    const { id, newRequest } = await ground.replay(wish.request.id)
    expect(id).to.equal(wish.letter.id)
    // Bytes that were refused under the id of the replay decide nothing of it.
    await invalid(newRequest!)
    expect((await ground.replay(wish.letter.id)).why).to.include(`no decision on request ${newRequest}`)
  })

  it('keeps what is closed for its time, and a replay that is not decided for longer', async () => {
    const [gone, waits, news] = [await ground.refused(), await ground.refused(), await ground.refused()]
    await ground.stopWorker()
    await discard(gone.letter.id, reason, ground.acts())
    await ground.replay(waits.letter.id)
    const { desk } = ground.store
    const nowMs = await ground.store.serverNowMs()
    expect(await desk.forget('discarded', nowMs - 60_000)).to.equal(0)
    expect(await desk.forget('discarded', nowMs + 60_000)).to.equal(1)
    expect(await desk.forget('replayed', nowMs + 60_000)).to.equal(0)
    expect(await desk.find(gone.letter.id)).to.deep.equal([])
    // A told letter that was restored waits as long as a new one.
    await discard(news.letter.id, reason, ground.acts())
    const betweenMs = (await ground.store.serverNowMs()) + 1
    while ((await ground.store.serverNowMs()) <= betweenMs) await upkeep(ground.acts())
    await restore(news.letter.id, BY, ground.acts())
    expect(await desk.forget('told', betweenMs)).to.equal(0)
    expect(await ground.letter(news.letter.id)).to.include({ state: 'told' })
  })
})
