// A destination that everybody wants: exactly as many get in as there is room for, whoever asks them.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, openInstallation, type Installation } from '../support/installation.ts'
import { moverOf, moversBooks, moves, providerOf, requestsOf } from '../support/installation-moves.ts'

const HOT = uuidOf('hot host')
const [ASKING, ROOM] = [120, 17]

describe('a destination with room for some', () => {
  let installation: Installation
  before(async () => {
    installation = await openInstallation()
    const { providers, consumers } = moversBooks(ASKING)
    await installation.seed({ providers: [...providers, providerOf(HOT, 'hot', ROOM * 2 + 1)], consumers })
    await Promise.all([1, 2, 3].map(() => installation.worker()))
  })
  after(() => installation.close())

  it(`takes exactly ${ROOM} of ${ASKING} claims, and refuses the others with the numbers`, async () => {
    await installation.ask(...moves(ASKING, { operation: 'claim', destination: HOT }))
    const decided = await installation.decisions(requestsOf(ASKING))
    const applied = decided.filter(({ outcome }) => outcome.code === 'applied')
    expect(applied).to.have.length(ROOM)
    for (const { outcome, violations } of decided.filter((told) => !applied.includes(told))) {
      expect(outcome.code).to.equal('capacity_exceeded')
      expect(violations).to.deep.equal([
        {
          rule: 'capacity',
          provider: HOT,
          resourceClass: 'VCPU',
          requested: 2,
          used: ROOM * 2,
          capacity: ROOM * 2 + 1,
        },
      ])
    }
    expect(await installation.faultsAtRest()).to.deep.equal([])
    expect(faultsOfTelling(installation, requestsOf(ASKING))).to.deep.equal([])
    const dump = await installation.dump()
    expect(dump.providers.find(({ id }) => id === HOT)!.usages).to.deep.equal({ VCPU: ROOM * 2 })
    const inside = dump.consumers.filter(({ allocations }) => HOT in allocations).map(({ id }) => id)
    expect(inside.sort()).to.deep.equal(
      decided.flatMap((told, server) => (told.outcome.code === 'applied' ? [moverOf(server)] : [])).sort(),
    )
  }).timeout(120_000)
})
