// Four ways to the same effect on one Placement: the server stands at its destination, and its migration at the source.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../src/clock/system-clock.ts'
import { packageRoot } from '../src/config/root.ts'
import { DEBIAN_PYTHON, packageEnvironment } from '../src/demo/packages.ts'
import type { PlacementHttp } from '../src/ledger/placement/http.ts'
import type { PlacementLedger } from '../src/ledger/placement/placement-ledger.ts'
import { sameAllocations } from '../src/transfer/allocations.ts'
import type { Decision } from '../src/transfer/event.ts'
import { decode } from '../src/transfer/message.ts'
import { plan, scopeOf } from '../src/transfer/plan.ts'
import { hostId, uuidOf } from './cloud.ts'

export interface Claim {
  readonly request: string
  readonly instance: string
  readonly migration: string
  readonly source: string
  readonly destination: string
}

export interface Measured {
  /** From the first request to the last answer. */
  readonly seconds: number
  /** HTTP requests, where whoever sent them has counted. */
  readonly requests?: number
  /** What was not done, in words, to how often. */
  readonly failures: Readonly<Record<string, number>>
}

export const RESOURCES = { VCPU: 2, MEMORY_MB: 2048 }

/** Claims that follow one another concern different pairs of hosts. `name`: no two sets share servers. */
export function claimsOf(name: string, count: number, hosts: number): readonly Claim[] {
  const pairs = Math.floor(hosts / 2)
  return Array.from({ length: count }, (_, i) => ({
    request: uuidOf(`${name} request ${i}`),
    instance: uuidOf(`${name} server ${i}`),
    migration: uuidOf(`${name} migration ${i}`),
    source: hostId(2 * (i % pairs)),
    destination: hostId(2 * (i % pairs) + 1),
  }))
}

export function requestOf(claim: Claim): Buffer {
  const { request, instance, migration, source, destination } = claim
  const fields = { operation: 'claim', consumer: instance, migration, source, destination, resources: RESOURCES }
  return Buffer.from(JSON.stringify({ version: 1, id: request, ...fields, origin: 'bench' }))
}

/** The limit: one read, one write, and nothing else. */
export async function bareClaim(http: PlacementHttp, claim: Claim): Promise<string | null> {
  const { body } = await http.send('GET', `/allocations/${claim.instance}`)
  const held = body as { consumer_generation: number; project_id: string; user_id: string }
  const { project_id, user_id } = held
  const row = (host: string, type: string, generation: number | null): object => ({
    allocations: { [host]: { resources: RESOURCES } },
    project_id,
    user_id,
    consumer_generation: generation,
    consumer_type: type,
  })
  const { status } = await http.send('POST', '/allocations', {
    [claim.migration]: row(claim.source, 'MIGRATION', null),
    [claim.instance]: row(claim.destination, 'INSTANCE', held.consumer_generation),
  })
  return status === 204 ? null : `answered with ${status}`
}

/** The ledger as the flow uses it: read, plan with every check, write with its marker, compare what is read back. */
export async function ledgerClaim(ledger: PlacementLedger, claim: Claim): Promise<string | null> {
  const decoded = decode({ body: requestOf(claim), headers: {} }, { bytesMax: 65_536 })
  if (decoded.kind !== 'request') return 'not a request'
  const { request } = decoded
  const snapshot = await ledger.sketch(scopeOf(request, claim.destination))
  const planned = plan(request, { snapshot, moves: {}, destination: claim.destination })
  if (planned.kind !== 'write') return planned.outcome.code
  const attempt = { request: request.id, token: 'bench.1', ticket: 1, number: 1 }
  const applied = await ledger.apply(planned.write, attempt, DECISION)
  if (applied.kind !== 'applied') return applied.kind === 'conflict' ? applied.reason : applied.kind
  const wrong = planned.write.changes.find(
    ({ before, after }) => !sameAllocations(applied.after?.[before.id]?.allocations ?? {}, after.allocations),
  )
  return wrong === undefined ? null : 'not as planned'
}

/** Placement decides nothing, so that this is not looked at. */
const DECISION: Decision = {
  request: '',
  code: 'applied',
  operation: 'claim',
  origin: 'bench',
  event: '{}',
  letter: null,
}

/** `concurrency` claims at once. */
export async function inLanes(
  claims: readonly Claim[],
  concurrency: number,
  carryOut: (claim: Claim) => Promise<string | null>,
): Promise<Measured> {
  const failures: Record<string, number> = {}
  let next = 0
  const lane = async (): Promise<void> => {
    for (let claim = claims[next++]; claim !== undefined; claim = claims[next++]) {
      const failure = await carryOut(claim).catch((cause: unknown) => String(cause).slice(0, 100))
      if (failure !== null) failures[failure] = (failures[failure] ?? 0) + 1
    }
  }
  const startedMs = systemClock.monotonicMs()
  await Promise.all(Array.from({ length: concurrency }, lane))
  return { seconds: (systemClock.monotonicMs() - startedMs) / 1000, failures }
}

export interface NovaOptions {
  readonly url: string
  readonly token: string
  readonly processes: number
  readonly concurrency: number
}

/** By Nova's functions, in processes that share the claims; the clock runs once all of them are ready. */
export async function novaClaims(claims: readonly Claim[], options: NovaOptions): Promise<Measured> {
  const { url, token, processes, concurrency } = options
  const program = join(packageRoot(), 'bench', 'nova_moves.py')
  const started = Array.from({ length: processes }, (_, position) => {
    const child = spawn(DEBIAN_PYTHON, [program], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, ...packageEnvironment() },
    })
    const moves = claims.filter((_claim, i) => i % processes === position)
    child.stdin.write(`${JSON.stringify({ url, token, concurrency: concurrency / processes, moves })}\n`)
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  })
  const lineOf = async ({ lines }: (typeof started)[number]): Promise<string> => {
    const { value } = (await lines.next()) as { value?: string }
    if (value === undefined) throw new Error(`${program} ended early; run it by hand to see why`)
    return value
  }
  await Promise.all(started.map(lineOf))
  const startedMs = systemClock.monotonicMs()
  for (const { child } of started) child.stdin.write('start\n')
  const ends = await Promise.all(started.map(lineOf))
  const seconds = (systemClock.monotonicMs() - startedMs) / 1000
  const failures: Record<string, number> = {}
  let requests = 0
  for (const end of ends) {
    const told = JSON.parse(end) as { requests: number; errors: Readonly<Record<string, number>> }
    requests += told.requests
    for (const [what, count] of Object.entries(told.errors)) failures[what] = (failures[what] ?? 0) + count
  }
  return { seconds, requests, failures }
}
