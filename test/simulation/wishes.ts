// What another system asks for next, as a server stands: mostly what can be done, sometimes what must be refused.
import type { Amounts } from '../../src/transfer/request.ts'
import type { Consumer, Move } from '../../src/transfer/snapshot.ts'
import { pick, whole, type Random } from './climate.ts'

export type Fields = Record<string, unknown>

export interface Situation {
  readonly hosts: readonly string[]
  readonly servers: readonly string[]
  readonly consumer: Consumer
  readonly move: Move | null
  /** What a server takes. */
  readonly resources: Amounts
  /** Chance that it is released by force. */
  readonly forced: number
}

export function fieldsFor(situation: Situation, random: Random): Fields {
  const { hosts, consumer, move, resources, forced } = situation
  const held = Object.keys(consumer.allocations)
  const own = { consumer: consumer.id, ...(random() < 0.1 ? { expect: expectation(consumer, random) } : {}) }
  if (forced > 0 && random() < forced) return { operation: 'release', consumer: consumer.id, force: true }
  const elsewhere = pick(random, hosts.filter((host) => !held.includes(host)).concat(hosts.slice(0, 1)))
  const isOpen = move?.state === 'open' && move.consumer === consumer.id
  if (held.length === 0 && random() < 0.8) {
    const owner = { project: 'p', user: 'u' }
    return {
      operation: 'acquire',
      consumer: consumer.id,
      destination: elsewhere,
      resources,
      owner,
      ...alternates(situation, elsewhere, random),
    }
  }
  if (isOpen && random() < 0.9) return ending(own, situation, move, elsewhere, random)
  return beginning(own, situation, held[0] ?? hosts[0]!, elsewhere, random)
}

function expectation(consumer: Consumer, random: Random): Fields {
  return { consumerGeneration: Math.max(1, (consumer.generation ?? 1) - (random() < 0.3 ? 1 : 0)) }
}

function alternates({ hosts }: Situation, destination: string, random: Random): Fields {
  const others = hosts.filter((host) => host !== destination)
  return random() < 0.3 && others.length > 0 ? { alternates: others.slice(0, whole(random, 1, 2)) } : {}
}

function ending(own: Fields, situation: Situation, move: Move, elsewhere: string, random: Random): Fields {
  const roll = random()
  if (roll < 0.35) return { operation: 'confirm', ...own }
  if (roll < 0.7) return { operation: 'revert', ...own }
  if (roll < 0.82 && move.mode === 'migration' && move.destination !== elsewhere) {
    return { operation: 'retarget', ...own, source: move.destination, destination: elsewhere }
  }
  if (roll < 0.92) return { operation: 'release', ...own }
  return beginning(own, situation, move.destination, elsewhere, random)
}

function beginning(own: Fields, situation: Situation, held: string, elsewhere: string, random: Random): Fields {
  const source = random() < 0.05 ? pick(random, situation.hosts) : held
  const destination = elsewhere === source ? situation.hosts.find((host) => host !== source)! : elsewhere
  const move = { ...own, source, destination }
  const roll = random()
  if (roll < 0.45) {
    return {
      operation: 'claim',
      ...move,
      ...(random() < 0.2 ? { mode: 'doubled' } : alternates(situation, destination, random)),
    }
  }
  if (roll < 0.72) return { operation: 'transfer', ...move, ...alternates(situation, destination, random) }
  if (roll < 0.79) return { operation: 'release', ...own }
  if (roll < 0.86) return { operation: 'adjust', ...own, deltas: { [source]: { MEMORY_MB: pick(random, [-1, 1, 2]) } } }
  if (roll < 0.92)
    return { operation: 'resize', ...own, source, resources: { VCPU: whole(random, 1, 3), MEMORY_MB: 4 } }
  if (roll < 0.97) return { operation: 'swap-consumer', ...own, newConsumer: pick(random, situation.servers) }
  return { operation: pick(random, ['confirm', 'revert']), ...own }
}
