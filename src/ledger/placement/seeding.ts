// Writes providers and consumers of a seed through Placement's REST API, only where they differ from what is there.
import { sameAllocations } from '../../transfer/allocations.ts'
import type { Consumer, Provider } from '../../transfer/snapshot.ts'
import type { SeedConsumer, SeedDocument, SeedProvider, SeedViolation } from '../seed-document.ts'
import { bodyOf } from './body.ts'
import { eachOf } from './each.ts'
import { accepted, refusalOf } from './refusals.ts'
import type { Answer, Method, PlacementHttp } from './http.ts'

export type Put = 'added' | 'changed' | 'unchanged'

/** Traits and classes that a seed names and Placement does not know. */
export interface MissingWords {
  /** Those that are not `CUSTOM_` ones, which nobody may create. */
  readonly violations: readonly SeedViolation[]
  create(): Promise<void>
}

const TYPES_SINCE = 38

export async function missingWords(http: PlacementHttp, seed: SeedDocument): Promise<MissingWords> {
  const [traits, classes] = await Promise.all([
    must(http, 'GET', '/traits').then(({ body }) => namesIn((body as { traits?: unknown }).traits)),
    must(http, 'GET', '/resource_classes').then(({ body }) =>
      namesIn((body as { resource_classes?: unknown }).resource_classes),
    ),
  ])
  const missing: { readonly path: string; readonly name: string; readonly place: string }[] = []
  seed.providers.forEach((provider, i) => {
    for (const name of provider.traits) {
      if (!traits.has(name)) missing.push({ path: `/providers/${i}/traits`, name, place: 'traits' })
    }
    for (const name of Object.keys(provider.inventories)) {
      if (!classes.has(name))
        missing.push({ path: `/providers/${i}/inventories/${name}`, name, place: 'resource_classes' })
    }
  })
  return {
    violations: missing
      .filter(({ name }) => !name.startsWith('CUSTOM_'))
      .map(({ path, name }) => ({
        path,
        message: `Placement does not know ${name}, and only CUSTOM_ names can be added`,
      })),
    create: async () => {
      const names = new Set(missing.map(({ place, name }) => `/${place}/${name}`))
      await eachOf([...names], (path) => must(http, 'PUT', path))
    },
  }
}

/** `now`: what stands, null where there is none. Each step names the generation that the one before has left. */
export async function putProvider(http: PlacementHttp, wanted: SeedProvider, now: Provider | null): Promise<Put> {
  const { id, name, parent } = wanted
  const at = `/resource_providers/${id}`
  const self = { name, ...(parent !== null && { parent_provider_uuid: parent }) }
  if (now === null) await must(http, 'POST', '/resource_providers', { uuid: id, ...self })
  const renamed = now !== null && (now.name !== name || now.parent !== parent)
  if (renamed) await must(http, 'PUT', at, self)
  const { generation, ...found } = now === null || renamed ? await generationNow(http, at, now) : now
  let raised = generation
  const put = async (part: string, value: object): Promise<void> => {
    const answer = await must(http, 'PUT', `${at}/${part}`, { resource_provider_generation: raised, ...value })
    raised = Number((answer.body as { resource_provider_generation?: unknown } | null)?.resource_provider_generation)
  }
  if (!same(found.inventories, wanted.inventories)) await put('inventories', { inventories: wanted.inventories })
  if (!same(found.traits, wanted.traits)) await put('traits', { traits: wanted.traits })
  if (!same(found.aggregates, wanted.aggregates)) await put('aggregates', { aggregates: wanted.aggregates })
  if (now === null) return 'added'
  return renamed || raised !== generation ? 'changed' : 'unchanged'
}

export async function putConsumer(http: PlacementHttp, wanted: SeedConsumer, now: Consumer): Promise<Put> {
  const { id, ...target } = wanted
  if (now.generation !== null && sameAllocations(now.allocations, wanted.allocations)) return 'unchanged'
  const changes = [{ before: now, after: { generation: now.nextGeneration, ...target } }]
  const typed = (await http.minor()) >= TYPES_SINCE
  const send = (absentAt: null | 0): Promise<Answer> => {
    const write = { changes, guards: [], providers: {}, moves: { put: [] } }
    return http.send('PUT', `/allocations/${id}`, bodyOf(write, null, { typed, guarded: false, absentAt })[id])
  }
  const answer = await send(null)
  // n.b. A refused write may have left the consumer behind at generation 0, where it holds nothing.
  const refusal = answer.status < 300 ? null : refusalOf(answer)
  const left = refusal?.kind === 'generation' && refusal.expected === 0 && refusal.given === null
  accepted(left ? await send(0) : answer)
  return now.generation === null ? 'added' : 'changed'
}

async function generationNow(
  http: PlacementHttp,
  at: string,
  now: Provider | null,
): Promise<Pick<Provider, 'generation' | 'inventories' | 'traits' | 'aggregates'>> {
  const { body } = await must(http, 'GET', at)
  const generation = Number((body as { generation?: unknown }).generation)
  return { inventories: {}, traits: [], aggregates: [], ...now, generation }
}

async function must(http: PlacementHttp, method: Method, path: string, body?: object): Promise<Answer> {
  return accepted(await http.send(method, path, body))
}

function namesIn(list: unknown): ReadonlySet<string> {
  const names = Array.isArray(list) ? list : []
  return new Set(
    names.map((one: unknown) => (typeof one === 'string' ? one : String((one as { name?: unknown }).name))),
  )
}

/** Equal but for the order of keys; lists are sorted. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other))
}

function ordered(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, ordered(inner)] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
