// Joins calls that come while one is under way into the next one, and gives each its own answer.

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (failure: unknown) => void
}

/**
 * A function that hands its item to `run` together with others: those of the same turn of the event loop, or those
 * that came while `lanes` batches were under way. At most `sizeMax` items a batch. `run` answers in the order of the
 * items; where it rejects, each of its items does.
 */
export function batched<Item, Answer>(
  { sizeMax, lanes }: { readonly sizeMax: number; readonly lanes: number },
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (item: Item) => Promise<Answer> {
  let waiting: Waiting<Item, Answer>[] = []
  let underWay = 0
  let asked = false

  const send = async (batch: readonly Waiting<Item, Answer>[]): Promise<void> => {
    underWay += 1
    try {
      const answers = await run(batch.map(({ item }) => item))
      if (answers.length !== batch.length) throw new RangeError(`${answers.length} answers to ${batch.length} calls`)
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(answers[i] as Answer)
    } catch (failure) {
      for (const { reject } of batch) reject(failure)
    }
    underWay -= 1
    drain()
  }
  const drain = (): void => {
    while (waiting.length > 0 && underWay < lanes) {
      const batch = waiting.slice(0, sizeMax)
      waiting = waiting.slice(sizeMax)
      void send(batch)
    }
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (asked) return
      asked = true
      queueMicrotask(() => {
        asked = false
        drain()
      })
    })
}
