// The providers that markers are held of: made when they are not there, the same for every worker.
import { Refused } from '../../retry/failures.ts'
import { uuidV5 } from '../../transfer/uuid.ts'
import { locatedOf, providersOf } from './answers.ts'
import { eachOf } from './each.ts'
import type { PlacementHttp } from './http.ts'
import { accepted, errorOf } from './refusals.ts'

export const MARKER_CLASS = 'CUSTOM_FERRYMAN_MARK'
const UNITS_MAX = 2_147_483_647

export interface MarkerProvider {
  readonly id: string
  readonly name: string
}

/** Whether a provider with these classes is there for markers only, of whatever installation: no host, in no list. */
export function holdsMarkersOnly(inventories: Readonly<Record<string, unknown>>): boolean {
  const classes = Object.keys(inventories)
  return classes.length === 1 && classes[0] === MARKER_CLASS
}

/** Name and uuid of a marker provider: the same for every worker, so that nothing has to be looked up. */
export function markerProvider(namespace: string, number: number): MarkerProvider {
  const name = `ferryman-mark-${namespace}-${String(number).padStart(2, '0')}`
  return { id: uuidV5(name), name }
}

/** Names of those that are not there with their inventory. */
export async function missingProviders(
  http: PlacementHttp,
  wanted: readonly MarkerProvider[],
): Promise<readonly string[]> {
  // n.b. A class that nobody has made yet is answered with 400.
  const ready = await http.send('GET', `/resource_providers?resources=${MARKER_CLASS}:1`)
  const there = new Set(ready.status === 400 ? [] : providersOf(accepted(ready)).map(({ id }) => id))
  return wanted.filter(({ id }) => !there.has(id)).map(({ name }) => name)
}

/** Makes class and providers where they are not there. Any number of workers may do so at once. */
export async function ensureProviders(http: PlacementHttp, wanted: readonly MarkerProvider[]): Promise<void> {
  accepted(await http.send('PUT', `/resource_classes/${MARKER_CLASS}`))
  const ready = accepted(await http.list(`/resource_providers?resources=${MARKER_CLASS}:1`))
  const there = new Set(providersOf(ready).map(({ id }) => id))
  const missing = wanted.filter(({ id }) => !there.has(id))
  await eachOf(missing, (provider) => ensureProvider(http, provider))
}

async function ensureProvider(http: PlacementHttp, { id, name }: MarkerProvider): Promise<void> {
  const at = `/resource_providers/${id}`
  const made = await http.send('POST', '/resource_providers', { uuid: id, name })
  const found = await http.send('GET', at)
  if (found.status === 404) {
    const { detail } = errorOf(made)
    throw new Refused(`the marker provider ${name} (${id}) cannot be made: ${detail.slice(0, 200)}`)
  }
  const filled = await http.send('PUT', `${at}/inventories`, {
    resource_provider_generation: locatedOf(found.body, found).generation,
    inventories: { [MARKER_CLASS]: { total: UNITS_MAX, max_unit: 2 } },
  })
  if (filled.status !== 409) accepted(filled) // 409: another worker was first, with the same
}
