// What those who watch a worker see: probes with reasons, metrics from the first scrape on, and its log.
import { connect } from 'amqplib'
import { expect } from 'chai'
import { workerProcess, type WorkerProcess } from '../integration/ferryman-process.ts'
import { rabbitApi, vhostIn } from '../support/rabbit-api.ts'
import { until } from '../support/installation-workers.ts'
import { freshNamespace, freshVhost, sharedRabbit, sharedRedis } from '../support/servers.ts'

/** Metric to its labels. */
const METRICS: Readonly<Record<string, readonly string[]>> = {
  ferryman_requests_received_total: [],
  ferryman_outcomes_total: ['operation', 'class', 'code'],
  ferryman_request_duration_seconds: [],
  ferryman_request_age_seconds: [],
  ferryman_requests_in_progress: [],
  ferryman_retries_total: ['reason'],
  ferryman_timeouts_total: ['phase', 'idempotent'],
  ferryman_lock_wait_seconds: [],
  ferryman_locks_lost_total: [],
  ferryman_fence_rejections_total: [],
  ferryman_dead_letters_open: ['class', 'code'],
  ferryman_dead_letter_oldest_seconds: ['class'],
  ferryman_outcome_unknown_open: [],
  ferryman_unroutable_messages: [],
  ferryman_transfers_open: [],
  ferryman_transfer_oldest_open_seconds: [],
  ferryman_build_info: ['version'],
}

describe('a worker that is watched', () => {
  let worker: WorkerProcess
  let url: string
  const get = async (path: string): Promise<{ status: number; text: string; type: string }> => {
    const answer = await fetch(`http://127.0.0.1:${worker.port}${path}`)
    return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') ?? '' }
  }
  before(async () => {
    url = await freshVhost()
    worker = await workerProcess({
      FERRYMAN_REDIS_URL: (await sharedRedis()).url,
      FERRYMAN_REDIS_NAMESPACE: freshNamespace(),
      FERRYMAN_RABBITMQ_URL: url,
      FERRYMAN_RABBITMQ_MANAGEMENT_URL: (await sharedRabbit()).managementUrl ?? '',
    })
  })
  after(async () => {
    worker.signal('SIGKILL')
    await worker.ended
  })

  it('has every metric from the first scrape, with HELP, TYPE and a value or its labels', async () => {
    const { status, text } = await get('/metrics')
    expect(status).to.equal(200)
    for (const [name, labels] of Object.entries(METRICS)) {
      expect(text).to.match(new RegExp(`^# HELP ${name} \\S`, 'm'), name)
      expect(text).to.match(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, 'm'), name)
      const series = [...text.matchAll(new RegExp(`^${name}(?:_count)?(?:\\{([^}]*)\\})? \\S+$`, 'gm'))]
      expect(series, `${name} has no value at the first scrape`).to.not.have.length(0)
      const found = [...(series[0]![1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label)
      expect([name, found]).to.deep.equal([name, labels])
    }
    const ours = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!)
    for (const name of ours) expect(name).to.match(/^ferryman_/)
    expect(text).to.not.match(/[0-9a-f]{8}-[0-9a-f]{4}-/)
  })

  it('says that it lives and is ready, and logs the port that it has taken', async () => {
    expect((await get('/livez')).status).to.equal(200)
    expect((await get('/readyz')).status).to.equal(200)
    expect((await get('/nothing')).status).to.equal(404)
    const lines = worker.said.out.split('\n').filter((line) => line !== '')
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(logged.find(({ msg }) => msg === 'http listening')).to.include({ port: worker.port })
  })

  it('has as many requests in hand as its concurrency says, by prefetch', async () => {
    const consumers = async (): Promise<Record<string, unknown>[]> =>
      ((await rabbitApi('GET', `consumers/${vhostIn(url)}`)) as Record<string, unknown>[]).filter((one) =>
        JSON.stringify(one['queue']).includes('ferryman.requests'),
      )
    await until('the API shows the consumer', async () => (await consumers()).length === 1, 15_000)
    expect((await consumers())[0]!['prefetch_count']).to.equal(64)
    expect((await consumers())[0]!['ack_required']).to.equal(true)
  }).timeout(30_000)

  it('is not ready within 5 s when its queue is deleted, with reasons as JSON, and declares it again', async () => {
    const model = await connect(url)
    const channel = await model.createChannel()
    const since = performance.now()
    await channel.deleteQueue('ferryman.requests')
    let said = { status: 0, text: '', type: '' }
    await until('it is not ready', async () => (said = await get('/readyz')).status === 503, 5_000)
    expect(performance.now() - since).to.be.below(5_000)
    expect(said.type).to.match(/^application\/json/)
    expect(JSON.stringify(JSON.parse(said.text))).to.match(/reasons/)
    await until('it is ready again', async () => (await get('/readyz')).status === 200, 20_000)
    expect((await channel.checkQueue('ferryman.requests')).consumerCount).to.equal(1)
    await model.close()
  }).timeout(40_000)

  it('drains on SIGTERM with 0', async () => {
    worker.signal('SIGTERM')
    expect(await worker.ended).to.equal(0)
  }).timeout(30_000)
})
