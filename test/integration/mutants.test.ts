// The runner of mutants: guards are taken away in a copy only, and a test that fails is told from one that cannot run.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { MUTANTS } from '../mutants/all.ts'
import { Copy, countOf } from '../mutants/copy.ts'
import { Trials, type Trial } from '../mutants/trial.ts'
import { projectRoot } from '../support/project-root.ts'

const MUTANT = MUTANTS.find(({ name }) => name === 'once-never-repeated')!
const { file, title } = MUTANT.noticed

describe('a copy with a guard taken away', function () {
  this.timeout(60_000)
  let copy: Copy

  beforeEach(() => {
    copy = new Copy(projectRoot(), join(import.meta.dirname, '..', '..'))
  })
  afterEach(() => {
    copy.remove()
  })
  const trial = (words = title): Promise<Trial> => new Trials(copy.folder).run(file, [words], true)

  it('lacks it until it is put back, and cannot lack it twice', () => {
    const built = join(copy.folder, 'dist', MUTANT.file.replace(/\.ts$/, '.js'))
    const count = (): number => countOf(MUTANT.text, readFileSync(built, 'utf8'))
    const putBack = copy.take(MUTANT)
    expect(count()).to.equal(0)
    expect(() => copy.take(MUTANT)).to.throw('0 times instead of once')
    putBack()
    expect(count()).to.equal(1)
  })

  it('fails the test that is named for it, which passes with all guards in place', async () => {
    expect(await trial())
      .to.have.property('kind', 'passed')
      .that.is.a('string')
    copy.take(MUTANT)
    const failed = await trial()
    expect(failed).to.have.property('kind', 'failed')
    expect(failed).to.have.property('title').that.contains(title)
  })

  it('proves nothing where the test cannot be loaded, or does not exist', async () => {
    expect(await trial('no test says this')).to.deep.equal({ kind: 'passed', titles: [] })
    copy.take({ ...MUTANT, instead: '))' })
    expect(await trial()).to.have.property('kind', 'broken')
  })
})
