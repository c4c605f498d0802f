// All tests with one command from a bare clone: installs, builds, runs, and ends with `N passed, N failed`.
//   npm test                                     everything but the long ones of test/chaos
//   npm run test:chaos                           all of test/chaos
//   npm test -- test/unit test/flow/x.test.ts    only these files and folders
//   npm test -- --grep 'a lease'                 any option of mocha
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { prepare, root, say } from './prepare.mjs'

/** Longest run of everything, and of files that were named. */
const MINUTES_MAX = { all: 20, named: 90 }
/** Runs of many faults that are long beside what they find: left to `npm run test:chaos`, unless they are named. */
const LONG = [
  'cluster',
  'crash-points',
  'failover',
  'failover-tail',
  'placement-foreign-writer',
  'placement-forced-release',
  'placement-late-writes',
  'placement-lost-record',
  'placement-unsettled',
  'poison',
  'rolling',
  'unlocked',
].map((name) => join('test', 'chaos', `${name}.test.ts`))
const started = process.env.INIT_CWD ?? process.cwd()
const firstOption = [...process.argv.slice(2), '-'].findIndex((arg) => arg.startsWith('-'))
const paths = process.argv.slice(2, 2 + firstOption)
const options = process.argv.slice(2 + firstOption)

// A run that cannot even begin has failed too, and says so in the same words.
let closed = false
process.once('exit', () => {
  if (!closed) finish({})
})

await prepare({
  debianPackages: [
    'redis-server',
    'rabbitmq-server',
    'python3-pika',
    'python3-kombu',
    'spin',
    'gcc',
    'libc6-dev',
    'postgresql',
    'uwsgi-plugin-python3',
    'python3-placement',
    'python3-psycopg2',
  ],
})
const files = selected(paths)
const result = files.length === 0 ? { code: 0 } : await run(files)
finish(result)

/** The test files that the paths name, as they are built; a file that was deleted leaves no test behind. */
function selected(chosen) {
  const sources = readdirSync('test', { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .toSorted()
  const wanted = chosen.map((path) => {
    const found = [resolve(started, path), resolve(root, path)].find((file) => existsSync(file))
    if (found !== undefined)
      return relative(root, found)
        .replace(/^dist\//, '')
        .replace(/\.js$/, '.ts')
    say(`${path} does not exist`)
    process.exit(64)
  })
  const all = sources.map((name) => join('test', name))
  const some = all.filter((file) => wanted.some((path) => file === path || file.startsWith(`${path}/`)))
  const usual = all.filter((file) => !LONG.includes(file))
  return (chosen.length === 0 ? usual : some).map((file) => join('dist', file.replace(/\.ts$/, '.js')))
}

/** Runs mocha in a process group of its own, so that the time bound and Ctrl-C leave nothing behind. */
async function run(chosen) {
  const folder = mkdtempSync(join(tmpdir(), 'ferryman-test-'))
  const output = join(folder, 'counts.json')
  const child = spawn(
    process.execPath,
    [
      'node_modules/mocha/bin/mocha.js',
      '--reporter',
      'dist/test/support/reporter.js',
      '--reporter-option',
      `output=${output}`,
      '--require',
      'dist/test/support/global-setup.js',
      ...options,
      ...chosen,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], detached: true, env: { ...process.env, NODE_ENV: 'test' } },
  )
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal)
    } catch {
      /* it has ended */
    }
  }
  const minutes = paths.length === 0 ? MINUTES_MAX.all : MINUTES_MAX.named
  const bound = setTimeout(() => {
    say(`the run took longer than ${minutes} minutes and is ended`)
    kill('SIGKILL')
  }, minutes * 60_000)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      kill('SIGKILL')
      process.exit(128 + constants.signals[signal])
    })
  }
  const code = await new Promise((ended) => child.once('exit', ended))
  clearTimeout(bound)
  kill('SIGKILL')
  const counts = existsSync(output) ? JSON.parse(readFileSync(output, 'utf8')) : {}
  rmSync(folder, { recursive: true, force: true })
  return { ...counts, code }
}

/** Prints the closing line. A run that broke off, found no test, or (under CI) left one out, has failed. */
function finish({ passed = 0, failed = 0, skipped = 0, code = 1 }) {
  closed = true
  const hidden = process.env.CI ? skipped : 0
  let lost = failed + hidden
  if (hidden > 0) say(`${hidden} skipped: under CI that is a failure`)
  if (code === 0 && lost === 0 && passed === 0) say('no test ran')
  if (lost === 0 && (code !== 0 || passed === 0)) lost = 1
  process.stdout.write(`\n${passed} passed, ${lost} failed${skipped > hidden ? `, ${skipped} skipped` : ''}\n`)
  process.exitCode = lost === 0 ? 0 : 1
}
