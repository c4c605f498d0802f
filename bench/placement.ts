// Claims a second on one Placement, by four ways in one run: npm run bench:placement.
import { loadConfig } from '../src/config.ts'
import { systemClock } from '../src/clock/system-clock.ts'
import { ensurePackages, PLACEMENT_PACKAGES } from '../src/demo/packages.ts'
import { startPlacement, type PlacementServer } from '../src/demo/servers.ts'
import { tokenAuthorise } from '../src/ledger/placement/authorise.ts'
import { placementBooks } from '../src/ledger/placement/placement-books.ts'
import { placementLedger, type PlacementLedger } from '../src/ledger/placement/placement-ledger.ts'
import {
  bareClaim,
  claimsOf,
  inLanes,
  ledgerClaim,
  novaClaims,
  requestOf,
  RESOURCES,
  type Claim,
  type Measured,
} from './claims.ts'
import { cloud, hostId } from './cloud.ts'
import { fill, measure, openGround, type Ground } from './ground.ts'

const CLAIMS = Number(process.env['BENCH_REQUESTS'] ?? 120)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const HOSTS = Number(process.env['BENCH_HOSTS'] ?? 32)
const HOST_IDS = Array.from({ length: HOSTS }, (_, host) => hostId(host))
const CONCURRENCY = Number(process.env['BENCH_CONCURRENCY'] ?? 8)
/** What nova-conductor starts on two cores. */
const NOVA_PROCESSES = 2
const TIMEOUT_MS = 30_000

/** A way to carry out claims. */
interface Way {
  readonly name: string
  /** Brings what is measured to where it stands when it has worked for a while. */
  readonly prepare?: () => Promise<unknown>
  readonly run: (claims: readonly Claim[]) => Promise<Measured>
}

async function main(): Promise<void> {
  const say = (line: string): void => console.error(line)
  ensurePackages(PLACEMENT_PACKAGES, say)
  const server = await startPlacement()
  const ledger = ledgerOn(server)
  await ledger.markers.ensure()
  const ground = await workerGround(server, say)
  const ways: Way[] = [
    {
      name: 'one read, one write',
      run: (claims) => inLanes(claims, CONCURRENCY, (one) => bareClaim(ledger.http, one)),
    },
    {
      name: 'Ferryman, the ledger',
      prepare: () => ledger.snapshot({ consumers: [], providers: HOST_IDS, held: false }),
      run: (claims) => inLanes(claims, CONCURRENCY, (one) => ledgerClaim(ledger, one)),
    },
  ]
  if (hasNova(say)) ways.splice(1, 0, { name: 'Nova', run: (claims) => novaClaims(claims, novaOptions(server)) })
  if (ground !== null) ways.push({ name: 'Ferryman, a worker', run: (claims) => workerClaims(claims, ground) })
  await rounds(ways, server, ledger)
  await Promise.all([ledger.stop(), ground?.stop()])
  await server.stop()
}

async function rounds(ways: readonly Way[], server: PlacementServer, ledger: PlacementLedger): Promise<void> {
  const claimsIn = (way: Way, round: number): readonly Claim[] => claimsOf(`${way.name} ${round}`, CLAIMS, HOSTS)
  const numbers = Array.from({ length: ROUNDS }, (_, round) => round)
  await seed(
    ledger,
    ways.flatMap((way) => numbers.flatMap((round) => claimsIn(way, round))),
  )
  const rates = new Map(ways.map(({ name }) => [name, [] as number[]]))
  for (const round of numbers) {
    for (const way of ways) {
      await way.prepare?.()
      const before = await server.requests()
      const { seconds, failures, requests = (await server.requests()) - before } = await way.run(claimsIn(way, round))
      const done = CLAIMS - Object.values(failures).reduce((sum, count) => sum + count, 0)
      rates.get(way.name)!.push(done / seconds)
      const said = Object.keys(failures).length === 0 ? '' : `, failures ${JSON.stringify(failures)}`
      console.log(
        `${way.name}: ${(done / seconds).toFixed(1)}/s, ${(requests / CLAIMS).toFixed(2)} requests a claim${said}`,
      )
    }
  }
  const limits = rates.get(ways[0]!.name)!
  for (const [name, each] of rates) {
    // Of the ratios in one round: what else the machine does changes from round to round.
    const ratio = median(each.map((rate, round) => rate / limits[round]!))
    console.log(`median of ${name}: ${median(each).toFixed(1)}/s, ${ratio.toFixed(2)} of the limit`)
  }
}

function ledgerOn(server: PlacementServer): PlacementLedger {
  return placementLedger({
    url: server.url,
    timeoutMs: TIMEOUT_MS,
    authorise: tokenAuthorise(server.token),
    clock: systemClock,
    namespace: 'ferryman', // the worker's too, so that its marker providers stand already
    markers: 64,
    moves: () => Promise.resolve({}),
  })
}

async function seed(ledger: PlacementLedger, claims: readonly Claim[]): Promise<void> {
  const consumers = claims.map(({ instance, source }) => ({
    id: instance,
    type: 'INSTANCE',
    project: 'p',
    user: 'u',
    allocations: { [source]: RESOURCES },
  }))
  const { providers } = cloud(HOSTS, claims.length)
  const books = placementBooks(ledger.http, ledger.markers, systemClock)
  const { violations } = await books.seed({ providers, consumers }, { replace: false })
  if (violations.length > 0) throw new Error(JSON.stringify(violations[0]))
}

function hasNova(say: (line: string) => void): boolean {
  try {
    ensurePackages(['python3-nova'], say)
    return true
  } catch (failure) {
    say(`Nova is left out: ${(failure as Error).message}`)
    return false
  }
}

function novaOptions({ url, token }: PlacementServer): Parameters<typeof novaClaims>[1] {
  return { url, token, processes: NOVA_PROCESSES, concurrency: CONCURRENCY }
}

/** What a worker needs. Null where this version refuses Placement as its ledger. */
async function workerGround(server: PlacementServer, say: (line: string) => void): Promise<Ground | null> {
  const settings = {
    FERRYMAN_LEDGER: 'placement',
    FERRYMAN_PLACEMENT_URL: server.url,
    FERRYMAN_PLACEMENT_TOKEN: server.token,
    FERRYMAN_LEDGER_TIMEOUT_MS: String(TIMEOUT_MS),
  }
  try {
    loadConfig({ env: { ...process.env, ...settings } })
  } catch (failure) {
    say(`the worker is left out: ${(failure as Error).message}`)
    return null
  }
  return openGround(CONCURRENCY, settings)
}

async function workerClaims(claims: readonly Claim[], ground: Ground): Promise<Measured> {
  await fill(ground.rabbitUrl, ground.parts.names.requests, claims.map(requestOf))
  const { seconds, codes } = await measure({ kind: 'ferryman', requests: claims.length }, ground.env)
  const { applied: _, ...failures } = codes
  return { seconds, failures }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

await main()
