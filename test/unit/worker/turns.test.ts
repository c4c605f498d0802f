// Turns of deliveries: many beside each other, one alone, nobody for ever, and none lost when the process stops.
import { expect } from 'chai'
import { Turns, type HeldTurn } from '../../../src/worker/turns.ts'

const never = new AbortController().signal
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a promise gave by now; undefined while it waits. */
async function given<T>(promise: Promise<T>): Promise<T | undefined> {
  await settled()
  return Promise.race([promise, Promise.resolve(undefined)])
}

describe('the turns of deliveries', () => {
  const enter = async (turns: Turns): Promise<HeldTurn> => (await turns.enter(never))!

  it('are taken beside each other while nobody has to be alone', async () => {
    const turns = new Turns()
    expect(await given(Promise.all([enter(turns), enter(turns), enter(turns)]))).to.have.length(3)
  })

  it('are given alone once all others have left, and not before', async () => {
    const turns = new Turns()
    const [one, two, suspect] = await Promise.all([enter(turns), enter(turns), enter(turns)])
    const alone = suspect.alone(never)
    one.leave()
    one.leave()
    expect(await given(alone)).to.equal(undefined)
    two.leave()
    expect(await given(alone)).to.equal(true)
  })

  it('wait while one is alone or waits to be, and all go on afterwards', async () => {
    const turns = new Turns()
    const [one, suspect] = await Promise.all([enter(turns), enter(turns)])
    const alone = suspect.alone(never)
    const late = Promise.all([enter(turns), enter(turns)])
    expect(await given(late), 'while it waits').to.equal(undefined)
    one.leave()
    expect(await given(alone)).to.equal(true)
    expect(await given(late), 'while it is alone').to.equal(undefined)
    suspect.leave()
    expect(await given(late)).to.have.length(2)
  })

  it('are given one after the other where several have to be alone, before those that have not', async () => {
    const turns = new Turns()
    const [one, two] = await Promise.all([enter(turns), enter(turns)])
    const [first, second] = [one.alone(never), two.alone(never)]
    const beside = enter(turns)
    expect([await given(first), await given(second)]).to.deep.equal([true, undefined])
    one.leave()
    expect([await given(second), await given(beside)]).to.deep.equal([true, undefined])
    two.leave()
    expect(await given(beside)).not.to.equal(undefined)
  })

  it('are given up when the process stops, and keep nobody waiting', async () => {
    const turns = new Turns()
    const [one, suspect] = await Promise.all([enter(turns), enter(turns)])
    const stopping = new AbortController()
    const alone = suspect.alone(stopping.signal)
    const beside = enter(turns)
    const stopped = turns.enter(stopping.signal)
    stopping.abort()
    expect([await given(alone), await given(stopped)]).to.deep.equal([false, null])
    suspect.leave()
    expect(await given(beside)).not.to.equal(undefined)
    one.leave()
    expect(await given((await enter(turns)).alone(stopping.signal))).to.equal(false)
    expect(await given(enter(turns))).not.to.equal(undefined)
  })
})
