// The program `npm run soak`: real workers on real servers under mixed faults for minutes, from a seed.
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/clock/system-clock.ts'
import { printTable } from '../../src/cli/output.ts'
import { ensurePackages } from '../../src/demo/packages.ts'
import { screenOf, type Screen } from '../../src/demo/screen.ts'
import { LEDGERS, type LedgerName } from '../support/installation.ts'
import { SAMPLES_MIN } from './leaks.ts'
import { soak, type Now, type Soaked } from './run.ts'

const USAGE = `npm run soak -- [--ledger L] [--minutes N] [--seed S] [--workers W]
  --ledger L     on which ledger: redis (default) or placement
  --minutes N    of load under faults, with rests between (30); parts as in 0.5
  --seed S       the same faults in the same order, though not at the same moments (default: a new one)
  --workers W    worker processes, 2 or more, one of which is never killed (3)
Ctrl-C ends the load and judges what there is; a second one ends at once.`

const EXIT_OK = 0
const EXIT_VIOLATED = 1
const EXIT_USAGE = 64
const EXIT_FAILED = 70
const EXIT_INTERRUPTED = 130
const MINUTE_MS = 60_000
/** Where nothing can be drawn in place. */
const PLAIN_EVERY_MS = 15_000
const SHOWN_MAX = 20

interface Task {
  readonly ledger: LedgerName
  readonly minutes: number
  readonly seed: number
  readonly workers: number
}

const io = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text),
  env: process.env,
}
process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  const task = parse(words)
  if (typeof task === 'string') {
    io.err(`${task}\n`)
    return EXIT_USAGE
  }
  if (task === null) {
    io.out(`${USAGE}\n`)
    return EXIT_OK
  }
  const screen = screenOf(io, systemClock)
  const { ledger, minutes, seed, workers } = task
  const again = `npm run soak -- --ledger ${ledger} --minutes ${minutes} --seed ${seed} --workers ${workers}`
  screen.say(`starting servers and workers; this run is: ${again}`)
  try {
    ensurePackages(['redis-server', 'rabbitmq-server'], screen.say)
    const onProgress = progressOn(screen, task)
    const soaked = await soak({
      ledger,
      ms: minutes * MINUTE_MS,
      seed,
      workers,
      signal: interrupted(),
      onProgress,
    })
    report(screen, soaked)
    if (soaked.violations.length > 0) screen.say(`again: ${again}`)
    screen.print(lastLine(soaked))
    return soaked.violations.length === 0 ? EXIT_OK : EXIT_VIOLATED
  } catch (failure) {
    screen.say(`the soak itself failed: ${failure instanceof Error ? failure.stack : String(failure)}\nagain: ${again}`)
    return EXIT_FAILED
  }
}

/** Null: only help was asked for. */
function parse(words: readonly string[]): Task | string | null {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { ledger: text, minutes: text, seed: text, workers: text, help: { type: 'boolean', default: false } },
    })
    if (values.help) return null
    const ledger = LEDGERS.find((name) => name === (values.ledger ?? 'redis'))
    if (ledger === undefined) return `--ledger must be ${LEDGERS.join(' or ')}, not ${values.ledger}\n${USAGE}`
    return {
      ledger,
      minutes: numberOf(values.minutes ?? '30', 'minutes', /^\d{1,5}(?:\.\d{1,3})?$/, 0.1),
      seed: numberOf(values.seed ?? String(Math.floor(systemClock.random() * 1_000_000)), 'seed', /^\d{1,9}$/, 0),
      workers: numberOf(values.workers ?? '3', 'workers', /^\d{1,2}$/, 2),
    }
  } catch (failure) {
    return `${(failure as Error).message}\n${USAGE}`
  }
}

function numberOf(text: string, option: string, form: RegExp, least: number): number {
  if (!form.test(text) || Number(text) < least)
    throw new Error(`--${option} must be a number from ${least} on, not ${text}`)
  return Number(text)
}

/** Aborts at the first signal; the second ends the process, and with it go the servers. */
function interrupted(): AbortSignal {
  const over = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (over.signal.aborted) process.exit(EXIT_INTERRUPTED)
      io.err('\nending the load; once more: at once\n')
      over.abort()
    })
  }
  return over.signal
}

function progressOn(screen: Screen, { minutes }: Task): (now: Now) => void {
  let shown = 0
  let toldAtMs = -Infinity
  return ({ ms, requests, faults, violations, doing }) => {
    for (const violation of violations.slice(shown, SHOWN_MAX)) screen.say(`VIOLATION: ${violation}`)
    shown = violations.length
    if (!process.stderr.isTTY && ms - toldAtMs < PLAIN_EVERY_MS) return
    toldAtMs = ms
    const counts = `${requests} requests, ${faults} faults, ${violations.length} violations`
    screen.progress(
      ms / MINUTE_MS / minutes,
      `minute ${(ms / MINUTE_MS).toFixed(1)} of ${minutes}, ${counts}: ${doing}`,
    )
  }
}

function report(screen: Screen, { faults, codes, growth, longestMs, violations }: Soaked): void {
  const table = { out: screen.print }
  const counts = (map: ReadonlyMap<string, number>): [string, number][] =>
    [...map].sort(([one, many], [other, more]) => more - many || (one < other ? -1 : 1))
  printTable(table, ['fault', 'times'], counts(faults))
  screen.print('\n')
  printTable(table, ['outcome', 'requests'], counts(codes))
  screen.print(`\nlongest time from a request to its outcome: ${(longestMs / 1_000).toFixed(1)} s\n\n`)
  if (growth.length === 0) screen.print(`growth: not judged, it takes ${SAMPLES_MIN} rests after the warm-up\n\n`)
  else {
    const rows = growth.map((one) => [one.gauge, one.first, one.last, one.limit, one.leaks ? 'GROWS' : 'ok', one.line])
    printTable(table, ['at rest', 'first third', 'last third', 'limit', 'verdict', 'over time'], rows)
    screen.print('Lowest value of each third after the warm-up, a fifth of the time.\n\n')
  }
  for (const violation of violations) screen.print(`VIOLATION: ${violation}\n`)
}

function lastLine({ requests, faults, violations }: Soaked): string {
  const struck = [...faults.values()].reduce((sum, count) => sum + count, 0)
  return `soak: ${requests} requests, ${struck} faults, ${violations.length} violations\n`
}
