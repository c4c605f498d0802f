// The breaker before a real Placement: it says within 5 s that Placement refuses or is silent, and takes it back.
import { expect } from 'chai'
import type { PlacementServer } from '../../src/demo/servers.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { Breaker } from '../../src/ledger/breaker.ts'
import type { PlacementLedger } from '../../src/ledger/placement/placement-ledger.ts'
import { Unavailable } from '../../src/retry/failures.ts'
import { until } from '../support/installation-workers.ts'
import { placementGround, SCOPE, type PlacementGround } from '../support/placement-ground.ts'
import type { Fault } from '../support/placement-proxy.ts'
import { emptied, sharedPlacement } from '../support/placement-server.ts'

const WITHIN_MS = 5_000

describe('the breaker before Placement', function () {
  this.timeout(60_000)
  let server: PlacementServer
  let ground: PlacementGround
  let breaker: Breaker<PlacementLedger>
  const over = new AbortController()

  before(async () => {
    server = await sharedPlacement()
    ground = await placementGround(await emptied(server))
    await ground.seed([])
    breaker = new Breaker(ground.ledger, systemClock)
    void breaker.run(over.signal)
  })
  after(async () => {
    over.abort()
    await ground.stop()
  })

  it('has nothing to say while Placement answers, and changes nothing of what it answers', async () => {
    expect(await breaker.ledger.snapshot(SCOPE)).to.deep.equal(await ground.ledger.snapshot(SCOPE))
    expect((await breaker.ledger.sketch(SCOPE)).assumed).to.be.a('boolean')
    expect(breaker.ledger.markers).to.equal(ground.ledger.markers)
    expect(breaker.troubles()).to.deep.equal([])
  })

  const outages: Readonly<Record<string, readonly [Fault, RegExp]>> = {
    'is answered with 503': [{ kind: 'answer', status: 503, body: 'maintenance' }, /503: maintenance/],
    'is answered with 500, as without a database': [{ kind: 'answer', status: 500, body: 'no db' }, /500: no db/],
    'takes requests and does not answer': [{ kind: 'hold' }, /no answer to a probe/],
    'cuts every connection': [{ kind: 'lose_request' }, /did not answer/],
  }
  for (const [what, [fault, why]] of Object.entries(outages)) {
    it(`opens within 5 s, nobody asking, when Placement ${what}, and closes by itself`, async () => {
      ground.proxy.fault(() => fault)
      await until('it is open', () => breaker.troubles().length > 0, WITHIN_MS)
      expect(breaker.troubles()[0]).to.match(/^the placement ledger does not answer: /)
      expect(breaker.troubles()[0]).to.match(why)
      const refused = await breaker.ledger.snapshot(SCOPE).catch((failure: unknown) => failure)
      expect(refused).to.be.instanceOf(Unavailable)
      ground.proxy.fault(() => null)
      await ground.proxy.release()
      await until('it is closed', () => breaker.troubles().length === 0, WITHIN_MS)
      await breaker.ledger.snapshot(SCOPE)
      expect(breaker.troubles()).to.deep.equal([])
    })
  }
})
