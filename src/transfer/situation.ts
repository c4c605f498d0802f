// What the planners share: reading the facts, the guards of a request, and giving a plan its form.
import { becoming, holdsNothing, providersOf } from './allocations.ts'
import { dictionary } from './dictionary.ts'
import { outcome, type Outcome } from './outcome.ts'
import type { Change, Facts, Parties, Plan } from './plan.ts'
import { refuse, type Finding } from './refusal.ts'
import type { Amounts, Expect, Request } from './request.ts'
import { named, type Naming } from './sentence.ts'
import type { Consumer, Move, Provider } from './snapshot.ts'

/** The consumer `id` of the snapshot. Throws when it was not read: that is a bug, and never "holds nothing". */
export function consumerOf(facts: Facts, id: string): Consumer {
  const consumer = facts.snapshot.consumers[id]
  if (consumer === undefined) throw new Error(`consumer ${id} is needed for the plan, but was not read`)
  return consumer
}

/** The provider `id` of the snapshot, null when it does not exist. Throws when it was not read. */
export function providerOf(facts: Facts, id: string): Provider | null {
  const provider = facts.snapshot.providers[id]
  if (provider === undefined) throw new Error(`provider ${id} is needed for the plan, but was not read`)
  return provider
}

/** A field that the schema requires of the operation. */
export function required<Value>(value: Value | null, field: string): Value {
  if (value === null) throw new Error(`the request has no ${field}, which its operation requires`)
  return value
}

export function namingOf(facts: Facts): Naming {
  return (provider) => facts.snapshot.providers[provider]?.name ?? null
}

/** Open moves in the way of an operation that begins something new. */
export function blockedBy(facts: Facts, consumers: readonly (string | null)[]): readonly Finding[] {
  const findings: Finding[] = []
  for (const consumer of consumers) {
    const move = consumer === null ? undefined : facts.moves[consumer]
    if (consumer === null || move?.state !== 'open') continue
    if (!findings.some(({ violation }) => violation.request === move.request)) findings.push(openMove(consumer, move))
  }
  return findings
}

export function openMove(consumer: string, move: Move): Finding {
  return { code: 'conflicting_operation', violation: { rule: 'open_move', consumer, request: move.request } }
}

/** The recorded move that `consumer` has, not one in which it is M. */
export function ownMove(facts: Facts, consumer: string): Move | null {
  const move = facts.moves[consumer]
  return move?.consumer === consumer ? move : null
}

/** Whether the consumer holds exactly the source provider, in the amounts that the guard `resources` names. */
export function holdsExactly(
  facts: Facts,
  consumer: Consumer,
  source: string,
  guard: Amounts | null,
): readonly Finding[] {
  const name = namingOf(facts)
  const { id } = consumer
  const findings: Finding[] = []
  if (providerOf(facts, source) === null) {
    findings.push({ code: 'source_missing', violation: { rule: 'provider', provider: source } })
  }
  if (holdsNothing(consumer)) {
    findings.push(missing(id, `Consumer ${id} holds nothing, so there is nothing on ${named(source, name)} to move.`))
    return findings
  }
  const part = consumer.allocations[source]
  if (part === undefined) {
    const where = providersOf(consumer.allocations)
      .map((provider) => named(provider, name))
      .join(', ')
    findings.push(
      unexpected(id, `Consumer ${id} holds nothing on its source ${named(source, name)}; it holds ${where}.`, source),
    )
  } else {
    for (const provider of providersOf(consumer.allocations)) {
      if (provider === source) continue
      findings.push(
        unexpected(
          id,
          `Consumer ${id} holds ${named(provider, name)} too, not only its source ${named(source, name)}.`,
          provider,
        ),
      )
    }
  }
  findings.push(...amountsDiffer(id, source, guard ?? {}, part ?? {}))
  return findings
}

/** Classes of `expected` that are not held in exactly that amount; others are not compared. */
export function amountsDiffer(
  consumer: string,
  provider: string,
  expected: Amounts,
  found: Amounts,
): readonly Finding[] {
  return Object.keys(expected)
    .filter((name) => expected[name] !== (found[name] ?? 0))
    .map((name) => ({
      code: 'source_unexpected',
      violation: {
        rule: 'amount',
        consumer,
        provider,
        resourceClass: name,
        expected: expected[name],
        found: found[name] ?? 0,
      },
    }))
}

/** Guards on owner and generation that do not hold. */
export function expectations(expect: Expect, consumer: Consumer): readonly Finding[] {
  const findings: Finding[] = []
  for (const field of ['project', 'user', 'type'] as const) {
    const expected = expect[field]
    if (expected === undefined || expected === consumer[field]) continue
    findings.push({
      code: 'owner_mismatch',
      violation: { rule: 'owner', consumer: consumer.id, field, expected, found: consumer[field] },
    })
  }
  const expected = expect.consumerGeneration
  if (expected !== undefined && expected !== consumer.generation) {
    findings.push({
      code: 'generation_mismatch',
      violation: { rule: 'generation', consumer: consumer.id, expected, found: consumer.generation },
    })
  }
  return findings
}

/** Project and user that two consumers of one move do not share. Nothing is found where one of them holds nothing. */
export function ownersDiffer(consumer: Consumer, migration: Consumer): readonly Finding[] {
  if (holdsNothing(consumer) || holdsNothing(migration)) return []
  const fields = (['project', 'user'] as const).filter((field) => consumer[field] !== migration[field])
  return fields.map((field) => ({
    code: 'owner_mismatch',
    violation: { rule: 'owner', consumer: migration.id, field, expected: consumer[field], found: migration[field] },
  }))
}

export function missing(consumer: string, message: string): Finding {
  return { code: 'source_missing', violation: { rule: 'state', consumer, message } }
}

export function unexpected(consumer: string, message: string, provider?: string): Finding {
  const at = provider === undefined ? { consumer } : { consumer, provider }
  return { code: 'source_unexpected', violation: { rule: 'state', ...at, message } }
}

/** The change that empties a consumer. */
export function emptying(consumer: Consumer): Change {
  return { before: consumer, after: becoming(consumer, {}) }
}

export function refusal(findings: readonly Finding[], facts: Facts, used: Parties): Plan {
  return decided(refuse(findings, namingOf(facts)), used)
}

export function decided(result: Outcome, used: Parties, put: readonly Move[] = []): Plan {
  return { kind: 'decided', outcome: result, used, moves: { put } }
}

/** What a write consists of besides what follows from the facts. */
export interface Draft {
  readonly changes: readonly Change[]
  readonly guards?: readonly Consumer[]
  /** Providers whose definition the plan relied on. */
  readonly reliedOn?: readonly string[]
  readonly put?: readonly Move[]
  /** What has happened once it is applied, in one sentence. */
  readonly sentence: string
}

export function writing(draft: Draft, facts: Facts, used: Parties): Plan {
  const providers = dictionary<number>()
  for (const id of draft.reliedOn ?? []) {
    const provider = providerOf(facts, id)
    if (provider !== null) providers[id] = provider.generation
  }
  const write = { changes: draft.changes, guards: draft.guards ?? [], providers, moves: { put: draft.put ?? [] } }
  return { kind: 'write', write, used, outcome: outcome('applied', draft.sentence) }
}

export function partiesOfMove({ consumer, migration, source, destination }: Move): Parties {
  return { consumer, migration, source, destination }
}

/** Parties as the request names them. */
export function partiesOf(request: Request, destination: string | null, migration: string | null): Parties {
  return { consumer: request.consumer, migration, source: request.source, destination }
}
