// The example scheduler with kombu, as a process of its own with a user's rights alone, against a real worker.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { DEBIAN_PYTHON } from '../../src/demo/packages.ts'
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import { destinationOf, holdings, moverOf, moversBooks, providerOf, sourceOf } from '../support/installation-moves.ts'
import { ran, type Run } from '../support/program.ts'
import { projectRoot } from '../support/project-root.ts'
import { limitedUser } from '../support/rabbit-api.ts'
import { withChannel } from './broker-under-test.ts'

const FULL = uuidOf('a host without room for kombu')
const PROGRAM = join(projectRoot(), 'examples', 'python', 'scheduler_kombu.py')

describe('the example with kombu', () => {
  let installation: Installation
  let url: string

  before(async () => {
    installation = await openInstallation()
    const { providers, consumers } = moversBooks(3)
    await installation.seed({ providers: [...providers, providerOf(FULL, 'full', 1)], consumers })
    const page = readFileSync(join(projectRoot(), 'docs', 'topology.md'), 'utf8')
    const patterns = /set_permissions -p \/ scheduler '([^']*)' '([^']*)' '([^']*)'/.exec(page)
    const [, configure, write, read] = patterns as unknown as [string, string, string, string]
    url = (await limitedUser(installation.env['FERRYMAN_RABBITMQ_URL'] as string, { configure, write, read })).url
  })
  after(() => installation.close())

  const scheduler = (...words: string[]): Promise<Run> =>
    ran(DEBIAN_PYTHON, [PROGRAM, ...words], { FERRYMAN_RABBITMQ_URL: url })

  it('sends content_encoding utf-8, and gives up with 69 while nobody answers', async () => {
    const id = uuidOf('asked of nobody')
    const { code, out, err } = await scheduler(
      moverOf(2),
      sourceOf(2),
      destinationOf(2),
      '--id',
      id,
      '--timeout',
      '0.3',
    )
    expect([code, out]).to.deep.equal([69, ''])
    expect(err).to.equal(`no outcome of ${id} within 0.3 s\n`)
    await withChannel(installation.env['FERRYMAN_RABBITMQ_URL'] as string, async (channel) => {
      const message = await channel.get(installation.names.requests, { noAck: true })
      if (message === false) throw new Error('nothing was published')
      expect(message.properties).to.include({
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        deliveryMode: 2,
        messageId: id,
      })
    })
  }).timeout(60_000)

  it('claims: applied, exit 0, and the consumer stands at its destination', async () => {
    await installation.worker()
    const { code, out, err } = await scheduler(moverOf(0), sourceOf(0), destinationOf(0), 'VCPU=2')
    expect([code, out], err).to.deep.equal([0, 'applied\n'])
    expect(holdings(await installation.dump())[moverOf(0)]).to.deep.equal({ [destinationOf(0)]: { VCPU: 2 } })
  }).timeout(60_000)

  it('says 69 where the broker is not there', async () => {
    const env = { FERRYMAN_RABBITMQ_URL: 'amqp://127.0.0.1:1/' }
    const { code, out, err } = await ran(DEBIAN_PYTHON, [PROGRAM, moverOf(0), sourceOf(0), destinationOf(0)], env)
    expect([code, out]).to.deep.equal([69, ''])
    expect(err).to.match(/^the broker failed: /m)
  })

  it('claims without room: the code, exit 1, and the same again under the same id', async () => {
    const words = [moverOf(1), sourceOf(1), FULL, '--id', uuidOf('asked twice with kombu')]
    for (let times = 0; times < 2; times++) {
      const { code, out, err } = await scheduler(...words)
      expect([code, out], err).to.deep.equal([1, 'capacity_exceeded\n'])
    }
    expect(holdings(await installation.dump())[moverOf(1)]).to.deep.equal({ [sourceOf(1)]: { VCPU: 2 } })
  }).timeout(60_000)
})
