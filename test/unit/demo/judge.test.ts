// The demo's verdict: each check holds on a good run, and fails alone or with those it must on the fault it looks for.
import { expect } from 'chai'
import { judge, type Evidence } from '../../../src/demo/judge.ts'
import { step } from '../../../src/demo/story.ts'
import type { SeenEvent, SeenLetter } from '../../../src/demo/watch.ts'
import type { Letter } from '../../../src/dead-letters/desk.ts'
import { eventOf } from '../../../src/transfer/event.ts'
import { letterId } from '../../../src/transfer/letter.ts'
import { outcome, type Code } from '../../../src/transfer/outcome.ts'
import type { Allocations, Provider } from '../../../src/transfer/snapshot.ts'

const [S, D] = ['5f2a0000-0000-4000-8000-000000000001', '9d1c0000-0000-4000-8000-000000000002']
const [MOVED, NEW, STAYING] = ['m', 'n', 's']
const [TRANSFER, ACQUIRE, REFUSED] = ['id-transfer', 'id-acquire', 'id-refused']

const host = (id: string, name: string, vcpus: number): Provider => ({
  id,
  name,
  parent: null,
  generation: 1,
  traits: [],
  aggregates: [],
  usages: { VCPU: vcpus },
  inventories: { VCPU: { total: 8, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 8, step_size: 1 } },
})
const holding = (id: string, allocations: Allocations) => ({ id, type: 'INSTANCE', allocations })
const view = (allocations: Allocations) => ({ generation: 1, type: 'INSTANCE', allocations })

function seen(
  id: string,
  operation: string,
  code: Code,
  before: Record<string, Allocations>,
  after: Record<string, Allocations>,
  copies = 1,
): SeenEvent {
  const views = (all: Record<string, Allocations>) =>
    Object.fromEntries(Object.entries(all).map(([name, allocations]) => [name, view(allocations)]))
  const body = eventOf({
    identity: {
      id,
      operation,
      consumer: null,
      migration: null,
      source: null,
      destination: null,
      origin: 'demo',
      context: null,
      replayOf: null,
    },
    outcome: outcome(code, 'It is so.'),
    before: views(before),
    after: views(after),
    time: '2026-01-01T00:00:00Z',
    attempts: 1,
    worker: 'w:1',
    durationMs: 1,
  })
  return { body, bytes: JSON.stringify(body), copies, differing: 0 }
}

const LETTER: SeenLetter = {
  id: letterId(`${REFUSED}/capacity_exceeded`),
  request: REFUSED,
  code: 'capacity_exceeded',
  class: 'refused',
  description: 'No room.',
  copies: 1,
}

/** A transfer sent twice, an acquire, and a refusal. */
function goodRun(): Evidence {
  const [two, one] = [{ VCPU: 2 }, { VCPU: 1 }]
  return {
    steps: [
      step({ id: TRANSFER, operation: 'transfer', fields: {} }, 'applied', 2),
      step({ id: ACQUIRE, operation: 'acquire', fields: {} }),
      step({ id: REFUSED, operation: 'transfer', fields: {} }, 'capacity_exceeded'),
    ],
    events: [
      seen(TRANSFER, 'transfer', 'applied', { [MOVED]: { [S]: two } }, { [MOVED]: { [D]: two } }, 2),
      seen(ACQUIRE, 'acquire', 'applied', { [NEW]: {} }, { [NEW]: { [S]: one } }),
      seen(REFUSED, 'transfer', 'capacity_exceeded', { [STAYING]: { [S]: two } }, { [STAYING]: { [S]: two } }),
    ],
    letters: [LETTER],
    desk: [{ id: LETTER.id } as Letter],
    before: {
      providers: [host(S, 'cn-1', 4), host(D, 'cn-2', 0)],
      consumers: [holding(MOVED, { [S]: two }), holding(STAYING, { [S]: two })],
    },
    after: {
      providers: [host(S, 'cn-1', 3), host(D, 'cn-2', 2)],
      consumers: [holding(MOVED, { [D]: two }), holding(NEW, { [S]: one }), holding(STAYING, { [S]: two })],
    },
  }
}

/** What fails in a run that differs from the good one by `change`. */
function failing(change: Partial<Evidence>): Record<string, string> {
  const checks = judge({ ...goodRun(), ...change }).filter(({ holds }) => !holds)
  return Object.fromEntries(checks.map(({ name, found }) => [name, found]))
}

describe('the verdict of the demo', () => {
  const run = goodRun()
  const [first, second, third] = run.events as [SeenEvent, SeenEvent, SeenEvent]

  it('finds nothing wrong with a good run, and says how the units add up', () => {
    expect(failing({})).to.deep.equal({})
    expect(judge(run).at(-1)?.found).to.equal('VCPU: 4 + 1 acquired = 5')
  })

  it('sees a request without a decision', () => {
    const faults = failing({ events: [first, second], letters: [], desk: [] })
    expect(faults).to.have.all.keys('one decision each', 'outcomes as foretold')
    expect(faults['one decision each']).to.equal(`request ${REFUSED} was not decided`)
  })

  it('sees a request with two decisions', () => {
    const other = seen(ACQUIRE, 'acquire', 'already_applied', {}, {})
    expect(failing({ events: [...run.events, other] })).to.deep.equal({
      'one decision each': `request ${ACQUIRE} was decided 2 times: ${ACQUIRE}/applied, ${ACQUIRE}/already_applied`,
    })
  })

  it('sees an event that answers nothing that was asked', () => {
    expect(failing({ events: [...run.events, seen('id-other', 'transfer', 'applied', {}, {})] })).to.have.all.keys(
      'one decision each',
    )
  })

  it('sees copies of an event that are not equal', () => {
    expect(failing({ events: [{ ...first, differing: 1 }, second, third] })).to.deep.equal({
      'copies are answered alike': `event ${TRANSFER}/applied was told in 2 versions`,
    })
  })

  it('sees a copy of a message that was never answered', () => {
    expect(failing({ events: [{ ...first, copies: 1 }, second, third] })).to.deep.equal({
      'copies are answered alike': `request ${TRANSFER} was sent 2 times and answered 1 times`,
    })
  })

  it('sees an outcome that is not the one foretold', () => {
    const other = seen(ACQUIRE, 'acquire', 'already_applied', { [NEW]: {} }, { [NEW]: { [S]: { VCPU: 1 } } })
    expect(failing({ events: [first, other, third] })).to.deep.equal({
      'outcomes as foretold': `acquire ${ACQUIRE} should end applied, and ended already_applied`,
    })
  })

  it('sees a failure without a dead letter, with two, and one that the desk has not', () => {
    expect(failing({ letters: [], desk: [] })).to.have.all.keys('one dead letter for each failure')
    const twin = { ...LETTER, id: 'other' }
    expect(
      failing({ letters: [LETTER, twin], desk: [...run.desk, { id: 'other' } as Letter] })[
        'one dead letter for each failure'
      ],
    ).to.match(/has two dead letters/)
    expect(failing({ desk: [] })['one dead letter for each failure']).to.match(/the desk does not list/)
  })

  it('sees a dead letter of what did not fail', () => {
    const stray = { ...LETTER, id: 'stray', request: ACQUIRE }
    expect(failing({ letters: [LETTER, stray], desk: [...run.desk, { id: 'stray' } as Letter] })).to.have.all.keys(
      'one dead letter for each failure',
    )
  })

  it('sees usages that are not the sum of the allocations', () => {
    const providers = [host(S, 'cn-1', 4), host(D, 'cn-2', 2)]
    expect(failing({ after: { ...run.after, providers } })).to.deep.equal({
      'usages equal allocations': 'cn-1 counts 4 VCPU as used, its servers hold 3',
    })
  })

  it('sees a host over its capacity', () => {
    const over = {
      ...host(S, 'cn-1', 4),
      inventories: { VCPU: { ...host(S, 'cn-1', 4).inventories['VCPU']!, total: 3 } },
    }
    expect(failing({ before: { ...run.before, providers: [over, host(D, 'cn-2', 0)] } })).to.deep.equal({
      'nothing over capacity': 'cn-1 has 4 of 3 VCPU in use',
    })
  })

  it('sees a server that holds two hosts, and a migration that was left', () => {
    const both = holding(MOVED, { [S]: { VCPU: 2 }, [D]: { VCPU: 2 } })
    expect(failing({ after: { ...run.after, consumers: [both, ...run.after.consumers.slice(1)] } })).to.include.keys(
      'nothing half moved',
      'usages equal allocations',
      'events explain the books',
      'units are conserved',
    )
    const left = { id: 'left', type: 'MIGRATION', allocations: { [S]: { VCPU: 1 } } }
    expect(
      failing({ after: { ...run.after, consumers: [...run.after.consumers, left] } })['nothing half moved'],
    ).to.equal('migration left still holds its source')
  })

  it('sees a server that is not where its last event says', () => {
    const consumers = [holding(MOVED, { [S]: { VCPU: 2 } }), ...run.after.consumers.slice(1)]
    expect(failing({ after: { providers: [host(S, 'cn-1', 5), host(D, 'cn-2', 0)], consumers } })).to.have.all.keys(
      'events explain the books',
    )
  })

  it('sees units that nothing explains, and a transfer that loses some', () => {
    const consumers = [...run.after.consumers.slice(0, 2), holding(STAYING, { [S]: { VCPU: 1 } })]
    const less = { providers: [host(S, 'cn-1', 2), host(D, 'cn-2', 2)], consumers }
    expect(failing({ after: less })['units are conserved']).to.equal('4 VCPU are held, 5 are explained')
    const losing = seen(
      TRANSFER,
      'transfer',
      'applied',
      { [MOVED]: { [S]: { VCPU: 2 } } },
      { [MOVED]: { [D]: { VCPU: 1 } } },
      2,
    )
    expect(failing({ events: [losing, second, third] })['units are conserved']).to.equal(
      `transfer ${TRANSFER} made or lost VCPU`,
    )
  })
})
