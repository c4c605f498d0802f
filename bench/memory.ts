// Whether one worker's memory stays flat over a hundred thousand requests: node --expose-gc in the measured process.
import { cloud, transfers } from './cloud.ts'
import { fill, measure, openGround } from './ground.ts'

const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 100_000)
const SERVERS = 10_000
const HOSTS = 500
const PREFETCH = 64

async function main(): Promise<void> {
  const { rabbitUrl, env, parts, store, stop } = await openGround(PREFETCH)
  await store.books.seed(cloud(HOSTS, SERVERS), { replace: false })
  const measured = measure({ kind: 'ferryman', requests: REQUESTS }, { ...env, BENCH_EXEC_ARGV: '--expose-gc' })
  for (let round = 0; round < REQUESTS / SERVERS; round++) {
    await fill(rabbitUrl, parts.names.requests, transfers(HOSTS, SERVERS, round))
  }
  const { samples, seconds, codes } = await measured
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  console.log('requests   heap after collection   resident')
  for (const { told, heapBytes, rssBytes } of samples) {
    console.log(`${String(told).padStart(8)}   ${mib(heapBytes).padStart(21)}   ${mib(rssBytes)}`)
  }
  console.log(`${REQUESTS} requests in ${seconds.toFixed(0)} s; outcomes ${JSON.stringify(codes)}`)
  await stop()
}

await main()
