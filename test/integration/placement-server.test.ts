// A private Placement under a test's hand: stopped, frozen, killed and started again, with what was in it.
import { expect } from 'chai'
import { Unanswered, Unavailable } from '../../src/retry/failures.ts'
import { I, S, SMALL } from '../contract/ground.ts'
import { attemptOf, KINDS, placementGround } from '../support/placement-ground.ts'
import { ownPlacement } from '../support/placement-server.ts'
import { ledgerOn } from '../support/placement-store.ts'

describe('a private Placement', () => {
  it('keeps what is in it over a crash, and leaves no process behind', async () => {
    const server = await ownPlacement({ processes: 2 })
    const ground = await placementGround(server)
    await ground.seed(KINDS['claim']!.consumers)
    const hasty = ledgerOn(server, { timeoutMs: 500 })
    const attempt = attemptOf(I)
    expect(await hasty.find(attempt)).to.equal('absent')
    const failureOf = (): Promise<unknown> => hasty.find(attempt).catch((failure: unknown) => failure)
    server.freeze()
    expect(await failureOf()).to.be.instanceOf(Unanswered)
    server.thaw()
    expect(await hasty.close(attempt)).to.equal('closed')
    await server.kill()
    expect(server.running()).to.equal(false)
    await server.restart()
    expect(await hasty.find(attempt)).to.equal('closed')
    expect(await ground.holds()).to.deep.equal({ [I]: { generation: 1, [S]: SMALL } })
    await server.stop()
    expect(await failureOf()).to.be.instanceOf(Unavailable)
    expect(await server.sql('SELECT 1').catch(() => 'gone')).to.equal('gone')
    await Promise.all([ground.stop(), hasty.stop()])
  }).timeout(60_000)
})
