// A private Placement under a test's hand: stopped, frozen, killed and started again, with what was in it.
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
    await server.restart()
    expect(await hasty.find(attempt)).to.equal('closed')
    await server.stop()
    await Promise.all([ground.stop(), hasty.stop()])
  }).timeout(60_000)

  it('that cannot be started leaves no database running', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ferryman-placement-test-'))
    chmodSync(folder, 0o755)
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const usual = process.env['TMPDIR']
    process.env['TMPDIR'] = folder
    const failure = await ownPlacement({ port: (taken.address() as AddressInfo).port }).catch((cause: unknown) => cause)
    if (usual === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = usual
    taken.close()
    expect(String(failure)).to.match(/address already in use/i)
    const [made] = readdirSync(folder)
    const database = readdirSync(join(folder, made!, 'database'))
    rmSync(folder, { recursive: true })
    expect(database).to.include('PG_VERSION').and.not.include('postmaster.pid')
  }).timeout(60_000)
})
