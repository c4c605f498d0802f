// An event told again from a tombstone while no queue is bound to take it: a letter says so, as for any other event.
import { expect } from 'chai'
import { namesOf } from '../../../src/broker/names.ts'
import { packedDecision } from '../../../src/flow/decision.ts'
import type { Deps, Job } from '../../../src/flow/job.ts'
import { publish } from '../../../src/flow/publish.ts'
import type { Outgoing } from '../../../src/broker/broker.ts'
import { idempotent } from '../../../src/retry/effect.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import { decode } from '../../../src/transfer/message.ts'
import type { Code } from '../../../src/transfer/outcome.ts'
import { virtualClock } from '../../support/virtual-clock.ts'
import { D, I, R1, S } from '../../contract/ground.ts'

function jobOf(): Job {
  const fields = { version: 1, id: R1, operation: 'transfer', consumer: I, source: S, destination: D }
  const body = Buffer.from(JSON.stringify(fields))
  const decoded = decode({ body, headers: {} }, { bytesMax: 65_536 })
  if (decoded.kind !== 'request') throw new Error(decoded.outcome.message)
  const delivery = { body, properties: { headers: {} }, exchange: 'x', routingKey: 'k' }
  return { delivery, request: decoded.request, arrivedMs: 0 } as unknown as Job
}

/** Headers of the letters that are stored when `code` is told from a tombstone and no queue takes the event. */
async function lettersOf(code: Code, time: string | null): Promise<readonly Outgoing['properties']['headers'][]> {
  const names = namesOf('ferryman')
  const stored: Outgoing[] = []
  const deps = {
    effects: {
      publish: idempotent('broker.publish', 'for the test', async (message: Outgoing) => {
        if (message.exchange === names.events) return 'unroutable' as const
        stored.push(message)
        return 'routed' as const
      }),
    },
    clock: virtualClock(1),
    telemetry: new Telemetry(),
    names,
    settings: { prefix: 'ferryman', worker: 'w:1', workerVersion: '0', retry: { attemptsMax: 1, baseMs: 1, capMs: 1 } },
  } as unknown as Deps
  const job = jobOf()
  const decision = packedDecision(job, { code, time, attempts: 1 }, deps)
  const published = await publish(job, { kind: 'decided', decision, again: true, recorded: false }, deps)
  expect(published.kind).to.equal('told')
  return stored.map(({ properties: { headers } }) => headers)
}

describe('an event from a tombstone that no queue would take', () => {
  for (const time of ['2026-01-01T00:00:00.000Z', null]) {
    it(`is told of by a letter, its time being ${time ?? 'not known'}`, async () => {
      const [letter, ...others] = await lettersOf('applied', time)
      expect(others).to.deep.equal([])
      expect(letter).to.include({ 'dl-reason': 'event_unroutable', 'dl-effect': 'happened', 'dl-request-id': R1 })
      expect(letter?.['dl-last-failed-at']).to.match(/^\d{4}-/)
    })
  }

  it('has the letter of its failure beside it', async () => {
    const letters = await lettersOf('source_missing', null)
    expect(letters.map((headers) => headers['dl-reason'])).to.have.members(['source_missing', 'event_unroutable'])
  })
})
