// `ferryman ledger audit` on a real Redis: clean books are clean whatever was moved, and each kind of damage is named.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import { loadConfig } from '../../src/config.ts'
import { Telemetry } from '../../src/telemetry/events.ts'
import { openParts, type Parts, type Store } from '../../src/wire/parts.ts'
import { inProcess } from '../support/in-process.ts'
import { openInstallation, type Installation } from '../support/installation.ts'
import {
  destinationOf,
  moverOf,
  moversBooks,
  moves,
  providerOf,
  requestOf,
  sourceOf,
} from '../support/installation-moves.ts'
import type { Run } from '../support/program.ts'

const SERVERS = 8
const NOBODY = 'eeeeeeee-0000-4000-8000-000000000001'

describe('ferryman ledger audit', () => {
  let site: Installation
  let parts: Parts
  let store: Store
  let claims: { id: string; consumer: string }[]
  before(async () => {
    site = await openInstallation()
    await site.seed(moversBooks(SERVERS))
    await site.worker()
    parts = openParts(loadConfig({ env: site.env }).config, systemClock, new Telemetry())
    store = await parts.store()
    const doubled = { mode: 'doubled' }
    claims = moves(4, { operation: 'claim' }) as typeof claims
    await site.ask(...claims.map((claim, n) => (n === 3 ? { ...claim, ...doubled } : claim)))
    for (const { outcome } of await site.decisions(claims.map(({ id }) => id))) expect(outcome.code).to.equal('applied')
  })
  after(async () => {
    await parts.close()
    await site.close()
  })

  const audit = (...words: string[]): Promise<Run> => inProcess(['ledger', 'audit', ...words], site.env)
  const found = async (): Promise<Record<string, unknown>[]> => {
    const { code, out } = await audit('--json')
    const lines = out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
    expect(code).to.equal(lines.length === 0 ? 0 : 1)
    return lines
  }
  /** Findings of one rule, without their sentence. */
  const only = async (rule: string): Promise<Record<string, unknown>[]> =>
    (await found()).filter((one) => one['rule'] === rule).map(({ message: _sentence, ...rest }) => rest)
  const nothing = { provider: null, resourceClass: null, consumer: null, request: null }
  /** Damages a stored consumer, behind Ferryman's back. */
  const put = async (consumer: string, allocations: object, type = 'INSTANCE'): Promise<void> => {
    const text = JSON.stringify({ generation: 9, allocations, type, project: 'p', user: 'u' })
    await store.redis.call('HSET', [store.keys.consumers, consumer, text])
  }

  it('finds nothing in the books of moves that are open, in both modes: exit 0', async () => {
    expect(await found()).to.deep.equal([])
    expect(await audit()).to.include({ code: 0, err: '' })
  })

  it('finds a provider that has less than is used, and one that does not offer it at all', async () => {
    const [less, none] = [sourceOf(4), sourceOf(5)]
    await site.seed({ providers: [providerOf(less, 'less', 1)], consumers: [] })
    const bare = { ...providerOf(none, 'bare'), generation: 9, inventories: {}, usages: undefined }
    await store.redis.call('HSET', [store.keys.providers, none, JSON.stringify(bare)])
    const about = { ...nothing, resourceClass: 'VCPU' }
    expect(await only('over_committed')).to.deep.equal([{ ...about, rule: 'over_committed', provider: less }])
    expect(await only('no_inventory')).to.deep.equal([{ ...about, rule: 'no_inventory', provider: none }])
    expect((await audit()).out).to.match(/over_committed .* Provider less .* has 1 VCPU, of which 2 are used\./)
  })

  it('finds usages that are not the sum of what is held', async () => {
    await store.redis.call('HSET', [store.keys.usages, sourceOf(6), 'VCPU=3'])
    expect(await only('usage_differs')).to.deep.equal([
      { ...nothing, rule: 'usage_differs', provider: sourceOf(6), resourceClass: 'VCPU' },
    ])
  })

  it('finds a consumer on both sides without a move, on an unknown provider, and an M that nobody has', async () => {
    await put(moverOf(7), { [sourceOf(7)]: { VCPU: 2 }, [destinationOf(7)]: { VCPU: 2 } })
    await put(NOBODY, { [NOBODY]: { VCPU: 1 } }, 'MIGRATION')
    const about = { ...nothing, consumer: moverOf(7) }
    expect(await only('both_sides')).to.deep.equal([{ ...about, rule: 'both_sides', resourceClass: 'VCPU' }])
    expect(await only('unknown_provider')).to.deep.equal([
      { ...nothing, rule: 'unknown_provider', provider: NOBODY, consumer: NOBODY },
    ])
    expect(await only('orphaned_migration')).to.deep.equal([
      { ...nothing, rule: 'orphaned_migration', consumer: NOBODY },
    ])
  })

  it('finds a consumer on neither side of its open move, and one that is not as its move left it', async () => {
    await store.redis.call('HDEL', [store.keys.consumers, moverOf(0)])
    await put(moverOf(1), { [destinationOf(1)]: { VCPU: 1 } })
    const of = (rule: string, server: number) => ({
      ...nothing,
      rule,
      consumer: moverOf(server),
      request: requestOf(server),
    })
    expect(await only('neither_side')).to.deep.equal([of('neither_side', 0)])
    expect(await only('move_differs')).to.deep.equal([of('move_differs', 1)])
  })

  it('finds nothing in the move of a request that is under way', async () => {
    await store.locks.heartbeat('host:1/x', 60_000, true)
    const body = Buffer.from(JSON.stringify({ version: 1, id: NOBODY, operation: 'confirm', consumer: moverOf(1) }))
    const sender = { properties: '{}', exchange: '', routingKey: '' }
    const scope = { consumers: [moverOf(1)], providers: [], held: false }
    await store.journal.begin(
      { id: NOBODY, digest: 'x', operation: 'confirm', body, ...sender },
      scope,
      'host:1/x.1',
      true,
    )
    expect(await only('move_differs')).to.deep.equal([])
  })
})
