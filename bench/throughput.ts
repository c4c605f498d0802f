// Transfers a second of one worker beside the raw loop, in one run on the same servers: npm run bench.
import { cloud, transfers } from './cloud.ts'
import type { Result } from './child.ts'
import { fill, measure, openGround } from './ground.ts'
import { declareRaw, RAW_QUEUE } from './raw-loop.ts'

const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 30_000)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const HOSTS = Number(process.env['BENCH_HOSTS'] ?? 1000)
const PREFETCH = Number(process.env['BENCH_PREFETCH'] ?? 64)
const EVENT_BYTES = 1_250

async function main(): Promise<void> {
  const { rabbitUrl, env, parts, store, stop } = await openGround(PREFETCH)
  await declareRaw(rabbitUrl)
  await store.books.seed(cloud(HOSTS, REQUESTS), { replace: false })

  const rates = { raw: [] as number[], ferryman: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    await fill(rabbitUrl, RAW_QUEUE, transfers(HOSTS, REQUESTS, round))
    const loop = { url: rabbitUrl, prefetch: PREFETCH, requests: REQUESTS, eventBytes: EVENT_BYTES }
    const raw = await measure({ kind: 'raw', loop }, env)
    await fill(rabbitUrl, parts.names.requests, transfers(HOSTS, REQUESTS, round))
    const before = await redisCounters(store.redis)
    const ferryman = await measure({ kind: 'ferryman', requests: REQUESTS }, env)
    const after = await redisCounters(store.redis)
    rates.raw.push(REQUESTS / raw.seconds)
    rates.ferryman.push(REQUESTS / ferryman.seconds)
    report(round, raw, ferryman, difference(before, after))
  }
  const [raw, own] = [median(rates.raw), median(rates.ferryman)]
  console.log(`median: raw loop ${raw.toFixed(0)}/s, ferryman ${own.toFixed(0)}/s, ratio ${(own / raw).toFixed(2)}`)
  await stop()
}

function report(round: number, raw: Result, ferryman: Result, redis: Readonly<Record<string, number>>): void {
  const cpu = (result: Result): string => `${((result.cpuSeconds / REQUESTS) * 1e6).toFixed(0)} µs CPU`
  const rate = (result: Result): string => `${(REQUESTS / result.seconds).toFixed(0)}/s (${cpu(result)})`
  const each = Object.entries(redis).map(([name, count]) => `${name} ${(count / REQUESTS).toFixed(2)}`)
  const ratio = (raw.seconds / ferryman.seconds).toFixed(2)
  console.log(`round ${round}: raw loop ${rate(raw)}, ferryman ${rate(ferryman)}, ratio ${ratio}`)
  console.log(`  Redis a request: ${each.join(', ')}; outcomes ${JSON.stringify(ferryman.codes)}`)
}

type Counters = Readonly<Record<string, number>>

/** Calls of scripts, bytes in and out, and microseconds spent in scripts, since the server started. */
async function redisCounters(redis: {
  call(command: string, args: readonly string[]): Promise<unknown>
}): Promise<Counters> {
  const stats = String(await redis.call('INFO', ['stats']))
  const commands = String(await redis.call('INFO', ['commandstats']))
  const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    scripts: number(commands, /cmdstat_evalsha:calls=(\d+)/),
    'script µs': number(commands, /cmdstat_evalsha:calls=\d+,usec=(\d+)/),
    'bytes in': number(stats, /total_net_input_bytes:(\d+)/),
    'bytes out': number(stats, /total_net_output_bytes:(\d+)/),
  }
}

function difference(before: Counters, after: Counters): Counters {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]))
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

await main()
