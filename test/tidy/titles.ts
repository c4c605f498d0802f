// Titles of tests as they would run; nothing is run.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../support/project-root.ts'

const ROOT = projectRoot()
const BUILT = join(import.meta.dirname, '..', '..')

/** File, from the project's root, to the titles of its tests. */
export type Titles = ReadonlyMap<string, ReadonlySet<string>>

export function titlesOf(files: readonly string[]): Titles {
  const built = files.map((file) => join(BUILT, file.replace(/\.ts$/, '.js')))
  const options = ['--dry-run', '--reporter', 'json', ...built.filter((file) => existsSync(file))]
  const mocha = join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js')
  // n.b. Without FERRYMAN_*, on which some titles depend: tables name them as they are by default.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FERRYMAN_')))
  const how = { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 1 << 26 } as const
  const out = execFileSync(process.execPath, [mocha, ...options], how)
  const { tests } = JSON.parse(out.slice(out.indexOf('{'))) as { tests: { title: string; file: string }[] }
  const titles = new Map<string, Set<string>>(files.map((file) => [file, new Set()]))
  for (const { title, file } of tests) {
    titles.get(file.slice(BUILT.length + 1).replace(/\.js$/, '.ts'))?.add(title)
  }
  return titles
}
