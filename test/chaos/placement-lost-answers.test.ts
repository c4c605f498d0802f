// Placement's answer to a write is lost after the commit: whatever the operation, it is told `applied`, once.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, toldOf, type Books } from '../support/installation.ts'
import { isDecision } from '../support/installation-line.ts'
import { holdings, providerOf } from '../support/installation-moves.ts'
import {
  doneOf,
  faultOfWrites,
  openBehindProxy,
  type PlacementInstallation,
} from '../support/installation-placement.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { until } from '../support/installation-workers.ts'

type Fields = Readonly<Record<string, unknown>>

/** One server with hosts of its own, which one operation is asked for. */
interface Case {
  readonly id: string
  /** Asked before, without any fault. */
  readonly claim: Fields | null
  readonly asked: Fields
  /** What I, M and a new consumer hold in the end; who is not named holds nothing. */
  readonly ends: Readonly<Record<string, unknown>>
}

const [OLD, NEW] = [{ VCPU: 2 }, { VCPU: 4 }]
const placeOf = (operation: string, place: string): string => uuidOf('lost', operation, place)

const PLACES = ['source', 'destination', 'elsewhere'] as const

/** What is asked beside operation and consumer, whether after a claim, and what stands in the end. */
function acts(operation: string): { readonly claimed?: true; readonly fields: Fields; readonly ends: Case['ends'] } {
  const [S, D, E] = PLACES.map((place) => placeOf(operation, place)) as [string, string, string]
  const [I, N, M] = [placeOf(operation, 'server'), placeOf(operation, 'new'), migrationOf(operation)]
  const move = { source: S, destination: D }
  switch (operation) {
    case 'claim':
      return { fields: move, ends: { [I]: { [D]: OLD }, [uuidV5(requestOf(operation))]: { [S]: OLD } } }
    case 'doubled':
      return { fields: { ...move, operation: 'claim', mode: 'doubled' }, ends: { [I]: { [S]: OLD, [D]: OLD } } }
    case 'transfer':
      return { fields: move, ends: { [I]: { [D]: OLD } } }
    case 'retarget':
      return { claimed: true, fields: { source: D, destination: E }, ends: { [I]: { [E]: OLD }, [M]: { [S]: OLD } } }
    case 'confirm':
      return { claimed: true, fields: {}, ends: { [I]: { [D]: OLD } } }
    case 'revert':
      return { claimed: true, fields: {}, ends: { [I]: { [S]: OLD } } }
    case 'acquire':
      return {
        fields: { destination: D, resources: OLD, owner: { project: 'p', user: 'u' } },
        ends: { [I]: { [D]: OLD } },
      }
    case 'release':
      return { fields: {}, ends: {} }
    case 'resize':
      return { fields: { source: S, resources: NEW }, ends: { [I]: { [S]: NEW } } }
    case 'adjust':
      return { fields: { deltas: { [S]: { VCPU: 2 } } }, ends: { [I]: { [S]: NEW } } }
    default:
      return { fields: { newConsumer: N }, ends: { [N]: { [S]: OLD } } }
  }
}

const OPERATIONS = [
  'claim',
  'doubled',
  'transfer',
  'retarget',
  'confirm',
  'revert',
  'acquire',
  'release',
  'resize',
  'adjust',
  'swap-consumer',
] as const

const requestOf = (operation: string): string => placeOf(operation, 'request')
const migrationOf = (operation: string): string => uuidV5(placeOf(operation, 'claim'))

function caseOf(operation: string): Case {
  const { claimed = false, fields, ends } = acts(operation)
  const common = { version: 1, consumer: placeOf(operation, 'server') }
  const move = { source: placeOf(operation, 'source'), destination: placeOf(operation, 'destination') }
  return {
    id: requestOf(operation),
    claim: claimed ? { ...common, id: placeOf(operation, 'claim'), operation: 'claim', ...move } : null,
    asked: { ...common, id: requestOf(operation), operation, ...fields },
    ends,
  }
}

const CASES = OPERATIONS.map(caseOf)
const IDS = CASES.map(({ id }) => id)
const ENDS = Object.assign({}, ...CASES.map(({ ends }) => ends)) as Fields

function books(): Books {
  const consumer = (operation: string) => ({
    id: placeOf(operation, 'server'),
    type: 'INSTANCE',
    project: 'p',
    user: 'u',
    allocations: { [placeOf(operation, 'source')]: OLD },
  })
  return {
    providers: OPERATIONS.flatMap((operation) =>
      PLACES.map((place) => providerOf(placeOf(operation, place), `${operation}-${place}`)),
    ),
    consumers: OPERATIONS.filter((operation) => operation !== 'acquire').map(consumer),
  }
}

describe("Placement's answer lost after the commit", () => {
  let installation: PlacementInstallation
  beforeEach(async () => {
    installation = await openBehindProxy()
    await installation.seed(books())
  })
  afterEach(() => installation.close())

  const claimed = async (): Promise<void> => {
    const claims = CASES.flatMap(({ claim }) => (claim === null ? [] : [claim]))
    await installation.ask(...claims)
    const told = await installation.decisions(claims.map((claim) => String(claim['id'])))
    expect(told.map(({ outcome }) => outcome.code)).to.deep.equal(Array(claims.length).fill('applied'))
  }

  const expectOnce = async (): Promise<void> => {
    const told = await installation.decisions(IDS)
    const codes = told.map(({ outcome, after }, i) => ({ [OPERATIONS[i]!]: outcome.code, after: holding(after!) }))
    expect(codes).to.deep.equal(CASES.map(({ ends }, i) => ({ [OPERATIONS[i]!]: 'applied', after: ends })))
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, IDS)).to.deep.equal([])
    const ids = IDS.map(
      (id) =>
        new Set(
          installation.events
            .of(id)
            .filter(isDecision)
            .map(toldOf)
            .map((one) => one.id),
        ),
    )
    expect(ids).to.deep.equal(IDS.map((id) => new Set([`${id}/applied`])))
    expect(IDS.map((id) => doneOf(installation.proxy, id).length)).to.deep.equal(IDS.map(() => 1))
    expect(holdings(await installation.dump())).to.deep.equal(ENDS)
  }

  it('is read from the marker: each operation ends applied, once', async () => {
    const worker = await installation.worker()
    await claimed()
    const lost = new Set<string>()
    const first = (body: string): boolean => !lost.has(body) && lost.add(body).has(body)
    installation.proxy.fault(faultOfWrites({ kind: 'lose_answer' }, first))
    await installation.ask(...CASES.map(({ asked }) => asked))
    await expectOnce()
    const timeouts = worker.said('effect.timeout').filter(({ phase }) => phase === 'ledger.apply')
    expect(new Set(timeouts.map(({ request }) => request))).to.deep.equal(new Set(IDS))
  }).timeout(180_000)

  it('and the worker killed before it reads the marker: the next one settles each, and tells it applied', async () => {
    // n.b. It waits for the answers until it is killed, and asks for nothing meanwhile.
    const worker = await installation.worker({ FERRYMAN_LEDGER_TIMEOUT_MS: '60000' })
    await claimed()
    installation.proxy.fault(faultOfWrites({ kind: 'keep_answer' }))
    await installation.ask(...CASES.map(({ asked }) => asked))
    await until('each write is committed', () => IDS.every((id) => doneOf(installation.proxy, id).length === 1))
    worker.signal('SIGKILL')
    await worker.ended
    expect(IDS.flatMap((id) => installation.events.of(id))).to.deep.equal([])
    installation.proxy.fault(() => null)
    await installation.worker()
    await expectOnce()
  }).timeout(180_000)
})

/** What the consumers of an event hold, without those that hold nothing. */
function holding(views: NonNullable<ReturnType<typeof toldOf>['after']>): Fields {
  const held = Object.entries(views).filter(([, { allocations }]) => Object.keys(allocations).length > 0)
  return Object.fromEntries(held.map(([id, { allocations }]) => [id, allocations]))
}
