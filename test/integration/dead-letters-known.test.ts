// What the desk finds out: unknown effects reconciled, events told again, and a lost index rebuilt, on real servers.
import { connect, type ChannelModel } from 'amqplib'
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { discard, restore } from '../../src/dead-letters/acts.ts'
import { rebuild, type Rebuilt } from '../../src/dead-letters/rebuild.ts'
import { reconcile } from '../../src/dead-letters/reconcile.ts'
import { replayId } from '../../src/dead-letters/replay.ts'
import { upkeep } from '../../src/dead-letters/upkeep.ts'
import { decisionOf, eventOf, type Decision } from '../../src/transfer/event.ts'
import { letterHeaders, type Flat } from '../../src/transfer/letter.ts'
import { outcome } from '../../src/transfer/outcome.ts'
import { BY, inIndex, openGround, uuid, type Ground } from './dead-letters-ground.ts'

const OWNER = { type: 'INSTANCE', project: 'p', user: 'u' }
const AT = '2026-11-20T00:00:00.000Z'

/** A transfer of 2 VCPU, with `outcome_unknown` as its decision. */
function unknownTransfer(): { request: Transfer; body: Buffer; decision: Decision; headers: Flat } {
  const request = { id: uuid(7), consumer: uuid(1), source: uuid(2), destination: uuid(3) }
  const { id, ...parties } = request
  const view = (provider: string) => ({
    [request.consumer]: { generation: 1, type: 'INSTANCE', allocations: held(provider) },
  })
  const event = eventOf({
    identity: { id, operation: 'transfer', migration: null, origin: 'none', context: {}, replayOf: null, ...parties },
    outcome: outcome('outcome_unknown', 'No answer came.'),
    before: view(request.source),
    after: view(request.destination),
    time: AT,
    attempts: 1,
    worker: 'w',
    durationMs: 1,
  })
  const sent = { exchange: '', routingKey: '', worker: 'w', workerVersion: '0' }
  const headers = letterHeaders(event, { firstFailedAt: AT, lastFailedAt: AT, ...sent })
  const body = Buffer.from(JSON.stringify({ version: 1, operation: 'transfer', ...request }))
  return { request, body, headers, decision: decisionOf(event, headers) }
}

interface Transfer {
  readonly id: string
  readonly consumer: string
  readonly source: string
  readonly destination: string
}

const held = (provider: string) => ({ [provider]: { VCPU: 2 } })

/** A request decided as `outcome_unknown`, with or without its write in the books. Gives the id of its letter. */
async function undecidedWrite(ground: Ground, isWritten: boolean): Promise<string> {
  const { journal, ledger, locks, books } = ground.store
  const { request, body, headers, decision } = unknownTransfer()
  const { id, consumer, source, destination } = request
  const providers = [source, destination].map((one) => ({ id: one, name: one, inventories: { VCPU: { total: 8 } } }))
  const consumers = [{ id: consumer, ...OWNER, allocations: held(source) }]
  expect((await books.seed({ providers, consumers }, { replace: false })).violations).to.deep.equal([])
  const session = uuid(6)
  await locks.heartbeat(session, 60_000, true)
  const entry = { id, digest: 'd', operation: 'transfer', body, properties: '{}', exchange: '', routingKey: '' }
  const scope = { consumers: [consumer], providers: [source, destination], held: false }
  const begun = await journal.begin(entry, scope, `${session}.1`, true)
  if (begun.kind !== 'begun') throw new Error(`it is ${begun.kind}`)
  const { processing, ticket } = begun
  const before = (await ledger.snapshot(scope)).consumers[consumer]!
  const after = { generation: before.nextGeneration, ...OWNER, allocations: held(destination) }
  if (isWritten) {
    const write = { changes: [{ before, after }], guards: [], providers: {}, moves: { put: [] } }
    const attempt = { request: id, token: processing.token, ticket: ticket.number, number: processing.attempt }
    expect(await ledger.apply(write, attempt, decision)).to.include({ kind: 'applied', decided: true })
  } else expect(await journal.decide(processing, decision, { put: [] })).to.equal('decided')
  const exchange = ground.parts.names.deadLetters
  const routingKey = 'operator.outcome_unknown'
  await ground.broker.publish({ exchange, routingKey, body, properties: { headers } })
  return (await inIndex(ground, id)).id
}

describe('what the desk finds out', () => {
  let ground: Ground
  beforeEach(async () => {
    ground = await openGround()
  })
  afterEach(() => ground.close())

  describe('of an unknown effect', () => {
    it('is that it happened, where the ledger has the write: the letter is resolved, and that is told', async () => {
      const id = await undecidedWrite(ground, true)
      expect(await ground.replay(id)).to.include({ result: 'refused' })
      const letter = await ground.letter(id)
      const known = await reconcile(letter, 'anna', ground.acts())
      const why = 'the ledger has the write of attempt 1'
      const { request, code } = letter
      expect(known).to.deep.equal({
        id,
        request,
        code,
        effect: 'happened',
        isNew: true,
        state: 'resolved',
        stands: 'after',
        why,
      })
      const told = await ground.event(({ followed }) => followed?.what === 'reconciled')
      expect(told.followed).to.deep.equal({ what: 'reconciled', by: 'anna', why, request: null, effect: 'happened' })
      expect(told.outcome).to.include({ code: 'outcome_unknown', effect: 'unknown' })
      const after = await ground.letter(id)
      expect(after).to.include({ state: 'resolved', effect: 'happened' })
      expect(after.headers).to.include({ 'dl-effect': 'unknown' })
      expect(await reconcile(after, 'anna', ground.acts())).to.include({ isNew: false, effect: 'happened' })
      expect((await ground.replay(id)).result).to.equal('refused')
    })

    it('is nothing, where the ledger has nothing: it stays unknown, and nothing is told', async () => {
      const id = await undecidedWrite(ground, false)
      const known = await reconcile(await ground.letter(id), 'anna', ground.acts())
      expect(known).to.include({ effect: 'unknown', isNew: false, state: 'open', stands: 'before' })
      expect(known.why).to.match(/proves nothing/)
      expect(await ground.letter(id)).to.include({ state: 'open', effect: 'unknown', version: 0 })
      expect(ground.events).to.deep.equal([])
      expect((await ground.replay(id)).why).to.match(/reconcile/)
    })

    it('is what the journal has decided, where the letter says less', async () => {
      await ground.startWorker()
      const { request, letter } = await ground.refused()
      const headers = { ...letter.headers, 'dl-id': uuid(9), 'dl-reason': 'outcome_unknown', 'dl-class': 'operator' }
      const body = letter.body
      await ground.broker.publish({
        exchange: ground.parts.names.deadLetters,
        routingKey: 'operator.outcome_unknown',
        body,
        properties: { headers: { ...headers, 'dl-effect': 'unknown' } },
      })
      const vague = await inIndex(ground, headers['dl-id'])
      const known = await reconcile(vague, 'anna', ground.acts())
      expect(known).to.include({ effect: 'did_not_happen', isNew: true, state: 'open' })
      expect(known.why).to.equal('the journal has it decided as capacity_exceeded')
      await ground.makeRoom({ request, consumer: letter.consumer!, destination: letter.destination! })
      expect(await ground.replay(vague.id)).to.include({ result: 'replayed', newRequest: replayId(vague.id, 1) })
    })
  })

  describe('of an event that nobody could receive', () => {
    let model: ChannelModel | null = null
    afterEach(async () => {
      await model?.close()
      model = null
    })

    /** A claim that is applied while the events exchange has no queue; gives its request and its unroutable letter. */
    async function untold(): Promise<{ request: string; consumer: string; letter: string; bind: () => Promise<void> }> {
      await ground.startWorker()
      const wish = await ground.refused()
      await ground.makeRoom(wish)
      const { events, eventsJournal } = ground.parts.names
      model = await connect(ground.url)
      const channel = await model.createChannel()
      await channel.unbindQueue(eventsJournal, events, '#')
      await (await ground.parts.reader()).close()
      const request = { ...wish.request, id: uuid(7) }
      const body = Buffer.from(JSON.stringify(request))
      const { requests } = ground.parts.names
      await ground.broker.publish({
        exchange: requests,
        routingKey: 'transfer.claim',
        body,
        properties: { headers: {} },
      })
      for (;;) {
        const [letter] = await ground.store.desk.find(request.id)
        if (letter === undefined) {
          await systemClock.sleep(10)
          continue
        }
        expect(letter).to.include({ code: 'event_unroutable', effect: 'happened', state: 'open', watched: true })
        await ground.stopWorker()
        return {
          request: request.id,
          consumer: wish.consumer,
          letter: letter.id,
          bind: async () => {
            await channel.bindQueue(eventsJournal, events, '#')
          },
        }
      }
    }

    it('is told again by a replay, byte for byte, as soon as there is a route; nothing is applied again', async () => {
      const { request, consumer, letter, bind } = await untold()
      const before = await ground.store.books.dump()
      expect(await ground.replay(letter)).to.include({ result: 'refused' })
      await bind()
      expect(await ground.replay(letter)).to.deep.include({ result: 'told_again', newRequest: null })
      const told: Buffer[] = []
      await ground.broker.readStreamToEnd(ground.parts.names.eventsJournal, 'first', ({ body, properties }) => {
        if (properties.correlationId === request) told.push(body)
      })
      const record = await ground.store.journal.show(request)
      expect(record).to.include({ state: 'told', code: 'applied', attempts: 1 })
      expect(told.map(String)).to.deep.equal([record!.event])
      expect(await ground.store.books.dump()).to.deep.equal(before)
      expect(before.consumers.map(({ id }) => id)).to.include(consumer)
      expect(await ground.letter(letter)).to.include({ state: 'resolved', replays: 0 })
      expect(await ground.depth(ground.parts.names.requests)).to.equal(0)
      expect((await ground.replay(letter)).result).to.equal('refused')
    })

    it('is nothing while it is discarded, also once it was told; restored it is closed', async () => {
      const { request, letter } = await untold()
      await discard(letter, { by: 'anna', why: 'known' }, ground.acts())
      await ground.store.journal.told([request])
      await upkeep(ground.acts())
      expect(await ground.letter(letter)).to.include({ state: 'discarded', watched: false })
      await restore(letter, BY, ground.acts())
      await upkeep(ground.acts())
      expect(await ground.letter(letter)).to.include({ state: 'resolved', watched: false })
    })

    it('is that it has been told, where a worker has done so meanwhile', async () => {
      const { request, letter } = await untold()
      await upkeep(ground.acts())
      expect(await ground.letter(letter)).to.include({ state: 'open' })
      await ground.store.journal.told([request])
      await upkeep(ground.acts())
      expect(await ground.letter(letter)).to.include({ state: 'resolved', watched: false })
    })
  })

  describe('of an index that is lost', () => {
    const rebuilt = (toldDays = 7): Promise<Rebuilt> => {
      const { names } = ground.parts
      const read = (stream: string, onMessage: Parameters<typeof ground.broker.readStreamToEnd>[2]) =>
        ground.broker.readStreamToEnd(stream, 'first', onMessage)
      const clock = ground.acts().clock
      return rebuild({ desk: ground.store.desk, names, clock, read, toldDays, onLetter: () => undefined })
    }
    const lose = async (): Promise<void> => {
      const keys = await ground.store.redis.call('KEYS', [`{${ground.parts.config.redis.namespace}}:letter*`])
      await ground.store.redis.call('DEL', keys as string[])
    }
    const all = async (): Promise<unknown[]> => {
      const found: unknown[] = []
      for await (const { id } of ground.store.desk.list({ state: 'all' })) {
        const { version: _version, history, ...rest } = await ground.letter(id)
        found.push({ ...rest, history: history.slice(1) })
      }
      return found
    }

    it('is every letter, and all that was done with it; a second time there is nothing to add', async () => {
      await ground.startWorker()
      const wishes = []
      for (let n = 0; n < 5; n++) wishes.push(await ground.refused())
      const [plain, gone, back, tried, waits] = wishes.map(({ letter }) => letter.id) as [
        string,
        string,
        string,
        string,
        string,
      ]
      const unknown = await undecidedWrite(ground, true)
      await reconcile(await ground.letter(unknown), 'anna', ground.acts())
      await discard(gone, { ...BY, why: 'gone' }, ground.acts())
      await discard(back, { ...BY, why: 'wrong' }, ground.acts())
      await restore(back, BY, ground.acts())
      await ground.replay(tried)
      await inIndex(ground, replayId(tried, 1))
      await ground.replay(tried)
      await inIndex(ground, replayId(tried, 2))
      await ground.stopWorker()
      await ground.replay(waits)
      await ground.broker.publish({
        exchange: ground.parts.names.deadLetters,
        routingKey: 'operator.broker',
        body: Buffer.from('{}'),
        properties: { headers: {} },
      })
      const states = async (): Promise<string[]> =>
        Promise.all([plain, gone, back, tried, waits, unknown].map(async (id) => (await ground.letter(id)).state))
      const before = { letters: await all(), states: await states(), counts: await ground.store.desk.counts() }
      expect(before.states).to.deep.equal(['told', 'discarded', 'told', 'replayed', 'replayed', 'resolved'])
      await lose()
      expect(await ground.store.desk.find(plain)).to.deep.equal([])
      expect(await rebuilt()).to.deep.equal({ letters: 8, taken: 8, acts: 7 })
      await upkeep(ground.acts())
      expect({
        letters: withoutEnds(await all()),
        states: await states(),
        counts: await ground.store.desk.counts(),
      }).to.deep.equal({
        ...before,
        letters: withoutEnds(before.letters),
      })
      expect(await rebuilt()).to.deep.equal({ letters: 8, taken: 0, acts: 0 })
      // The numbers of replays go on where they were.
      await ground.startWorker()
      expect(await ground.replay(tried)).to.include({ newRequest: replayId(tried, 3) })
    })

    it('leaves out old news', async () => {
      await ground.startWorker()
      const { letter } = await ground.refused()
      const body = letter.body
      const headers: Record<string, string | number | boolean> & { 'dl-id': string } = {
        ...letter.headers,
        'dl-id': uuid(9),
        'dl-last-failed-at': AT,
        'dl-first-failed-at': AT,
      }
      const work = { ...headers, 'dl-id': uuid(9), 'dl-class': 'operator', 'dl-reason': 'poison' }
      for (const given of [headers, work]) {
        await ground.broker.publish({
          exchange: ground.parts.names.deadLetters,
          routingKey: `${given['dl-class']}.${given['dl-reason']}`,
          body,
          properties: { headers: given },
        })
      }
      for (const given of [headers, work]) await inIndex(ground, given['dl-id'])
      await ground.stopWorker()
      await lose()
      const oldDays = (ground.acts().clock.nowMs() - Date.parse(AT)) / 86_400_000
      expect(await rebuilt(Math.floor(oldDays))).to.deep.equal({ letters: 2, taken: 2, acts: 0 })
      expect(await ground.store.desk.find(headers['dl-id'])).to.deep.equal([])
      expect(await ground.letter(work['dl-id'])).to.include({ state: 'open' })
    })
  })
})

/** Letters without what upkeep notes by itself, which no event tells. */
function withoutEnds(letters: readonly unknown[]): unknown[] {
  return (letters as { history: { what: string }[] }[]).map(({ history, ...rest }) => ({
    ...rest,
    history: history.filter(({ what }) => !what.startsWith('replay ')),
  }))
}
