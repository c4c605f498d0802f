// Joining calls into batches: nothing waits for a timer, nothing is lost, nothing is joined beyond the limit.
import { expect } from 'chai'
import { batched } from '../../../src/journal/redis/batched.ts'

describe('batched calls', () => {
  it('of one turn of the event loop are one batch, at most of the given size', async () => {
    const batches: (readonly number[])[] = []
    const call = batched<number>(3, async (items) => {
      batches.push(items)
    })
    await Promise.all([1, 2, 3, 4].map(call))
    expect(batches).deep.equal([[1, 2, 3], [4]])
  })

  it('that come while one is under way are the next one', async () => {
    const batches: (readonly number[])[] = []
    let release = (): void => undefined
    const call = batched<number>(64, (items) => {
      batches.push(items)
      return items[0] === 1
        ? new Promise((resolve) => {
            release = resolve
          })
        : Promise.resolve()
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

  it('fail with their own batch only', async () => {
    const call = batched<number>(1, (items) => (items[0] === 1 ? Promise.reject(new Error('no')) : Promise.resolve()))
    const results = await Promise.allSettled([call(1), call(2)])
    expect(results.map(({ status }) => status)).deep.equal(['rejected', 'fulfilled'])
  })
})
