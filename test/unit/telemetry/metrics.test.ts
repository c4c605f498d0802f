// Metrics: all there from the first scrape, moved by events, without ids, and never waiting for what they measure.
import { expect } from 'chai'
import { openMetrics, type Metrics, type Sources } from '../../../src/telemetry/metrics.ts'
import { CODES, classOf } from '../../../src/transfer/outcome.ts'
import { virtualClock } from '../../support/virtual-clock.ts'

const PROMISED = [
  'requests_received_total',
  'outcomes_total',
  'request_duration_seconds',
  'request_age_seconds',
  'requests_in_progress',
  'retries_total',
  'timeouts_total',
  'lock_wait_seconds',
  'locks_lost_total',
  'fence_rejections_total',
  'dead_letters_open',
  'dead_letter_oldest_seconds',
  'outcome_unknown_open',
  'unroutable_messages',
  'transfers_open',
  'transfer_oldest_open_seconds',
  'build_info',
]

function opened(sources: Sources = {}) {
  const clock = virtualClock(1)
  const effects = [{ name: 'ledger.apply', idempotent: true }]
  return { clock, metrics: openMetrics({ version: '1.2.3', clock, effects, inHand: () => 7, sources }) }
}

async function text(metrics: Metrics): Promise<string> {
  return (await metrics.text()).body
}

describe('the metrics', () => {
  it('are all there at the first scrape, with help, type and a value', async () => {
    const body = await text(opened().metrics)
    for (const name of PROMISED) {
      expect(body).to.match(new RegExp(`^# HELP ferryman_${name} \\S`, 'm'))
      expect(body).to.match(new RegExp(`^# TYPE ferryman_${name} \\w`, 'm'))
      expect(body).to.match(new RegExp(`^ferryman_${name}(?:_count|_bucket)?(?:\\{.*\\})? \\d`, 'm'))
    }
    for (const code of CODES) {
      expect(body).to.include(`ferryman_outcomes_total{operation="claim",class="${classOf(code)}",code="${code}"} 0`)
    }
    expect(body).to.include('ferryman_build_info{version="1.2.3"} 1')
    expect(body).to.include('ferryman_requests_in_progress 7')
    expect(body).to.include('ferryman_timeouts_total{phase="ledger.apply",idempotent="true"} 0')
    expect(body).to.include('ferryman_dead_letters_open{class="operator",code="event_unroutable"} 0')
  })

  it('begin with ferryman_, every one', async () => {
    const names = [...(await text(opened().metrics)).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!)
    expect(names.filter((name) => !name.startsWith('ferryman_'))).to.deep.equal([])
  })

  it('count a decision once, however often it is told', async () => {
    const { metrics } = opened()
    const told = { request: 'r', operation: 'claim', code: 'applied', class: 'done', durationMs: 20 } as const
    metrics.listener('request.told', { ...told, again: false })
    metrics.listener('request.told', { ...told, again: true })
    const body = await text(metrics)
    expect(body).to.include('ferryman_outcomes_total{operation="claim",class="done",code="applied"} 1')
    expect(body).to.include('ferryman_request_duration_seconds_count 1')
  })

  it('give a sender no way to make new series', async () => {
    const { metrics } = opened()
    const series = (body: string): number => body.match(/^ferryman_(?:outcomes|request)/gm)!.length
    const before = series(await text(metrics))
    for (let n = 0; n < 10; n++) {
      metrics.listener('request.told', {
        request: `r${n}`,
        operation: `made-up-${n}`,
        code: 'schema_invalid',
        class: 'invalid',
        again: false,
        durationMs: 1,
      })
    }
    const body = await text(metrics)
    expect(body).to.include('ferryman_outcomes_total{operation="unknown",class="invalid",code="schema_invalid"} 10')
    expect(series(body)).to.equal(before)
  })

  it('move with what goes wrong', async () => {
    const { metrics } = opened()
    metrics.listener('request.received', { request: 'r', operation: 'claim', redelivered: false, ageMs: 2_000 })
    metrics.listener('effect.retry', { phase: 'ledger.apply', reason: 'unanswered', sends: 1 })
    metrics.listener('effect.timeout', { request: 'r', phase: 'ledger.apply', idempotent: true })
    metrics.listener('request.set_aside', { reason: 'contended', delayMs: 1_000, rung: 1 })
    metrics.listener('lock.granted', { request: 'r', waitMs: 30, waited: true })
    metrics.listener('lock.lost', { request: 'r', why: 'session' })
    metrics.listener('fence.rejected', { request: 'r' })
    metrics.listener('broker.connected', { role: 'consume' })
    const body = await text(metrics)
    for (const line of [
      'ferryman_requests_received_total 1',
      'ferryman_request_age_seconds_sum 2',
      'ferryman_retries_total{reason="unanswered"} 1',
      'ferryman_retries_total{reason="contended"} 1',
      'ferryman_timeouts_total{phase="ledger.apply",idempotent="true"} 1',
      'ferryman_lock_wait_seconds_sum 0.03',
      'ferryman_locks_lost_total 1',
      'ferryman_fence_rejections_total 1',
      'ferryman_requests_set_aside_total{reason="contended"} 1',
      'ferryman_broker_connected{role="consume"} 1',
    ])
      expect(body).to.include(line)
  })

  it('show polled facts, and keep them when a poll gets no answer', async () => {
    let answers = true
    const or = async <Answer>(answer: Answer): Promise<Answer> => {
      if (!answers) throw new Error('down')
      return answer
    }
    const open = [{ class: 'operator', code: 'outcome_unknown', count: 3 }]
    const { metrics, clock } = opened({
      letters: () => or({ open, oldestAtMs: { operator: 1_799_999_990_000 } }),
      unroutable: () => or(2),
      transfers: () => or({ open: 4, oldestAtMs: 1_799_999_999_000 }),
    })
    await metrics.poll()
    answers = false
    await metrics.poll()
    await clock.advance(5_000)
    const body = await text(metrics)
    for (const line of [
      'ferryman_dead_letters_open{class="operator",code="outcome_unknown"} 3',
      'ferryman_outcome_unknown_open 3',
      'ferryman_dead_letter_oldest_seconds{class="operator"} 15',
      'ferryman_dead_letter_oldest_seconds{class="exhausted"} 0',
      'ferryman_unroutable_messages 2',
      'ferryman_transfers_open 4',
      'ferryman_transfer_oldest_open_seconds 6',
      'ferryman_poll_failures_total{source="letters"} 1',
    ])
      expect(body).to.include(line)
  })

  it('poll again and again until stopped', async () => {
    let polls = 0
    const { metrics, clock } = opened({ unroutable: async () => ++polls })
    const stop = metrics.start()
    await clock.advance(11_000)
    expect(polls).to.equal(3)
    stop()
    await clock.advance(60_000)
    expect(polls).to.equal(3)
  })
})
