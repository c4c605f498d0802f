// The programs that the demo and the tests need from Debian: found, or installed, or asked for in words.
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Environment } from './kept-process.ts'

/** Debian's packages are seen by Debian's Python only; another may come first on the PATH. */
export const DEBIAN_PYTHON = '/usr/bin/python3'

/** Debian package to the check that tells whether what we need of it is there. */
const CHECKS = {
  'redis-server': () => find('redis-server') !== null,
  'rabbitmq-server': () => rabbitmqFolder() !== null && find('erl') !== null,
  'python3-pika': () => runs(DEBIAN_PYTHON, ['-c', 'import pika']),
  'python3-kombu': () => runs(DEBIAN_PYTHON, ['-c', 'import kombu']),
  spin: () => find('spin') !== null,
  gcc: () => find('gcc') !== null,
  'libc6-dev': () => existsSync('/usr/include/stdio.h'),
  postgresql: () => postgresFolder() !== null,
  'uwsgi-plugin-python3': () => find('uwsgi') !== null && uwsgiFolder() !== null,
  'python3-placement': () => runs(DEBIAN_PYTHON, ['-c', 'import placement']),
  'python3-nova': () => runs(DEBIAN_PYTHON, ['-c', 'import nova']),
  'python3-psycopg2': () => runs(DEBIAN_PYTHON, ['-c', 'import psycopg2']),
} as const

export type PackageName = keyof typeof CHECKS

/** What a private Placement is made of. */
export const PLACEMENT_PACKAGES: readonly PackageName[] = [
  'postgresql',
  'uwsgi-plugin-python3',
  'python3-placement',
  'python3-psycopg2',
]

/** Whether an answer can be had from a container engine, with the compose plugin. */
export function dockerEngineRuns(): boolean {
  return find('docker') !== null && runs('docker', ['info']) && runs('docker', ['compose', 'version'])
}

/** Makes sure of `packages`: installs what is missing, with no question asked. `say` gets a line before that. */
export function ensurePackages(packages: readonly PackageName[], say: (line: string) => void): void {
  let missing = packages.filter((name) => !CHECKS[name]())
  if (missing.length === 0) return
  if (find('apt-get') === null || find('dpkg') === null) throw new Error(instructions(missing))
  say(`missing: ${missing.join(', ')}; installing with apt-get`)
  if (process.getuid?.() === 0) installAsRoot(missing)
  else unpackWithoutRoot(missing)
  missing = missing.filter((name) => !CHECKS[name]())
  if (missing.length > 0) throw new Error(instructions(missing))
}

/** Full path of redis-server. */
export function redisServer(): string {
  const found = find('redis-server')
  if (found === null) throw new Error(instructions(['redis-server']))
  return found
}

/** The folder of the RabbitMQ scripts that run as whoever calls them. */
export function rabbitmqScripts(): string {
  const found = rabbitmqFolder()
  if (found === null) throw new Error(instructions(['rabbitmq-server']))
  return found
}

/** Full paths of PostgreSQL's programs, of the newest version found. */
export function postgresPrograms(): { readonly initdb: string; readonly postgres: string; readonly psql: string } {
  const folder = postgresFolder()
  if (folder === null) throw new Error(instructions(['postgresql']))
  return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres'), psql: join(folder, 'psql') }
}

/** The folder of uwsgi's plugins. */
export function uwsgiPlugins(): string {
  const found = uwsgiFolder()
  if (found === null) throw new Error(instructions(['uwsgi-plugin-python3']))
  return found
}

/** What a program found here needs in its environment: nothing, unless it was unpacked without root. */
export function packageEnvironment(): Environment {
  const root = unpackedFolder()
  if (!existsSync(root)) return {}
  const libraries = join(root, 'usr/lib')
  const folders = existsSync(libraries)
    ? readdirSync(libraries)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => join(libraries, name))
    : []
  const environment: Record<string, string> = {
    PATH: [...searchPath(), join(root, 'usr/lib/erlang/bin')].join(delimiter),
    LD_LIBRARY_PATH: [process.env['LD_LIBRARY_PATH'] ?? '', ...folders]
      .filter((folder) => folder !== '')
      .join(delimiter),
    PYTHONPATH: [process.env['PYTHONPATH'] ?? '', join(root, 'usr/lib/python3/dist-packages')]
      .filter((folder) => folder !== '')
      .join(delimiter),
  }
  if (existsSync(join(root, 'usr/lib/rabbitmq')) && !existsSync('/usr/lib/rabbitmq/bin')) {
    environment['RABBITMQ_HOME'] = newestOf(join(root, 'usr/lib/rabbitmq/lib'))
  }
  return environment
}

/** Installs for the whole machine; the policy keeps the packages from starting themselves as services. */
function installAsRoot(packages: readonly PackageName[]): void {
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n')
    chmodSync(policy, 0o755)
  }
  try {
    must('apt-get', ['update', '-q'])
    must('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages])
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

/** Downloads with lists and a cache of our own, and unpacks: no installation, so no root is needed. */
function unpackWithoutRoot(packages: readonly PackageName[]): void {
  const root = unpackedFolder()
  mkdirSync(root, { recursive: true })
  const work = mkdtempSync(join(tmpdir(), 'ferryman-packages-'))
  try {
    for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(work, folder), { recursive: true })
    const own = [
      '-q',
      '-o',
      `Dir::State::Lists=${join(work, 'lists')}`,
      '-o',
      `Dir::Cache=${join(work, 'cache')}`,
      '-o',
      'Debug::NoLocking=true',
      '-o',
      'APT::Sandbox::User=',
    ]
    must('apt-get', [...own, 'update'])
    must('apt-get', [...own, 'install', '-y', '--no-install-recommends', '--download-only', ...packages])
    const archives = join(work, 'cache/archives')
    for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      must('dpkg', ['-x', join(archives, file), root])
    }
    relocateErlang(join(root, 'usr/lib/erlang'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Debian's start script of Erlang knows one folder only, whatever ERL_ROOTDIR says. */
function relocateErlang(folder: string): void {
  const script = join(folder, 'bin/erl')
  if (!existsSync(script)) return
  writeFileSync(script, readFileSync(script, 'utf8').replaceAll('ROOTDIR=/usr/lib/erlang', `ROOTDIR='${folder}'`))
}

function instructions(packages: readonly string[]): string {
  return (
    `These Debian packages are needed and could not be found or installed: ${packages.join(', ')}. As root, run:\n` +
    `  apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
  )
}

function rabbitmqFolder(): string | null {
  const folders = ['/usr/lib/rabbitmq/bin', join(unpackedFolder(), 'usr/lib/rabbitmq/bin')]
  return folders.find((folder) => existsSync(join(folder, 'rabbitmq-server'))) ?? null
}

function postgresFolder(): string | null {
  for (const root of ['/usr/lib/postgresql', join(unpackedFolder(), 'usr/lib/postgresql')]) {
    const versions = existsSync(root) ? readdirSync(root).toSorted((one, other) => Number(other) - Number(one)) : []
    const folder = versions.map((version) => join(root, version, 'bin')).find((bin) => executable(join(bin, 'initdb')))
    if (folder !== undefined) return folder
  }
  return null
}

function uwsgiFolder(): string | null {
  const folders = ['/usr/lib/uwsgi/plugins', join(unpackedFolder(), 'usr/lib/uwsgi/plugins')]
  return folders.find((folder) => existsSync(join(folder, 'python3_plugin.so'))) ?? null
}

function find(program: string): string | null {
  for (const folder of [...searchPath(), '/usr/lib/erlang/bin']) {
    const path = join(folder, program)
    if (executable(path)) return path
  }
  return null
}

function searchPath(): string[] {
  const root = unpackedFolder()
  const unpacked = ['usr/bin', 'usr/sbin', 'usr/lib/erlang/bin'].map((folder) => join(root, folder))
  return [...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), '/usr/sbin', ...unpacked]
}

function unpackedFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ferryman', 'packages')
}

function newestOf(folder: string): string {
  const names = readdirSync(folder)
    .filter((name) => name.startsWith('rabbitmq_server-'))
    .toSorted()
  return join(folder, names.at(-1) ?? '')
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function runs(program: string, args: readonly string[]): boolean {
  const environment = { ...process.env, ...packageEnvironment() }
  return spawnSync(program, args, { stdio: 'ignore', timeout: 10_000, env: environment }).status === 0
}

function must(program: string, args: readonly string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 600_000,
    env: environment,
  })
  if (status === 0) return
  const said = `${stdout ?? ''}${stderr ?? ''}`.trimEnd().split('\n').slice(-20).join('\n')
  throw new Error(`${program} ${args.join(' ')} failed (${error?.message ?? `exit code ${status}`}):\n${said}`)
}
