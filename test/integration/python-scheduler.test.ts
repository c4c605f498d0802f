// The examples as processes of their own, against a real worker: a scheduler in Python, and two programs in Node.
import { join } from 'node:path'
import { expect } from 'chai'
import { DEBIAN_PYTHON } from '../../src/demo/packages.ts'
import { ran, type Run } from '../support/program.ts'
import { projectRoot } from '../support/project-root.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import { destinationOf, holdings, moverOf, moversBooks, providerOf, sourceOf } from '../support/installation-moves.ts'
import { uuidOf } from '../support/crowd.ts'

const FULL = uuidOf('a host without room')
const EXAMPLES = join(projectRoot(), 'examples')

describe('the examples', () => {
  let installation: Installation

  before(async () => {
    installation = await openInstallation()
    const { providers, consumers } = moversBooks(3)
    await installation.seed({ providers: [...providers, providerOf(FULL, 'full', 1)], consumers })
    await installation.worker()
  })
  after(() => installation.close())

  const started = (program: string, words: readonly string[], onError?: (text: string) => void): Promise<Run> =>
    ran(program, words, { FERRYMAN_RABBITMQ_URL: installation.env['FERRYMAN_RABBITMQ_URL'] }, onError)
  const python = (...words: string[]): Promise<Run> =>
    started(DEBIAN_PYTHON, [join(EXAMPLES, 'python', 'scheduler.py'), ...words])

  it('claim from Python: applied, exit 0, and the consumer stands at its destination', async () => {
    const { code, out, err } = await python(moverOf(0), sourceOf(0), destinationOf(0), 'VCPU=2')
    expect([code, out], err).to.deep.equal([0, 'applied\n'])
    expect(holdings(await installation.dump())[moverOf(0)]).to.deep.equal({ [destinationOf(0)]: { VCPU: 2 } })
  }).timeout(60_000)

  it('claim from Python without room: the code, exit 1, and the same again under the same id', async () => {
    const words = [moverOf(1), sourceOf(1), FULL, '--id', uuidOf('asked twice')]
    for (let times = 0; times < 2; times++) {
      const { code, out, err } = await python(...words)
      expect([code, out], err).to.deep.equal([1, 'capacity_exceeded\n'])
    }
    expect(holdings(await installation.dump())[moverOf(1)]).to.deep.equal({ [sourceOf(1)]: { VCPU: 2 } })
  }).timeout(60_000)

  it('say 69, not 1, where the broker is not there: nobody knows then', async () => {
    const program = join(EXAMPLES, 'python', 'scheduler.py')
    const env = { FERRYMAN_RABBITMQ_URL: 'amqp://127.0.0.1:1/' }
    const { code, out, err } = await ran(DEBIAN_PYTHON, [program, moverOf(0), sourceOf(0), destinationOf(0)], env)
    expect([code, out]).to.deep.equal([69, ''])
    expect(err).to.match(/^the broker failed: /m)
  })

  it('publish from Node, and read the event from a queue of their own', async () => {
    let listening = (): void => undefined
    const ready = new Promise<void>((resolve) => {
      listening = resolve
    })
    const reading = started(process.execPath, [join(EXAMPLES, 'node', 'consume-events.mjs'), '1'], (err) => {
      if (err.includes('listening')) listening()
    })
    const over = reading.then(({ err }) => {
      throw new Error(`it ended before it listened: ${err}`)
    })
    await Promise.race([ready, over])
    over.catch(() => undefined)
    const published = await started(process.execPath, [
      join(EXAMPLES, 'node', 'publish-a-claim.mjs'),
      moverOf(2),
      sourceOf(2),
      destinationOf(2),
    ])
    expect(published.code, published.err).to.equal(0)
    const read = await reading
    expect([read.code, read.out], read.err).to.deep.equal([0, `${published.out.trim()} applied happened\n`])
  }).timeout(60_000)
})
