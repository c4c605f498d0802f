// Moves and their ends as the contract tells them: what each writes, what it refuses, and when there is nothing to do.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { holdings } from '../support/installation-moves.ts'
import { uuidV5 } from '../support/installation-shape.ts'
import { cloud, openGround, refusalOf, request, type Answer, type Fields, type Ground, type Held } from './ground.ts'

const { books, host, server } = cloud()
const [OLD, NEW, OTHER] = [host('old'), host('new'), host('other')]
const EMPTY: Held = {}
const on = (provider: string, amount = 2): Held => ({ [provider]: { VCPU: amount } })
const mover = (name: string): string => server(name, on(OLD))
const way = (consumer: string): { consumer: string; source: string; destination: string } => ({
  consumer,
  source: OLD,
  destination: NEW,
})

/** What `told` says that `consumer` held before and holds after. */
function sidesOf(told: Answer, consumer: string): [Held | undefined, Held | undefined] {
  return [told.before?.[consumer]?.allocations, told.after?.[consumer]?.allocations]
}
const codeOf = ({ outcome }: Answer): string => outcome.code

const [PLAIN, DOUBLED, RESIZED, GUARDED] = [mover('plain'), mover('doubled'), mover('resized'), mover('guarded')]
const [BACK, AGAIN, FORTH, DOUBLED_BACK] = [mover('back'), mover('again'), mover('forth'), mover('doubled back')]
const [RETARGETED, LOST, BUSY, DONE] = [mover('retargeted'), mover('lost'), mover('busy'), mover('done')]
/** Moves that another began: the consumer is there, and a migration holds the source. */
const [NOVA, NOVA_BACK] = [server('nova', on(NEW)), server('nova back', on(NEW))]
const M_OF = Object.fromEntries(
  [NOVA, NOVA_BACK].map((consumer) => [consumer, server(`migration of ${consumer}`, on(OLD), { type: 'MIGRATION' })]),
)

describe('a move', () => {
  let ground: Ground
  const decide = (operation: string, fields: Fields): Promise<Answer> => ground.decide(operation, fields)
  before(async () => {
    ground = await openGround(books)
  })
  after(() => ground.close())

  it('claimed in mode migration puts the source on M, the destination on the consumer, with their types', async () => {
    const asked = request('claim', way(PLAIN))
    const told = await decide('claim', asked)
    const migration = uuidV5(asked.id)
    expect(codeOf(told)).to.equal('applied')
    expect(told.migration).to.equal(migration)
    expect(sidesOf(told, PLAIN)).to.deep.equal([on(OLD), on(NEW)])
    expect(sidesOf(told, migration)).to.deep.equal([EMPTY, on(OLD)])
    expect(told.after).to.have.nested.property(`${PLAIN}.type`, 'INSTANCE')
    expect(told.after).to.have.nested.property(`${migration}.type`, 'MIGRATION')
    const shown = JSON.parse((await ground.cli(['ledger', 'show', '--consumer', migration, '--json'])).out) as Fields
    expect(shown).to.include({ project: 'p', user: 'u', type: 'MIGRATION' })
    expect(told.open).to.have.all.keys('migration', 'confirm', 'revert')
    const open = told.open as { migration: string; confirm: Answer['after']; revert: Answer['after'] }
    expect(open.migration).to.equal(migration)
    expect(open.confirm![PLAIN]).to.deep.include({ type: 'INSTANCE', allocations: on(NEW) })
    expect(open.confirm![migration]!.allocations).to.deep.equal(EMPTY)
    expect(open.revert![PLAIN]).to.deep.include({ type: 'INSTANCE', allocations: on(OLD) })
    expect(open.revert![migration]!.allocations).to.deep.equal(EMPTY)
  })

  it('confirmed frees the source by exactly that, and once more there is nothing to do', async () => {
    const told = await decide('confirm', { consumer: PLAIN })
    const migration = told.migration as string
    expect(codeOf(told)).to.equal('applied')
    expect(told).to.include({ source: OLD, destination: NEW, open: null })
    expect(sidesOf(told, migration)).to.deep.equal([on(OLD), EMPTY])
    expect(sidesOf(told, PLAIN)).to.deep.equal([on(NEW), on(NEW)])
    const again = await decide('confirm', { consumer: PLAIN })
    expect(again.outcome).to.include({ code: 'nothing_to_do', class: 'done', effect: 'happened' })
    expect(again.after).to.deep.equal(again.before)
    expect(codeOf(await decide('revert', { consumer: PLAIN }))).to.equal('source_missing')
  })

  it('reverted gives the source back, then there is nothing to do, and confirm is source_unexpected', async () => {
    await decide('claim', way(BACK))
    const told = await decide('revert', { consumer: BACK })
    expect(codeOf(told)).to.equal('applied')
    expect(sidesOf(told, BACK)).to.deep.equal([on(NEW), on(OLD)])
    expect(sidesOf(told, told.migration as string)).to.deep.equal([on(OLD), EMPTY])
    expect(told.open).to.equal(null)
    expect(codeOf(await decide('revert', { consumer: BACK }))).to.equal('nothing_to_do')
    expect(codeOf(await decide('confirm', { consumer: BACK }))).to.equal('source_unexpected')
  })

  it('claimed in mode doubled leaves the consumer with both, without M; confirm leaves the destination', async () => {
    const told = await decide('claim', { ...way(DOUBLED), mode: 'doubled' })
    expect(codeOf(told)).to.equal('applied')
    expect(told.migration).to.equal(null)
    expect(sidesOf(told, DOUBLED)).to.deep.equal([on(OLD), { ...on(OLD), ...on(NEW) }])
    expect(told.open).to.deep.include({ migration: null })
    const ended = await decide('confirm', { consumer: DOUBLED })
    expect([codeOf(ended), sidesOf(ended, DOUBLED)[1]]).to.deep.equal(['applied', on(NEW)])
    expect(codeOf(await decide('confirm', { consumer: DOUBLED }))).to.equal('nothing_to_do')
  })

  it('claimed in mode doubled and reverted leaves the source', async () => {
    await decide('claim', { ...way(DOUBLED_BACK), mode: 'doubled' })
    const ended = await decide('revert', { consumer: DOUBLED_BACK })
    expect([codeOf(ended), sidesOf(ended, DOUBLED_BACK)[1]]).to.deep.equal(['applied', on(OLD)])
    const again = await decide('claim', { ...way(DOUBLED_BACK), mode: 'doubled' })
    expect(codeOf(again)).to.equal('applied')
  })

  it('with destinationResources has that whole set there, and the old one back after revert', async () => {
    const told = await decide('claim', { ...way(RESIZED), destinationResources: { VCPU: 4 }, resources: { VCPU: 2 } })
    expect(sidesOf(told, RESIZED)).to.deep.equal([on(OLD), on(NEW, 4)])
    expect(sidesOf(told, told.migration as string)[1]).to.deep.equal(on(OLD, 2))
    const ended = await decide('revert', { consumer: RESIZED })
    expect(sidesOf(ended, RESIZED)).to.deep.equal([on(NEW, 4), on(OLD)])
    const moved = await decide('transfer', { ...way(RESIZED), destinationResources: { VCPU: 3 } })
    expect(sidesOf(moved, RESIZED)).to.deep.equal([on(OLD), on(NEW, 3)])
    expect(moved.migration).to.equal(null)
    expect(moved.open).to.equal(null)
  })

  it('retargeted holds the new destination instead of the old one, and M keeps the source', async () => {
    await decide('claim', way(RETARGETED))
    const told = await decide('retarget', { consumer: RETARGETED, source: NEW, destination: OTHER })
    expect(codeOf(told)).to.equal('applied')
    expect(sidesOf(told, RETARGETED)).to.deep.equal([on(NEW), on(OTHER)])
    expect(sidesOf(told, told.migration as string)).to.deep.equal([on(OLD), on(OLD)])
    expect(told.open).to.have.nested.property(`confirm.${RETARGETED}.allocations`).deep.equal(on(OTHER))
    expect(told.open).to.have.nested.property(`revert.${RETARGETED}.allocations`).deep.equal(on(OLD))
    const ended = await decide('revert', { consumer: RETARGETED })
    expect([codeOf(ended), sidesOf(ended, RETARGETED)[1]]).to.deep.equal(['applied', on(OLD)])
    const late = await decide('retarget', { consumer: RETARGETED, source: OLD, destination: OTHER })
    expect(codeOf(late)).to.equal('source_unexpected')
  })

  it('guarded names every guard that does not hold with what was found, and changes nothing', async () => {
    const guards = {
      expect: { consumerGeneration: 77, project: 'q', user: 'v', type: 'OTHER' },
      resources: { VCPU: 3 },
    }
    const told = await decide('transfer', { ...way(GUARDED), ...guards })
    expect(refusalOf(told, 'rule', 'expected', 'found')).to.deep.equal([
      'source_unexpected',
      { rule: 'amount', expected: 3, found: 2 },
      { rule: 'owner', expected: 'q', found: 'p' },
      { rule: 'owner', expected: 'v', found: 'u' },
      { rule: 'owner', expected: 'OTHER', found: 'INSTANCE' },
      { rule: 'generation', expected: 77, found: 1 },
    ])
    expect(told.after).to.deep.equal(told.before)
    expect(sidesOf(told, GUARDED)[0]).to.deep.equal(on(OLD))
    const typed = await decide('transfer', { ...way(GUARDED), expect: { type: 'OTHER', consumerGeneration: 77 } })
    expect(codeOf(typed)).to.equal('owner_mismatch')
    const counted = await decide('transfer', { ...way(GUARDED), expect: { consumerGeneration: 77 } })
    expect(codeOf(counted)).to.equal('generation_mismatch')
    const good = { consumerGeneration: 1, project: 'p', user: 'u', type: 'INSTANCE' }
    expect(codeOf(await decide('transfer', { ...way(GUARDED), expect: good, resources: { VCPU: 2 } }))).equal('applied')
  })

  it('ended under guards of another move is source_unexpected, whatever the guard', async () => {
    await decide('claim', way(FORTH))
    for (const guard of [{ source: OTHER }, { destination: OTHER }, { migration: uuidOf('another M') }]) {
      expect([guard, codeOf(await decide('confirm', { consumer: FORTH, ...guard }))]).to.deep.equal([
        guard,
        'source_unexpected',
      ])
    }
    expect(codeOf(await decide('confirm', { consumer: FORTH, source: OLD, destination: NEW }))).to.equal('applied')
  })

  it('keeps others off with conflicting_operation: all that begins something new, and release of M', async () => {
    const claim = request('claim', way(BUSY))
    await decide('claim', claim)
    const open = { rule: 'open_move', request: claim.id }
    const others: [string, Fields][] = [
      ['claim', way(BUSY)],
      ['transfer', way(BUSY)],
      ['acquire', { consumer: BUSY, destination: OTHER, resources: { VCPU: 1 }, owner: { project: 'p', user: 'u' } }],
      ['resize', { consumer: BUSY, source: NEW, resources: { VCPU: 1 } }],
      ['adjust', { consumer: BUSY, deltas: { [NEW]: { VCPU: 1 } } }],
      ['swap-consumer', { consumer: BUSY, newConsumer: uuidOf('heir') }],
      ['transfer', way(uuidV5(claim.id))],
      ['claim', { ...way(AGAIN), migration: uuidV5(claim.id) }],
      ['release', { consumer: uuidV5(claim.id) }],
    ]
    for (const [operation, fields] of others) {
      const told = await decide(operation, fields)
      expect([operation, refusalOf(told, 'rule', 'request').slice(0, 2)]).to.deep.equal([
        operation,
        ['conflicting_operation', open],
      ])
    }
    expect(codeOf(await decide('release', { consumer: BUSY }))).to.equal('applied')
    expect(codeOf(await decide('release', { consumer: BUSY }))).to.equal('nothing_to_do')
  })

  it('begun by another is ended where the ledger matches it exactly, and not where it does not', async () => {
    const nova = (consumer: string): Fields => ({ ...way(consumer), migration: M_OF[consumer] })
    expect(codeOf(await decide('confirm', { consumer: NOVA }))).to.equal('source_missing')
    const wrong = await decide('confirm', { ...nova(NOVA), source: OTHER })
    expect(codeOf(wrong)).to.equal('source_unexpected')
    const confirmed = await decide('confirm', nova(NOVA))
    expect([codeOf(confirmed), sidesOf(confirmed, M_OF[NOVA]!)]).to.deep.equal(['applied', [on(OLD), EMPTY]])
    const reverted = await decide('revert', nova(NOVA_BACK))
    expect([codeOf(reverted), sidesOf(reverted, NOVA_BACK)]).to.deep.equal(['applied', [on(NEW), on(OLD)]])
    const gone = { ...way(DONE), source: OLD, migration: uuidOf('an M that is gone') }
    expect(codeOf(await decide('transfer', way(DONE)))).to.equal('applied')
    expect(codeOf(await decide('confirm', gone))).to.equal('nothing_to_do')
    expect(codeOf(await decide('revert', gone))).to.equal('source_missing')
  })

  it('whose M stands already, or whose consumer is elsewhere, is source_unexpected', async () => {
    const taken = await decide('claim', { ...way(LOST), migration: GUARDED })
    expect(codeOf(taken)).to.equal('source_unexpected')
    const elsewhere = await decide('claim', { consumer: LOST, source: OTHER, destination: NEW })
    expect(codeOf(elsewhere)).to.equal('source_unexpected')
    const nowhere = await decide('claim', way(uuidOf('nobody')))
    expect(codeOf(nowhere)).to.equal('source_missing')
    const noSource = await decide('claim', { consumer: LOST, source: uuidOf('no host'), destination: NEW })
    expect(codeOf(noSource)).to.equal('source_missing')
  })

  it('leaves the ledger as the events told it', async () => {
    const told = ground.events.all.map(({ body }) => JSON.parse(body.toString()) as Answer)
    const last: Record<string, Held> = Object.fromEntries(books.consumers.map((one) => [one.id, one.allocations]))
    for (const { after } of told)
      for (const [id, { allocations }] of Object.entries(after ?? {})) last[id] = allocations
    const kept = Object.entries(last).filter(([, allocations]) => Object.keys(allocations).length > 0)
    expect(holdings(await ground.dump())).to.deep.equal(Object.fromEntries(kept))
    expect(await ground.faultsAtRest()).to.deep.equal([])
  }).timeout(30_000)
})
