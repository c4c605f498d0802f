// A private OpenStack Placement: Debian's program under uwsgi, on a PostgreSQL of its own that has no port.
import { execFile } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { keep, type KeptProcess } from './kept-process.ts'
import { packageEnvironment, postgresPrograms, uwsgiPlugins } from './packages.ts'
import { freePorts } from './ports.ts'
import { ready, type Server } from './server.ts'

export interface PlacementServer extends Server {
  /** What `X-Auth-Token` must say: `noauth2` takes it for an administrator. */
  readonly token: string
  /** Runs SQL on the database of this Placement, and gives rows as lines with columns parted by `|`. */
  readonly sql: (text: string) => Promise<string>
  /** HTTP requests answered since it was started. */
  readonly requests: () => Promise<number>
}

export interface PlacementOptions {
  /** Processes that answer at the same time; default 4. */
  readonly processes?: number
  readonly port?: number
}

const READY_MS = 60_000
const STOP_MS = 3_000
const DATABASE_STOP_MS = 5_000
const ATTEMPTS = 3
/** Socket on which uwsgi tells its counts. */
const STATISTICS = 'statistics.socket'
/** PostgreSQL refuses to run as root; Debian's package brings this user. */
const DATABASE_OWNER = '/var/lib/postgresql'

/** Starts Placement with an empty database, and resolves once it answers: about 2 s on two cores. */
export async function startPlacement(options: PlacementOptions = {}): Promise<PlacementServer> {
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePorts(1))[0]!
    try {
      return await placementOn(port, options.processes ?? 4)
    } catch (failure) {
      const taken = failure instanceof Error && /address already in use/i.test(failure.message)
      if (!taken || options.port !== undefined || tries === ATTEMPTS) throw failure
    }
  }
}

async function placementOn(port: number, processes: number): Promise<PlacementServer> {
  const dir = mkdtempSync(join(tmpdir(), 'ferryman-placement-'))
  const log = join(dir, 'server.log')
  const keeper = keep(dir)
  const database = await makeDatabase(dir, keeper)
  configure(dir)
  const environment = { ...packageEnvironment(), OS_PLACEMENT_CONFIG_DIR: dir }
  const args = [
    ...['--plugins-dir', uwsgiPlugins(), '--plugin', 'http', '--plugin', 'python3'],
    ...['--http', `127.0.0.1:${port}`, '--http-keepalive=300', '--http-timeout', '300'],
    ...['--wsgi-file', join(dir, 'wsgi.py'), '--processes', `${processes}`, '--listen', '100'],
    ...['--master', '--need-app', '--die-on-term', '--disable-logging', '--stats', join(dir, STATISTICS)],
  ]
  let current: KeptProcess
  const start = async (): Promise<void> => {
    await database.start()
    try {
      current = keeper.start('uwsgi', args, environment, log)
      await ready(`Placement on port ${port}`, log, READY_MS, current, () => answersVersion(port))
    } catch (failure) {
      await database.stop()
      throw failure
    }
  }
  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    token: 'admin',
    port,
    dir,
    sql: (text) => sqlOn(dir, text),
    requests: () => requestsOf(join(dir, STATISTICS)),
    running: () => current.running(),
    stop: async () => {
      await current.stop(STOP_MS)
      await database.stop()
    },
    kill: () => current.kill(),
    freeze: () => current.signal('SIGSTOP'),
    thaw: () => current.signal('SIGCONT'),
    restart: async () => {
      await current.stop(STOP_MS)
      await start()
    },
  }
}

interface Database {
  /** Starts it, unless it runs, and resolves once it answers. */
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A database that forgets on a crash of the machine, and listens on a socket in `dir` only; made, not yet started. */
async function makeDatabase(dir: string, keeper: ReturnType<typeof keep>): Promise<Database> {
  const { initdb, postgres } = postgresPrograms()
  const data = join(dir, 'database')
  const log = join(dir, 'database.log')
  mkdirSync(data, { mode: 0o700 })
  const owner = process.getuid?.() === 0 ? statSync(DATABASE_OWNER) : null
  if (owner !== null) for (const folder of [dir, data]) chownSync(folder, owner.uid, owner.gid)
  const asOwner = (program: string, args: readonly string[]): [string, string[]] =>
    owner === null
      ? [program, [...args]]
      : ['setpriv', ['--reuid', `${owner.uid}`, '--regid', `${owner.gid}`, '--clear-groups', program, ...args]]
  const environment = { ...process.env, ...packageEnvironment() }
  const made = ['-D', data, '-U', 'placement', '-A', 'trust', '-E', 'UTF8', '--locale', 'C', '--no-sync']
  await promisify(execFile)(...asOwner(initdb, made), { env: environment, timeout: READY_MS })
  const settings = ['listen_addresses=', 'fsync=off', 'full_page_writes=off', 'max_connections=200']
  const args = ['-D', data, '-k', dir, ...settings.flatMap((setting) => ['-c', setting])]
  const answers = async (): Promise<boolean> => (await sqlOn(dir, 'SELECT 1').catch(() => '')) !== ''
  let current: KeptProcess | null = null
  return {
    start: async () => {
      if (current?.running() === true) return
      current = keeper.start(...asOwner(postgres, args), packageEnvironment(), log)
      await ready('PostgreSQL', log, READY_MS, current, answers)
    },
    stop: async () => {
      await current?.stop(DATABASE_STOP_MS)
    },
  }
}

function configure(dir: string): void {
  const connection = `postgresql+psycopg2://placement@/postgres?host=${dir}`
  const sections = [
    '[DEFAULT]\nuse_stderr = false\n',
    '[api]\nauth_strategy = noauth2\n',
    `[placement_database]\nconnection = ${connection}\nsync_on_startup = true\nmax_pool_size = 2\n`,
  ]
  writeFileSync(join(dir, 'placement.conf'), sections.join('\n'))
  writeFileSync(join(dir, 'wsgi.py'), 'from placement.wsgi import init_application\napplication = init_application()\n')
}

async function sqlOn(dir: string, text: string): Promise<string> {
  const args = ['-h', dir, '-U', 'placement', '-d', 'postgres', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1']
  const environment = { ...process.env, ...packageEnvironment() }
  const { stdout } = await promisify(execFile)(postgresPrograms().psql, [...args, '-c', text], { env: environment })
  return stdout.trimEnd()
}

async function requestsOf(socket: string): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of connect(socket)) chunks.push(chunk as Buffer)
  const told = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { workers: readonly { requests: number }[] }
  return told.workers.reduce((sum, { requests }) => sum + requests, 0)
}

function answersVersion(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', path: '/', agent: false, timeout: 1_000 }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode === 200))
    })
    asked.once('timeout', () => asked.destroy(new Error('no answer')))
    asked.once('error', () => resolve(false))
    asked.end()
  })
}
