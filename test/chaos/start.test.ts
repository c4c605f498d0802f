// A worker that begins while the way to Redis breaks: it tries again, for as long as a start may take.
import { expect } from 'chai'
import { openInstallation, type Installation } from '../support/installation.ts'
import { holdingProxy } from '../support/installation-proxies.ts'
import { sharedRedis } from '../support/servers.ts'
import { silentProxy } from '../support/silent-proxy.ts'

describe('a worker that starts', () => {
  let installation: Installation
  before(async () => {
    installation = await openInstallation()
  })
  after(() => installation.close())

  it('goes on to consume where its connection to Redis breaks while it looks at the server', async () => {
    const { url, port } = await sharedRedis()
    const holding = await holdingProxy(port)
    const cutting = await silentProxy(Number(new URL(holding.urlOf(url)).port))
    const asked = holding.holdFrom('appendonly') // said by nothing but that look
    const worker = installation.spawn({ FERRYMAN_REDIS_URL: cutting.urlOf(url) })
    await asked
    cutting.cut()
    holding.release()
    await worker.up
    expect(worker.isOver, worker.text).to.equal(false)
    await cutting.close()
    await holding.close()
  }).timeout(60_000)
})
