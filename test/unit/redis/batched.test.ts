// Joining calls into batches: nothing waits for a timer, nothing is lost, nothing is joined beyond the limit.
import { expect } from 'chai'
import { batched } from '../../../src/redis/batched.ts'

const doubled = (items: readonly number[]): number[] => items.map((item) => item * 2)

describe('batched calls', () => {
  it('of one turn of the event loop are one batch of at most the given size, each with its own answer', async () => {
    const batches: (readonly number[])[] = []
    const call = batched({ sizeMax: 3, lanes: 1 }, async (items: readonly number[]) => {
      batches.push(items)
      return doubled(items)
    })
    expect(await Promise.all([1, 2, 3, 4].map(call))).deep.equal([2, 4, 6, 8])
    expect(batches).deep.equal([[1, 2, 3], [4]])
  })

  it('that come while one is under way are the next one', async () => {
    const batches: (readonly number[])[] = []
    let release = (): void => undefined
    const call = batched({ sizeMax: 64, lanes: 1 }, async (items: readonly number[]) => {
      batches.push(items)
      if (items[0] === 1) {
        await new Promise<void>((resolve) => {
          release = resolve
        })
      }
      return doubled(items)
    })
    const first = call(1)
    await Promise.resolve()
    const later = [call(2), call(3)]
    release()
    await Promise.all([first, ...later])
    expect(batches).deep.equal([[1], [2, 3]])
    await call(4)
    expect(batches).deep.equal([[1], [2, 3], [4]])
  })

  it('go out at once while a lane is free, each batch by itself', async () => {
    const batches: (readonly number[])[] = []
    const call = batched({ sizeMax: 1, lanes: 2 }, async (items: readonly number[]) => {
      batches.push(items)
      await new Promise((resolve) => setImmediate(resolve))
      return items
    })
    const calls = [1, 2, 3].map(call)
    await Promise.resolve()
    expect(batches).deep.equal([[1], [2]])
    expect(await Promise.all(calls)).deep.equal([1, 2, 3])
  })

  it('fail with their own batch only', async () => {
    const call = batched({ sizeMax: 1, lanes: 1 }, async (items: readonly number[]) => {
      if (items[0] === 1) throw new Error('no')
      return items
    })
    const results = await Promise.allSettled([call(1), call(2)])
    expect(results.map(({ status }) => status)).deep.equal(['rejected', 'fulfilled'])
  })

  it('that are answered by too few are told so, and not with the answer of another', async () => {
    const call = batched({ sizeMax: 2, lanes: 1 }, async () => [1])
    const results = await Promise.allSettled([call(1), call(2)])
    expect(results.map(({ status }) => status)).deep.equal(['rejected', 'rejected'])
  })
})
