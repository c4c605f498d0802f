// Many requests a few at a time: Placement serves others too.

const AT_ONCE = 8

/**
 * `visit` on each, a few at a time; the results in order. After a failure nothing further is begun, and what is under
 * way is awaited before the first failure is thrown: nobody writes on behind the caller's back.
 */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  visit: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let failed: { readonly cause: unknown } | null = null
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length && failed === null; i = next++) {
      try {
        results[i] = await visit(items[i]!, i)
      } catch (cause) {
        failed ??= { cause }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane))
  throwAny(failed)
  return results
}

function throwAny(failed: { readonly cause: unknown } | null): void {
  if (failed !== null) throw failed.cause
}
