// A write of which nobody knows yet what became of it: no other request plans on its consumers before it is settled.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling } from '../support/installation.ts'
import {
  destinationOf,
  holdings,
  moverOf,
  moversBooks,
  moves,
  providerOf,
  requestOf,
  sourceOf,
} from '../support/installation-moves.ts'
import {
  doneOf,
  faultOfWrites,
  openBehindProxy,
  writesOf,
  type PlacementInstallation,
} from '../support/installation-placement.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { until } from '../support/installation-workers.ts'

const HELD = { VCPU: 2 }
const ELSEWHERE = uuidOf('elsewhere')
/** The first requests: two claims that are committed, and a transfer that has not arrived. */
const FIRST = moves(3).map((move, server) => ({
  ...move,
  id: requestOf(server),
  operation: server < 2 ? 'claim' : 'transfer',
}))
const [CLAIM, OTHER, MOVE] = [requestOf(0), requestOf(1), requestOf(2)]
const LATE = moverOf(2)

/** The second ones, for the same consumers. */
const second = (server: number, fields: object) => ({
  version: 1,
  id: uuidOf('second', server),
  consumer: moverOf(server),
  ...fields,
})
const SECOND = [
  second(0, { operation: 'confirm' }),
  second(1, { operation: 'transfer', source: destinationOf(1), destination: ELSEWHERE }),
  second(2, { operation: 'transfer', source: sourceOf(2), destination: ELSEWHERE }),
]

describe('a second request for a consumer whose write is not settled', () => {
  let installation: PlacementInstallation
  before(async () => {
    installation = await openBehindProxy()
    const { providers, consumers } = moversBooks(3)
    await installation.seed({ providers: [...providers, providerOf(ELSEWHERE, 'elsewhere')], consumers })
  })
  after(() => installation.close())

  it('waits until the first one is settled, and then acts on what that did', async () => {
    const { proxy } = installation
    const patient = {
      FERRYMAN_LEDGER_TIMEOUT_MS: '60000',
      FERRYMAN_RABBITMQ_HEARTBEAT_S: '60',
      FERRYMAN_CONCURRENCY: `${FIRST.length}`, // so that it is given nothing else
    }
    const dying = await installation.worker(patient)
    const held = faultOfWrites({ kind: 'hold' }, (body) => body.includes(LATE))
    const kept = faultOfWrites({ kind: 'keep_answer' })
    proxy.fault((...asked) => held(...asked) ?? kept(...asked))
    await installation.ask(...FIRST)
    await until('each was sent, and the claims are committed', () => {
      const committed = [CLAIM, OTHER].every((id) => doneOf(proxy, id).length === 1)
      return committed && writesOf(proxy, MOVE).length === 1
    })
    dying.signal('SIGSTOP') // its lease ends, while the broker still takes its requests to be in its hands
    proxy.fault(() => null)
    const next = await installation.worker()
    await installation.ask(...SECOND)
    const asides = (): number => next.said('request.set_aside').filter(({ reason }) => reason === 'undecided').length
    const ids = [...FIRST, ...SECOND].map(({ id }) => id)
    const told = (): readonly unknown[] => ids.flatMap((id) => installation.events.of(id))
    const waiting = 'each was looked at and set aside, more than once'
    await until(waiting, () => asides() >= 3 * SECOND.length || told().length > 0)
    expect(told()).to.deep.equal([])
    expect(SECOND.flatMap(({ id }) => writesOf(proxy, id))).to.deep.equal([])

    dying.signal('SIGKILL')
    const decided = await installation.decisions(ids)
    expect(decided.map(({ operation, outcome }) => `${operation} ${outcome.code}`)).to.deep.equal([
      'claim applied',
      'claim applied',
      'transfer applied',
      'confirm applied',
      'transfer conflicting_operation',
      'transfer source_unexpected',
    ])
    expect(await proxy.release(), 'what was held back finds its door closed').to.deep.equal([409])
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, ids)).to.deep.equal([])
    expect(holdings(await installation.dump())).to.deep.equal({
      [moverOf(0)]: { [destinationOf(0)]: HELD },
      [moverOf(1)]: { [destinationOf(1)]: HELD },
      [uuidV5(OTHER)]: { [sourceOf(1)]: HELD },
      [LATE]: { [destinationOf(2)]: HELD },
    })
  }).timeout(180_000)
})
