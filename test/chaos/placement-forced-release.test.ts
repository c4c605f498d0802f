// The forced release, which no guard and no marker covers: one DELETE on the wire, whatever becomes of it.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, type Told } from '../support/installation.ts'
import { destinationOf, holdings, moverOf, moversBooks, moves, sourceOf } from '../support/installation-moves.ts'
import { askedOf, doneOf, openBehindProxy, type PlacementInstallation } from '../support/installation-placement.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import type { Fault } from '../support/placement-proxy.ts'

const HELD = { VCPU: 2 }
const releaseOf = (server: number) => ({
  version: 1,
  id: uuidOf('force', server),
  operation: 'release',
  consumer: moverOf(server),
  force: true,
})

describe('a forced release without an open move', () => {
  let installation: PlacementInstallation
  const workers: WorkerUnderTest[] = []
  before(async () => {
    installation = await openBehindProxy({ FERRYMAN_LEDGER_TIMEOUT_MS: '1000' })
    await installation.seed(moversBooks(6))
  })
  after(() => installation.close())
  afterEach(() => {
    for (const worker of workers.splice(0)) worker.signal('SIGKILL')
  })

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<WorkerUnderTest> => {
    const worker = await installation.worker(env)
    workers.push(worker)
    return worker
  }
  const deletes = (server: number): number => askedOf(installation.proxy, 'DELETE', moverOf(server)).length
  const holds = async (server: number): Promise<unknown> => holdings(await installation.dump())[moverOf(server)]
  const ask = async (server: number, fault: Fault | null): Promise<Told> => {
    await start()
    installation.proxy.fault((method) => (method === 'DELETE' ? fault : null))
    await installation.ask(releaseOf(server))
    return installation.decision(releaseOf(server).id)
  }
  /** As it was decided, also when it is asked for again: told again, nothing sent. */
  const expectOnce = async (server: number, code: string): Promise<void> => {
    const { id } = releaseOf(server)
    installation.proxy.fault(() => null)
    const copies = installation.events.of(id).length
    await installation.ask(releaseOf(server))
    await until('it was told again', () => installation.events.of(id).length > copies)
    expect((await installation.decision(id)).outcome.code).to.equal(code)
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, [id])).to.deep.equal([])
    expect(deletes(server)).to.equal(1)
    expect(doneOf(installation.proxy, id)).to.deep.equal([])
  }

  it('is one DELETE, and applied', async () => {
    expect((await ask(0, null)).outcome).to.include({ code: 'applied', effect: 'happened' })
    await expectOnce(0, 'applied')
    expect(await holds(0)).to.equal(undefined)
  }).timeout(60_000)

  it('whose answer is lost is applied once the consumer is seen to be gone, by one DELETE', async () => {
    expect((await ask(1, { kind: 'lose_answer' })).outcome).to.include({ code: 'applied', effect: 'happened' })
    await expectOnce(1, 'applied')
    expect(await holds(1)).to.equal(undefined)
  }).timeout(60_000)

  it('whose DELETE is held back is outcome_unknown, as what stands proves nothing, and never sent again', async () => {
    const told = await ask(2, { kind: 'hold' })
    expect(told.outcome).to.include({ code: 'outcome_unknown', class: 'operator', effect: 'unknown' })
    expect(told.after![moverOf(2)]!.allocations).to.deep.equal({ [sourceOf(2)]: HELD })
    await expectOnce(2, 'outcome_unknown')
    expect(await holds(2)).to.deep.equal({ [sourceOf(2)]: HELD })
    expect(await installation.proxy.release(), 'it comes after all, as was said that it may').to.deep.equal([204])
    expect(await holds(2)).to.equal(undefined)
  }).timeout(60_000)

  it('that was answered and cannot be read back at first is applied, by one DELETE', async () => {
    await installation.worker()
    let refused = 0
    installation.proxy.fault((method, path) => {
      if (method !== 'GET' || !path.endsWith(moverOf(5)) || deletes(5) === 0 || refused === 2) return null
      refused += 1
      return { kind: 'answer', status: 503 }
    })
    await installation.ask(releaseOf(5))
    expect((await installation.decision(releaseOf(5).id)).outcome).to.include({ code: 'applied', effect: 'happened' })
    expect(refused).to.equal(2)
    await expectOnce(5, 'applied')
    expect(await holds(5)).to.equal(undefined)
  }).timeout(60_000)

  for (const [server, fault, when, status, code] of [
    [3, { kind: 'hold' }, 'is held back', null, 'outcome_unknown'],
    [4, { kind: 'keep_answer' }, 'was carried out', 204, 'applied'],
  ] as const) {
    it(`whose worker is killed while its DELETE ${when} ends ${code} by the next one, which sends none`, async () => {
      const first = await start({ FERRYMAN_LEDGER_TIMEOUT_MS: '60000' })
      installation.proxy.fault((method) => (method === 'DELETE' ? fault : null))
      await installation.ask(releaseOf(server))
      await until(
        'the DELETE is on the way',
        () => askedOf(installation.proxy, 'DELETE', moverOf(server))[0]?.status === status,
      )
      first.signal('SIGKILL')
      await first.ended
      expect(installation.events.of(releaseOf(server).id)).to.deep.equal([])
      await start()
      await installation.decision(releaseOf(server).id)
      await expectOnce(server, code)
      expect(await holds(server)).to.deep.equal(code === 'applied' ? undefined : { [sourceOf(server)]: HELD })
    }).timeout(60_000)
  }
})

describe('a forced release with an open move', () => {
  it('is one guarded write for consumer and migration, and no DELETE', async () => {
    const installation = await openBehindProxy()
    await installation.seed(moversBooks(1))
    await installation.worker()
    const [claim] = moves(1, { operation: 'claim' }) as [{ id: string }]
    await installation.ask(claim)
    expect((await installation.decision(claim.id)).outcome.code).to.equal('applied')
    const migration = uuidV5(claim.id)
    expect(holdings(await installation.dump())).to.deep.equal({
      [moverOf(0)]: { [destinationOf(0)]: HELD },
      [migration]: { [sourceOf(0)]: HELD },
    })
    await installation.ask(releaseOf(0))
    expect((await installation.decision(releaseOf(0).id)).outcome.code).to.equal('applied')
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, [claim.id, releaseOf(0).id])).to.deep.equal([])
    expect(installation.proxy.seen.filter(({ method }) => method === 'DELETE')).to.deep.equal([])
    const [write, ...more] = doneOf(installation.proxy, releaseOf(0).id)
    expect(more).to.deep.equal([])
    expect(write!.consumers).to.deep.equal({
      [moverOf(0)]: { generation: 2, allocations: {} },
      [migration]: { generation: 1, allocations: {} },
    })
    expect(holdings(await installation.dump())).to.deep.equal({})
    await installation.close()
  }).timeout(60_000)
})
