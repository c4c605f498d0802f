// A build of the worker whose locks exclude nobody, for runs that ask what is safe without them.
//
// It lies in a folder of its own: the product has no such switch, and takes its scripts from its own package alone.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from './project-root.ts'

/** Which text of which script stands for a rule, and what stands there without it. */
const RULES = [
  // Every ticket is granted at once, whoever stands in front, and however soon after a restart.
  ['lib/take.lua', '  local free = now >= graceUntil\n', '  local free = true\n'],
  ['lib/take.lua', '    free = enter(resource, number) and free\n', '    enter(resource, number)\n'],
  // A write on the Redis ledger asks for no ticket.
  ['apply.lua', "if not alive(session) or not ticket or ticket.state ~= 'G' or ", 'if false and '],
] as const

let made: string | null = null

/** The program of such a worker, made once and removed when this process ends. */
export function unlockedMain(): string {
  if (made !== null) return made
  const root = projectRoot()
  const folder = mkdtempSync(join(tmpdir(), 'ferryman-unlocked-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const part of ['package.json', 'config', 'lua'])
    cpSync(join(root, part), join(folder, part), { recursive: true })
  cpSync(join(import.meta.dirname, '..', '..', 'src'), join(folder, 'dist', 'src'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [script, rule, without] of RULES) {
    const file = join(folder, 'lua', script)
    const text = readFileSync(file, 'utf8')
    if (!text.includes(rule)) throw new Error(`lua/${script} no longer says "${rule.trim()}": adapt RULES to it`)
    writeFileSync(file, text.replace(rule, without))
  }
  made = join(folder, 'dist', 'src', 'main.js')
  return made
}
