// A destination that everybody wants: exactly as many get in as there is room for, whoever asks them.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, LEDGERS, openInstallation, type Installation, type Told } from '../support/installation.ts'
import { moverOf, moversBooks, moves, providerOf, requestsOf } from '../support/installation-moves.ts'

const HOT = uuidOf('hot host')
const FULL = uuidOf('full host')
const GUEST = uuidOf('guest of the full host')
/** Claims, and how many of them there is room for. */
const CROWDS = { redis: [120, 17], placement: [40, 7] } as const

for (const ledger of LEDGERS)
  describe(`a destination with room for some on ${ledger}`, () => {
    const [asking, room] = CROWDS[ledger]
    let installation: Installation
    before(async () => {
      installation = await openInstallation({ ledger })
      const { providers, consumers } = moversBooks(asking)
      const hosts = [providerOf(HOT, 'hot', room * 2 + 1), providerOf(FULL, 'full', 4)]
      const guest = { ...consumers[0]!, id: GUEST, allocations: { [FULL]: { VCPU: 1 } } }
      const other = { ...guest, id: uuidOf('other guest'), allocations: { [FULL]: { VCPU: 2 } } }
      await installation.seed({ providers: [...providers, ...hosts], consumers: [...consumers, guest, other] })
      await Promise.all([1, 2, 3].map(() => installation.worker()))
    })
    after(() => installation.close())

    it('refuses more to one that is inside, with the numbers, however often it asks', async () => {
      const told: Told[] = []
      for (let n = 0; n < 10; n++) {
        const id = uuidOf('more', n)
        await installation.ask({
          version: 1,
          id,
          operation: 'adjust',
          consumer: GUEST,
          deltas: { [FULL]: { VCPU: 1 } },
        })
        told.push(await installation.decision(id))
      }
      const [first, ...others] = told
      expect(first!.outcome.code).to.equal('applied')
      for (const { outcome, violations, attempts } of others) {
        expect(outcome.code).to.equal('capacity_exceeded')
        expect(violations).to.have.length(1)
        expect(violations[0]).to.include({ rule: 'capacity', provider: FULL, resourceClass: 'VCPU', used: 2 })
        expect(attempts).to.equal(1)
      }
    }).timeout(60_000)

    it(`takes exactly ${room} of ${asking} claims, and refuses the others with the numbers`, async () => {
      await installation.ask(...moves(asking, { operation: 'claim', destination: HOT }))
      const decided = await installation.decisions(requestsOf(asking))
      const applied = decided.filter(({ outcome }) => outcome.code === 'applied')
      expect(applied).to.have.length(room)
      for (const { outcome, violations } of decided.filter((told) => !applied.includes(told))) {
        expect(outcome.code).to.equal('capacity_exceeded')
        expect(violations).to.deep.equal([
          {
            rule: 'capacity',
            provider: HOT,
            resourceClass: 'VCPU',
            requested: 2,
            used: room * 2,
            capacity: room * 2 + 1,
          },
        ])
      }
      expect(await installation.faultsAtRest()).to.deep.equal([])
      expect(faultsOfTelling(installation, requestsOf(asking))).to.deep.equal([])
      const dump = await installation.dump()
      expect(dump.providers.find(({ id }) => id === HOT)!.usages).to.deep.equal({ VCPU: room * 2 })
      const inside = dump.consumers.filter(({ allocations }) => HOT in allocations).map(({ id }) => id)
      expect(inside.sort()).to.deep.equal(
        decided.flatMap((told, server) => (told.outcome.code === 'applied' ? [moverOf(server)] : [])).sort(),
      )
    }).timeout(120_000)
  })
