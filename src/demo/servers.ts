// Private Redis and RabbitMQ servers on loopback: own folder, own ports, gone with this process.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keep, type KeptProcess } from './kept-process.ts'
import { packageEnvironment, redisServer } from './packages.ts'
import { freePorts } from './ports.ts'
import { answers, ready, type Server } from './server.ts'

export type { Server } from './server.ts'
export { startPlacement, type PlacementOptions, type PlacementServer } from './placement-server.ts'
export { startRabbit, type RabbitOptions, type RabbitServer } from './rabbit-server.ts'

export interface RedisOptions {
  /** Where its data lies; default: a new folder, removed when this process ends. */
  readonly dir?: string
  /** Default `false`: nothing survives a restart. `true`: every write is synced, everything survives. */
  readonly appendonly?: boolean
  readonly port?: number
  /** Further arguments of redis-server, e.g. `['--maxmemory', '64mb']`. */
  readonly args?: readonly string[]
}

const READY_MS = 20_000
const STOP_MS = 5_000

/** Starts a Redis server and resolves once it answers PING. */
export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePorts(1))[0]!
    try {
      return await redisOn(port, options)
    } catch (failure) {
      const taken = failure instanceof Error && failure.message.includes('Address already in use')
      if (!taken || options.port !== undefined || tries === 3) throw failure
    }
  }
}

async function redisOn(port: number, options: RedisOptions): Promise<Server> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'ferryman-redis-'))
  const log = join(dir, 'server.log')
  const keeper = keep(options.dir === undefined ? dir : null)
  const persistence =
    options.appendonly === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
    '--daemonize',
    'no',
    '--maxmemory-policy',
    'noeviction',
    ...persistence,
    ...(options.args ?? []),
  ]
  let current: KeptProcess
  const start = async (): Promise<void> => {
    current = keeper.start(redisServer(), args, packageEnvironment(), log)
    await ready(`Redis on port ${port}`, log, READY_MS, current, () => answers(port, 'PING\r\n', '+PONG'))
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    running: () => current.running(),
    stop: () => current.stop(STOP_MS),
    kill: () => current.kill(),
    freeze: () => current.signal('SIGSTOP'),
    thaw: () => current.signal('SIGCONT'),
    restart: async () => {
      await current.stop(STOP_MS)
      await start()
    },
  }
}
