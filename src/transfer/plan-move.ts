// Claim and transfer: the consumer leaves its source for a destination, in one write.
import { becoming, ending, holdsNothing, NOTHING, ownedBy, plus, providersOf, sameAmounts } from './allocations.ts'
import { offers, roomFor } from './capacity.ts'
import { only } from './dictionary.ts'
import { migrationOfClaim } from './migration.ts'
import { outcome } from './outcome.ts'
import type { Change, Facts, Plan } from './plan.ts'
import type { Finding } from './refusal.ts'
import type { Amounts, Request } from './request.ts'
import { named } from './sentence.ts'
import {
  blockedBy,
  consumerOf,
  decided,
  expectations,
  holdsExactly,
  namingOf,
  ownMove,
  partiesOf,
  partiesOfMove,
  providerOf,
  refusal,
  required,
  unexpected,
  writing,
} from './situation.ts'
import type { Allocations, Consumer, Move } from './snapshot.ts'
import { uuidV5 } from './uuid.ts'

/** Type of every consumer M that Ferryman makes. */
export const MIGRATION_TYPE = 'MIGRATION'

/** Who takes part in a claim or transfer; `migration` is null where no M is made. */
interface Cast {
  readonly consumer: Consumer
  readonly migration: Consumer | null
  readonly source: string
  readonly destination: string
}

export function planMove(request: Request, facts: Facts): Plan {
  const cast = castOf(request, facts)
  const { consumer, migration, source, destination } = cast
  const used = partiesOf(request, destination, migration?.id ?? null)
  const done = doneBefore(request, facts, cast)
  if (done !== null) return done

  const part = consumer.allocations[source] ?? null
  const wanted = request.destinationResources ?? part
  const changes = wanted === null ? [] : changesOf(request, cast, part ?? {}, wanted)
  const room = roomFor(changes, facts.snapshot.providers)
  const findings = [
    ...blockedBy(facts, [consumer.id, migration?.id ?? null]),
    ...holdsExactly(facts, consumer, source, request.resources),
    ...taken(migration),
    ...expectations(request.expect, consumer),
    ...offers(destination, providerOf(facts, destination), request.requires),
    ...room.findings,
  ]
  if (findings.length > 0 || part === null || wanted === null) return refusal(findings, facts, used)
  const put = request.operation === 'claim' ? [openedBy(request, cast, part, wanted)] : []
  return writing(
    { changes, reliedOn: [destination, ...room.reliedOn], put, sentence: sentenceOf(request, facts, cast) },
    facts,
    used,
  )
}

function castOf(request: Request, facts: Facts): Cast {
  const migration = request.operation === 'claim' ? migrationOfClaim(request) : null
  return {
    consumer: consumerOf(facts, required(request.consumer, 'consumer')),
    migration: migration === null ? null : consumerOf(facts, migration),
    source: required(request.source, 'source'),
    destination: required(facts.destination, 'destination'),
  }
}

function changesOf(request: Request, cast: Cast, part: Amounts, wanted: Amounts): readonly Change[] {
  const { consumer, migration, source, destination } = cast
  const there: Allocations = only(destination, wanted)
  if (request.operation === 'claim' && migration === null) {
    return [{ before: consumer, after: becoming(consumer, plus({ [source]: part }, there)) }]
  }
  const changes = [{ before: consumer, after: becoming(consumer, there) }]
  if (migration === null) return changes
  return [...changes, { before: migration, after: ownedBy(migration, MIGRATION_TYPE, consumer, { [source]: part }) }]
}

function openedBy(request: Request, cast: Cast, part: Amounts, wanted: Amounts): Move {
  const { consumer, migration, source, destination } = cast
  const emptied = migration === null ? {} : { [migration.id]: NOTHING }
  return {
    request: request.id,
    consumer: consumer.id,
    migration: migration?.id ?? null,
    mode: migration === null ? 'doubled' : 'migration',
    source,
    destination,
    state: 'open',
    confirm: { [consumer.id]: ending(consumer.type, { [destination]: wanted }), ...emptied },
    revert: { [consumer.id]: ending(consumer.type, { [source]: part }), ...emptied },
  }
}

function taken(migration: Consumer | null): readonly Finding[] {
  if (migration === null || holdsNothing(migration)) return []
  const where = providersOf(migration.allocations).join(', ')
  return [
    unexpected(migration.id, `Migration ${migration.id} must hold nothing before a claim, but it holds ${where}.`),
  ]
}

/**
 * A claim whose record is lost, but which the recorded move, or the M derived from its id, proves to have been carried
 * out.
 */
function doneBefore(request: Request, facts: Facts, cast: Cast): Plan | null {
  if (request.operation !== 'claim') return null
  const text = `Request ${request.id} had been carried out before; its record is lost, but`
  const move = ownMove(facts, cast.consumer.id)
  if (move?.request === request.id) {
    return decided(outcome('already_applied', `${text} the move that it opened is known.`), partiesOfMove(move))
  }
  const { consumer, migration, source } = cast
  if (migration === null || migration.id !== uuidV5(request.id) || holdsNothing(migration)) return null
  if (blockedBy(facts, [consumer.id, migration.id]).length > 0) return null
  const [destination, ...others] = providersOf(consumer.allocations)
  const part = migration.allocations[source]
  if (
    destination === undefined ||
    others.length > 0 ||
    part === undefined ||
    providersOf(migration.allocations).length > 1
  )
    return null
  const isCandidate = destination === request.destination || request.alternates.includes(destination)
  const held = consumer.allocations[destination] ?? {}
  const isWhole = sameAmounts(held, request.destinationResources ?? part)
  const isOwned = consumer.project === migration.project && consumer.user === migration.user
  if (!isCandidate || !isWhole || !isOwned) return null
  const put = [openedBy(request, { ...cast, destination }, part, held)]
  return decided(
    outcome('already_applied', `${text} migration ${migration.id}, which only it can have made, holds the source.`),
    partiesOf(request, destination, migration.id),
    put,
  )
}

function sentenceOf(request: Request, facts: Facts, cast: Cast): string {
  const name = namingOf(facts)
  const source = named(cast.source, name)
  const destination = named(cast.destination, name)
  const { id } = cast.consumer
  if (request.operation === 'transfer') return `Consumer ${id} has moved from ${source} to ${destination}.`
  const holder = cast.migration === null ? 'it also holds' : `migration ${cast.migration.id} holds`
  return `Consumer ${id} holds ${destination}, and ${holder} ${source} until the move is confirmed or reverted.`
}
