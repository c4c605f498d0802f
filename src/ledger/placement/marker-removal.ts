// Takes markers away, many in a request: each write to a marker provider is in the way of requests that are being done.
import { holdingOf } from './answers.ts'
import { eachOf } from './each.ts'
import type { PlacementHttp } from './http.ts'
import type { MarkerRow } from './markers.ts'

/** Generation of a K that was written or closed; it is so once. */
const WRITTEN_AT = 1
/** Markers removed in one request, all of one provider, whose generation is raised once for them. */
const REMOVED_AT_ONCE = 32

/** `emptied`: K holding nothing, if it is at that generation. The number removed. */
export async function removeMarkers(
  http: PlacementHttp,
  ks: readonly string[],
  providerOf: (k: string) => string,
  emptied: (k: string, generation: number) => Promise<MarkerRow>,
): Promise<number> {
  /** In one request, whose generations guard each of them; where one is not as supposed, one after the other. */
  async function removePart(part: readonly string[]): Promise<number> {
    const rows = await Promise.all(part.map(async (k) => [k, await emptied(k, WRITTEN_AT)] as const))
    const { status } = await http.send('POST', '/allocations', Object.fromEntries(rows))
    if (status < 300) return part.length
    return (await eachOf(part, removeOne)).filter(Boolean).length
  }

  async function removeOne(k: string): Promise<boolean> {
    const holding = holdingOf(await http.send('GET', `/allocations/${k}`))
    if (holding === null) return false
    const answer = await http.send('PUT', `/allocations/${k}`, await emptied(k, holding.generation))
    return answer.status < 300
  }

  const removed = await eachOf(partsOf(ks, providerOf), removePart)
  return removed.reduce((sum, many) => sum + many, 0)
}

/** `ks`, each once, by provider and in parts of limited size. */
function partsOf(ks: readonly string[], providerOf: (k: string) => string): readonly (readonly string[])[] {
  const parts: string[][] = []
  const filling = new Map<string, string[]>()
  for (const k of new Set(ks)) {
    const begun = filling.get(providerOf(k))
    if (begun !== undefined && begun.length < REMOVED_AT_ONCE) {
      begun.push(k)
      continue
    }
    const part = [k]
    filling.set(providerOf(k), part)
    parts.push(part)
  }
  return parts
}
