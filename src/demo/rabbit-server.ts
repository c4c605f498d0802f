// A private RabbitMQ node: own epmd, cookie, data and ports, everything on loopback.
import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../clock/system-clock.ts'
import { keep, type Environment, type Keeper, type KeptProcess } from './kept-process.ts'
import { packageEnvironment, rabbitmqScripts } from './packages.ts'
import { freePorts } from './ports.ts'
import { answers, ready, type Server } from './server.ts'

export interface RabbitServer extends Server {
  /** Base of the management API with user and password; null without the plugin. */
  readonly managementUrl: string | null
  readonly managementPort: number | null
  /** Runs rabbitmqctl on this node and gives what it printed. Costs about a second. */
  readonly rabbitmqctl: (...args: readonly string[]) => Promise<string>
  /** Makes an empty virtual host with full rights for guest, gives its AMQP URL. 30 ms with the management API. */
  readonly addVhost: (name?: string) => Promise<string>
  readonly removeVhost: (name: string) => Promise<void>
}

export interface RabbitOptions {
  /** Default true. */
  readonly management?: boolean
  /** AMQP port; default: a free one. */
  readonly port?: number
  /** Port of the management API; default: a free one. */
  readonly managementPort?: number
  /** Further lines for rabbitmq.conf. */
  readonly config?: readonly string[]
  /** Default: a node that stands alone. */
  readonly member?: Member
}

/** What lets nodes find and trust each other, so that `rabbitmqctl join_cluster` may make them one cluster. */
export interface Member {
  /** Erlang node name of this one, as in `name@localhost`. */
  readonly node: string
  /** Port of the epmd that all of them share; it is started by whoever starts them, and outlives each. */
  readonly epmdPort: number
  readonly cookie: string
}

interface Ports {
  readonly amqp: number
  readonly management: number
  readonly distribution: number
  readonly epmd: number
}

const READY_MS = 90_000
const STOP_MS = 15_000
const NODE = 'ferryman@localhost'
const CONSOLE_USER = 'guest:guest'
const ATTEMPTS = 3

/** Starts a RabbitMQ node and resolves once it speaks AMQP and its management API answers: 6 to 13 s on two cores. */
export async function startRabbit(options: RabbitOptions = {}): Promise<RabbitServer> {
  for (let tries = 1; ; tries++) {
    const [amqp, management, distribution, epmd] = (await freePorts(4)) as [number, number, number, number]
    const ports = {
      amqp: options.port ?? amqp,
      management: options.managementPort ?? management,
      distribution,
      epmd: options.member?.epmdPort ?? epmd,
    }
    try {
      return await rabbitOn(ports, options)
    } catch (failure) {
      const taken = failure instanceof Error && /eaddrinuse|address already in use/i.test(failure.message)
      if (!taken || options.port !== undefined || tries === ATTEMPTS) throw failure
    }
  }
}

async function rabbitOn(ports: Ports, options: RabbitOptions): Promise<RabbitServer> {
  const dir = mkdtempSync(join(tmpdir(), 'ferryman-rabbit-'))
  const log = join(dir, 'server.log')
  const managed = options.management !== false
  const member = options.member ?? null
  configure(dir, ports, managed, options)
  const environment = { ...packageEnvironment(), ...environmentOf(dir, ports, member?.node ?? NODE) }
  const scripts = rabbitmqScripts()
  const keeper = keep(dir)
  let epmd: KeptProcess | null = null
  let node: KeptProcess
  const start = async (): Promise<void> => {
    if (member === null && epmd?.running() !== true) epmd = await epmdOf(keeper, ports.epmd, environment, dir)
    node = keeper.start(join(scripts, 'rabbitmq-server'), [], environment, log)
    await ready(`RabbitMQ on port ${ports.amqp}`, log, READY_MS, node, () => speaks(ports, managed))
  }
  const down = async (how: (process: KeptProcess) => Promise<void>): Promise<void> => {
    await how(node)
    await epmd?.kill()
  }
  await start()
  const rabbitmqctl = controlOf(scripts, environment)
  const management = `http://127.0.0.1:${ports.management}`
  const vhosts = managed ? vhostsByApi(management) : vhostsByControl(rabbitmqctl)
  return {
    url: amqpUrl(ports.amqp, '/'),
    port: ports.amqp,
    dir,
    rabbitmqctl,
    managementUrl: managed ? `http://${CONSOLE_USER}@127.0.0.1:${ports.management}` : null,
    managementPort: managed ? ports.management : null,
    addVhost: async (name = `v-${systemClock.uuid()}`) => {
      await vhosts.add(name)
      return amqpUrl(ports.amqp, name)
    },
    removeVhost: vhosts.remove,
    running: () => node.running(),
    stop: () => down((process) => process.stop(STOP_MS)),
    kill: () => down((process) => process.kill()),
    freeze: () => node.signal('SIGSTOP'),
    thaw: () => node.signal('SIGCONT'),
    restart: async () => {
      await node.stop(STOP_MS)
      await start()
    },
  }
}

function configure(dir: string, ports: Ports, managed: boolean, { config = [], member }: RabbitOptions): void {
  for (const folder of ['data', 'home', 'generated', 'logs']) mkdirSync(join(dir, folder))
  writeFileSync(join(dir, 'home', '.erlang.cookie'), member?.cookie ?? newCookie(), { mode: 0o400 })
  writeFileSync(join(dir, 'enabled_plugins'), managed ? '[rabbitmq_management].\n' : '[].\n')
  writeFileSync(join(dir, 'env.conf'), '')
  const management = [`management.tcp.ip = 127.0.0.1`, `management.tcp.port = ${ports.management}`]
  writeFileSync(
    join(dir, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
      'log.console.level = info',
      'disk_free_limit.absolute = 50MB',
      'collect_statistics_interval = 1000',
      ...(managed ? management : []),
      ...config,
      '',
    ].join('\n'),
  )
}

/** Keeps the node away from everything the machine has of RabbitMQ and Erlang: configuration, data, cookie, epmd. */
function environmentOf(dir: string, ports: Ports, node: string): Environment {
  return {
    HOME: join(dir, 'home'),
    ERL_EPMD_PORT: `${ports.epmd}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: `${ports.amqp}`,
    RABBITMQ_DIST_PORT: `${ports.distribution}`,
    RABBITMQ_BASE: dir,
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'logs'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
    RABBITMQ_CONF_ENV_FILE: join(dir, 'env.conf'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'generated'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(dir, 'pid'),
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CTL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  }
}

/** A cookie that nobody can guess. */
export function newCookie(): string {
  return systemClock.uuid().replaceAll('-', '')
}

/** An epmd for the nodes of one cluster; it ends with this process. */
export function startEpmd(port: number): Promise<KeptProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'ferryman-epmd-'))
  return epmdOf(keep(dir), port, packageEnvironment(), dir)
}

async function epmdOf(keeper: Keeper, port: number, environment: Environment, dir: string): Promise<KeptProcess> {
  const log = join(dir, 'epmd.log')
  const epmd = keeper.start('epmd', ['-port', `${port}`, '-address', '127.0.0.1'], environment, log)
  const namesRequest = '\x00\x01n'
  const portReply = String.fromCharCode(0, 0, port >> 8, port & 255)
  await ready(`epmd on port ${port}`, log, READY_MS, epmd, () => answers(port, namesRequest, portReply))
  return epmd
}

async function speaks(ports: Ports, managed: boolean): Promise<boolean> {
  const connectionStart = '\x01\x00\x00'
  if (!(await answers(ports.amqp, 'AMQP\x00\x00\x09\x01', connectionStart))) return false
  return !managed || (await api('GET', `http://127.0.0.1:${ports.management}/api/overview`).catch(() => 0)) === 200
}

interface Vhosts {
  readonly add: (name: string) => Promise<void>
  readonly remove: (name: string) => Promise<void>
}

function vhostsByApi(management: string): Vhosts {
  const all = { configure: '.*', write: '.*', read: '.*' }
  const must = async (method: string, path: string, body?: unknown): Promise<void> => {
    const status = await api(method, `${management}/api/${path}`, body)
    if (status >= 300) throw new Error(`the management API answered ${status} to ${method} ${path}`)
  }
  return {
    add: async (name) => {
      await must('PUT', `vhosts/${encodeURIComponent(name)}`)
      await must('PUT', `permissions/${encodeURIComponent(name)}/guest`, all)
    },
    remove: (name) => must('DELETE', `vhosts/${encodeURIComponent(name)}`),
  }
}

function vhostsByControl(rabbitmqctl: RabbitServer['rabbitmqctl']): Vhosts {
  return {
    add: async (name) => {
      await rabbitmqctl('add_vhost', name)
      await rabbitmqctl('set_permissions', '-p', name, 'guest', '.*', '.*', '.*')
    },
    remove: async (name) => {
      await rabbitmqctl('delete_vhost', name)
    },
  }
}

/** One request on a connection of its own: a node waits 5 s for idle ones when it stops. */
function api(method: string, url: string, body?: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const asked = request(url, { method, headers, auth: CONSOLE_USER, agent: false, timeout: 5_000 }, (response) => {
      response.resume()
      response.once('error', reject)
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    asked.once('timeout', () => asked.destroy(new Error(`no answer from ${url} within 5 s`)))
    asked.once('error', reject)
    asked.end(body === undefined ? '' : JSON.stringify(body))
  })
}

function controlOf(scripts: string, environment: Environment): RabbitServer['rabbitmqctl'] {
  const run = promisify(execFile)
  return async (...args) => {
    const settings = { env: { ...process.env, ...environment }, timeout: 60_000, maxBuffer: 64 << 20 }
    const { stdout } = await run(join(scripts, 'rabbitmqctl'), ['--quiet', ...args], settings)
    return stdout
  }
}

function amqpUrl(port: number, vhost: string): string {
  return `amqp://${CONSOLE_USER}@127.0.0.1:${port}/${encodeURIComponent(vhost)}`
}
