// The books on Redis: a seed is one script, a dump one moment.
import type { Argument, Reply } from '../../redis/client.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import { allocationsText, consumerOf, definitionText, ownerText, pairsOf, providerOf } from '../../redis/books.ts'
import { listOf, textOrNull, unexpected, wholeOf } from '../../redis/replies.ts'
import type { Consumer } from '../../transfer/snapshot.ts'
import type { Books, Dump, DumpedConsumer, Seeded } from '../books.ts'
import { parseSeed, type KnownProviders, type SeedDocument, type SeedViolation } from '../seed-document.ts'

export function redisBooks(scripts: ScriptRunner): Books {
  const dump = async (): Promise<Dump> => dumpOf(await scripts.run('dump'))
  return {
    dump,
    seed: async (document, { replace }) => {
      const known = await knownProviders(scripts)
      const { seed, violations } = parseSeed(document, known)
      if (seed === null) return { written: null, violations }
      return seededOf(seed, await scripts.run('seed', { args: { replace: replace ? 1 : 0 }, rest: rowsOf(seed) }))
    },
    consumer: async (id) => {
      const json = textOrNull(await scripts.redis.call('HGET', [scripts.keys.consumers, id]))
      return json === null ? null : shown(consumerOf(id, json, null))
    },
    provider: async (id) => {
      const { providers, consumers } = await dump()
      const provider = providers.find((candidate) => candidate.id === id)
      if (provider === undefined) return null
      return { provider, consumers: consumers.filter(({ allocations }) => Object.hasOwn(allocations, id)) }
    },
  }
}

/** Classes of the providers that stand already: consumers of a seed may refer to them. None is ever removed. */
async function knownProviders(scripts: ScriptRunner): Promise<KnownProviders> {
  const stored = pairsOf('HGETALL', await scripts.redis.call('HGETALL', [scripts.keys.providers]))
  return new Map(stored.map(([id, json]) => [id, new Set(Object.keys(providerOf(id, json, '').inventories))]))
}

function rowsOf(seed: SeedDocument): readonly Argument[] {
  return [
    seed.providers.length,
    ...seed.providers.flatMap((provider) => [provider.id, definitionText(provider)]),
    seed.consumers.length,
    ...seed.consumers.flatMap((consumer) => [consumer.id, allocationsText(consumer.allocations), ownerText(consumer)]),
  ]
}

function seededOf(seed: SeedDocument, reply: Reply): Seeded {
  const [word, ...rest] = listOf('seed', reply)
  if (word === 'refused') return { written: null, violations: differing(seed, rest[0]) }
  if (word !== 'seeded') throw unexpected('seed', reply)
  const count = (i: number): number => wholeOf('seed', rest[i])
  return {
    written: {
      providersAdded: count(0),
      providersChanged: count(1),
      providersUnchanged: count(2),
      consumersAdded: count(3),
      consumersReplaced: count(4),
      consumersLeft: count(5),
    },
    violations: [],
  }
}

function differing(seed: SeedDocument, reply: Reply | undefined): readonly SeedViolation[] {
  const position = new Map(seed.consumers.map(({ id }, i) => [id, i]))
  return pairsOf('seed', reply).map(([id, found]) => ({
    path: `/consumers/${position.get(id)}/allocations`,
    message: `consumer ${id} holds ${found} and was not seeded with these allocations: use --replace to overwrite them`,
  }))
}

function dumpOf(reply: Reply): Dump {
  const [providers, usages, consumers] = listOf('dump', reply)
  const used = new Map(pairsOf('dump', usages))
  return {
    providers: pairsOf('dump', providers)
      .map(([id, json]) => providerOf(id, json, used.get(id) ?? ''))
      .sort(byId),
    consumers: pairsOf('dump', consumers)
      .map(([id, json]) => shown(consumerOf(id, json, null)))
      .sort(byId),
  }
}

function shown(consumer: Consumer): DumpedConsumer {
  const { id, generation, type, project, user, allocations } = consumer
  return { id, generation, type, project, user, allocations }
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
