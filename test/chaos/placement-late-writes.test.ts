// A write held back on its way to Placement and let go once its request is decided: it finds its door closed.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, type Told } from '../support/installation.ts'
import { destinationOf, holdings, moverOf, moversBooks, moves, sourceOf } from '../support/installation-moves.ts'
import {
  doneOf,
  faultOfWrites,
  openBehindProxy,
  writesOf,
  type PlacementInstallation,
} from '../support/installation-placement.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'

/** A call counts as unanswered soon, and a request gives up after one rung: it is decided while its write is held. */
const HASTY = {
  FERRYMAN_LEDGER_TIMEOUT_MS: '1000',
  FERRYMAN_RETRY_ATTEMPTS_MAX: '2',
  FERRYMAN_RETRY_BASE_MS: '20',
  FERRYMAN_RETRY_LADDER: '1s',
}
const SERVERS = 5
const MOVES = moves(SERVERS) as { readonly id: string }[]

describe('a write held back and let go after the decision', () => {
  let installation: PlacementInstallation
  const workers: WorkerUnderTest[] = []
  before(async () => {
    installation = await openBehindProxy()
    await installation.seed(moversBooks(SERVERS))
  })
  after(() => installation.close())
  afterEach(() => {
    for (const worker of workers.splice(0)) worker.signal('SIGKILL')
  })

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<WorkerUnderTest> => {
    const worker = await installation.worker({ ...HASTY, ...env })
    workers.push(worker)
    return worker
  }
  const holds = async (server: number): Promise<unknown> => holdings(await installation.dump())[moverOf(server)]

  /** Asks, and holds every write of the request back; resolves once one is on its way. */
  const askHeld = async (server: number, fields: object = {}): Promise<void> => {
    const { id } = MOVES[server]!
    installation.proxy.fault(faultOfWrites({ kind: 'hold' }, (body) => body.includes(moverOf(server))))
    await installation.ask({ ...MOVES[server], ...fields })
    await until('its write is on the way', () => writesOf(installation.proxy, id).length > 0)
  }

  /** Lets go all that is held: each write is refused, and the books stay as they were told. */
  const expectRefused = async (server: number, told: Told, provider: string): Promise<void> => {
    const stood = await holds(server)
    expect(stood).to.deep.equal({ [provider]: { VCPU: 2 } })
    const answers = await installation.proxy.release()
    expect(answers.length).to.be.greaterThan(0)
    expect(new Set(answers)).to.deep.equal(new Set([409]))
    expect(doneOf(installation.proxy, MOVES[server]!.id).length).to.equal(told.outcome.code === 'applied' ? 1 : 0)
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, [MOVES[server]!.id])).to.deep.equal([])
    expect(await holds(server)).to.deep.equal(stood)
  }

  it('of a request that has given up as ledger_unavailable is refused: it did not happen', async () => {
    await start()
    await askHeld(0)
    const told = await installation.decision(MOVES[0]!.id)
    expect(told.outcome).to.include({ code: 'ledger_unavailable', effect: 'did_not_happen' })
    await expectRefused(0, told, sourceOf(0))
  }).timeout(90_000)

  it('of a request that went through by a later attempt is refused: it happened once', async () => {
    await start()
    await askHeld(1)
    await until('its first door is closed', () => workers[0]!.said('request.set_aside').length > 0)
    installation.proxy.fault(() => null)
    const told = await installation.decision(MOVES[1]!.id)
    expect(told.outcome).to.include({ code: 'applied', effect: 'happened' })
    const attempts = writesOf(installation.proxy, MOVES[1]!.id).map(({ attempt }) => attempt)
    expect(Math.max(...attempts)).to.be.greaterThan(Math.min(...attempts))
    await expectRefused(1, told, destinationOf(1))
  }).timeout(90_000)

  it('of a request that was cancelled meanwhile is refused: it did not happen', async () => {
    const first = await start({ FERRYMAN_LEDGER_TIMEOUT_MS: '60000' })
    await askHeld(2)
    const cancel = { version: 1, id: uuidOf('cancel'), operation: 'cancel', request: MOVES[2]!.id }
    await installation.ask(cancel)
    await until('the cancel waits', () => first.said('request.set_aside').length > 0)
    first.signal('SIGKILL')
    await first.ended
    await start()
    const [told, cancelled] = await installation.decisions([MOVES[2]!.id, cancel.id])
    expect([told!.outcome.code, cancelled!.outcome.code]).to.deep.equal(['cancelled', 'applied'])
    await expectRefused(2, told!, sourceOf(2))
  }).timeout(90_000)

  it('of a request whose deadline has passed meanwhile is refused: it did not happen', async () => {
    const first = await start({ FERRYMAN_LEDGER_TIMEOUT_MS: '60000' })
    const lateMs = systemClock.nowMs() + 4_000
    await askHeld(3, { notAfter: new Date(lateMs).toISOString() })
    first.signal('SIGKILL')
    await first.ended
    await until('the deadline has passed', () => systemClock.nowMs() > lateMs)
    await start()
    const told = await installation.decision(MOVES[3]!.id)
    expect(told.outcome).to.include({ code: 'ledger_unavailable', effect: 'did_not_happen' })
    await expectRefused(3, told, sourceOf(3))
  }).timeout(90_000)

  it('of a request not to be repeated is refused: it ends ledger_unavailable, by another worker too', async () => {
    const first = await start({ FERRYMAN_LEDGER_TIMEOUT_MS: '60000' })
    await askHeld(4, { idempotent: false })
    first.signal('SIGKILL')
    await first.ended
    await start()
    const told = await installation.decision(MOVES[4]!.id)
    expect(told.outcome).to.include({ code: 'ledger_unavailable', effect: 'did_not_happen' })
    expect(writesOf(installation.proxy, MOVES[4]!.id)).to.have.length(1)
    await expectRefused(4, told, sourceOf(4))
  }).timeout(90_000)
})
