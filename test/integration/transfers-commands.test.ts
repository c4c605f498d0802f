// `ferryman transfers stuck` and `cancel` on real servers: what has been under way for long, and calling a request off.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { loadConfig } from '../../src/config.ts'
import type { Begun } from '../../src/journal/journal.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { openParts, type Parts, type Store } from '../../src/wire/parts.ts'
import { inProcess } from '../support/in-process.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import { moverOf, moversBooks, moves, requestOf } from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'
import type { Run } from '../support/program.ts'

const linesOf = ({ out }: Run): Record<string, unknown>[] =>
  out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))

describe('ferryman transfers stuck', () => {
  let site: Installation
  let parts: Parts
  let store: Store
  before(async () => {
    site = await openInstallation()
    await site.seed(moversBooks(4))
    parts = openParts(loadConfig({ env: site.env }).config, systemClock, new Telemetry())
    store = await parts.store()
  })
  after(async () => {
    await parts.close()
    await site.close()
  })

  const [LIVING, DYING] = ['host-a:17/one', 'host-b:18/two'] as const
  const requests = moves(4) as readonly (Record<string, unknown> & { id: string; consumer: string })[]
  const stuck = (...words: string[]): Promise<Run> => inProcess(['transfers', 'stuck', ...words], site.env)
  const found = async (id: string): Promise<Record<string, unknown> | undefined> =>
    linesOf(await stuck('--older-than', '1ms', '--json')).find((line) => line['id'] === id)
  const begin = async (
    request: (typeof requests)[number],
    token: string,
  ): Promise<Extract<Begun, { kind: 'begun' }>> => {
    const body = Buffer.from(JSON.stringify(request))
    const entry = { id: request.id, digest: request.id, operation: 'claim', body }
    const scope = { consumers: [request.consumer], providers: [], held: false }
    const sender = { properties: '{}', exchange: '', routingKey: '' }
    const begun = await store.journal.begin({ ...entry, ...sender }, scope, token, true, true)
    if (begun.kind !== 'begun') throw new Error(`it is ${begun.kind}`)
    await systemClock.sleep(2) // one that was begun in this very millisecond is not older than one
    return begun
  }

  it('finds nothing where nothing is under way: exit 0', async () => {
    expect(await stuck('--older-than', '1ms', '--json')).to.deep.equal({ code: 0, out: '', err: '' })
  })

  it('names the worker that holds a request, whether it lives, and who waits for a lock behind it', async () => {
    await store.locks.heartbeat(LIVING, 60_000, true)
    await store.locks.heartbeat(DYING, 60_000, true)
    const [first, second] = requests as [(typeof requests)[0], (typeof requests)[0]]
    await begin(first, `${LIVING}.1`)
    await begin({ ...second, consumer: first.consumer }, `${DYING}.1`)
    const held = await found(first.id)
    expect(held).to.include({ kind: 'request', operation: 'claim', consumer: first.consumer, state: 'processing' })
    expect(held).to.include({ worker: 'host-a:17', workerLives: true, attempts: 1 })
    expect(await found(second.id)).to.include({ state: 'locking', worker: 'host-b:18', workerLives: true })
    await store.locks.close(DYING)
    const left = await found(second.id)
    expect(left).to.include({ state: 'left', worker: 'host-b:18', workerLives: false })
    expect(left!['next']).to.match(/worker host-b:18 has left it/)
  })

  it('names a worker that died without a word, once its lease has ended', async () => {
    const third = requests[2]!
    await store.locks.heartbeat('host-c:19/three', 200, true)
    await begin(third, 'host-c:19/three.1')
    expect(await found(third.id)).to.include({ worker: 'host-c:19' })
    await until('its lease is over', async () => (await found(third.id))?.['state'] === 'left')
    expect(await found(third.id)).to.include({ state: 'left', worker: 'host-c:19', workerLives: false })
  })

  it('tells what waits on the ladder, what is due, and what is decided and not told', async () => {
    const [, , third, fourth] = requests as Required<[unknown, unknown, (typeof requests)[0], (typeof requests)[0]]>
    const { processing } = await begin(third, `${LIVING}.3`)
    await store.journal.aside(processing, { reason: 'contended', rung: 1, delayMs: 60_000 })
    expect(await found(third.id)).to.include({ state: 'waiting', worker: null, workerLives: null })
    const again = await begin(fourth, `${LIVING}.4`)
    await store.journal.aside(again.processing, { reason: 'handed_back', rung: 0, delayMs: 0 })
    expect(await found(fourth.id)).to.include({ state: 'due' })
    const { processing: last } = await begin(fourth, `${LIVING}.5`)
    const decision = {
      request: fourth.id,
      code: 'expired',
      operation: 'claim',
      origin: 'none',
      event: '{}',
      letter: null,
    }
    await store.journal.decide(last, { ...decision, code: 'expired' }, { put: [] })
    await systemClock.sleep(2)
    expect(await found(fourth.id)).to.include({ state: 'untold', worker: null })
    await store.journal.told([fourth.id])
    expect(await found(fourth.id)).to.equal(undefined)
  })

  it('is exit 1 with a table, longest first; what is younger than asked for is left out', async () => {
    const { code, out } = await stuck('--older-than', '1ms')
    expect(code).to.equal(1)
    expect(out)
      .to.match(/^KIND +REQUEST +OPERATION +STATE +AGE +WORKER +LIVES +CONSUMER +NEXT$/m)
      .and.match(new RegExp(`^request +${requests[0]!.id} +claim +processing +\\d+s +host-a:17 +true`, 'm'))
    const ages = linesOf(await stuck('--older-than', '1ms', '--json')).map(({ since }) => String(since))
    expect(ages).to.deep.equal(ages.toSorted())
    expect(await stuck('--older-than', '1h')).to.include({ code: 0 })
    expect(await stuck('--older-than', 'long')).to.include({ code: 64 })
  })
})

describe('ferryman transfers cancel', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation()
    await site.seed(moversBooks(2))
  })
  after(() => site.close())

  const cancel = (...words: string[]): Promise<Run> => inProcess(['transfers', 'cancel', ...words], site.env)

  it('is 64 for what is no id, and 69 when nobody answers in time', async () => {
    expect(await cancel('x')).to.include({ code: 64 })
    const late = await cancel('70000000-0000-4000-8000-000000000001', '--wait', '--timeout', '200ms')
    expect(late.code).to.equal(69)
    expect(late.err).to.match(/No event of .* came within 200 ms/)
  })

  it('calls off a request that no worker has seen, and says who did', async () => {
    const [request] = moves(1) as [{ id: string }]
    const published = await cancel(request.id, '--by', 'anna')
    expect(published.code).to.equal(0)
    const id = published.out.trim()
    await site.worker()
    const told = await site.decision(id)
    expect(told).to.deep.include({ operation: 'cancel', context: { by: 'anna' } })
    expect(told.outcome.code).to.equal('applied')
    await site.ask(request)
    expect((await site.decision(request.id)).outcome.code).to.equal('cancelled')
  })

  it('waits: exit 0 when it is cancelled already, 1 when it had been decided', async () => {
    const again = await cancel(requestOf(0), '--wait')
    expect([again.code, JSON.parse(again.out).outcome.code]).to.deep.equal([0, 'nothing_to_do'])
    const [, second] = moves(2, { operation: 'claim' }) as [unknown, { id: string }]
    await site.ask(second)
    await site.decision(second.id)
    const late = await cancel(second.id, '--wait')
    expect([late.code, JSON.parse(late.out).outcome.code]).to.deep.equal([1, 'superseded'])
  })

  it('leaves the move of that request to transfers stuck, with the commands that end it', async () => {
    const { code, out } = await inProcess(['transfers', 'stuck', '--older-than', '1ms', '--json'], site.env)
    expect(code).to.equal(1)
    const [move, ...others] = linesOf({ code, out, err: '' })
    expect(others).to.deep.equal([])
    expect(move).to.include({
      kind: 'move',
      id: requestOf(1),
      operation: 'claim',
      state: 'open',
      consumer: moverOf(1),
    })
    expect(move!['next']).to.include(`ferryman request confirm --consumer ${moverOf(1)}`)
    await inProcess(['request', 'confirm', '--consumer', moverOf(1), '--wait'], site.env)
    expect(await inProcess(['transfers', 'stuck', '--older-than', '1ms'], site.env)).to.include({ code: 0 })
  })
})
