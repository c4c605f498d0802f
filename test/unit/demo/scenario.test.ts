// The demo's cloud and scenario: chosen by the seed alone, of the size asked for, and telling of every kind of end.
import { expect } from 'chai'
import { chanceOf, cloudOf, DISABLED_HOST, FULL_HOST, hostId, SERVERS } from '../../../src/demo/cloud.ts'
import { draftOf } from '../../../src/demo/draft.ts'
import { scenarioOf, stepsOf } from '../../../src/demo/scenario.ts'
import { messagesOf } from '../../../src/demo/story.ts'
import { parseSeed } from '../../../src/ledger/seed-document.ts'
import { capacityOf, DISABLED_TRAIT } from '../../../src/transfer/capacity.ts'
import { decode } from '../../../src/transfer/message.ts'
import { classOf } from '../../../src/transfer/outcome.ts'
import { OPERATIONS } from '../../../src/transfer/request.ts'

const WANTED = { seed: 1, requests: 500, bytesMax: 65_536 }
const SEEDS = [0, 1, 2, 3, 99, 123_456_789]

describe('the cloud of the demo', () => {
  it('is a valid seed of eight hosts and two hundred servers, none over capacity, whatever the seed', () => {
    for (const seed of SEEDS) {
      const cloud = cloudOf(seed)
      expect(parseSeed(JSON.parse(JSON.stringify(cloud))).violations).to.deep.equal([])
      expect([cloud.providers.length, cloud.consumers.length]).to.deep.equal([8, SERVERS])
      for (const { id, inventories } of cloud.providers) {
        for (const [name, inventory] of Object.entries(inventories)) {
          const used = cloud.consumers.reduce((sum, { allocations }) => sum + (allocations[id]?.[name] ?? 0), 0)
          expect(used, `${name} of ${id} under seed ${seed}`).to.be.at.most(capacityOf(inventory))
        }
      }
    }
  })

  it('has one host that is disabled and one with a single VCPU left', () => {
    const { providers, consumers } = cloudOf(1)
    expect(providers.filter(({ traits }) => traits.includes(DISABLED_TRAIT)).map(({ name }) => name)).to.deep.equal([
      DISABLED_HOST,
    ])
    const full = hostId(FULL_HOST)
    const used = consumers.reduce((sum, { allocations }) => sum + (allocations[full]?.['VCPU'] ?? 0), 0)
    expect(capacityOf(providers.find(({ id }) => id === full)!.inventories['VCPU']!) - used).to.equal(1)
  })

  it('is the same for the same seed, and another for another', () => {
    expect(cloudOf(5)).to.deep.equal(cloudOf(5))
    expect(cloudOf(5)).not.to.deep.equal(cloudOf(6))
  })
})

describe('the scenario of the demo', () => {
  it('publishes exactly as many messages as are wanted', () => {
    for (const requests of [1, 2, 7, 40, 500, 1_999]) {
      const waves = scenarioOf(cloudOf(1), { ...WANTED, requests })
      expect(
        waves.flat().reduce((sum, story) => sum + messagesOf(story), 0),
        `${requests}`,
      ).to.equal(requests)
    }
  })

  it('is the same for the same seed, and another for another', () => {
    expect(scenarioOf(cloudOf(1), WANTED)).to.deep.equal(scenarioOf(cloudOf(1), WANTED))
    expect(scenarioOf(cloudOf(1), WANTED)).not.to.deep.equal(scenarioOf(cloudOf(1), { ...WANTED, seed: 2 }))
  })

  it('tells of every operation and of every end that a request can bring about by itself', () => {
    for (const seed of SEEDS) {
      const steps = stepsOf(scenarioOf(cloudOf(seed), { ...WANTED, seed }))
      expect([...new Set(steps.map(({ operation }) => operation))], `seed ${seed}`).to.have.members([...OPERATIONS])
      expect([...new Set(steps.map(({ foretold }) => foretold))], `seed ${seed}`).to.have.members([
        'applied',
        'nothing_to_do',
        'too_large',
        'malformed',
        'unsupported_version',
        'schema_invalid',
        'id_reused',
        'expired',
        'cancelled',
        'superseded',
        'conflicting_operation',
        'source_missing',
        'source_unexpected',
        'owner_mismatch',
        'generation_mismatch',
        'destination_missing',
        'destination_disabled',
        'traits_unmet',
        'aggregates_unmet',
        'no_inventory',
        'unit_violation',
        'capacity_exceeded',
        'no_candidate',
      ])
    }
  })

  it('foretells what is read of each body: a request, or the refusal that answers it', () => {
    for (const { body, foretold, request } of stepsOf(scenarioOf(cloudOf(1), WANTED))) {
      const decoded = decode({ body, messageId: request, headers: {} }, WANTED)
      if (classOf(foretold) !== 'invalid' || foretold === 'id_reused') expect(decoded.kind).to.equal('request')
      else expect(decoded).to.deep.include({ kind: 'invalid' }).and.to.have.nested.property('outcome.code', foretold)
    }
  })

  it('gives no two requests one id, but where that is the story', () => {
    const steps = stepsOf(scenarioOf(cloudOf(1), { ...WANTED, requests: 2_000 })).filter(
      ({ foretold }) => foretold !== 'id_reused',
    )
    expect(new Set(steps.map(({ request }) => request)).size).to.equal(steps.length)
    expect(new Set(steps.map(({ eventId }) => eventId)).size).to.equal(steps.length)
  })

  it('lets no two stories of one wave tell of the same server', () => {
    for (const wave of scenarioOf(cloudOf(1), { ...WANTED, requests: 2_000 })) {
      const told = wave.flatMap(({ steps }) => [
        ...new Set(steps.flatMap(({ body }) => /"consumer":"([^"]+)"/.exec(body.toString())?.[1] ?? [])),
      ])
      expect(new Set(told).size).to.equal(told.length)
    }
  })
})

describe('the draft of the demo', () => {
  it('gives room once, and gives it back in the next wave when the server has not come', () => {
    const draft = draftOf(cloudOf(1), 1, chanceOf(1))
    const half = { MEMORY_MB: 120 * 1_024 }
    const isFirst = ({ name }: { readonly name: string }): boolean => name === 'cn-01'
    let times = 0
    while (draft.room({ MEMORY_MB: 16_384 }, isFirst) !== null) times += 1
    expect(times).to.be.greaterThan(0)
    expect(draft.room(half, isFirst)).to.equal(null)
    draft.nextWave()
    expect(draft.room({ MEMORY_MB: 16_384 }, isFirst)).not.to.equal(null)
  })

  it('forgets where a story left its servers when the story is not told', () => {
    const draft = draftOf(cloudOf(1), 1, chanceOf(1))
    const gone = draft.server()!
    draft.leave(gone.id, null)
    draft.end(false)
    draft.nextWave()
    expect(draft.server(({ id }) => id === gone.id)).to.deep.equal(gone)
    draft.leave(gone.id, null)
    draft.end(true)
    draft.nextWave()
    expect(draft.server(({ id }) => id === gone.id)).to.equal(null)
  })

  it('takes nothing new on the disabled and on the full host', () => {
    const draft = draftOf(cloudOf(1), 1, chanceOf(1))
    for (const host of [DISABLED_HOST, FULL_HOST]) {
      expect(draft.room({ VCPU: 1 }, ({ name }) => name === host)).to.equal(null)
    }
  })
})
