// Runs one of the project's programs from a bare clone: `node scripts/run.mjs <source file> [arguments]`.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { prepare, root } from './prepare.mjs'

const [source, ...args] = process.argv.slice(2)
const cwd = process.cwd()
const SERVERS = ['redis-server', 'rabbitmq-server']
const PLACEMENT = ['postgresql', 'uwsgi-plugin-python3', 'python3-placement', 'python3-psycopg2']
const NEEDED = { bench: SERVERS, 'test/mutants': [...SERVERS, ...PLACEMENT] }
// The demo sees to its servers itself, since a container engine may run them.
await prepare({ debianPackages: NEEDED[dirname(source)] ?? [] })
const program = join(root, 'dist', source.replace(/\.ts$/, '.js'))
// In a group of its own: Ctrl-C reaches npm, the shell and this file at once, and must count as one signal there.
const child = spawn(process.execPath, [program, ...args], { cwd, stdio: 'inherit', detached: true })
const SAME_KEY_MS = 300
let passedOnAt = -Infinity
const passOn = (signal) => {
  if (performance.now() - passedOnAt < SAME_KEY_MS) return
  passedOnAt = performance.now()
  child.kill(signal)
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => passOn(signal))
process.on('SIGHUP', () => passOn('SIGTERM'))
// npm that is told to end takes its shell with it, and the shell tells nobody.
const parent = process.ppid
const watch = setInterval(() => {
  if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return
  clearInterval(watch)
  passOn('SIGTERM')
}, 500)
child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
