// Retarget: an open move goes to another destination, in one write, so that the consumer never holds both or none.
import { becoming, ending, holdsNothing, NOTHING, sameAllocations } from './allocations.ts'
import { offers, roomFor } from './capacity.ts'
import { migrationOf } from './migration.ts'
import type { Facts, Plan } from './plan.ts'
import type { Finding } from './refusal.ts'
import type { Request } from './request.ts'
import { named } from './sentence.ts'
import {
  blockedBy,
  consumerOf,
  expectations,
  holdsExactly,
  namingOf,
  ownersDiffer,
  ownMove,
  partiesOf,
  providerOf,
  refusal,
  required,
  unexpected,
  writing,
} from './situation.ts'
import type { Consumer, Move } from './snapshot.ts'

export function planRetarget(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const source = required(request.source, 'source')
  const destination = required(facts.destination, 'destination')
  const migrationId = migrationOf(request, facts)
  const migration = migrationId === null ? null : consumerOf(facts, migrationId)
  const move = ownMove(facts, consumer.id)
  const used = partiesOf(request, destination, migrationId)

  const held = consumer.allocations[source] ?? null
  const wanted = request.destinationResources ?? held
  const changes = wanted === null ? [] : [{ before: consumer, after: becoming(consumer, { [destination]: wanted }) }]
  const room = roomFor(changes, facts.snapshot.providers)
  const findings = [
    ...foreign(facts, consumer, migrationId),
    ...holdsExactly(facts, consumer, source, request.resources),
    ...notOpen(consumer, migration, move, source, destination),
    ...(migration === null ? [] : ownersDiffer(consumer, migration)),
    ...expectations(request.expect, consumer),
    ...offers(destination, providerOf(facts, destination), request.requires),
    ...room.findings,
  ]
  if (findings.length > 0 || move === null || migration === null || wanted === null) {
    return refusal(findings, facts, used)
  }
  const name = namingOf(facts)
  return writing(
    {
      changes,
      guards: [migration],
      reliedOn: [destination, ...room.reliedOn],
      put: [
        {
          ...move,
          destination,
          confirm: { ...move.confirm, [consumer.id]: ending(consumer.type, { [destination]: wanted }) },
        },
      ],
      sentence:
        `Consumer ${consumer.id} holds ${named(destination, name)} instead of ${named(source, name)}; ` +
        `migration ${migration.id} holds ${named(move.source, name)} until the move is confirmed or reverted.`,
    },
    facts,
    used,
  )
}

/** Open moves of others: in which the consumer is M, or whose M the request names. */
function foreign(facts: Facts, consumer: Consumer, migration: string | null): readonly Finding[] {
  return blockedBy(facts, [consumer.id, migration]).filter(({ violation }) => {
    const move = facts.moves[violation.consumer ?? '']
    return move?.consumer !== consumer.id
  })
}

/** What keeps the recorded move from being one that leads to `source` (its old destination) and can lead elsewhere. */
function notOpen(
  consumer: Consumer,
  migration: Consumer | null,
  move: Move | null,
  source: string,
  destination: string,
): readonly Finding[] {
  const { id } = consumer
  if (holdsNothing(consumer)) return [] // told as source_missing already
  if (move === null || move.state !== 'open') {
    return [unexpected(id, `Consumer ${id} has no open move that could be given another destination.`)]
  }
  if (move.migration === null || migration === null) {
    return [
      unexpected(
        id,
        `The open move of consumer ${id} is of mode ${move.mode}; ` +
          'only one whose source a migration holds can be retargeted.',
      ),
    ]
  }
  const findings: Finding[] = []
  if (move.migration !== migration.id) {
    findings.push(
      unexpected(migration.id, `The open move of consumer ${id} has migration ${move.migration}, not ${migration.id}.`),
    )
  } else if (!sameAllocations(migration.allocations, (move.revert[id] ?? NOTHING).allocations)) {
    findings.push(unexpected(migration.id, `Migration ${migration.id} does not hold what the claim left on it.`))
  }
  if (move.destination !== source) {
    findings.push(
      unexpected(id, `The open move of consumer ${id} leads to ${move.destination}, not to ${source}.`, source),
    )
  }
  if (move.source === destination) {
    findings.push(
      unexpected(
        id,
        `The open move of consumer ${id} began on ${destination}; revert it to go back there.`,
        destination,
      ),
    )
  }
  return findings
}
