// The workers of a run: processes of their own, ready before the first request, watched until the last.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../clock/clock.ts'
import { Unavailable } from '../retry/failures.ts'
import { keep, tailOf, type Environment, type KeptProcess } from './kept-process.ts'

export interface Crew {
  /** Throws with the last words of a worker that has ended by itself. */
  assertAtWork(): void
  /** SIGTERM to all; resolves when they have drained and ended. */
  stop(): Promise<void>
}

const MAIN = join(import.meta.dirname, '..', 'main.js')
const READY_WITHIN_MS = 30_000
const STOP_MS = 30_000
const LOOK_EVERY_MS = 25

/** Starts `count` workers with what `environment` says over our own. Resolves with those at work once all are ready. */
export async function startCrew(
  count: number,
  environment: Environment,
  clock: Clock,
  onStart: (crew: Crew) => void,
): Promise<Crew> {
  const folder = mkdtempSync(join(tmpdir(), 'ferryman-demo-'))
  const keeper = keep(folder)
  const workers = Array.from({ length: count }, (_, i) => {
    const log = join(folder, `worker-${i + 1}.log`)
    const kept = keeper.start(process.execPath, [MAIN, 'worker'], { ...environment, FERRYMAN_HTTP_PORT: '0' }, log)
    return { log, kept }
  })
  const crew: Crew = {
    assertAtWork: () => {
      for (const { kept, log } of workers) assertRunning(kept, log)
    },
    stop: async () => {
      await Promise.all(workers.map(({ kept }) => kept.stop(STOP_MS)))
    },
  }
  onStart(crew)
  const until = clock.monotonicMs() + READY_WITHIN_MS
  for (const { kept, log } of workers) {
    while (!(await isReady(log))) {
      assertRunning(kept, log)
      if (clock.monotonicMs() > until) throw new Unavailable(`a worker was not ready in time. ${lastWords(log)}`)
      await clock.sleep(LOOK_EVERY_MS)
    }
  }
  return crew
}

function assertRunning(kept: KeptProcess, log: string): void {
  if (!kept.running()) throw new Unavailable(`a worker ended by itself. ${lastWords(log)}`)
}

function lastWords(log: string): string {
  return `The last line of its log: ${tailOf(log, 1)}`
}

/** Its log names the port of its probes. */
async function isReady(log: string): Promise<boolean> {
  const port = /"port":(\d+)/.exec(linesOf(log).find((line) => line.includes('"http listening"')) ?? '')?.[1]
  if (port === undefined) return false
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )
}

function linesOf(log: string): readonly string[] {
  try {
    return readFileSync(log, 'utf8').split('\n')
  } catch {
    return []
  }
}
