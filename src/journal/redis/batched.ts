// Joins calls that come while one is under way into the next one.

interface Waiting<Item> {
  readonly item: Item
  readonly resolve: () => void
  readonly reject: (failure: unknown) => void
}

/**
 * A function that hands its item to `run` together with others: those of the same turn of the event loop, or those
 * that came while a batch was under way. At most `sizeMax` items a batch, one batch at a time. Each ends as its batch.
 */
export function batched<Item>(
  sizeMax: number,
  run: (items: readonly Item[]) => Promise<void>,
): (item: Item) => Promise<void> {
  let waiting: Waiting<Item>[] = []
  let busy = false

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, sizeMax)
      waiting = waiting.slice(sizeMax)
      try {
        await run(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (failure) {
        for (const { reject } of batch) reject(failure)
      }
    }
    busy = false
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (busy) return
      busy = true
      queueMicrotask(() => {
        void drain()
      })
    })
}
