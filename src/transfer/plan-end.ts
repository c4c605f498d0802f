// Confirm and revert: an open move ends where it led to, or where it came from. Without a record it must match exactly.
import { becoming, ending, holdsNothing, NOTHING, providersOf, sameAllocations, sameAmounts } from './allocations.ts'
import { roomFor } from './capacity.ts'
import { endsOf, notAsLeft } from './open-move.ts'
import { outcome } from './outcome.ts'
import type { Change, Facts, Plan } from './plan.ts'
import type { Finding } from './refusal.ts'
import type { Request } from './request.ts'
import { named } from './sentence.ts'
import {
  blockedBy,
  consumerOf,
  decided,
  emptying,
  expectations,
  missing,
  namingOf,
  ownersDiffer,
  ownMove,
  partiesOf,
  partiesOfMove,
  refusal,
  required,
  unexpected,
  writing,
} from './situation.ts'
import type { Allocations, Consumer, Move } from './snapshot.ts'

type End = 'confirmed' | 'reverted'

/** A confirm or revert of one consumer. */
interface Case {
  readonly request: Request
  readonly facts: Facts
  readonly end: End
  readonly consumer: Consumer
}

export function planEnd(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const task: Case = { request, facts, end: request.operation === 'confirm' ? 'confirmed' : 'reverted', consumer }
  const foreign = blockedBy(facts, [consumer.id, request.migration]).filter(
    ({ violation }) => facts.moves[violation.consumer ?? '']?.consumer !== consumer.id,
  )
  if (foreign.length > 0) return refusal(foreign, facts, partiesOf(request, request.destination, request.migration))
  const move = recordFor(request, facts, consumer)
  if (move === null) return withoutRecord(task)
  return move.state === 'open' ? endOpen(task, move) : endEnded(task, move)
}

/** The record that the request speaks of: that of its M if it names one, else the last one of its consumer. */
function recordFor(request: Request, facts: Facts, consumer: Consumer): Move | null {
  const last = ownMove(facts, consumer.id)
  if (request.migration === null) return last
  const ofMigration = facts.moves[request.migration]
  if (ofMigration?.consumer === consumer.id && ofMigration.migration === request.migration) return ofMigration
  return last !== null && (last.state === 'open' || last.migration === request.migration) ? last : null
}

function endOpen(task: Case, move: Move): Plan {
  const { request, facts, end, consumer } = task
  const used = partiesOfMove(move)
  const migration = move.migration === null ? null : consumerOf(facts, move.migration)
  const put = [{ ...move, state: end }]
  const findings = [...guards(task, move), ...expectations(request.expect, consumer)]
  const target = endsOf(move)[end]
  if (migration !== null && holdsNothing(migration) && sameAllocations(target, consumer.allocations)) {
    if (findings.length > 0) return refusal(findings, facts, used)
    return decided(
      nothingToDo(task, `migration ${migration.id} holds nothing, and the consumer is where it belongs`),
      used,
      put,
    )
  }
  const changes: Change[] = []
  if (move.mode !== 'migration' || end === 'reverted')
    changes.push({ before: consumer, after: becoming(consumer, target) })
  if (migration !== null) changes.push(emptying(migration))
  const room = roomFor(changes, facts.snapshot.providers)
  findings.push(
    ...notAsLeft(move, consumer, migration).filter((finding) => end === 'reverted' || !isGone(finding, migration)),
    ...(migration === null ? [] : ownersDiffer(consumer, migration)),
    ...room.findings,
  )
  if (findings.length > 0) return refusal(findings, facts, used)
  const guarded = changes.some(({ before }) => before.id === consumer.id) ? [] : [consumer]
  const draft = { changes, guards: guarded, reliedOn: room.reliedOn, put, sentence: sentenceOf(task, move) }
  return writing(draft, facts, used)
}

/** For a confirm it says nothing that M holds nothing: what counts is where the consumer is. */
function isGone(finding: Finding, migration: Consumer | null): boolean {
  return finding.code === 'source_missing' && finding.violation.consumer === migration?.id
}

function endEnded(task: Case, move: Move): Plan {
  const { request, facts, end, consumer } = task
  const used = partiesOfMove(move)
  const { id } = consumer
  const findings = [...guards(task, move), ...expectations(request.expect, consumer)]
  if (move.state === 'released') {
    findings.push(
      missing(
        id,
        `The move of consumer ${id} ended when the consumer was released; there is nothing to ${request.operation}.`,
      ),
    )
  } else if (move.state !== end) {
    findings.push(
      end === 'reverted'
        ? missing(id, `The move of consumer ${id} is confirmed; its source is freed and cannot be reverted to.`)
        : unexpected(id, `The move of consumer ${id} is reverted; it is back on its source and cannot be confirmed.`),
    )
  }
  if (findings.length > 0) return refusal(findings, facts, used)
  return decided(nothingToDo(task, `the move was ${end} before`), used)
}

/** Guards of the request on a recorded move. */
function guards(task: Case, move: Move): Finding[] {
  const { request, consumer } = task
  const findings: Finding[] = []
  for (const field of ['migration', 'source', 'destination'] as const) {
    const expected = request[field]
    if (expected === null || expected === move[field]) continue
    findings.push(
      unexpected(
        consumer.id,
        `The move of consumer ${consumer.id} has ${field} ${move[field] ?? 'none'}, not ${expected}.`,
      ),
    )
  }
  return findings
}

/** A move that Nova began, or whose record is lost: the ledger itself must show it, exactly. */
function withoutRecord(task: Case): Plan {
  const { request, facts, end, consumer } = task
  const used = partiesOf(request, request.destination, request.migration)
  const { migration: migrationId, source, destination } = request
  if (migrationId === null) {
    const text =
      `No open move of consumer ${consumer.id} is known; name migration, source and destination, ` +
      `to ${request.operation} one that was begun elsewhere.`
    return refusal([missing(consumer.id, text)], facts, used)
  }
  const migration = consumerOf(facts, migrationId)
  if (source === null || destination === null) {
    const text =
      `No move with migration ${migrationId} is known; name source and destination too, ` +
      `to ${request.operation} one that was begun elsewhere.`
    return refusal([(holdsNothing(migration) ? missing : unexpected)(consumer.id, text)], facts, used)
  }
  const isThere = holdsOnly(consumer.allocations, destination)
  const expectedOnes = expectations(request.expect, consumer)
  if (end === 'confirmed' && holdsNothing(migration) && isThere && expectedOnes.length === 0) {
    return decided(
      nothingToDo(task, `migration ${migrationId} holds nothing, and the consumer holds only its destination`),
      used,
    )
  }
  const findings = [
    ...mismatches(consumer, migration, source, destination),
    ...ownersDiffer(consumer, migration),
    ...expectedOnes,
  ]
  if (findings.length > 0) return refusal(findings, facts, used)
  const move = moveOf(task, migration, source, destination)
  const changes =
    end === 'confirmed'
      ? [emptying(migration)]
      : [{ before: consumer, after: becoming(consumer, migration.allocations) }, emptying(migration)]
  return writing(
    {
      changes,
      guards: end === 'confirmed' ? [consumer] : [],
      put: [move],
      sentence: sentenceOf(task, move),
    },
    facts,
    used,
  )
}

/**
 * What keeps the ledger from showing exactly an open move: M only on the source, the consumer only on the destination,
 * in equal amounts.
 */
function mismatches(consumer: Consumer, migration: Consumer, source: string, destination: string): readonly Finding[] {
  const findings: Finding[] = []
  const { id } = consumer
  if (holdsNothing(consumer)) {
    findings.push(missing(id, `Consumer ${id} holds nothing.`))
  } else if (!holdsOnly(consumer.allocations, destination)) {
    findings.push(
      unexpected(
        id,
        `Consumer ${id} does not hold exactly the destination ${destination}, and its move has no record.`,
      ),
    )
  }
  if (holdsNothing(migration)) {
    findings.push(missing(migration.id, `Migration ${migration.id} holds nothing, and its move has no record.`))
  } else if (!holdsOnly(migration.allocations, source)) {
    findings.push(
      unexpected(
        migration.id,
        `Migration ${migration.id} does not hold exactly the source ${source}, and its move has no record.`,
      ),
    )
  }
  if (
    findings.length === 0 &&
    !sameAmounts(consumer.allocations[destination] ?? {}, migration.allocations[source] ?? {})
  ) {
    findings.push(
      unexpected(
        id,
        `Consumer ${id} and migration ${migration.id} hold different amounts, and their move has no record.`,
      ),
    )
  }
  return findings
}

function holdsOnly(allocations: Allocations, provider: string): boolean {
  const providers = providersOf(allocations)
  return providers.length === 1 && providers[0] === provider
}

/** The record of a move that had none, made when it ends. */
function moveOf({ request, end, consumer }: Case, migration: Consumer, source: string, destination: string): Move {
  const gone = { [migration.id]: NOTHING }
  return {
    request: request.id,
    consumer: consumer.id,
    migration: migration.id,
    mode: 'migration',
    source,
    destination,
    state: end,
    confirm: { [consumer.id]: ending(consumer.type, consumer.allocations), ...gone },
    revert: { [consumer.id]: ending(consumer.type, migration.allocations), ...gone },
  }
}

function nothingToDo({ request, consumer }: Case, why: string): ReturnType<typeof outcome> {
  return outcome('nothing_to_do', `There was nothing to ${request.operation} for consumer ${consumer.id}: ${why}.`)
}

function sentenceOf({ facts, end, consumer }: Case, move: Move): string {
  const name = namingOf(facts)
  if (move.mode === 'resize') {
    return `Consumer ${consumer.id} has its ${end === 'confirmed' ? 'new' : 'old'} size on ${named(move.source, name)}.`
  }
  const [kept, freed] = end === 'confirmed' ? [move.destination, move.source] : [move.source, move.destination]
  return `Consumer ${consumer.id} holds only ${named(kept, name)}; ${named(freed, name)} is freed.`
}
