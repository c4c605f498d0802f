// One run of tests in the copy, and what it came to: all passed, some failed by their name, or it could not run.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { builtFile } from './copy.ts'

export type Trial =
  | { readonly kind: 'passed'; readonly titles: readonly string[] }
  /** `title`: the first test that failed, in full. */
  | { readonly kind: 'failed'; readonly title: string; readonly why: string }
  /** No test ran to its end: the file could not be loaded, a hook failed, or time ran out. It proves nothing. */
  | { readonly kind: 'broken'; readonly why: string }

interface Ended {
  readonly fullTitle: string
  readonly err?: { readonly message?: string }
}

/** A test that waits for what a mutant keeps from happening. */
const TEST_MS = 10_000
const TRIAL_MS = 300_000
const WHY_CHARS = 200

export class Trials {
  readonly #folder: string
  #running: ChildProcess | null = null

  /** `folder`: of the copy. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Runs the tests of `file` whose full title has one of `titles` in it. `bail`: no more after the first failure. */
  async run(file: string, titles: readonly string[], bail: boolean): Promise<Trial> {
    const output = join(this.#folder, 'trial.json')
    rmSync(output, { force: true })
    const { code, said } = await this.#mocha([
      '--exit',
      ...(bail ? ['--bail'] : []),
      ...['--timeout', String(TEST_MS), '--reporter', 'json', '--reporter-option', `output=${output}`],
      ...['--require', 'dist/test/support/global-setup.js', '--grep', titles.map(escaped).join('|')],
      builtFile(file),
    ])
    const report = reportIn(output)
    if (report === null) return { kind: 'broken', why: said.trim().slice(-WHY_CHARS) || `it ended with ${code}` }
    const failed = report.failures.find(({ fullTitle }) => !/"(?:before|after) (?:all|each)" hook/.test(fullTitle))
    const [first] = report.failures
    if (failed !== undefined) return { kind: 'failed', title: failed.fullTitle, why: whyOf(failed) }
    if (first !== undefined) return { kind: 'broken', why: `${first.fullTitle}: ${whyOf(first)}` }
    return { kind: 'passed', titles: report.passes.map(({ fullTitle }) => fullTitle) }
  }

  /** Ends what is running now. */
  stop(): void {
    if (this.#running?.pid === undefined) return
    try {
      process.kill(-this.#running.pid, 'SIGKILL')
    } catch {
      /* it has ended */
    }
  }

  async #mocha(words: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
    const program = join('node_modules', 'mocha', 'bin', 'mocha.js')
    // In a group of its own, so that the servers it has started end with it.
    const child = spawn(process.execPath, [program, ...words], {
      cwd: this.#folder,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_ENV: 'test' },
    })
    this.#running = child
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString('utf8')}`.slice(-10_000)
    })
    const bound = setTimeout(() => this.stop(), TRIAL_MS)
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', resolve)
    })
    clearTimeout(bound)
    this.stop()
    this.#running = null
    return { code, said }
  }
}

function reportIn(file: string): { readonly passes: readonly Ended[]; readonly failures: readonly Ended[] } | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { passes: Ended[]; failures: Ended[] }
  } catch {
    return null
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/** What was expected: a simulation tells its last steps first. */
function whyOf({ err }: Ended): string {
  const lines = (err?.message ?? '').split('\n')
  return (lines.findLast((line) => line.includes('expected ')) ?? lines[0]!).slice(0, WHY_CHARS)
}
