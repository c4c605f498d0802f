// One measured process: the raw loop, or one Ferryman worker, told over its channel to the parent when it is done.
import { loadConfig } from '../src/config.ts'
import { systemClock } from '../src/clock/system-clock.ts'
import { Telemetry } from '../src/telemetry/events.ts'
import { openWorker } from '../src/wire/open-worker.ts'
import { rawLoop, type RawLoop } from './raw-loop.ts'

export type Task =
  | { readonly kind: 'raw'; readonly loop: RawLoop }
  | { readonly kind: 'ferryman'; readonly requests: number }

export interface Result {
  /** From the first delivery to the last event told. */
  readonly seconds: number
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly codes: Readonly<Record<string, number>>
  /** Memory after each ten thousand events, after a garbage collection where the process may ask for one. */
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly told: number
  readonly heapBytes: number
  readonly rssBytes: number
}

const SAMPLE_EVERY = 10_000

process.once('message', (task: Task) => {
  void run(task).then((result) => {
    process.send?.(result, () => {
      process.exit(0)
    })
  })
})

async function run(task: Task): Promise<Result> {
  const codes: Record<string, number> = {}
  const samples: Sample[] = []
  const seconds = task.kind === 'raw' ? await rawLoop(task.loop) : await ferryman(task.requests, codes, samples)
  const { user, system } = process.cpuUsage()
  return { seconds, cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage().rss, codes, samples }
}

async function ferryman(requests: number, codes: Record<string, number>, samples: Sample[]): Promise<number> {
  const { config } = loadConfig({ env: process.env })
  const telemetry = new Telemetry()
  let startedMs = 0
  let told = 0
  const finished = new Promise<number>((resolve) => {
    telemetry.listen((name, fields) => {
      if (name === 'request.received' && startedMs === 0) startedMs = performance.now()
      if (name !== 'request.told') return
      const { code } = fields as { code: string }
      codes[code] = (codes[code] ?? 0) + 1
      told += 1
      if (told % SAMPLE_EVERY === 0) samples.push(sampleAt(told))
      if (told === requests) resolve((performance.now() - startedMs) / 1000)
    })
  })
  const worker = openWorker(config, systemClock, telemetry, { worker: `bench:${process.pid}`, version: 'bench' })
  await worker.start()
  const seconds = await finished
  await worker.stop('drain')
  return seconds
}

function sampleAt(told: number): Sample {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { told, heapBytes: heapUsed, rssBytes: rss }
}
