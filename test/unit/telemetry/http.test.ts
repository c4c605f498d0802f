// The HTTP port: who asks what gets which answer, and nothing else is served.
import { connect } from 'node:net'
import { expect } from 'chai'
import { openHealth, type HealthWatch } from '../../../src/telemetry/health.ts'
import { openHttp, type HttpPort } from '../../../src/telemetry/http.ts'

describe('the HTTP port', () => {
  let health: HealthWatch
  let http: HttpPort
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${http.port}${path}`, { method })
    return { status: response.status, body: await response.text(), type: response.headers.get('content-type') }
  }
  beforeEach(async () => {
    health = openHealth()
    const metrics = async () => ({ body: '# HELP x y\n', contentType: 'text/plain; version=0.0.4' })
    http = await openHttp({ host: '127.0.0.1', port: 0, health: health.read, metrics })
  })
  afterEach(() => http.stop())

  it('is live at once, and not ready while it starts', async () => {
    expect((await ask('/livez')).status).to.equal(200)
    const { status, body } = await ask('/readyz')
    expect([status, JSON.parse(body)]).to.deep.equal([503, { ready: false, reasons: ['starting'] }])
  })

  it('is ready exactly while there is no reason against it', async () => {
    const reasons: string[] = []
    health.watch(
      () => reasons,
      () => null,
    )
    expect(await ask('/readyz')).to.deep.include({ status: 200, body: '{"ready":true,"reasons":[]}\n' })
    reasons.push('redis://me:secret@h is down')
    const { body } = await ask('/readyz')
    expect(JSON.parse(body)).to.deep.equal({ ready: false, reasons: ['redis://me:***@h is down'] })
    reasons.pop()
    expect((await ask('/readyz')).status).to.equal(200)
  })

  it('is neither live nor ready while it is stuck', async () => {
    let stuck: string | null = 'stuck'
    health.watch(
      () => [],
      () => stuck,
    )
    expect([(await ask('/livez')).status, (await ask('/readyz')).status]).to.deep.equal([503, 503])
    stuck = null
    expect([(await ask('/livez')).status, (await ask('/readyz')).status]).to.deep.equal([200, 200])
  })

  it('serves the metrics with their content type', async () => {
    const type = 'text/plain; version=0.0.4'
    expect(await ask('/metrics?x=1')).to.deep.equal({ status: 200, body: '# HELP x y\n', type })
  })

  it('answers 404 elsewhere, 405 to other methods, and HEAD without a body', async () => {
    expect((await ask('/')).status).to.equal(404)
    expect((await ask('/config')).status).to.equal(404)
    expect((await ask('/livez', 'POST')).status).to.equal(405)
    expect(await ask('/livez', 'HEAD')).to.include({ status: 200, body: '' })
  })

  it('stops at once, whoever is still connected, and may be stopped twice', async () => {
    const socket = connect(http.port, '127.0.0.1')
    await new Promise((resolve) => {
      socket.once('connect', resolve)
    })
    const closed = new Promise((resolve) => {
      socket.once('close', resolve)
    })
    await http.stop()
    await closed
    await http.stop()
  })

  it('says which port is taken', async () => {
    const metrics = async () => ({ body: '', contentType: '' })
    const taken = await openHttp({ host: '127.0.0.1', port: http.port, health: health.read, metrics }).then(
      () => 'opened',
      (failure: NodeJS.ErrnoException) => failure.code,
    )
    expect(taken).to.equal('EADDRINUSE')
  })
})
