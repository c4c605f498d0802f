// Lints with types and checks the format; `--write` formats instead. Installs its tools at the first need.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { must, npm, prepare, root, say } from './prepare.mjs'

await prepare({ build: false })
const writes = process.argv.includes('--write')
const folder = join(root, 'tools')
const installed = join(folder, 'node_modules', '.package-lock.json')
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(join(folder, 'package.json')).mtimeMs) {
  say('installing the linter')
  npm([
    'install',
    '--prefix',
    folder,
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
}
const program = (name) => join(folder, 'node_modules', '.bin', name)
if (writes) {
  must(program('biome'), ['format', '--write'])
} else {
  must(program('biome'), ['format'])
  const env = { ...process.env, OXLINT_TSGOLINT_PATH: program('tsgolint') }
  must(program('oxlint'), ['--type-aware', '--deny-warnings'], { env })
}
