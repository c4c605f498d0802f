// Workers whose own clocks are hours off: deadlines are those of the store's clock, which all share.
import { expect } from 'chai'
import { openInstallation, type Installation } from '../support/installation.ts'
import { cloud, request, type Fields } from './ground.ts'

const HOUR_MS = 3_600_000
const { books, host, server } = cloud()
const [OLD, NEW] = [host('clock old'), host('clock new')]
const [EARLY, LATE] = [server('clock early', { [OLD]: { VCPU: 1 } }), server('clock late', { [OLD]: { VCPU: 1 } })]

/** Loaded before a worker, so that its wall clock is `ms` ahead of the machine's. */
const ahead = (ms: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${ms}`)}`

describe('a worker whose clock is wrong', () => {
  let installation: Installation
  beforeEach(async () => {
    installation = await openInstallation()
    await installation.seed(books)
  })
  afterEach(() => installation.close())

  const decided = async (clockMs: number, fields: Fields): Promise<string> => {
    await installation.worker({ NODE_OPTIONS: ahead(clockMs) })
    const asked = request('transfer', { source: OLD, destination: NEW, ...fields })
    await installation.ask(asked)
    return (await installation.decision(asked.id)).outcome.code
  }

  it('carries out what is due by the time of Redis, though by its own it has expired', async () => {
    const notAfter = new Date(Date.now() + HOUR_MS / 4).toISOString()
    expect(await decided(2 * HOUR_MS, { consumer: EARLY, notAfter })).to.equal('applied')
  }).timeout(60_000)

  it('refuses what has expired by the time of Redis, though by its own there is time left', async () => {
    const notAfter = new Date(Date.now() - 5_000).toISOString()
    expect(await decided(-2 * HOUR_MS, { consumer: LATE, notAfter })).to.equal('expired')
  }).timeout(60_000)
})
