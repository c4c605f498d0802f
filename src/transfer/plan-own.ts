// Operations on what one consumer holds by itself: acquire, resize in place, adjust, and passing it all to another.
import { becoming, combined, ending, holdsNothing, ownedBy, plus, providersOf } from './allocations.ts'
import { offers, roomFor } from './capacity.ts'
import { outcome } from './outcome.ts'
import type { Facts, Parties, Plan } from './plan.ts'
import type { Finding } from './refusal.ts'
import type { Amounts, Request } from './request.ts'
import { named } from './sentence.ts'
import {
  blockedBy,
  consumerOf,
  decided,
  emptying,
  expectations,
  holdsExactly,
  missing,
  namingOf,
  ownMove,
  partiesOf,
  providerOf,
  refusal,
  required,
  unexpected,
  writing,
} from './situation.ts'
import type { Allocations, Consumer, Move } from './snapshot.ts'

/** A consumer that holds nothing gets `resources` of the destination, under the owner given. */
export function planAcquire(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const destination = required(facts.destination, 'destination')
  const owner = required(request.owner, 'owner')
  const allocations = { [destination]: required(request.resources, 'resources') }
  const used = partiesOf(request, destination, null)
  const changes = [{ before: consumer, after: ownedBy(consumer, owner.type, owner, allocations) }]
  const room = roomFor(changes, facts.snapshot.providers)
  const findings = [
    ...blockedBy(facts, [consumer.id]),
    ...occupied(consumer),
    ...offers(destination, providerOf(facts, destination), request.requires),
    ...room.findings,
  ]
  if (findings.length > 0) return refusal(findings, facts, used)
  const sentence = `Consumer ${consumer.id} holds ${named(destination, namingOf(facts))}.`
  return writing({ changes, reliedOn: [destination, ...room.reliedOn], sentence }, facts, used)
}

/** In place: the consumer holds both sizes (as `policy` counts them) until it is confirmed or reverted. */
export function planResize(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const source = required(request.source, 'source')
  const wanted = required(request.resources, 'resources')
  const used: Parties = { consumer: consumer.id, migration: null, source, destination: source }
  if (ownMove(facts, consumer.id)?.request === request.id) {
    return decided(
      outcome(
        'already_applied',
        `Request ${request.id} had been carried out before; its record is lost, ` +
          'but the resize that it opened is known.',
      ),
      used,
    )
  }
  const old = consumer.allocations[source] ?? {}
  const during = { [source]: sizeBetween(request.policy, old, wanted) }
  const changes = [{ before: consumer, after: becoming(consumer, during) }]
  const room = roomFor(changes, facts.snapshot.providers)
  const provider = providerOf(facts, source)
  const findings = [
    ...blockedBy(facts, [consumer.id]),
    ...holdsExactly(facts, consumer, source, null),
    ...expectations(request.expect, consumer),
    ...(provider === null ? [] : offers(source, provider, request.requires)),
    ...room.findings,
  ]
  if (findings.length > 0) return refusal(findings, facts, used)
  const move: Move = {
    request: request.id,
    consumer: consumer.id,
    migration: null,
    mode: 'resize',
    source,
    destination: source,
    state: 'open',
    confirm: { [consumer.id]: ending(consumer.type, { [source]: wanted }) },
    revert: { [consumer.id]: ending(consumer.type, { [source]: old }) },
  }
  const sentence =
    `Consumer ${consumer.id} holds room for both its sizes on ${named(source, namingOf(facts))} ` +
    'until the resize is confirmed or reverted.'
  return writing({ changes, reliedOn: [source, ...room.reliedOn], put: [move], sentence }, facts, used)
}

function sizeBetween(policy: Request['policy'], old: Amounts, wanted: Amounts): Amounts {
  switch (policy) {
    case 'max':
      return combined(old, wanted, Math.max)
    case 'sum':
      return combined(old, wanted, (one, other) => one + other)
    case 'replace':
      return wanted
  }
}

/** Amounts change by `deltas`, on providers that the consumer uses already. */
export function planAdjust(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const deltas = required(request.deltas, 'deltas')
  const used = partiesOf(request, null, null)
  const result = plus(consumer.allocations, deltas)
  const after = withoutEmpty(result)
  const changes = [{ before: consumer, after: becoming(consumer, after) }]
  const touched = Object.keys(deltas).filter((provider) => consumer.allocations[provider] !== undefined)
  const grown = touched.filter((provider) => Object.values(deltas[provider] ?? {}).some((delta) => delta > 0))
  const findings = [...blockedBy(facts, [consumer.id]), ...expectations(request.expect, consumer)]
  if (holdsNothing(consumer)) {
    findings.push(missing(consumer.id, `Consumer ${consumer.id} holds nothing, so there is nothing to adjust.`))
    return refusal(findings, facts, used)
  }
  findings.push(
    ...impossible(consumer, deltas, result, after),
    ...grown.flatMap((provider) => offers(provider, providerOf(facts, provider), request.requires)),
  )
  if (touched.length < Object.keys(deltas).length || hasNegative(after)) return refusal(findings, facts, used)
  const room = roomFor(changes, facts.snapshot.providers)
  findings.push(...room.findings)
  if (findings.length > 0) return refusal(findings, facts, used)
  const where = touched.map((provider) => named(provider, namingOf(facts))).join(', ')
  const sentence = `Consumer ${consumer.id} holds the adjusted amounts on ${where}.`
  return writing({ changes, reliedOn: [...grown, ...room.reliedOn], sentence }, facts, used)
}

/** Deltas onto providers not in use, results below zero, or nothing left. */
function impossible(
  consumer: Consumer,
  deltas: Allocations,
  result: Allocations,
  after: Allocations,
): readonly Finding[] {
  const { id } = consumer
  const findings: Finding[] = []
  for (const [provider, amounts] of Object.entries(deltas)) {
    const held = consumer.allocations[provider]
    if (held === undefined) {
      findings.push(
        unexpected(
          id,
          `Consumer ${id} does not use provider ${provider}, so its amounts there cannot be adjusted.`,
          provider,
        ),
      )
      continue
    }
    for (const [resourceClass, delta] of Object.entries(amounts)) {
      if ((result[provider]?.[resourceClass] ?? 0) < 0) {
        const found = held[resourceClass] ?? 0
        const message = `Consumer ${id} holds ${found} ${resourceClass} on ${provider}; ${-delta} cannot be given up.`
        const amount = { consumer: id, provider, resourceClass, expected: -delta, found, message }
        findings.push({ code: 'source_unexpected', violation: { rule: 'amount', ...amount } })
      }
    }
  }
  if (providersOf(after).length === 0) {
    findings.push(unexpected(id, `The adjustment would leave consumer ${id} with nothing; release it instead.`))
  }
  return findings
}

function hasNegative(allocations: Allocations): boolean {
  return Object.values(allocations).some((amounts) => Object.values(amounts).some((amount) => amount < 0))
}

function withoutEmpty(allocations: Allocations): Allocations {
  return Object.fromEntries(providersOf(allocations).map((provider) => [provider, allocations[provider] ?? {}]))
}

/** All that the consumer holds passes to `newConsumer`, which holds nothing yet. */
export function planSwap(request: Request, facts: Facts): Plan {
  const consumer = consumerOf(facts, required(request.consumer, 'consumer'))
  const heir = consumerOf(facts, required(request.newConsumer, 'newConsumer'))
  const used = partiesOf(request, null, null)
  const findings = [
    ...blockedBy(facts, [consumer.id, heir.id]),
    ...occupied(heir),
    ...expectations(request.expect, consumer),
  ]
  if (holdsNothing(consumer)) {
    findings.push(missing(consumer.id, `Consumer ${consumer.id} holds nothing that could pass to ${heir.id}.`))
  }
  if (findings.length > 0) return refusal(findings, facts, used)
  const after = ownedBy(heir, consumer.type ?? 'INSTANCE', consumer, consumer.allocations)
  const sentence = `All that consumer ${consumer.id} held has passed to consumer ${heir.id}.`
  return writing({ changes: [emptying(consumer), { before: heir, after }], sentence }, facts, used)
}

/** A consumer that should hold nothing, but does. */
function occupied(consumer: Consumer): readonly Finding[] {
  if (holdsNothing(consumer)) return []
  const where = providersOf(consumer.allocations).join(', ')
  return [unexpected(consumer.id, `Consumer ${consumer.id} must hold nothing before this, but it holds ${where}.`)]
}
