// A desk that dies on the way: whatever was written down is sent once more, under the same id, and takes effect once.
import { expect } from 'chai'
import type { Outgoing, Publisher } from '../../src/broker/broker.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { discard, restore } from '../../src/dead-letters/acts.ts'
import { replayId } from '../../src/dead-letters/replay.ts'
import { upkeep } from '../../src/dead-letters/upkeep.ts'
import { Unanswered } from '../../src/retry/failures.ts'
import { BY, openGround, type Ground } from './dead-letters-ground.ts'

describe('a desk that dies', () => {
  let ground: Ground
  beforeEach(async () => {
    ground = await openGround()
    await ground.startWorker()
  })
  afterEach(() => ground.close())

  /** Dies with its `dies`th message, once that has reached the broker or before. */
  const mortal = (dies: number, reaches: boolean): Publisher & { readonly sent: readonly Outgoing[] } => {
    const sent: Outgoing[] = []
    return {
      sent,
      publish: async (message) => {
        const isLast = sent.push(message) === dies
        if (!isLast || reaches) await ground.broker.publish(message)
        if (isLast) throw new Unanswered('the desk died')
        return 'routed'
      },
    }
  }
  const dying = async (act: Promise<unknown>): Promise<void> => {
    const died = await act.then(
      () => 'lived on',
      (failure: Error) => failure.message,
    )
    expect(died).to.equal('the desk died')
  }
  /** What another desk, or a worker's intake, does a while later. */
  const later = (aheadMs = 60_000): Promise<void> => upkeep(ground.acts({ aheadMs }))

  for (const reaches of [false, true]) {
    const when = reaches ? 'after its request was published' : 'before its request was published'
    it(`${when} leaves one replay, which takes effect once`, async () => {
      const wish = await ground.refused()
      await ground.makeRoom(wish)
      await ground.stopWorker()
      const publisher = mortal(1, reaches)
      await dying(ground.replay(wish.letter.id, ground.acts({ publisher })))
      const { requests } = ground.parts.names
      expect(await ground.depth(requests)).to.equal(reaches ? 1 : 0)
      const request = replayId(wish.letter.id, 1)
      // Too early it is left to the desk that wrote it down; and nobody makes a second replay of it.
      await upkeep(ground.acts())
      expect(await ground.depth(requests)).to.equal(reaches ? 1 : 0)
      expect((await ground.replay(wish.letter.id)).why).to.include(
        `no decision on request ${request} of its replay chain is known`,
      )
      await later()
      expect(await ground.depth(requests)).to.equal(reaches ? 2 : 1)
      const followed = await ground.event((told) => told.request === wish.request.id && told.followed !== undefined)
      expect(followed.followed).to.include({ what: 'replayed', request })
      await ground.startWorker()
      await ground.event((told) => told.request === request)
      while ((await ground.depth(requests)) > 0) await systemClock.sleep(10)
      await ground.stopWorker()
      const told = ground.events.filter((event) => event.request === request)
      expect(new Set(told.map((event) => JSON.stringify(event))).size).to.equal(1)
      expect(told[0]!.outcome.code).to.equal('applied')
      const { consumers } = await ground.store.books.dump()
      expect(consumers.find(({ id }) => id === wish.consumer)).to.deep.include({
        allocations: { [wish.destination]: { VCPU: 2 } },
      })
      await later()
      expect(await ground.depth(requests)).to.equal(0)
      expect(await ground.letter(wish.letter.id)).to.include({ state: 'resolved', replays: 1 })
      expect(await ground.store.desk.unsent(systemClock.nowMs() + 3_600_000, 100)).to.deep.equal([])
    })
  }

  it('before it told what it did has it told by another, under the id and time of the act', async () => {
    const wish = await ground.refused()
    const publisher = mortal(1, false)
    await dying(discard(wish.letter.id, { ...BY, why: 'gone' }, ground.acts({ publisher })))
    expect(await ground.letter(wish.letter.id)).to.include({ state: 'discarded' })
    await later()
    const { id } = await ground.event((told) => told.followed?.what === 'discarded')
    expect(id).to.equal(publisher.sent[0]!.properties.messageId)
    // Long after it was left to the one that sent it; and what comes next shows all that came before.
    await later(3_600_000)
    expect(await ground.store.desk.unsent(systemClock.nowMs() + 7_200_000, 100)).to.deep.equal([])
    await restore(wish.letter.id, BY, ground.acts())
    await ground.event((told) => told.followed?.what === 'restored')
    const told = ground.events.flatMap(({ followed }) => (followed === undefined ? [] : [followed.what]))
    expect(told).to.deep.equal(['discarded', 'restored'])
  })

  it('keeps what no queue receives, and sends it when there is one', async () => {
    const wish = await ground.refused()
    const unroutable: Publisher = { publish: async () => 'unroutable' }
    const given = ground.acts({ publisher: unroutable })
    expect(await discard(wish.letter.id, { ...BY, why: 'gone' }, given)).to.include({ result: 'discarded' })
    await upkeep(given)
    await later()
    expect((await ground.event((told) => told.followed !== undefined)).followed).to.include({ why: 'gone' })
  })
})
