// The real worker through hundreds of lives full of faults: nothing goes wrong, and every rule taken away is noticed.
import { expect } from 'chai'
import { live } from './life.ts'
import { COVERED, MUTANTS, type Mutant } from './mutants.ts'
import { PLACEMENT_MUTANTS } from './placement-mutants.ts'
import { shrink } from './shrink.ts'
import type { LedgerName } from './world.ts'

const SEEDS = Number(process.env['FERRYMAN_TEST_RUNS'] ?? 300)
/** Each takes twice as long there. */
const PLACEMENT_SEEDS = Math.ceil(SEEDS / 2)
/** Seeds that once found a bug. */
const FOUND = { redis: [1120, 7195], placement: [52, 240, 861, 3756] } as const
const MUTANT_SEEDS = 1_000
const COVERED_SEEDS = 20

describe('a simulated life', function () {
  this.timeout(60_000 + SEEDS * 200)

  it(`keeps every promise, whatever fails, in ${SEEDS} lives`, async () => {
    const seeds = [...FOUND.redis, ...Array.from({ length: SEEDS }, (_, number) => number + 1)]
    for (const seed of seeds) {
      const { violation, steps } = await live(seed)
      const again = `npm run simulate -- --seed ${seed} --trace`
      expect(violation, `${steps.slice(-20).join('\n')}\n${again}`).to.equal(null)
    }
  })

  it(`keeps them on Placement, in ${PLACEMENT_SEEDS} lives`, async () => {
    const seeds = [...FOUND.placement, ...Array.from({ length: PLACEMENT_SEEDS }, (_, number) => number + 1)]
    for (const seed of seeds) {
      const { violation, steps } = await live(seed, { ledger: 'placement' })
      const again = `npm run simulate -- --ledger placement --seed ${seed} --trace`
      expect(violation, `${steps.slice(-20).join('\n')}\n${again}`).to.equal(null)
    }
  })

  for (const ledger of ['redis', 'placement'] as const) {
    it(`is the same each time it is lived, on ${ledger}`, async () => {
      for (const seed of [3, 61, 88]) {
        const [first, second] = [await stepsOf(seed, ledger), await stepsOf(seed, ledger)]
        expect(first.length).to.be.greaterThan(100)
        expect(second).to.deep.equal(first)
      }
    })
  }

  it('is another with another seed', async () => {
    expect(await stepsOf(3)).not.to.deep.equal(await stepsOf(4))
  })
})

describe('a simulation notices', function () {
  this.timeout(180_000)

  for (const mutant of MUTANTS) {
    it(`${mutant.name}: ${mutant.what}`, async () => {
      expect(await noticedAt(mutant)).to.be.a('number')
    })
  }
  for (const mutant of PLACEMENT_MUTANTS) {
    it(`on Placement ${mutant.name}: ${mutant.what}`, async () => {
      expect(await noticedAt(mutant, 'placement')).to.be.a('number')
    })
  }
})

describe('a life in which something goes wrong', function () {
  this.timeout(180_000)

  it('is told as the shortest that breaks the same rule', async () => {
    const mutant = MUTANTS.find(({ name }) => name === 'restoreSkipped')!
    const whole = await live(mutant.seed, { mutant })
    const { life, steps, without, climate, tried } = await shrink(mutant.seed, { mutant, livesMax: 150 })
    expect(life.violation?.rule).to.equal(whole.violation?.rule)
    expect(tried).to.be.at.most(150)
    expect(climate.requests + climate.workers).to.be.lessThan(whole.climate.requests + whole.climate.workers)
    expect(climate.storms.map(({ kind }) => kind)).to.deep.equal(['failover'])
    expect(without).to.include('fewer requests').and.include('no storm of kind roll')
    expect(steps.some((step) => step.includes('a replica takes over'))).to.equal(true)
  })
})

describe('without one guard of several', function () {
  this.timeout(60_000)

  for (const mutant of COVERED) {
    it(`(${mutant.name}) nothing goes wrong: ${mutant.what}`, async () => {
      for (let seed = 1; seed <= COVERED_SEEDS; seed++) expect((await live(seed, { mutant })).violation).to.equal(null)
    })
  }
})

/** The seed that noticed it before is tried first: with other code it may be another. */
async function noticedAt(mutant: Mutant, ledger: LedgerName = 'redis'): Promise<number | null> {
  if ((await live(mutant.seed, { mutant, ledger })).violation !== null) return mutant.seed
  for (let seed = 1; seed <= MUTANT_SEEDS; seed++) {
    if ((await live(seed, { mutant, ledger })).violation !== null) return seed
  }
  return null
}

async function stepsOf(seed: number, ledger: LedgerName = 'redis'): Promise<readonly string[]> {
  const steps: string[] = []
  await live(seed, { ledger, tell: (line) => steps.push(line) })
  return steps
}
