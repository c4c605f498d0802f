// Makes a bare clone ready to run: node packages, build, Debian packages. Plain JavaScript: nothing is built yet.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export const root = dirname(import.meta.dirname)

export const say = (line) => process.stderr.write(`${line}\n`)

/** Node packages as the lock file has them, then the build, then Debian packages. Ends the process if one fails. */
export async function prepare({ build = true, debianPackages = [] } = {}) {
  process.chdir(root)
  installNodePackages()
  if (!build) return
  say('building')
  must(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'])
  if (debianPackages.length === 0) return
  const { ensurePackages } = await import(pathToFileURL(join(root, 'dist/src/demo/packages.js')).href)
  try {
    ensurePackages(debianPackages, say)
  } catch (failure) {
    say(failure.message)
    process.exit(69)
  }
}

/** Runs npm itself where we were started by npm, else the one on the PATH. */
export function npm(args) {
  const self = process.env.npm_execpath
  const isScript = self !== undefined && /npm-cli\.c?js$/.test(self)
  // What npm says is no result: standard output stays free for that.
  must(isScript ? process.execPath : 'npm', isScript ? [self, ...args] : args, { stdio: ['ignore', 2, 2] })
}

export function must(program, args, options = {}) {
  const { status, error, signal } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
  if (status === 0) return
  say(`${program} ${args.join(' ')} failed: ${error?.message ?? signal ?? `exit code ${status}`}`)
  process.exit(1)
}

function installNodePackages() {
  const installed = join('node_modules', '.package-lock.json')
  const current = existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs
  if (current) return
  say('installing node packages')
  npm(['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])
}
