// A journal that has lost a record: whatever end is about to be told as not happened, the ledger is asked first.
import { expect } from 'chai'
import { namesOf } from '../../../src/broker/names.ts'
import { untouched } from '../../../src/flow/decision.ts'
import type { Begun, Deps, Job } from '../../../src/flow/job.ts'
import { publish } from '../../../src/flow/publish.ts'
import type { Standing } from '../../../src/ledger/ledger.ts'
import { idempotent } from '../../../src/retry/effect.ts'
import { Telemetry } from '../../../src/telemetry/events.ts'
import type { Decision } from '../../../src/transfer/event.ts'
import { decode } from '../../../src/transfer/message.ts'
import { outcome, type Code } from '../../../src/transfer/outcome.ts'
import { virtualClock } from '../../support/virtual-clock.ts'
import { D, I, R1, S } from '../../contract/ground.ts'

const DELIVERY = { properties: { headers: {} }, exchange: 'x', routingKey: 'k' }

function jobOf(fields: object): Job {
  const body = Buffer.from(JSON.stringify({ version: 1, id: R1, ...fields }))
  const decoded = decode({ body, headers: {} }, { bytesMax: 65_536 })
  if (decoded.kind !== 'request') throw new Error(decoded.outcome.message)
  return { delivery: DELIVERY, request: decoded.request, arrivedMs: 0 } as unknown as Job
}

const TRANSFER = jobOf({ operation: 'transfer', consumer: I, source: S, destination: D })
const CANCEL = jobOf({ operation: 'cancel', request: D })

/** Code that is written down for an ending of `code`, and the numbers of the attempts that the ledger was asked for. */
async function told(job: Job, code: Code, standings: readonly Standing[], decides = false) {
  const decided: Decision[] = []
  const asked: number[] = []
  const find = ({ number }: { readonly number: number }): Promise<Standing> => {
    asked.push(number)
    return Promise.resolve(standings[number - 1] ?? 'absent')
  }
  const decide = idempotent('journal.decide', 'for the test', async ({ decision }: { decision: Decision }) => {
    decided.push(decision)
    return 'decided' as const
  })
  const deps = {
    ledger: { decides },
    effects: {
      decide,
      find: idempotent('ledger.find', 'for the test', find),
      kept: idempotent('journal.kept', 'for the test', async () => undefined),
      publish: idempotent('broker.publish', 'for the test', async () => 'routed' as const),
    },
    locks: { forget: () => undefined },
    clock: virtualClock(1),
    telemetry: new Telemetry(),
    names: namesOf('ferryman'),
    settings: { prefix: 'ferryman', worker: 'w:1', workerVersion: '0', retry: { attemptsMax: 1, baseMs: 1, capMs: 1 } },
  } as unknown as Deps
  const begun = { processing: { request: R1, token: 'a.1', attempts: 1, firstFailedAtMs: null }, attempt: 1, held: 1 }
  const ending = { kind: 'ended', begun: begun as unknown as Begun, outcome: outcome(code, 'So.') } as const
  await publish(job, { ...ending, ...untouched(job.request) }, deps)
  return { code: decided[0]?.code, asked }
}

describe('an end that did not happen', () => {
  for (const code of ['expired', 'cancelled', 'capacity_exceeded', 'contended', 'poison', 'internal_error'] as const) {
    it(`is already_applied instead of ${code} where the ledger shows that the request was carried out`, async () => {
      expect(await told(TRANSFER, code, ['closed', 'applied'])).to.deep.equal({
        code: 'already_applied',
        asked: [1, 2],
      })
      expect(await told(TRANSFER, code, ['closed'])).to.deep.equal({ code, asked: [1, 2] })
    })
  }

  it('is not asked about where the ledger decides, nor is what happened, what is unknown, or a cancel', async () => {
    expect(await told(TRANSFER, 'expired', ['applied'], true)).to.deep.equal({ code: 'expired', asked: [] })
    for (const code of ['applied', 'nothing_to_do', 'postcondition_failed', 'outcome_unknown'] as const) {
      expect(await told(TRANSFER, code, ['applied'])).to.deep.equal({ code, asked: [] })
    }
    expect(await told(CANCEL, 'superseded', ['applied'])).to.deep.equal({ code: 'superseded', asked: [] })
  })
})
