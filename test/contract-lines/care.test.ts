// What those call who look after an installation: groups of letters, replays with deadlines, open moves, the audit.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import type { Run } from '../integration/ferryman-process.ts'
import { until } from '../support/installation-workers.ts'
import { cloud, openGround, request, type Fields, type Ground } from './ground.ts'

const { books, host, server } = cloud()
const [OLD, FULL, SIDE] = [host('care old'), host('care full', { total: 1 }), host('care side')]
const [LATE, GIVEN, SECOND] = ['late', 'given', 'second'].map((name) => server(`care ${name}`, { [OLD]: { VCPU: 2 } }))
const [CLAIMED, CALLED_OFF] = ['claimed', 'called off'].map((name) => server(`care ${name}`, { [OLD]: { VCPU: 2 } }))
const HOUR_MS = 3_600_000

describe('the care of an installation', () => {
  let ground: Ground
  const run = (line: string, input?: string): Promise<Run> => ground.cli(line.split(' '), input)
  const rows = ({ out }: Run): Fields[] =>
    out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Fields]))
  const letters = async (id: string): Promise<Fields[]> =>
    rows(await run(`dead-letters list --state all --request ${id} --json`))

  /** Refused for room, with a deadline that has passed when this resolves. */
  const refusedBefore = async (consumer: string | undefined): Promise<string> => {
    const notAfter = new Date(Date.now() + 1_500).toISOString()
    const asked = request('transfer', { consumer, source: OLD, destination: FULL, notAfter })
    await ground.ask(asked)
    expect((await ground.decision(asked.id)).outcome.code).to.equal('capacity_exceeded')
    await until('its letter is taken in', async () => (await letters(asked.id)).length === 1, 30_000)
    await until('its deadline has passed', () => Date.now() > Date.parse(notAfter))
    return asked.id
  }
  /** Replays, and answers with what was asked anew and how that was decided. */
  const replayed = async (id: string, options = ''): Promise<{ readonly body: Fields; readonly code: string }> => {
    const answer = await run(`dead-letters replay ${id} --yes --json ${options}`.trim())
    expect(answer.code, answer.err).to.equal(0)
    const again = String(rows(answer)[0]!['newRequest'])
    const { outcome } = await ground.decision(again)
    const shown = JSON.parse((await run(`transfers show ${again} --json`)).out) as { body: unknown }
    const { body } = shown
    return { body: (typeof body === 'string' ? JSON.parse(body) : body) as Fields, code: outcome.code }
  }

  before(async () => {
    ground = await openGround(books)
  })
  after(() => ground.close())

  it('a replay drops a deadline that has passed, or takes the new one', async () => {
    const [dropped, given] = [await refusedBefore(LATE), await refusedBefore(GIVEN)]
    const first = await replayed(dropped)
    expect([first.code, 'notAfter' in first.body]).to.deep.equal(['capacity_exceeded', false])
    const notAfter = new Date(Date.now() + HOUR_MS).toISOString()
    const second = await replayed(given, `--not-after ${notAfter}`)
    expect([second.code, second.body['notAfter']]).to.deep.equal(['capacity_exceeded', notAfter])
    const past = await run(`dead-letters replay ${given} --yes --not-after 2020-01-01T00:00:00Z`)
    expect([past.code, past.out]).to.deep.equal([64, ''])
  }).timeout(60_000)

  it('a replay is refused where one of its chain took effect', async () => {
    const asked = await refusedBefore(SECOND)
    const roomy = { providers: [{ ...books.providers.find(({ id }) => id === FULL)!, inventories: inventory(8) }] }
    expect((await run('ledger seed -', JSON.stringify({ ...roomy, consumers: [] }))).code).to.equal(0)
    expect((await replayed(asked)).code).to.equal('applied')
    const twice = await run(`dead-letters replay ${asked} --yes --json`)
    expect(twice.code).to.equal(1)
    expect(rows(twice)[0]).to.include({ newRequest: null })
  }).timeout(60_000)

  it('groups counts letters by cause; export prints whole letters; reconcile finds nothing left unknown', async () => {
    const groups = rows(await run('dead-letters groups --state all --json'))
    const found = groups.find(({ provider, code }) => provider === FULL && code === 'capacity_exceeded')
    expect(found).to.include({ class: 'refused', group: `capacity_exceeded/${FULL}` })
    const all = rows(await run(`dead-letters list --state all --provider ${FULL} --json`))
    expect(found!['count']).to.equal(all.length)
    const exported = rows(await run(`dead-letters export --provider ${FULL}`))
    expect(exported.map(({ id }) => id)).to.have.members(all.map(({ id }) => id))
    for (const { request: id, body, headers, history } of exported) {
      expect(JSON.parse(String(body))).to.include({ id, destination: FULL })
      expect(headers).to.include({ 'dl-request-id': id })
      expect(history).to.have.lengthOf.at.least(1)
    }
    expect((await run('dead-letters reconcile')).code).to.equal(0)
    expect((await run(`dead-letters reconcile ${uuidOf('no letter')}`)).code).to.equal(1)
  }).timeout(60_000)

  it('transfers stuck names an open move until it is ended, by exit code too', async () => {
    expect(rows(await run('transfers stuck --older-than 1ms --json'))).to.deep.equal([])
    await ground.decide('claim', { consumer: CLAIMED, source: OLD, destination: SIDE })
    const open = await run('transfers stuck --older-than 1ms --json')
    expect(open.code).to.equal(1)
    expect(rows(open)).to.have.length(1)
    expect(rows(open)[0]).to.include({ kind: 'move', operation: 'claim', consumer: CLAIMED, state: 'open' })
    expect((await run('transfers stuck --older-than 1h')).code, 'it is younger').to.equal(0)
    expect((await ground.decide('confirm', { consumer: CLAIMED })).outcome.code).to.equal('applied')
    expect((await run('transfers stuck --older-than 1ms')).code).to.equal(0)
  }).timeout(60_000)

  it('transfers cancel calls a request off, and says with --wait whether it was in time', async () => {
    const asked = request('transfer', { consumer: CALLED_OFF, source: OLD, destination: SIDE })
    const first = await run(`transfers cancel ${asked.id} --by ann --wait`)
    expect([first.code, (JSON.parse(first.out) as Fields)['operation']]).to.deep.equal([0, 'cancel'])
    await ground.ask(asked)
    expect((await ground.decision(asked.id)).outcome.code).to.equal('cancelled')
    const moved = request('transfer', { consumer: CALLED_OFF, source: OLD, destination: SIDE })
    await ground.ask(moved)
    expect((await ground.decision(moved.id)).outcome.code).to.equal('applied')
    expect((await run(`transfers cancel ${moved.id} --wait`)).code).to.equal(1)
    expect((await run('transfers cancel x')).code).to.equal(64)
  }).timeout(60_000)

  it('ledger audit is exit 0 with books that add up, and 1 naming a provider that has less than is used', async () => {
    expect(await run('ledger audit')).to.include({ code: 0, err: '' })
    const less = { ...books.providers.find(({ id }) => id === SIDE)!, inventories: inventory(1) }
    expect((await run('ledger seed -', JSON.stringify({ providers: [less], consumers: [] }))).code).to.equal(0)
    const { code, out } = await run('ledger audit --json')
    expect(code).to.equal(1)
    expect(rows({ code, out, err: '' })[0]).to.include({ rule: 'over_committed', provider: SIDE })
  }).timeout(60_000)
})

function inventory(total: number): (typeof books.providers)[number]['inventories'] {
  return { VCPU: { total, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 } }
}
