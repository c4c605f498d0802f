// Placement behind a proxy that loses, holds and garbles: what the ledger tells is what is in the books, once.
import { expect } from 'chai'
import type { PlacementServer } from '../../src/demo/servers.ts'
import type { Applied } from '../../src/ledger/ledger.ts'
import { Unanswered, Unavailable } from '../../src/retry/failures.ts'
import type { Write } from '../../src/transfer/plan.ts'
import { claim, CLOSED, I, idOf, M, S, SMALL } from '../contract/ground.ts'
import {
  attemptOf,
  DECISION,
  KINDS,
  placementGround,
  SCOPE,
  type PlacementGround,
} from '../support/placement-ground.ts'
import type { Fault } from '../support/placement-proxy.ts'
import { emptied, sharedPlacement } from '../support/placement-server.ts'

const REQUEST = idOf('b', 1)
const ATTEMPT = attemptOf(REQUEST)

/** `fault` for the first `times` requests of that method and path; the others pass. */
function first(method: string, path: RegExp, fault: Fault, times = 1): (method: string, path: string) => Fault | null {
  let left = times
  return (asked, at) => (asked === method && path.test(at) && left-- > 0 ? fault : null)
}

function* endless(): Generator<string> {
  for (;;) yield 'x'.repeat(100_000)
}

describe('Placement under faults', function () {
  this.timeout(60_000)
  let server: PlacementServer
  let ground: PlacementGround

  before(async () => {
    server = await sharedPlacement()
  })
  beforeEach(async () => {
    ground = await placementGround(await emptied(server))
  })
  afterEach(async () => {
    await ground.stop()
  })

  const writeOf = async (kind: string): Promise<Write> => {
    await ground.seed(KINDS[kind]!.consumers)
    return KINDS[kind]!.write(await ground.ledger.snapshot(SCOPE))
  }
  const apply = (write: Write, attempt = ATTEMPT): Promise<Applied> => ground.ledger.apply(write, attempt, DECISION)
  const failureOf = async (asked: Promise<unknown>): Promise<Error> => {
    try {
      throw new Error(`nothing failed: ${JSON.stringify(await asked)}`)
    } catch (failure) {
      return failure as Error
    }
  }

  for (const kind of Object.keys(KINDS)) {
    it(`an answer lost after the commit of a ${kind}: found, not written again, one effect`, async () => {
      const write = await writeOf(kind)
      ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'lose_answer' }))
      expect(await failureOf(apply(write))).to.be.instanceOf(Unanswered)
      const books = await ground.holds()
      expect(await ground.ledger.find(ATTEMPT)).to.equal('applied')
      expect(await apply(write)).to.deep.equal({ kind: 'applied', after: null, decided: false })
      expect(await ground.ledger.close(ATTEMPT)).to.equal('applied')
      expect(await ground.holds()).to.deep.equal(books)
      for (const { before, after } of write.changes) {
        const empty = Object.keys(after.allocations).length === 0
        const found = (books as Record<string, unknown>)[before.id]
        expect(found).to.deep.equal(empty ? undefined : { generation: after.generation, ...after.allocations })
      }
    })

    it(`a ${kind} that never arrived: nothing happened, and the identical write happens once`, async () => {
      const write = await writeOf(kind)
      const books = await ground.holds()
      ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'lose_request' }))
      expect(await failureOf(apply(write))).to.be.instanceOf(Unanswered)
      expect(await ground.ledger.find(ATTEMPT)).to.equal('absent')
      expect(await ground.holds()).to.deep.equal(books)
      expect(await apply(write)).to.include({ kind: 'applied' })
      expect(await ground.ledger.find(ATTEMPT)).to.equal('applied')
    })

    it(`a ${kind} that is held back and let go once its door is closed: refused, no effect`, async () => {
      const write = await writeOf(kind)
      const books = await ground.holds()
      ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'hold' }))
      const sent = apply(write)
      await ground.proxy.held()
      expect(await ground.ledger.close(ATTEMPT)).to.equal('closed')
      expect(await ground.proxy.release()).to.deep.equal([409])
      expect(await ground.ledger.find(ATTEMPT)).to.equal('closed')
      expect(await ground.holds()).to.deep.equal(books)
      ground.proxy.fault(() => null)
      expect(await apply(write, attemptOf(REQUEST, 2))).to.include({ kind: 'applied' })
      expect(await sent).to.deep.equal(CLOSED)
    })
  }

  it('a write let go after its marker was removed finds nothing reserved, and is refused', async () => {
    const write = await writeOf('claim')
    ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'hold' }))
    const sent = apply(write)
    await ground.proxy.held()
    await ground.ledger.close(ATTEMPT)
    expect(await ground.ledger.markers.remove([ATTEMPT])).to.equal(1)
    expect(await ground.ledger.find(ATTEMPT)).to.equal('absent')
    expect(await ground.proxy.release()).to.deep.equal([409])
    expect(await ground.holds()).to.deep.equal({ [I]: { generation: 1, [S]: SMALL } })
    expect(await sent).to.deep.equal({ kind: 'stale' })
  })

  it('a lost answer of a reservation ends the attempt unsent; that of a close is asked again', async () => {
    const write = await writeOf('claim')
    ground.proxy.fault(first('PUT', /^\/allocations\//, { kind: 'lose_answer' }))
    expect(await apply(write)).to.deep.equal({ kind: 'conflict', reason: 'marker' })
    ground.proxy.fault(() => null)
    expect(await apply(write), 'the marker stands, and who made it is not known').to.deep.include({ reason: 'marker' })
    expect(ground.proxy.lines().filter((line) => line.startsWith('POST'))).to.deep.equal([])
    expect(await ground.ledger.find(ATTEMPT)).to.equal('absent')
    ground.proxy.fault(first('PUT', /^\/allocations\//, { kind: 'lose_answer' }))
    expect(await failureOf(ground.ledger.close(ATTEMPT))).to.be.instanceOf(Unanswered)
    expect(await ground.ledger.close(ATTEMPT)).to.equal('closed')
    expect(await apply(write)).to.deep.equal(CLOSED)
  })

  const FAILURES: readonly (readonly [string, Fault, new (...words: never[]) => Error, RegExp])[] = [
    ['503', { kind: 'answer', status: 503, body: 'down for a while' }, Unavailable, /503: down for a while/],
    ['429', { kind: 'answer', status: 429 }, Unavailable, /429/],
    ['401', { kind: 'answer', status: 401 }, Unavailable, /check FERRYMAN_PLACEMENT_TOKEN/],
    ['403', { kind: 'answer', status: 403 }, Unavailable, /check FERRYMAN_PLACEMENT_TOKEN/],
    ['500', { kind: 'answer', status: 500, body: 'oh' }, Unanswered, /500: oh/],
    ['502', { kind: 'answer', status: 502 }, Unanswered, /502/],
    ['504', { kind: 'answer', status: 504 }, Unanswered, /504/],
    [
      'a redirect',
      { kind: 'answer', status: 302, headers: { location: 'http://127.0.0.1:9/' } },
      Unavailable,
      /a redirect to http:\/\/127.0.0.1:9\/; set FERRYMAN_PLACEMENT_URL/,
    ],
    ['a page', { kind: 'answer', status: 200, body: '<html>log in</html>' }, Unanswered, /no JSON: "<html>log in/],
    ['another form', { kind: 'answer', status: 200, body: '{"allocations":[]}' }, Unanswered, /no object allocations/],
    [
      'a number that is none',
      {
        kind: 'answer',
        status: 200,
        body: `{"allocations":{"${S}":{"resources":{"VCPU":"2"},"generation":1}},"consumer_generation":1}`,
      },
      Unanswered,
      /no whole number allocations.*VCPU/,
    ],
    ['an endless answer', { kind: 'answer', status: 200, body: endless() }, Unanswered, /larger than 8388608 bytes/],
  ]
  for (const [name, fault, kind, words] of FAILURES) {
    it(`${name} to a read is a failure that says so, never "holds nothing"`, async () => {
      await ground.seed(KINDS['claim']!.consumers)
      ground.proxy.fault(first('GET', /^\/allocations\//, fault, 9))
      const failure = await failureOf(ground.ledger.snapshot({ consumers: [I], providers: [], held: false }))
      expect(failure).to.be.instanceOf(kind)
      expect(failure.message).to.match(words)
    })
  }

  for (const status of [503, 429]) {
    it(`${status} to a write: it did not happen, and may be sent again`, async () => {
      const write = await writeOf('claim')
      ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'answer', status }))
      expect(await failureOf(apply(write))).to.be.instanceOf(Unavailable)
      expect(await apply(write)).to.include({ kind: 'applied' })
    })
  }

  it('503 to the reading back of a write: it stands, so that nobody knows; asked again it is found done', async () => {
    const write = await writeOf('claim')
    ground.proxy.fault(first('GET', /^\/allocations\//, { kind: 'answer', status: 503 }))
    const failure = await failureOf(apply(write))
    expect(failure).to.be.instanceOf(Unanswered)
    expect(failure.message).to.match(/was carried out, but reading it back failed/)
    expect(await apply(write)).to.deep.equal({ kind: 'applied', after: null, decided: false })
  })

  const CROWDED = {
    status: 409,
    code: 'placement.concurrent_update',
    detail: 'allocate: Another thread concurrently updated the resource provider data. Please retry your update',
  }
  for (const [times, end] of [
    [3, 'applied'],
    [4, 'contention'],
  ] as const) {
    it(`too many writes to a provider at once, ${times} times: ${end}`, async () => {
      const write = await writeOf('claim')
      const body = JSON.stringify({ errors: [CROWDED] })
      ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'answer', status: 409, body }, times))
      const applied = await apply(write)
      expect(applied.kind === 'conflict' ? applied.reason : applied.kind).to.equal(end)
      const bodies = ground.proxy.seen.filter(({ method }) => method === 'POST').map((one) => one.body)
      expect([bodies.length, new Set(bodies).size], 'the same body each time').to.deep.equal([4, 1])
    })
  }

  it('a Placement that is not there is unavailable, and one that says nothing is unanswered in time', async () => {
    const { ledger, proxy } = ground
    const hasty = await placementGround(server, { timeoutMs: 150 })
    hasty.proxy.fault(() => ({ kind: 'hold' }))
    const late = await failureOf(hasty.ledger.snapshot({ consumers: [I], providers: [], held: false }))
    expect(late).to.be.instanceOf(Unanswered)
    expect(late.message).to.match(/did not answer GET \/allocations\/.* within 150 ms/)
    await hasty.stop()
    await proxy.close()
    const gone = await failureOf(ledger.find(ATTEMPT))
    expect(gone).to.be.instanceOf(Unavailable)
    expect(gone.message).to.match(/cannot be reached/)
  })

  it('a forced release is one DELETE on the wire, also when its answer is lost', async () => {
    await ground.seed(KINDS['claim']!.consumers)
    ground.proxy.fault(first('DELETE', /./, { kind: 'lose_answer' }))
    expect(await failureOf(ground.ledger.deleteUnguarded(I))).to.be.instanceOf(Unanswered)
    expect(ground.proxy.lines()).to.deep.equal([`DELETE /allocations/${I}`])
    expect(await ground.holds()).to.deep.equal({})
    expect(await ground.ledger.deleteUnguarded(I)).to.equal('absent')
  })

  it('a consumer that a refused write left behind is written all the same', async () => {
    const lost = await writeOf('claim')
    const { consumers } = await ground.ledger.snapshot(SCOPE)
    const nowhere = claim({ consumers, providers: { [idOf('d', 1)]: lost as never } }, idOf('d', 1))
    expect(await apply(nowhere)).to.deep.equal({ kind: 'conflict', reason: `provider ${idOf('d', 1)}` })
    expect(await server.sql(`SELECT generation FROM consumers WHERE uuid = '${M}'`)).to.equal('0')
    expect(await apply(lost, attemptOf(REQUEST, 2))).to.include({ kind: 'applied' })
    expect(await ground.holds())
      .to.have.nested.property(M)
      .that.deep.equals({ generation: 1, [S]: SMALL })
  })

  it('one that an unanswered send may be making is not written before the door of that send is closed', async () => {
    const write = await writeOf('claim')
    const owner = { project_id: 'p', user_id: 'u', consumer_type: 'MIGRATION' }
    const empty = { allocations: {}, consumer_generation: null, ...owner }
    await ground.ledger.http.send('PUT', `/allocations/${M}`, empty)
    ground.proxy.fault(first('POST', /^\/allocations$/, { kind: 'lose_request' }))
    expect(await failureOf(apply(write))).to.be.instanceOf(Unanswered)
    const again = await failureOf(apply(write))
    expect([again instanceof Unanswered, again.message]).to.deep.equal([
      true,
      `an earlier send of request ${REQUEST} may still be under way`,
    ])
    expect(await ground.ledger.close(ATTEMPT)).to.equal('closed')
    expect(await apply(write, attemptOf(REQUEST, 2))).to.include({ kind: 'applied' })
  })
})
