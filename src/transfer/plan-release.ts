// Release: the consumer, and the M of its open move, hold nothing any more.
import { holdsNothing, providersOf } from './allocations.ts'
import { notAsLeft } from './open-move.ts'
import { outcome } from './outcome.ts'
import type { Facts, Parties, Plan } from './plan.ts'
import type { Finding } from './refusal.ts'
import type { Request } from './request.ts'
import { named, type Naming } from './sentence.ts'
import {
  consumerOf,
  decided,
  emptying,
  expectations,
  namingOf,
  openMove,
  ownersDiffer,
  ownMove,
  refusal,
  required,
  unexpected,
  writing,
} from './situation.ts'
import type { Consumer, Move } from './snapshot.ts'

export function planRelease(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const recorded = ownMove(facts, consumer.id)
  const move = recorded?.state === 'open' ? recorded : null
  const migrationId = move === null ? request.migration : move.migration
  const migration = migrationId === null ? null : consumerOf(facts, migrationId)
  const used: Parties = {
    consumer: consumer.id,
    migration: migrationId,
    source: request.source ?? onlyProvider(consumer),
    destination: null,
  }
  const foreign = heldByOthers(facts, consumer, migrationId)
  if (foreign.length > 0) return refusal(foreign, facts, used)

  const put = move === null ? [] : [{ ...move, state: 'released' as const }]
  const holders = [consumer, ...(migration === null ? [] : [migration])].filter((one) => !holdsNothing(one))
  if (holders.length === 0) {
    return decided(
      outcome('nothing_to_do', `There was nothing to release: consumer ${consumer.id} holds nothing.`),
      used,
      put,
    )
  }
  const findings = request.force ? [] : differences(request, facts, consumer, migration, move)
  if (findings.length > 0) return refusal(findings, facts, used)
  const name = namingOf(facts)
  const freed = [...new Set(holders.flatMap((one) => providersOf(one.allocations)))].map((provider) =>
    named(provider, name),
  )
  return writing(
    {
      changes: holders.map(emptying),
      guards: holders.includes(consumer) ? [] : [consumer],
      put,
      sentence: `Consumer ${consumer.id} holds nothing any more; freed: ${freed.join(', ')}.`,
    },
    facts,
    used,
  )
}

/** Open moves of others, in which the consumer or the migration named is M or has a part of its own. */
function heldByOthers(facts: Facts, consumer: Consumer, migration: string | null): readonly Finding[] {
  return [consumer.id, ...(migration === null ? [] : [migration])].flatMap((id) => {
    const move = facts.moves[id]
    return move?.state === 'open' && move.consumer !== consumer.id ? [openMove(id, move)] : []
  })
}

function differences(
  request: Request,
  facts: Facts,
  consumer: Consumer,
  migration: Consumer | null,
  move: Move | null,
): readonly Finding[] {
  const findings = [...expectations(request.expect, consumer)]
  if (migration !== null) findings.push(...ownersDiffer(consumer, migration))
  if (move !== null) findings.push(...notAsLeft(move, consumer, migration))
  if (move !== null && request.migration !== null && request.migration !== move.migration) {
    findings.push(
      unexpected(
        consumer.id,
        `The open move of consumer ${consumer.id} has migration ${move.migration ?? 'none'}, not ${request.migration}.`,
      ),
    )
  }
  findings.push(...elsewhere(request.source, consumer, move, namingOf(facts)))
  return findings
}

/** What keeps `source` from being what is released: all that the consumer holds, or a side of its open move. */
function elsewhere(source: string | null, consumer: Consumer, move: Move | null, name: Naming): readonly Finding[] {
  if (source === null || (move !== null && (source === move.source || source === move.destination))) return []
  return providersOf(consumer.allocations)
    .filter((provider) => provider !== source)
    .map((provider) =>
      unexpected(
        consumer.id,
        `Consumer ${consumer.id} holds ${named(provider, name)}, not only ${named(source, name)}.`,
        provider,
      ),
    )
}

function onlyProvider(consumer: Consumer): string | null {
  const [first, ...others] = providersOf(consumer.allocations)
  return first === undefined || others.length > 0 ? null : first
}
