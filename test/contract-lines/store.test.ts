// What a worker and doctor say of the Redis that they are given, and what a worker does when its memory runs out.
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { openInstallation, type Installation } from '../support/installation.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'
import { ownRedis } from '../support/servers.ts'
import type { Server } from '../../src/demo/server.ts'

const LIMIT_BYTES = 32 * 1024 * 1024
const PART_BYTES = 1024 * 1024
/** Belongs to somebody else on the same server. */
const FOREIGN = 'somebody-else'

describe('a Redis that does not keep what it is given', () => {
  let server: Server
  let foreign: Redis
  let installation: Installation
  before(async () => {
    server = await ownRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
    foreign = new Redis(server.url)
    installation = await openInstallation({ redisUrl: server.url })
  })
  after(async () => {
    await installation.close()
    foreign.disconnect()
    await server.stop()
  })
  const warnings = (worker: WorkerUnderTest): string =>
    worker
      .said('warning')
      .map(({ msg }) => msg)
      .join('\n') // prettier-ignore

  it('is warned of at the start of a worker, and fails doctor, each with the fix', async () => {
    const worker = await installation.worker()
    expect(warnings(worker))
      .to.include('maxmemory-policy is allkeys-lru')
      .and.include('CONFIG SET maxmemory-policy noeviction')
      .and.include('appendonly is off')
      .and.include('CONFIG SET appendonly yes')
    const { code, out } = await installation.cli(['doctor'])
    expect(code).to.not.equal(0)
    expect(out).to.include('CONFIG SET maxmemory-policy noeviction')
    worker.signal('SIGKILL')
    await worker.ended
  }).timeout(60_000)

  it('is not warned of once it keeps everything; a sync every second is named with what it may lose', async () => {
    await foreign.config('SET', 'maxmemory-policy', 'noeviction')
    await foreign.config('SET', 'appendonly', 'yes')
    await foreign.config('SET', 'appendfsync', 'everysec')
    const weak = await installation.worker()
    expect(warnings(weak)).to.include('up to about two seconds of writes').and.not.include('maxmemory-policy')
    await foreign.config('SET', 'appendfsync', 'always')
    const safe = await installation.worker()
    expect(warnings(safe)).to.not.match(/appendonly|appendfsync|maxmemory/)
  }).timeout(60_000)

  it('pauses consumption at 80 % of maxmemory, says so in /readyz, and goes on when there is room', async () => {
    const worker = await installation.worker()
    await until('it is ready', async () => (await worker.readyz()).status === 200)
    await foreign.config('SET', 'maxmemory', String(LIMIT_BYTES))
    const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await foreign.info('memory'))![1])
    while ((await used()) < LIMIT_BYTES * 0.85) await foreign.rpush(FOREIGN, Buffer.alloc(PART_BYTES))
    await until('it says why it waits', async () => (await worker.readyz()).status === 503, 20_000)
    expect((await worker.readyz()).body).to.match(/memory/)
    await foreign.del(FOREIGN)
    await until('it is ready again', async () => (await worker.readyz()).status === 200, 20_000)
  }).timeout(90_000)
})
