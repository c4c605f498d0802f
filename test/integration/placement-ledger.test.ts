// The ledger on a real Placement: what it asks, what it keeps, and sends that overlap inside Placement.
import { expect } from 'chai'
import type { PlacementServer } from '../../src/demo/servers.ts'
import { placementHttp } from '../../src/ledger/placement/http.ts'
import { MARKER_CLASS, markerProvider } from '../../src/ledger/placement/marker-providers.ts'
import { markerOf } from '../../src/ledger/placement/markers.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { Refused, Unavailable } from '../../src/retry/failures.ts'
import {
  change,
  claim,
  D,
  holding,
  I,
  idOf,
  M,
  moveOf,
  OTHER,
  providerOf,
  S,
  SMALL,
  write,
} from '../contract/ground.ts'
import {
  attemptOf,
  DECISION,
  KINDS,
  placementGround,
  SCOPE,
  type PlacementGround,
} from '../support/placement-ground.ts'
import { emptied, sharedPlacement } from '../support/placement-server.ts'
import { memoryStore } from '../support/store.ts'
import { ledgerOn, placementStore } from '../support/placement-store.ts'

const REQUEST = idOf('b', 1)
/** Looks like a uuid, and is a name all the same: written back in lower case it would be another project's quota. */
const PROJECT = 'ABCDEF01-0000-4000-8000-00000000000A'
const CLAIM_SCOPE = { consumers: [I, M], providers: [S, D], held: false }

describe('the Placement ledger', function () {
  this.timeout(60_000)
  let server: PlacementServer
  let ground: PlacementGround

  before(async () => {
    server = await sharedPlacement()
  })
  beforeEach(async () => {
    ground = await placementGround(await emptied(server))
    await ground.seed(KINDS['claim']!.consumers)
  })
  afterEach(async () => {
    await ground.stop()
  })

  const sorted = (lines: readonly string[]): string[] => lines.toSorted()

  it('asks six times for a claim on hosts that it knows: 2 reads, the marker, the write, 2 reads back', async () => {
    await ground.ledger.snapshot(CLAIM_SCOPE)
    ground.proxy.clear()
    const sketch = await ground.ledger.sketch(CLAIM_SCOPE)
    expect(sketch.assumed).to.equal(true)
    const attempt = attemptOf(REQUEST)
    expect(await ground.ledger.apply(claim(sketch), attempt, DECISION)).to.include({ kind: 'applied' })
    expect(sorted(ground.proxy.lines())).to.deep.equal(
      sorted([
        `GET /allocations/${I}`,
        `GET /resource_providers/${D}/usages`,
        `PUT /allocations/${markerOf(attempt)}`,
        'POST /allocations',
        `GET /allocations/${I}`,
        `GET /allocations/${M}`,
      ]),
    )
  })

  it('knows a host still after its own write, and reads it anew after a write of others', async () => {
    const { ledger, proxy } = ground
    await ledger.apply(claim(await ledger.snapshot(CLAIM_SCOPE)), attemptOf(REQUEST), DECISION)
    const onlyD = { consumers: [], providers: [D], held: false }
    proxy.clear()
    expect((await ledger.snapshot(onlyD)).providers[D]!.usages).to.deep.equal(SMALL)
    expect(proxy.lines()).to.deep.equal([`GET /resource_providers/${D}/usages`])
    await server.sql(`UPDATE resource_providers SET generation = generation + 1 WHERE uuid = '${D}'`)
    proxy.clear()
    await ledger.snapshot(onlyD)
    expect(proxy.lines()).to.have.lengthOf(6)
  })

  it('sees a trait that somebody sets between two requests', async () => {
    const { ledger } = ground
    await ledger.apply(claim(await ledger.snapshot(CLAIM_SCOPE)), attemptOf(REQUEST), DECISION)
    const { generation } = (await ledger.snapshot(CLAIM_SCOPE)).providers[D]!
    const traits = { resource_provider_generation: generation, traits: ['COMPUTE_STATUS_DISABLED'] }
    const other = ledgerOn(server)
    expect((await other.http.send('PUT', `/resource_providers/${D}/traits`, traits)).status).to.equal(200)
    await other.stop()
    expect((await ledger.sketch({ ...CLAIM_SCOPE, consumers: [OTHER, M] })).providers[D]!.traits).to.deep.equal(
      traits.traits,
    )
  })

  it('reads a host anew where others wrote to it while a write of its own was under way', async () => {
    const { ledger, proxy } = ground
    const snapshot = await ledger.snapshot(CLAIM_SCOPE)
    proxy.fault((method, path) => (method === 'POST' && path === '/allocations' ? { kind: 'hold' } : null))
    const sent = ledger.apply(claim(snapshot), attemptOf(REQUEST), DECISION)
    await proxy.held()
    await server.sql(`UPDATE resource_providers SET generation = generation + 1 WHERE uuid = '${D}'`)
    await proxy.release()
    expect(await sent).to.include({ kind: 'applied' })
    proxy.clear()
    await ledger.snapshot({ consumers: [], providers: [D], held: false })
    expect(proxy.lines()).to.have.lengthOf(6)
  })

  it('knows a host for a minute at most', async () => {
    let now = 0
    const ledger = ledgerOn(server, { url: ground.proxy.url, clock: { ...systemClock, monotonicMs: () => now } })
    const asked = async (atMs: number): Promise<number> => {
      now = atMs
      ground.proxy.clear()
      await ledger.snapshot({ consumers: [], providers: [D], held: false })
      return ground.proxy.lines().filter((line) => line !== 'GET /').length
    }
    expect([await asked(0), await asked(59_999), await asked(60_000), await asked(60_001)]).to.deep.equal([5, 1, 5, 1])
    await ledger.stop()
  })

  it('reads both sides of an open move and its M where what is held is asked for, whoever holds of them', async () => {
    const journal = { ...memoryStore().journal, moves: () => Promise.resolve({ [I]: moveOf('open') }) }
    const ledger = ledgerOn(server, { journal })
    const { consumers, providers } = await ledger.snapshot({ consumers: [I], providers: [], held: true })
    expect([Object.keys(consumers), Object.keys(providers).toSorted()]).to.deep.equal([[I, M], [S, D].toSorted()])
    await ledger.stop()
  })

  it('a sketch leaves nothing out where what is held is asked for', async () => {
    await ground.ledger.snapshot(CLAIM_SCOPE)
    const { assumed, consumers, providers } = await ground.ledger.sketch({ consumers: [I], providers: [], held: true })
    expect({ assumed, held: consumers[I]!.allocations, providers: Object.keys(providers) }).to.deep.equal({
      assumed: true,
      held: { [S]: SMALL },
      providers: [S],
    })
    const cold = ledgerOn(server)
    expect((await cold.sketch({ consumers: [I], providers: [S], held: false })).assumed).to.equal(false)
    await cold.stop()
  })

  it('a write and the closing of its door that overlap: one of them, never both, never neither', async () => {
    const rounds = Array.from({ length: 30 }, (_, round) => ({
      afterMs: round * 3,
      one: idOf('c', 1_000 + round),
      other: idOf('d', 1_000 + round),
      attempt: attemptOf(idOf('b', 1_000 + round)),
    }))
    await ground.seed(rounds.map(({ one }) => holding(one, { [S]: { VCPU: 1 } })))
    const { ledger } = ground
    const ends: string[] = []
    for (const { afterMs, one, other, attempt } of rounds) {
      const { consumers } = await ledger.snapshot({ consumers: [one, other], providers: [], held: false })
      const changes = [change(consumers[one]!, { [D]: { VCPU: 1 } }), change(consumers[other]!, { [S]: { VCPU: 1 } })]
      const closed = systemClock.sleep(afterMs).then(() => ledger.close(attempt))
      const [applied, standing] = await Promise.all([ledger.apply(write(changes), attempt, DECISION), closed])
      const after = await ledger.snapshot({ consumers: [one], providers: [], held: false })
      expect([`${applied.kind} ${standing}`, Object.keys(after.consumers[one]!.allocations)]).to.deep.be.oneOf([
        ['applied applied', [D]],
        ['conflict closed', [S]],
      ])
      expect(await ledger.find(attempt)).to.equal(standing)
      ends.push(standing)
    }
    expect(new Set(ends), 'both ways were seen').to.have.lengthOf(2)
  })

  it('two sends of one write that overlap: one has the marker and writes, the other sends nothing', async () => {
    for (let round = 0; round < 30; round++) {
      const one = idOf('c', 2_000 + round)
      await ground.seed([holding(one, { [S]: { VCPU: 1 } })])
      const scope = { consumers: [one], providers: [], held: false }
      const planned = write([change((await ground.ledger.snapshot(scope)).consumers[one]!, { [D]: { VCPU: 1 } })])
      const attempt = attemptOf(idOf('b', 2_000 + round))
      const ends = await Promise.all([1, 2].map(() => ground.ledger.apply(planned, attempt, DECISION)))
      // The other finds the marker written already, or not its own.
      for (const end of ends)
        if (end.kind !== 'applied') expect(end).to.deep.equal({ kind: 'conflict', reason: 'marker' })
      expect(ends.map(({ kind }) => kind)).to.include('applied')
      expect(await ground.ledger.find(attempt)).to.equal('applied')
      expect((await ground.ledger.snapshot(scope)).consumers[one]).to.deep.include({
        generation: 2,
        allocations: { [D]: { VCPU: 1 } },
      })
    }
  })

  it('many writes to one provider and one marker provider at once: applied, or refused for contention', async () => {
    const crowded = await placementGround(server, { markers: 1 })
    const ids = Array.from({ length: 12 }, (_, i) => idOf('c', 3_000 + i))
    await crowded.seed(ids.map((id) => holding(id, { [S]: { VCPU: 1 } })))
    const { consumers } = await crowded.ledger.snapshot({ consumers: ids, providers: [], held: false })
    const ends = await Promise.all(
      ids.map((id, i) =>
        crowded.ledger.apply(
          write([change(consumers[id]!, { [D]: { VCPU: 1 } })]),
          attemptOf(idOf('b', 3_000 + i)),
          DECISION,
        ),
      ),
    )
    const applied = ids.filter((_, i) => ends[i]!.kind === 'applied')
    for (const end of ends) if (end.kind === 'conflict') expect(end.reason).to.equal('contention')
    const books = (await crowded.holds()) as Record<string, Record<string, unknown>>
    expect(ids.filter((id) => D in books[id]!)).to.deep.equal(applied)
    expect(applied.length, 'some came through').to.be.greaterThan(0)
    await crowded.stop()
  })

  it('a confirm passes on an over-committed destination, where Placement refuses to write its guard', async () => {
    await ground.seed(KINDS['confirm']!.consumers)
    const planned = KINDS['confirm']!.write(await ground.ledger.snapshot(SCOPE))
    const host = `(SELECT id FROM resource_providers WHERE uuid = '${D}')`
    await server.sql(`UPDATE inventories SET total = 1 WHERE resource_provider_id = ${host}`)
    ground.proxy.clear()
    expect(await ground.ledger.apply(planned, attemptOf(REQUEST), DECISION)).to.deep.include({ kind: 'applied' })
    expect(ground.proxy.lines().filter((line) => line === 'POST /allocations')).to.have.lengthOf(2)
    const unraised = planned.guards[0]!.generation
    expect(await ground.holds()).to.deep.equal({ [I]: { generation: unraised, [D]: SMALL } })
  })

  it('keeps owner and type, and takes a consumer without a type for an INSTANCE', async () => {
    const { ledger } = ground
    await ground.seed([{ ...holding(OTHER, { [S]: SMALL }), type: 'VOLUME', project: PROJECT, user: 'U1' }])
    const { consumers } = await ledger.snapshot({ consumers: [OTHER], providers: [], held: false })
    const before = consumers[OTHER]!
    const after = {
      ...before,
      generation: before.nextGeneration,
      type: 'VOLUME',
      project: PROJECT,
      user: 'U1',
      allocations: { [D]: SMALL },
    }
    await ledger.apply(write([{ before, after }]), attemptOf(REQUEST), DECISION)
    const moved = (await ledger.snapshot({ consumers: [OTHER], providers: [], held: false })).consumers[OTHER]!
    expect(moved).to.deep.include({ type: 'VOLUME', project: PROJECT, user: 'U1', allocations: { [D]: SMALL } })
    await server.sql(`UPDATE consumers SET consumer_type_id = NULL WHERE uuid = '${OTHER}'`)
    const untyped = await ledger.snapshot({ consumers: [OTHER], providers: [], held: false })
    expect(untyped.consumers[OTHER]!.type).to.equal('INSTANCE')
  })

  it('speaks the version that Placement offers, and refuses one that is too old', async () => {
    const offering = (version: string) => (method: string, path: string) =>
      method === 'GET' && path === '/'
        ? ({ kind: 'answer', status: 200, body: JSON.stringify({ versions: [{ max_version: version }] }) } as const)
        : null
    const older = ledgerOn(server, { url: ground.proxy.url })
    ground.proxy.fault(offering('1.30'))
    ground.proxy.clear()
    expect(await older.apply(claim(await older.snapshot(CLAIM_SCOPE)), attemptOf(REQUEST), DECISION)).to.include({
      kind: 'applied',
    })
    const sent = ground.proxy.seen.find(({ method }) => method === 'POST')!
    expect(sent.body).not.to.contain('consumer_type')
    await older.stop()
    const oldest = ledgerOn(server, { url: ground.proxy.url })
    ground.proxy.fault(offering('1.27'))
    const failure = await oldest.find(attemptOf(REQUEST)).catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Refused)
    expect((failure as Error).message).to.match(/speaks 1.27 at most; Ferryman needs 1.28/)
    await oldest.stop()
  })

  it('asks for a new token once when the one it has is refused', async () => {
    const asked: boolean[] = []
    const http = placementHttp({
      url: server.url,
      timeoutMs: 5_000,
      clock: systemClock,
      authorise: (renew) => {
        asked.push(renew)
        return Promise.resolve<Readonly<Record<string, string>>>(renew ? { 'x-auth-token': server.token } : {})
      },
    })
    expect((await http.send('GET', '/resource_classes')).status).to.equal(200)
    expect(asked).to.deep.equal([false, true])
    await http.close()
  })

  it('makes its marker providers again where somebody has removed them', async () => {
    const { ledger } = ground
    const planned = claim(await ledger.snapshot(CLAIM_SCOPE))
    for (const id of ledger.markers.providers) await ledger.http.send('DELETE', `/resource_providers/${id}`)
    const attempt = attemptOf(REQUEST)
    const failure = await ledger.apply(planned, attempt, DECISION).catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Unavailable)
    expect((failure as Error).message).to.contain('made again')
    expect(await ledger.apply(planned, attempt, DECISION)).to.include({ kind: 'applied' })
  })

  it('refuses to work without markers, saying what to set', () => {
    expect(() => ledgerOn(server, { markers: 0 })).to.throw(
      RangeError,
      /Set FERRYMAN_PLACEMENT_MARKERS to a number from 1/,
    )
  })
})

describe('the markers on Placement', function () {
  this.timeout(60_000)

  it('are made by several workers at once, and left alone the next time', async () => {
    const server = await emptied(await sharedPlacement())
    const workers = [1, 2, 3, 4].map(() => ledgerOn(server, { markers: 6 }))
    await Promise.all(workers.map(({ markers }) => markers.ensure()))
    const made = await server.sql(
      'SELECT name, total, max_unit, generation FROM resource_providers p ' +
        "JOIN inventories i ON i.resource_provider_id = p.id WHERE name LIKE 'ferryman-mark-test-%' ORDER BY name",
    )
    expect(made.split('\n').map((line) => line.split('|').slice(0, 3))).to.deep.equal(
      [0, 1, 2, 3, 4, 5].map((n) => [`ferryman-mark-test-0${n}`, '2147483647', '2']),
    )
    await workers[0]!.markers.ensure()
    expect(await server.sql('SELECT sum(generation) FROM resource_providers')).to.equal(
      String(made.split('\n').reduce((sum, line) => sum + Number(line.split('|')[3]), 0)),
    )
    await Promise.all(workers.map((worker) => worker.stop()))
  })

  it('are refused where their name is taken by another provider', async () => {
    const server = await emptied(await sharedPlacement())
    const ledger = ledgerOn(server, { markers: 1 })
    const { name, id } = markerProvider('test', 0)
    await ledger.http.send('POST', '/resource_providers', { uuid: idOf('d', 1), name })
    const failure = await ledger.markers.ensure().catch((cause: unknown) => cause)
    expect(failure).to.be.instanceOf(Refused)
    expect((failure as Error).message).to.contain(`the marker provider ${name} (${id}) cannot be made`)
    await ledger.stop()
  })

  it('are removed many in a request, and one by one where one of them is not there', async () => {
    const ground = await placementGround(await emptied(await sharedPlacement()), { markers: 1 })
    const { markers } = ground.ledger
    const attempts = Array.from({ length: 36 }, (_, number) => attemptOf(REQUEST, number))
    const rows = await Promise.all(attempts.map((attempt) => markers.row(attempt, 1)))
    const made = rows.map(([k, row]) => [k, { ...row, consumer_generation: null }] as const)
    expect((await ground.ledger.http.send('POST', '/allocations', Object.fromEntries(made))).status).to.equal(204)
    ground.proxy.clear()
    expect(await markers.remove(attempts.slice(0, 34))).to.equal(34)
    expect(ground.proxy.lines()).to.deep.equal(['POST /allocations', 'POST /allocations'])
    expect(await markers.remove(attempts.slice(33))).to.equal(2)
    expect(await Promise.all(attempts.map((attempt) => markers.find(attempt)))).to.deep.equal(
      attempts.map(() => 'absent'),
    )
    await ground.stop()
  })

  it('are removed when nobody will ask any more, guarded, and only those of the attempts named', async () => {
    const store = await placementStore(await emptied(await sharedPlacement()))
    const { markers } = store.ledger
    await store.seed({ providers: [providerOf(S, { VCPU: {} })], consumers: [] })
    const attempts = [1, 2, 3].map((number) => attemptOf(REQUEST, number))
    for (const attempt of attempts) await markers.close(attempt)
    expect(await markers.remove(attempts.slice(0, 2))).to.equal(2)
    expect(await markers.remove(attempts.slice(0, 2))).to.equal(0)
    expect(await Promise.all(attempts.map((attempt) => markers.find(attempt)))).to.deep.equal([
      'absent',
      'absent',
      'closed',
    ])
    const shards = await Promise.all(
      [...markers.providers].map((id) => store.ledger.http.send('GET', `/resource_providers/${id}/usages`)),
    )
    const used = shards.map(({ body }) => (body as { usages: Record<string, number> }).usages[MARKER_CLASS] ?? 0)
    expect(used.reduce((sum, one) => sum + one, 0)).to.equal(2)
    await store.ledger.stop()
  })
})
