// A request under a routing key that nobody wants: kept as it was sent, counted at the desk and in the metrics.
import { expect } from 'chai'
import { openInstallation, type Installation } from '../support/installation.ts'
import { moversBooks, moves, requestsOf } from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'
import { withChannel } from './broker-under-test.ts'

describe('an unroutable request', () => {
  let installation: Installation
  let url: string
  before(async () => {
    installation = await openInstallation()
    url = installation.env['FERRYMAN_RABBITMQ_URL'] as string
    await installation.seed(moversBooks(1))
  })
  after(() => installation.close())

  const counted = async (): Promise<[number | null, unknown]> => {
    const { code, out } = await installation.cli(['dead-letters', 'status', '--json'])
    return [code, (JSON.parse(out) as { unroutable: unknown }).unroutable]
  }

  it('is never returned, is kept and counted, with and without a worker, and is no open letter', async () => {
    expect(await counted()).to.deep.equal([0, 0])
    const body = JSON.stringify(moves(1)[0])
    const returned = await withChannel(url, async (channel) => {
      let count = 0
      channel.on('return', () => (count += 1))
      const headers = { 'x-own': 'kept' }
      for (const key of ['tranfser.transfer', 'nonsense', '']) {
        channel.publish('ferryman.requests', key, Buffer.from(body), { mandatory: true, messageId: key, headers })
      }
      await (channel as unknown as { waitForConfirms(): Promise<void> }).waitForConfirms()
      return count
    })
    expect(returned).to.equal(0)
    expect(await counted()).to.deep.equal([0, 3])
    const worker = await installation.worker()
    const port = worker.said('http.listening')[0]?.['port']
    await until('the metric says so', async () => {
      const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text()
      return /^ferryman_unroutable_messages 3$/m.test(text)
    })
    expect(await counted()).to.deep.equal([0, 3])
    // A stray is no request: nothing was begun, and the same id under the right key is carried out.
    expect(await installation.transfers()).to.deep.equal([])
    await installation.ask(...moves(1))
    expect((await installation.decision(requestsOf(1)[0] as string)).outcome.code).to.equal('applied')
    await withChannel(url, async (channel) => {
      const kept = await channel.get('ferryman.unroutable', { noAck: true })
      if (kept === false) throw new Error('nothing was kept')
      expect(kept.content.toString()).to.equal(body)
      expect(kept.fields).to.include({ exchange: 'ferryman.requests', routingKey: 'tranfser.transfer' })
      expect(kept.properties.headers).to.include({ 'x-own': 'kept' })
    })
    expect(await counted()).to.deep.equal([0, 2])
  }).timeout(60_000)

  it('stays when its queue was looked at again and again', async () => {
    await withChannel(url, async (channel) => {
      for (let times = 0; times < 30; times++) {
        const message = await channel.get('ferryman.unroutable')
        if (message === false) throw new Error(`it was gone after ${times} looks`)
        channel.nack(message, false, true)
      }
    })
    expect(await counted()).to.deep.equal([0, 2])
  }).timeout(30_000)
})
