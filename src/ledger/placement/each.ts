// Many requests a few at a time: Placement serves others too.

const AT_ONCE = 8

/** `visit` on each, a few at a time; the results in order. */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  visit: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await visit(items[i]!, i)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane))
  return results
}
