// Runs one of the project's programs from a bare clone: `node scripts/run.mjs <source file> [arguments]`.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { prepare, root } from './prepare.mjs'

const [source, ...args] = process.argv.slice(2)
const cwd = process.cwd()
// The demo sees to its servers itself, since a container engine may run them.
await prepare({ debianPackages: source.startsWith('bench/') ? ['redis-server', 'rabbitmq-server'] : [] })
const program = join(root, 'dist', source.replace(/\.ts$/, '.js'))
const child = spawn(process.execPath, [program, ...args], { cwd, stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
