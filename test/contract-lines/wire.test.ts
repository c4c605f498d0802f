// What goes over the wire to Placement: sends that are repeated word for word and how often, and a false answer.
import { expect } from 'chai'
import { until } from '../support/installation-workers.ts'
import { destinationOf, moverOf, moversBooks, moves, requestOf } from '../support/installation-moves.ts'
import {
  askedOf,
  doneOf,
  faultOfWrites,
  openBehindProxy,
  type PlacementInstallation,
} from '../support/installation-placement.ts'

const SENDS_MAX = 3
const ENV = { FERRYMAN_RETRY_ATTEMPTS_MAX: String(SENDS_MAX), FERRYMAN_RETRY_BASE_MS: '20' }

describe('the wire to Placement', () => {
  let installation: PlacementInstallation
  before(async () => {
    installation = await openBehindProxy(ENV)
    await installation.seed(moversBooks(3))
    await installation.worker()
  })
  afterEach(() => installation.proxy.fault(() => null))
  after(() => installation.close())

  const ask = (server: number): Promise<void> => installation.ask(moves(server + 1)[server]!)
  const waits = async (): Promise<boolean> => {
    const queue = installation.names.retry('1s')
    return (await installation.depths([queue]))[queue]! > 0
  }

  it('carries a write word for word again, as often as may be, and then no more before the next rung', async () => {
    const { proxy } = installation
    proxy.clear()
    proxy.fault(faultOfWrites({ kind: 'lose_request' }))
    await ask(0)
    await until('the request waits on the ladder', waits)
    const sent = proxy.seen.filter(({ method, path }) => method === 'POST' && path === '/allocations')
    expect(sent).to.have.lengthOf.within(2, SENDS_MAX)
    expect(new Set(sent.map(({ body }) => body))).to.have.length(1)
    proxy.fault(() => null)
    expect((await installation.decision(requestOf(0))).outcome.code).to.equal('applied')
    expect(doneOf(proxy, requestOf(0))).to.have.length(1)
  }).timeout(60_000)

  it('carries a question again, as often as may be, and then no more before the next rung', async () => {
    const { proxy } = installation
    proxy.fault((method, path) =>
      method === 'GET' && path === `/allocations/${moverOf(1)}` ? { kind: 'lose_request' } : null,
    )
    await ask(1)
    await until('the request waits on the ladder', waits)
    expect(askedOf(proxy, 'GET', moverOf(1))).to.have.length(SENDS_MAX)
    proxy.fault(() => null)
    expect((await installation.decision(requestOf(1))).outcome.code).to.equal('applied')
  }).timeout(60_000)

  it('brings back other than what was written: postcondition_failed, of class operator, with amounts', async () => {
    const { proxy } = installation
    const other = { [destinationOf(2)]: { generation: 9, resources: { VCPU: 1 } } }
    const body = JSON.stringify({ allocations: other, consumer_generation: 2, project_id: 'p', user_id: 'u' })
    proxy.fault((method, path) =>
      method === 'GET' && path === `/allocations/${moverOf(2)}` && doneOf(proxy, requestOf(2)).length > 0
        ? { kind: 'answer', status: 200, body }
        : null,
    )
    await ask(2)
    const told = await installation.decision(requestOf(2))
    expect(told.outcome).to.include({ code: 'postcondition_failed', class: 'operator', effect: 'happened' })
    expect(told.violations[0]).to.deep.include({ rule: 'amount', expected: 2, found: 1 })
    await until('a letter waits for a person', async () => (await installation.cli(['dlq', 'status'])).code === 1)
  }).timeout(60_000)
})
