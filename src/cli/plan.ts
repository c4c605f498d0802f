// The command that tells what a request would do: who moves from where to where, amounts, and what is wrong.
import type { Clock } from '../clock/clock.ts'
import { foresee, type Foreseen } from '../flow/foresee.ts'
import { capacityOf } from '../transfer/capacity.ts'
import type { Outcome } from '../transfer/outcome.ts'
import { named, sentenceOf } from '../transfer/sentence.ts'
import type { Provider, View } from '../transfer/snapshot.ts'
import type { Parts } from '../wire/parts.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printFields, printJson, printTable, type Io } from './output.ts'
import { requestFrom, type RequestFields } from './request-options.ts'

export interface PlanOptions extends RequestFields {
  readonly json?: true
}

const NOTHING_READ = { before: null, after: null, open: null, passed: [], providers: {} }

/** Tells how a worker would end the request now. Exit 0 when it would be done. */
export async function planOne(
  io: Io,
  parts: Parts,
  clock: Clock,
  operation: string,
  options: PlanOptions,
): Promise<ExitCode> {
  const { decoded } = requestFrom(operation, options, clock, parts.config.requests.bytesMax)
  const { id } = decoded.kind === 'invalid' ? decoded.identity : decoded.request
  const foreseen = decoded.kind === 'invalid' ? unread(decoded) : await foreseeOn(parts, decoded)
  if (options.json === true) printJson(io, documentOf(id, operation, foreseen))
  else print(io, operation, foreseen)
  return foreseen.outcome.class === 'done' ? EXIT.ok : EXIT.no
}

type Decoded = ReturnType<typeof requestFrom>['decoded']

function unread({ outcome, identity }: Extract<Decoded, { kind: 'invalid' }>): Foreseen {
  const { consumer, migration, source, destination } = identity
  return { ...NOTHING_READ, outcome, consumer, migration, source, destination }
}

async function foreseeOn(parts: Parts, decoded: Extract<Decoded, { kind: 'request' }>): Promise<Foreseen> {
  const { journal, overview, ledger, serverNowMs: nowMs } = await parts.store()
  return foresee(decoded.request, decoded.digest, { journal, overview, ledger, nowMs })
}

/** The keys of an event that are known beforehand, and the destinations that would be passed over. */
function documentOf(request: string, operation: string, foreseen: Foreseen): Record<string, unknown> {
  const { outcome, before, after, consumer, migration, source, destination, open, passed } = foreseen
  const { violations, ...rest } = outcome
  return {
    outcome: rest,
    violations,
    before,
    after,
    request,
    operation,
    consumer,
    migration,
    source,
    destination,
    open,
    passed: passed.map((one) => ({ destination: one.destination, outcome: withoutViolations(one.outcome) })),
  }
}

function withoutViolations({ violations: _known, ...rest }: Outcome): Omit<Outcome, 'violations'> {
  return rest
}

function print(io: Io, operation: string, foreseen: Foreseen): void {
  const { outcome, consumer, migration, source, destination, passed } = foreseen
  const naming = (id: string): string | null => foreseen.providers[id]?.name ?? null
  const place = (id: string | null): string | null => (id === null ? null : named(id, naming))
  const verdict = outcome.class === 'done' ? `would end ${outcome.code}` : `would not be done: ${outcome.code}`
  printFields(io, {
    [operation]: verdict,
    consumer,
    from: place(source),
    to: place(destination),
    migration,
    message: outcome.message,
  })
  if (outcome.violations.length > 0) {
    io.out('\n')
    printTable(
      io,
      ['rule', 'what stands against it'],
      outcome.violations.map((one) => [
        one.rule,
        one.rule === 'schema' ? `${one.path} ${one.message}` : sentenceOf(one, naming),
      ]),
    )
  }
  if (passed.length > 0) {
    io.out('\n')
    printTable(
      io,
      ['passed over', 'code', 'why'],
      passed.map((one) => [place(one.destination), one.outcome.code, one.outcome.message]),
    )
  }
  printAmounts(io, foreseen)
}

/** One amount that a consumer holds before or after, or both. */
interface Held {
  readonly consumer: string
  readonly provider: string
  readonly resourceClass: string
  readonly before: number
  readonly after: number
}

function printAmounts(io: Io, { before, after, providers }: Foreseen): void {
  const rows = heldOf(before ?? {}, after ?? {})
  if (rows.length === 0) return
  io.out('\n')
  printTable(
    io,
    ['consumer', 'provider', 'name', 'class', 'before', 'after'],
    rows.map((row) => {
      const name = providers[row.provider]?.name
      return [row.consumer, row.provider, name, row.resourceClass, row.before, row.after]
    }),
  )
  const changed = rows.filter((row) => row.before !== row.after)
  if (changed.every((row) => providers[row.provider] === undefined)) return
  io.out('\n')
  printTable(io, ['provider', 'class', 'used', 'would be', 'capacity'], roomOf(changed, providers))
}

function heldOf(before: Readonly<Record<string, View>>, after: Readonly<Record<string, View>>): Held[] {
  const amount = (
    views: typeof before,
    { consumer, provider, resourceClass }: Omit<Held, 'before' | 'after'>,
  ): number => views[consumer]?.allocations[provider]?.[resourceClass] ?? 0
  const places = [before, after].flatMap((views) =>
    Object.entries(views).flatMap(([consumer, { allocations }]) =>
      Object.entries(allocations).flatMap(([provider, amounts]) =>
        Object.keys(amounts).map((resourceClass) => ({ consumer, provider, resourceClass })),
      ),
    ),
  )
  const each = new Map(places.map((place) => [Object.values(place).join(' '), place]))
  return [...each.values()].map((place) => ({ ...place, before: amount(before, place), after: amount(after, place) }))
}

/** What of each provider would be used, beside what it has. */
function roomOf(
  rows: readonly Held[],
  providers: Readonly<Record<string, Provider | null>>,
): (readonly (string | number | null)[])[] {
  const more = new Map<string, number>()
  for (const { provider, resourceClass, before, after } of rows) {
    const key = `${provider} ${resourceClass}`
    more.set(key, (more.get(key) ?? 0) + after - before)
  }
  return [...more].map(([key, difference]) => {
    const [id, resourceClass] = key.split(' ') as [string, string]
    const provider = providers[id]
    const used = provider?.usages[resourceClass] ?? 0
    const inventory = provider?.inventories[resourceClass]
    return [id, resourceClass, used, used + difference, inventory === undefined ? null : capacityOf(inventory)]
  })
}
