// The commands that read and seed, as scripts call them: their JSON, their filters, and their exit codes.
import { userInfo } from 'node:os'
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import type { Run } from '../integration/ferryman-process.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { until } from '../support/installation-workers.ts'
import { cloud, json, openGround, request, type Fields, type Ground } from './ground.ts'

const { books, host, server } = cloud()
const [OLD, NEW] = [host('read old', {}, { traits: ['HW_X'], aggregates: [uuidOf('zone')] }), host('read new')]
const FULL = host('read full', { total: 1, allocation_ratio: 1.5 })
const [MOVED, STAYS] = [server('read moved', { [OLD]: { VCPU: 2 } }), server('read stays', { [OLD]: { VCPU: 2 } })]
const GONE = server('read gone', { [OLD]: { VCPU: 1 } })
const moved = request('transfer', { consumer: MOVED, source: OLD, destination: NEW })
const refused = request('transfer', { consumer: STAYS, source: OLD, destination: FULL })
const invalid = request('transfer', { consumer: STAYS, source: OLD, destination: OLD })
const LETTER =
  'id request operation consumer source destination code class effect state firstFailedAt lastFailedAt attempts'

describe('the commands', () => {
  let ground: Ground
  const run = (line: string, input?: string): Promise<Run> => ground.cli(line.split(' '), input)
  const rows = ({ out }: Run): Fields[] =>
    out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Fields]))
  const letters = async (filters: string): Promise<unknown[]> =>
    rows(await run(`dead-letters list --json ${filters}`.trim())).map(({ request: id }) => id)

  before(async () => {
    ground = await openGround(books)
    await ground.ask(moved, refused)
    await ground.decisions([moved.id, refused.id])
    await ground.decide('release', { consumer: GONE })
    await ground.answers([{ body: json(invalid) }], [invalid.id])
    await until('both letters are taken in', async () => (await letters('--state told')).length === 2, 30_000)
  })
  after(() => ground.close())

  it('ledger dump prints the seed format, generations and usages, and no consumer that holds nothing', async () => {
    const dump = JSON.parse((await run('ledger dump --json')).out) as Record<'providers' | 'consumers', Fields[]>
    expect(Object.keys(dump)).to.deep.equal(['providers', 'consumers'])
    const provider = dump.providers.find(({ id }) => id === OLD)
    expect(provider).to.have.all.keys(...'id name parent traits aggregates inventories generation usages'.split(' '))
    expect(provider).to.deep.include({
      ...{ name: 'read old', parent: null, traits: ['HW_X'], aggregates: [uuidOf('zone')], usages: { VCPU: 2 } },
      inventories: { VCPU: { total: 64, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 } },
    })
    expect(dump.consumers.map(({ id }) => id)).to.have.members([MOVED, STAYS])
    const consumer = dump.consumers.find(({ id }) => id === MOVED)
    expect(consumer).to.have.all.keys(...'id type project user allocations generation'.split(' '))
    expect(consumer).to.deep.include({
      ...{ type: 'INSTANCE', project: 'p', user: 'u', generation: 2, allocations: { [NEW]: { VCPU: 2 } } },
    })
  })

  it('ledger seed takes its own dump, leaves what was moved, and replaces only with --replace', async () => {
    expect((await run('ledger seed -', JSON.stringify(books))).code, 'the first seed again').to.equal(0)
    expect((await run('ledger seed -', (await run('ledger dump --json')).out)).code, 'its own dump').to.equal(0)
    const { consumers } = JSON.parse((await run('ledger dump --json')).out) as { consumers: Fields[] }
    expect(consumers.find(({ id }) => id === MOVED)!['allocations']).to.deep.equal({ [NEW]: { VCPU: 2 } })
    const other = {
      consumers: [{ ...books.consumers.find(({ id }) => id === STAYS), allocations: { [NEW]: { VCPU: 1 } } }],
    }
    const refusal = await run('ledger seed -', JSON.stringify(other))
    expect([refusal.code, refusal.err.includes(STAYS)]).to.deep.equal([1, true])
    const bad = { consumers: [{ ...other.consumers[0], id: 'x', type: 5 }], providers: [{ id: 'y' }] }
    const invalidSeed = await run('ledger seed -', JSON.stringify(bad))
    expect(invalidSeed.code).to.equal(1)
    for (const path of ['/consumers/0/id', '/consumers/0/type', '/providers/0/id'])
      expect(invalidSeed.err).include(path)
    expect((await run('ledger seed - --replace', JSON.stringify(other))).code).to.equal(0)
    const shown = JSON.parse((await run(`ledger show --consumer ${STAYS} --json`)).out) as Fields
    expect(shown).to.deep.include({ allocations: { [NEW]: { VCPU: 1 } } })
  }).timeout(60_000)

  it('dead-letters list prints one JSON object a letter, with all thirteen keys, whatever the class', async () => {
    const found = rows(await run('dead-letters list --state all --json'))
    for (const row of found) expect(Object.keys(row)).to.deep.equal(LETTER.split(' '))
    const one = found.find((row) => row['request'] === refused.id)
    expect(one).to.include({
      ...{ operation: 'transfer', consumer: STAYS, source: OLD, destination: FULL, attempts: 1 },
    })
    expect(one).to.include({
      ...{ code: 'capacity_exceeded', class: 'refused', effect: 'did_not_happen', state: 'told' },
    })
    expect(found.map((row) => row['code'])).to.have.members(['capacity_exceeded', 'schema_invalid'])
  })

  it('dead-letters list keeps to its filters', async () => {
    const both = [refused.id, invalid.id]
    const cases: [string, readonly string[]][] = [
      ['', []],
      ['--state told', both],
      ['--state all --code capacity_exceeded', [refused.id]],
      ['--state all --class invalid', [invalid.id]],
      [`--state all --provider ${FULL}`, [refused.id]],
      [`--state all --request ${invalid.id}`, [invalid.id]],
      ['--state all --since 2099-01-01T00:00:00Z', []],
      ['--state all --since 1h', both],
    ]
    const found = await Promise.all(cases.map(([filters]) => letters(filters)))
    for (const [n, [filters, wanted]] of cases.entries()) expect(found[n], filters).to.have.members(wanted)
    const [first] = rows(await run('dead-letters list --state all --limit 1 --json'))
    const rest = await letters(`--state all --after ${String(first!['id'])}`)
    expect([first!['request'], ...rest]).to.have.members(both)
  }).timeout(30_000)

  it('dead-letters show prints the letter with body, headers, event and history, by either id', async () => {
    const [row] = rows(await run(`dead-letters list --state all --request ${refused.id} --json`))
    for (const id of [refused.id, String(row!['id'])]) {
      const shown = JSON.parse((await run(`dlq show ${id} --json`)).out) as Fields
      expect(shown).to.include.keys(...LETTER.split(' '), 'body', 'headers', 'event', 'history')
      expect(shown['body']).to.equal(JSON.stringify(refused))
      expect(shown['event']).to.deep.include({ request: refused.id })
      expect(shown['headers']).to.include({ 'dl-id': row!['id'], 'dl-request-id': refused.id })
    }
  })

  it('dead-letters discard wants a reason, and says who acted: the user of the system, or --by', async () => {
    expect((await run(`dlq discard ${refused.id}`)).code).to.equal(64)
    const act = async (line: string): Promise<Fields> => {
      expect((await run(line)).code, line).to.equal(0)
      const { history } = JSON.parse((await run(`dlq show ${refused.id} --json`)).out) as { history: Fields[] }
      return history.at(-1)!
    }
    const discarded = await ground.cli(['dlq', 'discard', refused.id, '--reason', 'not needed'])
    expect(discarded.code).to.equal(0)
    const { history } = JSON.parse((await run(`dlq show ${refused.id} --json`)).out) as { history: Fields[] }
    expect(history.at(-1)).to.include({ by: userInfo().username, why: 'not needed' })
    expect(await act(`dlq restore ${refused.id} --by ann`)).to.include({ by: 'ann' })
    expect(await letters('--state told')).to.have.members([refused.id, invalid.id])
    const follow = (): readonly Fields[] =>
      ground.events.of(refused.id).map(({ body }) => JSON.parse(body.toString()) as Fields)
    await until('both acts are told', () => follow().length === 3, 20_000)
    const [, first, second] = follow()
    expect(first!['type']).to.equal('ferryman.transfer.followed')
    expect(first!['id']).to.match(new RegExp(`^${refused.id}/discarded/\\d{13}$`))
    expect(first!['followed']).to.deep.equal({
      ...{ what: 'discarded', by: userInfo().username, why: 'not needed', request: null, effect: 'did_not_happen' },
    })
    expect(first!['outcome']).to.deep.include({ code: 'capacity_exceeded' })
    expect(second!['followed']).to.deep.include({ what: 'restored', by: 'ann' })
    expect(
      ground.events
        .of(refused.id)
        .map(({ routingKey }) => routingKey)
        .slice(1),
    ).to.deep.equal(['transfer.transfer.followed.discarded.none', 'transfer.transfer.followed.restored.none'])
  }).timeout(30_000)

  it('dead-letters replay refuses class invalid, and sends a refusal again under its derived id', async () => {
    expect((await run(`dlq replay ${invalid.id} --yes`)).code).to.equal(1)
    const before = ground.events.all.length
    expect((await run(`dlq replay ${refused.id} --yes --by ann`)).code).to.equal(0)
    const fresh = (): readonly Fields[] =>
      ground.events.all.slice(before).map(({ body }) => JSON.parse(body.toString()) as Fields)
    await until('the replay is decided', () => fresh().some((event) => event['replayOf'] === refused.id), 20_000)
    const [letter] = rows(await run(`dlq list --state all --request ${refused.id} --json`))
    const again = fresh().find((event) => event['replayOf'] === refused.id)
    expect(again!['request']).to.equal(uuidV5(`${String(letter!['id'])}/replay/1`))
    const id = String(again!['request'])
    await until('its letter came', () => ground.letters.of(id).length === 1)
    expect(ground.letters.of(id)[0]!.properties.headers).to.include({ 'replay-of': refused.id, 'replay-by': 'ann' })
    const followed = fresh().find((event) => event['type'] === 'ferryman.transfer.followed')
    expect(followed!['followed']).to.deep.include({ what: 'replayed', by: 'ann', request: id })
  }).timeout(30_000)

  it('events tail reads from first, last, an offset or a time, and one request', async () => {
    const tail = async (from: string): Promise<unknown[]> =>
      rows(await run(`events tail --json --timeout 4s --from ${from}`)).map(({ id }) => id)
    const [all, none, offset] = await Promise.all([
      run(`events tail --json --from first --count 3 --timeout 20s`).then((one) => rows(one).map(({ id }) => id)),
      tail('next'),
      run('events tail --json --from 1 --count 1 --timeout 20s').then((one) => rows(one).map(({ id }) => id)),
    ])
    expect(all).to.include(`${moved.id}/applied`)
    expect(none).to.deep.equal([])
    expect(offset).to.deep.equal([all[1]])
    const since = await run('events tail --json --from 2020-01-01T00:00:00Z --count 1 --timeout 20s')
    expect(rows(since).map(({ id }) => id)).to.deep.equal([all[0]])
    const mine = await run(`events tail --json --from first --request ${moved.id} --count 1 --timeout 20s`)
    expect(rows(mine).map(({ id }) => id)).to.deep.equal([`${moved.id}/applied`])
    expect((await run('events tail --from yesterday')).code).to.equal(64)
  }).timeout(40_000)

  it('request publishes one, prints its id, and passes any field', async () => {
    const id = uuidOf('asked by command')
    const fields = '--field origin="ops" --field context={"a":1}'
    const line = `request release --id ${id} --consumer ${uuidOf('nobody')} ${fields}`
    const { code, out } = await run(line)
    expect([code, out]).to.deep.equal([0, `${id}\n`])
    expect(await ground.decision(id)).to.deep.include({ origin: 'ops', context: { a: 1 } })
    const wrong = await run(`request claim --consumer ${MOVED} --source ${OLD} --destination ${OLD}`)
    expect(wrong.code).to.be.oneOf([1, 64])
    expect((await run('request fly --consumer x')).code).to.equal(64)
  }).timeout(30_000)

  it('transfers list and show tell what was asked, decided, before and after', async () => {
    const found = rows(await run('transfers list --json --limit 100'))
    expect(found.map(({ id }) => id)).to.include.members([moved.id, refused.id])
    const shown = JSON.parse((await run(`transfers show ${moved.id} --json`)).out) as Fields
    expect(shown).to.include({ id: moved.id, code: 'applied', state: 'told' })
    expect((shown['event'] as Fields)['after']).to.have.nested.property(`${MOVED}.allocations.${NEW}.VCPU`, 2)
    expect((await run(`transfers show ${uuidOf('never')}`)).code).to.equal(1)
  })
})
