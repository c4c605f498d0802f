// Where RabbitMQ and Redis of a run come from: those that answer, else containers, else private ones.
import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import type { Config } from '../config.ts'
import type { Clock } from '../clock/clock.ts'
import { packageRoot } from '../config/root.ts'
import { Unavailable } from '../retry/failures.ts'
import type { Parts } from '../wire/parts.ts'
import { dockerEngineRuns, ensurePackages } from './packages.ts'
import type { Screen } from './screen.ts'
import { startRabbit, startRedis } from './servers.ts'

/** Where the servers of a run are. What was not started for it is null: the settings already say where it is. */
export interface Servers {
  readonly rabbitmq: { readonly url: string; readonly managementUrl: string } | null
  readonly redis: { readonly url: string } | null
}

interface Search {
  readonly config: Config
  readonly clock: Clock
  readonly screen: Screen
  /** Whether somebody chose the address: such a server must be usable when it answers. */
  readonly chosen: { readonly rabbitmq: boolean; readonly redis: boolean }
  readonly openParts: (config: Config) => Parts
  /** Registers what ends a server at the end. */
  readonly atEnd: (what: string, undo: () => Promise<unknown>) => void
}

const LISTENS_WITHIN_MS = 1_000
const CONTAINERS_WITHIN_MS = 300_000

/** Looks for both, and starts what does not answer. */
export async function findServers(search: Search): Promise<Servers> {
  const { config, screen } = search
  const parts = search.openParts(config)
  try {
    const [rabbitmq, redis] = await Promise.all([
      usable('RabbitMQ', config.rabbitmq.urls, search.chosen.rabbitmq, () => parts.broker(), search),
      usable('Redis', [config.redis.url], search.chosen.redis, () => parts.store(), search),
    ])
    const wanted = { rabbitmq: !rabbitmq, redis: !redis }
    if (rabbitmq) screen.say('RabbitMQ: the one that answers already')
    if (redis) screen.say('Redis: the one that answers already')
    if (rabbitmq && redis) return { rabbitmq: null, redis: null }
    return (dockerEngineRuns() ? await containers(wanted, search) : null) ?? (await privateServers(wanted, search))
  } finally {
    await parts.close()
  }
}

/** One that answers and will not have us is an error where it was chosen; else somebody else's. */
async function usable(
  name: string,
  urls: readonly string[],
  chosen: boolean,
  open: () => Promise<unknown>,
  { clock, screen }: Search,
): Promise<boolean> {
  if (!(await Promise.all(urls.map((url) => listens(url, clock)))).includes(true)) {
    if (chosen) screen.say(`${name}: nothing answers at the address that is set`)
    return false
  }
  try {
    await open()
    return true
  } catch (failure) {
    if (chosen) throw failure
    screen.say(`${name}: the one that answers cannot be used (${(failure as Error).message})`)
    return false
  }
}

/** Whether somebody listens there. Of an address that is no plain URL (Sentinel) it is taken for granted. */
function listens(address: string, clock: Clock): Promise<boolean> {
  if (!URL.canParse(address) || address.includes('+')) return Promise.resolve(true)
  const { hostname, port, protocol } = new URL(address)
  const usual = { 'amqp:': 5_672, 'amqps:': 5_671 }[protocol] ?? 6_379
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) })
    const end = (yes: boolean): void => {
      cancel()
      socket.destroy()
      resolve(yes)
    }
    const cancel = clock.timer(LISTENS_WITHIN_MS, () => {
      end(false)
    })
    socket.once('connect', () => {
      end(true)
    })
    socket.once('error', () => {
      end(false)
    })
  })
}

interface Wanted {
  readonly rabbitmq: boolean
  readonly redis: boolean
}

/** Services of compose.yaml as a project of its own. Null where they cannot be started, as with ports in use. */
async function containers(wanted: Wanted, { clock, screen, atEnd }: Search): Promise<Servers | null> {
  const services = [...(wanted.rabbitmq ? ['rabbitmq'] : []), ...(wanted.redis ? ['redis'] : [])]
  const compose = (...words: readonly string[]): Promise<unknown> =>
    promisify(execFile)('docker', ['compose', '--project-name', project, ...words], {
      cwd: packageRoot(),
      timeout: CONTAINERS_WITHIN_MS,
      env: { ...process.env, RABBITMQ_PASSWORD: 'ferryman' },
    })
  const project = `ferryman-demo-${clock.uuid().slice(0, 8)}`
  const down = (): Promise<unknown> => compose('down', '--volumes')
  screen.say(`starting containers: ${services.join(', ')}`)
  atEnd('containers', down)
  try {
    await compose('up', '--detach', '--wait', ...services)
  } catch (failure) {
    screen.say(`the containers could not be started (${(failure as Error).message.trim().split('\n').at(-1)})`)
    return null
  }
  const managementUrl = 'http://ferryman:ferryman@127.0.0.1:15672'
  return {
    rabbitmq: wanted.rabbitmq ? { url: 'amqp://ferryman:ferryman@127.0.0.1:5672', managementUrl } : null,
    redis: wanted.redis ? { url: 'redis://127.0.0.1:6379' } : null,
  }
}

/** On free ports of this machine, in folders of their own; they end with this process, however it ends. */
async function privateServers(wanted: Wanted, { screen, atEnd }: Search): Promise<Servers> {
  const packages = [
    ...(wanted.rabbitmq ? (['rabbitmq-server'] as const) : []),
    ...(wanted.redis ? (['redis-server'] as const) : []),
  ]
  try {
    ensurePackages(packages, (line) => {
      screen.say(line)
    })
  } catch (failure) {
    throw new Unavailable((failure as Error).message, { cause: failure })
  }
  const [rabbitmq, redis] = await Promise.all([
    wanted.rabbitmq
      ? startRabbit().then((server) => {
          atEnd('RabbitMQ', () => server.stop())
          screen.say(`RabbitMQ: a private one on port ${server.port}`)
          return { url: server.url, managementUrl: server.managementUrl ?? '' }
        })
      : null,
    wanted.redis
      ? startRedis({ appendonly: true }).then((server) => {
          atEnd('Redis', () => server.stop())
          screen.say(`Redis: a private one on port ${server.port}`)
          return { url: server.url }
        })
      : null,
  ])
  return { rabbitmq, redis }
}
