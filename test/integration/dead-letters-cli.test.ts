// The desk's acting commands as a person and as a program use them, with a worker as a process of its own.
import { spawn } from 'node:child_process'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { replayId } from '../../src/dead-letters/replay.ts'
import { inProcess } from '../support/in-process.ts'
import { openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { until } from '../support/installation-workers.ts'
import { withChannel } from './broker-under-test.ts'
import { ferryman, type Run } from './ferryman-process.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js')
const SOURCE = 'aaaaaaaa-0000-4000-8000-000000000001'
const idOf = (kind: string, n: number): string => `${kind.repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`
const inventories = (total: number) => ({
  VCPU: { total, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 },
})
const provider = (id: string, total: number) =>
  ({ id, name: id, parent: null, traits: [], aggregates: [], inventories: inventories(total) }) as const

describe('the acting commands of the desk', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation()
    await site.worker()
  })
  after(() => site.close())

  let serial = 0
  const linesOf = ({ out }: Run): Record<string, unknown>[] =>
    out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
  const listed = async (...words: readonly string[]): Promise<Record<string, unknown>[]> =>
    linesOf(await site.cli(['dlq', 'list', '--state', 'all', '--json', ...words]))

  /** Claims by as many servers that a destination without room refuses. */
  const refusals = async (
    count: number,
  ): Promise<{ ids: string[]; destination: string; makeRoom: () => Promise<void> }> => {
    const destination = idOf('d', ++serial)
    const servers = Array.from({ length: count }, () => idOf('c', ++serial))
    const allocations = { [SOURCE]: { VCPU: 1 } }
    const owner = { type: 'INSTANCE', project: 'p', user: 'u' }
    const seed = (total: number): Promise<void> =>
      site.seed({
        providers: [provider(SOURCE, 64_000), provider(destination, total)],
        consumers: servers.map((id) => ({ id, ...owner, allocations })),
      })
    await seed(0)
    const claims = servers.map((consumer) => {
      return { version: 1, id: idOf('b', ++serial), operation: 'claim', consumer, source: SOURCE, destination }
    })
    await site.ask(...claims)
    const ids = claims.map(({ id }) => id)
    for (const { outcome } of await site.decisions(ids)) expect(outcome.code).to.equal('capacity_exceeded')
    await until('the desk has every letter', async () => (await listed('--provider', destination)).length === count)
    return { ids, destination, makeRoom: () => seed(64_000) }
  }

  it('end with 64 where a person has to say more, and do nothing then', async () => {
    const { ids } = await refusals(1)
    const wrong: readonly [readonly string[], RegExp][] = [
      [['replay', ids[0]!], /--yes/],
      [['replay', '--all'], /--yes/],
      [['replay', '--yes'], /Say what to replay/],
      [['replay', '--all', '--group', 'poison', '--yes'], /Say what to replay/],
      [['replay', ids[0]!, '--not-after', 'tomorrow', '--yes'], /RFC 3339|offset/],
      [['replay', ids[0]!, '--not-after', '2020-01-01T00:00:00Z', '--yes'], /has passed/],
      [['discard', ids[0]!], /--reason/],
      [['discard', ids[0]!, '--reason', ' '], /must not be empty/],
      [['discard', '--reason', 'x'], /id/],
      [['restore'], /id/],
      [['restore', ids[0]!, '--by', ''], /must not be empty/],
    ]
    for (const [words, says] of wrong) {
      const { code, out, err } = await site.cli(['dead-letters', ...words])
      expect([words.join(' '), code, out]).to.deep.equal([words.join(' '), 64, ''])
      expect(err).to.match(says)
    }
    const [letter] = await listed('--request', ids[0]!)
    expect(letter).to.include({ state: 'told' })
  }).timeout(60_000)

  it('have help with an example each', async () => {
    for (const name of ['groups', 'replay', 'discard', 'restore', 'reconcile', 'export', 'rebuild']) {
      const { code, out } = await site.cli(['dlq', name, '--help'])
      expect([name, code]).to.deep.equal([name, 0])
      expect(out)
        .to.match(/Examples?:\n {2}ferryman/)
        .and.include('--json')
    }
  }).timeout(60_000)

  it('say so with exit 1 where there is no such letter', async () => {
    const nobody = idOf('9', 1)
    for (const words of [
      ['replay', nobody, '--yes'],
      ['discard', nobody, '--reason', 'x'],
      ['restore', nobody],
    ]) {
      const answer = await site.cli(['dlq', ...words, '--json'])
      expect(answer.code).to.equal(1)
      expect(linesOf(answer)).to.have.length(1)
      expect(linesOf(answer)[0]).to.include({ id: nobody, result: 'not_found' })
    }
    const reconciled = await site.cli(['dlq', 'reconcile', nobody])
    expect([reconciled.code, reconciled.err]).to.deep.equal([1, `The desk has no letter ${nobody}.\n`])
    expect((await site.cli(['dlq', 'reconcile'])).code).to.equal(0)
  }).timeout(60_000)

  it('replay a refusal when there is room: applied, told, and its letter replayed, then resolved', async () => {
    const { ids, destination, makeRoom } = await refusals(1)
    const [request] = ids as [string]
    const [letter] = (await listed('--request', request)) as [{ id: string }]
    await makeRoom()
    const answer = await site.cli(['dead-letters', 'replay', request, '--yes', '--json', '--by', 'anna'])
    const newRequest = replayId(letter.id, 1)
    expect(answer.code).to.equal(0)
    expect(linesOf(answer)).to.deep.equal([{ id: letter.id, request, result: 'replayed', newRequest, why: null }])
    const told = await site.decision(newRequest)
    expect(told).to.deep.include({ replayOf: request, destination })
    expect(told.outcome.code).to.equal('applied')
    const followUp = () => site.events.of(request).find(({ routingKey }) => routingKey.includes('.followed.'))
    await until('the replay is told', followUp)
    const follow = followUp()
    expect(follow?.routingKey).to.equal('transfer.claim.followed.replayed.none')
    expect(toldOf(follow!)).to.deep.include({
      followed: { what: 'replayed', by: 'anna', why: null, request: newRequest, effect: 'did_not_happen' },
    })
    const show = async (): Promise<{ state: string; history: { what: string; by: string | null }[] }> =>
      JSON.parse((await site.cli(['dlq', 'show', letter.id, '--json'])).out)
    const { state, history } = await show()
    expect(state).to.equal('resolved')
    expect(history.map(({ what, by }) => [what, by])).to.deep.equal([
      ['taken in', null],
      ['replayed', 'anna'],
      ['replay succeeded', null],
    ])
    const again = await site.cli(['dlq', 'replay', letter.id, '--yes'])
    expect([again.code, again.out]).to.satisfy(([code, out]: [number, string]) => code === 1 && /resolved/.test(out))
    expect((await site.cli(['dlq', 'show', letter.id])).out).to.match(new RegExp(`replayed +anna +${newRequest}`))
  }).timeout(60_000)

  it('discard for a reason and restore, by the user of the system where nobody is named', async () => {
    const { ids } = await refusals(2)
    const answer = await site.cli(['dlq', 'discard', ...ids, '--reason', 'gone', '--json'])
    expect([answer.code, linesOf(answer).map(({ result }) => result)]).to.deep.equal([0, ['discarded', 'discarded']])
    const states = async (): Promise<unknown[]> =>
      (await Promise.all(ids.map((id) => listed('--request', id)))).flat().map(({ state }) => state)
    expect(await states()).to.deep.equal(['discarded', 'discarded'])
    expect((await site.cli(['dlq', 'restore', ids[0]!])).out).to.match(/^ID +RESULT.*\n\S+ +restored/)
    expect(await states()).to.deep.equal(['told', 'discarded'])
    const { history } = JSON.parse((await site.cli(['dlq', 'show', ids[1]!, '--json'])).out) as { history: unknown[] }
    expect(history.at(-1)).to.deep.include({ what: 'discarded', by: userInfo().username, why: 'gone', request: null })
  }).timeout(60_000)

  it('group letters by cause, and replay one group and no other', async () => {
    const [few, many] = [await refusals(2), await refusals(30)]
    const groups = linesOf(await site.cli(['dlq', 'groups', '--state', 'told', '--json']))
    const group = `capacity_exceeded/${many.destination}`
    const found = groups.find((one) => one['group'] === group)
    expect(found).to.deep.include({
      code: 'capacity_exceeded',
      class: 'refused',
      provider: many.destination,
      count: 30,
    })
    expect(groups.find((one) => one['provider'] === few.destination)).to.include({ count: 2 })
    expect((await site.cli(['dlq', 'groups', '--state', 'told'])).out).to.match(
      new RegExp(`^LETTERS +GROUP.*[^]*^ +30 +${group} +refused`, 'm'),
    )
    await many.makeRoom()
    expect((await site.cli(['dlq', 'replay', '--group', group, '--yes'])).code).to.equal(1)
    const replayed = await site.cli(['dlq', 'replay', '--group', group, '--state', 'told', '--yes', '--json'])
    expect(replayed.code).to.equal(0)
    expect(replayed.err).to.include('replayed: 30 of 30\n')
    const requests = linesOf(replayed).map(({ newRequest }) => String(newRequest))
    expect(new Set(requests).size).to.equal(30)
    for (const { outcome } of await site.decisions(requests)) expect(outcome.code).to.equal('applied')
    expect((await listed('--provider', many.destination)).map(({ state }) => state)).to.deep.equal(
      Array(30).fill('resolved'),
    )
    expect((await listed('--provider', few.destination)).map(({ state }) => state)).to.deep.equal(['told', 'told'])
  }).timeout(90_000)

  it('export whole letters, one a line', async () => {
    const { ids, destination } = await refusals(3)
    const answer = await site.cli(['dlq', 'export', '--provider', destination])
    expect(answer.code).to.equal(0)
    const letters = linesOf(answer)
    expect(letters.map(({ request }) => request)).to.have.members(ids)
    for (const { request, body, headers, history, state } of letters) {
      expect(JSON.parse(String(body))).to.include({ id: request, destination })
      expect(headers).to.include({ 'dl-request-id': request, 'dl-class': 'refused' })
      expect(history).to.have.length(1)
      expect(state).to.equal('told')
    }
  }).timeout(60_000)

  it('lose nothing and do nothing twice when they are killed in the middle, again and again', async () => {
    const { ids, destination, makeRoom } = await refusals(60)
    await makeRoom()
    const words = ['dlq', 'replay', '--group', `capacity_exceeded/${destination}`, '--state', 'told', '--yes', '--json']
    let kills = 0
    while ((await listed('--provider', destination, '--state', 'told')).length > 0) {
      if (await killedAtFirstProgress(words, site.env)) kills += 1
    }
    expect(kills).to.be.greaterThan(1)
    const letters = await listed('--provider', destination)
    const first = letters.filter(({ request }) => ids.includes(String(request)))
    expect(first).to.have.length(60)
    const replays = first.map(({ id }) => replayId(String(id), 1))
    for (const { outcome } of await site.decisions(replays)) expect(outcome.code).to.equal('applied')
    await until('every letter is resolved', async () =>
      (await listed('--provider', destination)).every(({ state }) => state === 'resolved'),
    )
    const { consumers } = await site.dump()
    const moved = consumers.filter(({ allocations }) => allocations[destination]?.['VCPU'] === 1)
    expect(moved).to.have.length(60)
  }).timeout(120_000)

  it('rebuild the index while everything runs', async () => {
    const { destination } = await refusals(2)
    const before = await listed()
    const { code, out } = await site.cli(['dlq', 'rebuild', '--json'])
    expect([code, JSON.parse(out)]).to.deep.equal([0, { letters: before.length, taken: 0, acts: 0 }])
    expect(await listed('--provider', destination)).to.have.length(2)
  }).timeout(60_000)

  it('ask a person at a terminal, and take only a yes for one', async () => {
    const { ids, makeRoom } = await refusals(1)
    await makeRoom()
    for (const [answer, code, state] of [
      ['', 1, 'told'],
      ['no', 1, 'told'],
      ['y', 0, 'replayed'],
    ] as const) {
      const asked: string[] = []
      const ask = async (question: string): Promise<string> => {
        asked.push(question)
        return answer
      }
      const replayed = await inProcess(['dlq', 'replay', ids[0]!, '--json'], site.env, { isTerminal: true, ask })
      expect(replayed.code).to.equal(code)
      expect(asked).to.deep.equal(['Replay 1 letter? [y/N] '])
      expect(replayed.err).to.equal(code === 0 ? '' : 'ferryman: Nothing was replayed.\n')
      const [letter] = await listed('--request', ids[0]!)
      if (state === 'told') expect(letter).to.include({ state })
      else expect(letter!['state']).to.be.oneOf(['replayed', 'resolved'])
    }
  }).timeout(60_000)

  it('choose the same letter of a request that has several: the decision, not the answer to other bytes', async () => {
    const { ids, makeRoom } = await refusals(1)
    const [request] = ids as [string]
    const [decision] = (await listed('--request', request)) as [{ id: string }]
    await site.ask({ version: 1, id: request, operation: 'release', consumer: idOf('c', 1) })
    await until('both are there', async () => (await listed('--request', request)).length === 2)
    const shown = await inProcess(['dlq', 'show', request, '--json'], site.env)
    expect(JSON.parse(shown.out)).to.include({ id: decision.id, code: 'capacity_exceeded' })
    expect(shown.err).to.match(/^1 more of request/)
    await makeRoom()
    const replayed = await inProcess(['dlq', 'replay', request, '--yes', '--json'], site.env)
    expect(linesOf(replayed)[0]).to.include({ id: decision.id, result: 'replayed' })
  }).timeout(60_000)

  it('end with 1 when a signal cut them, and say so', async () => {
    await refusals(3)
    const stopping = new AbortController()
    const onOut = (): void => stopping.abort(new Error('stopped by a signal'))
    for (const [name, format] of [
      ['list', '--json'],
      ['export', '--state'],
    ] as const) {
      const words = format === '--state' ? ['dlq', name] : ['dlq', name, '--state', 'all', format]
      const cut = await inProcess(words, site.env, { onOut, signal: stopping.signal })
      expect([name, cut.code]).to.deep.equal([name, 1])
      expect(cut.err).to.include(`the ${name} is not whole`)
      expect(linesOf(cut).length).to.be.lessThan(3)
    }
    const headers = {
      'dl-id': idOf('9', 77),
      'dl-class': 'operator',
      'dl-reason': 'outcome_unknown',
      'dl-effect': 'unknown',
    }
    await withChannel(site.env['FERRYMAN_RABBITMQ_URL']!, async (channel) => {
      channel.publish(site.names.deadLetters, 'operator.outcome_unknown', Buffer.from('{}'), { headers })
      await channel.waitForConfirms()
    })
    await until('it is there', async () => (await listed('--code', 'outcome_unknown')).length === 1)
    const reconciled = await inProcess(['dlq', 'reconcile'], site.env, { signal: stopping.signal })
    expect(reconciled.code).to.equal(1)
    expect(reconciled.err).to.match(/^Stopped: 1 letters were not looked at\.$/m)
  }).timeout(60_000)

  it('end with 69 where a dependency is down', async () => {
    const down = { ...site.env, FERRYMAN_RABBITMQ_URL: 'amqp://guest:guest@127.0.0.1:1' }
    const { code, err } = await ferryman(['dlq', 'discard', idOf('9', 1), '--reason', 'x'], { env: down })
    expect(code).to.equal(69)
    expect(err).to.match(/^ferryman: /)
  }).timeout(60_000)
})

/** Runs a command and kills it as soon as it has done something; false where it was through before. */
async function killedAtFirstProgress(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<boolean> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.once('data', () => {
    child.kill('SIGKILL')
  })
  const signal = await new Promise<string | null>((resolve) => {
    child.once('close', (_, by) => {
      resolve(by)
    })
  })
  return signal === 'SIGKILL'
}
