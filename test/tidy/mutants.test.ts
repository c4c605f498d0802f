// The table of guards against the project: lines, tests and documents that it names are there. Nothing is run.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { MUTANTS } from '../mutants/all.ts'
import type { Mutant } from '../mutants/mutant.ts'
import { mutantsPage } from '../mutants/page.ts'
import { projectRoot } from '../support/project-root.ts'
import { titlesOf } from './titles.ts'
import { none } from './none.ts'
import { nameFaults, textFaults, toldFaults, type Reader } from './mutants.ts'

const ROOT = projectRoot()
const BUILT = join(import.meta.dirname, '..', '..')
const textOf = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null)
const source: Reader = (path) => textOf(join(ROOT, path))
const built: Reader = (path) =>
  path.endsWith('.ts') ? textOf(join(BUILT, path.replace(/\.ts$/, '.js'))) : textOf(join(ROOT, path))

const good: Mutant = {
  name: 'a-guard',
  fear: 'It breaks.',
  file: 'lua/a.lua',
  text: 'if a then',
  instead: 'if b then',
  noticed: { file: 'test/a.test.ts', title: 'holds' },
  simulated: null,
}

describe('the table of guards', () => {
  it('has names that are unique, and mutants of the simulation that are there', () => {
    none(nameFaults(MUTANTS))
  })

  it('has texts that stand once in their file, as it is written and as it is built', () => {
    none([...textFaults(MUTANTS, source), ...textFaults(MUTANTS, built)])
  })

  it('names only tests that are there', () => {
    const titles = titlesOf([...new Set(MUTANTS.map(({ noticed }) => noticed.file))])
    none(
      MUTANTS.filter(
        ({ noticed }) => ![...titles.get(noticed.file)!].some((title) => title.includes(noticed.title)),
      ).map(({ name, noticed }) => `${name}: ${noticed.file} has no test "${noticed.title}"`),
    )
  }).timeout(60_000)

  it('is told of in the guarantees, each mutant with what it is a proof of', () => {
    none(toldFaults(MUTANTS, 'docs/guarantees.md', source('docs/guarantees.md')!))
  })
})

describe('faults of the table of guards', () => {
  it('are texts that stand nowhere, or twice, and mutants that change nothing', () => {
    const read: Reader = (path) => (path === 'lua/a.lua' ? 'if a then\nif a then\n' : null)
    expect(textFaults([good, { ...good, text: 'x', instead: 'x' }, { ...good, file: 'b' }], read)).to.deep.equal([
      'a-guard: lua/a.lua has its text 2 times instead of once',
      'a-guard: lua/a.lua has its text 0 times instead of once',
      'a-guard changes nothing',
      'a-guard: b is not there',
    ])
  })

  it('are names that come twice or look odd, and mutants that the simulation does not have', () => {
    const odd = { ...good, name: 'A guard', simulated: { ledger: 'redis', mutant: 'nothing' } } as const
    expect(nameFaults([good, good, odd])).to.deep.equal([
      'a-guard is the name of two mutants',
      '"A guard" is no name: lower-case words with -',
      'A guard: the simulation on redis has no mutant nothing',
    ])
  })

  it('are mutants that a document names and the table has not, and the other way round', () => {
    expect(toldFaults([good], 'docs/x.md', 'caught: mutants `b`, `a-guard` and `c`')).to.deep.equal([
      'docs/x.md: there is no mutant b',
      'docs/x.md: there is no mutant c',
    ])
    expect(toldFaults([good], 'docs/x.md', 'the guard `a-guard`')).to.deep.equal([
      'docs/x.md does not name the mutant a-guard',
    ])
  })
})

describe('the page of guards', () => {
  it('tells where each stands and what notices', () => {
    const simulated = { ledger: 'placement', mutant: 'unguarded' } as const
    const page = mutantsPage([{ title: 'Some', mutants: [{ ...good, simulated }] }])
    expect(page.split('\n').at(-2)).to.equal(
      '| `a-guard` | It breaks. | [a.lua](../lua/a.lua) | [a](../test/a.test.ts): holds | `unguarded` on placement |',
    )
  })
})
