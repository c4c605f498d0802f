// The table of the contract's statements against the tests: each is shown or says why not, and every named test exists.
import { expect } from 'chai'
import { SECTIONS } from '../contract-lines/lines/page.ts'
import { notYet, shown, type Statement } from '../contract-lines/lines/statement.ts'
import { projectRoot } from '../support/project-root.ts'
import { none } from './none.ts'
import { importsOf, sourcesIn, type Source } from './source.ts'
import { blackBoxFaults, statementFaults, testFaults } from './contract-lines.ts'
import { titlesOf, type Titles } from './titles.ts'

const ROOT = projectRoot()
const statements = SECTIONS.flatMap((section) => section.statements)

describe('the table of the contract and its tests', () => {
  const sources = sourcesIn(ROOT, ['test'], ['.ts'])
  const own = sources.map(({ path }) => path).filter((path) => /^test\/contract-lines\/[^/]*\.test\.ts$/.test(path))
  const named = statements.flatMap(({ proofs }) => proofs.map(({ file }) => file))

  it('has names that are unique, and for each statement a test or a reason', () => {
    none(statementFaults(statements))
  })

  it('names only tests that are there, and every test of its own folder', () => {
    none(testFaults(statements, titlesOf([...new Set([...own, ...named])]), own))
  }).timeout(60_000)

  it('rests on tests that see Ferryman from outside only', () => {
    none(blackBoxFaults(sources.filter(({ path }) => own.includes(path) || named.includes(path))))
  })
})

describe('faults of the table', () => {
  const FILE = 'test/contract-lines/room.test.ts'
  const good = shown('a.b', 'It fits.', 'room: fits')

  it('are names that come twice or look odd, and statements with neither test nor reason', () => {
    const faults = statementFaults([
      good,
      good,
      { ...good, name: 'A b' },
      shown('c', 'Says.'),
      notYet('d', 'Says.', ''),
    ])
    expect(faults).to.deep.equal([
      'a.b is the name of two statements',
      '"A b" is no name: lower-case words with . and -',
      'c has neither a test nor a reason why there is none',
      'd has neither a test nor a reason why there is none',
    ])
  })

  it('are tests that were renamed, and tests that no statement names', () => {
    const titles: Titles = new Map([[FILE, new Set(['fits well', 'leaves everything at rest'])]])
    expect(testFaults([good], titles, [FILE])).to.deep.equal([
      `a.b: ${FILE} has no test "fits"`,
      `${FILE}: "fits well" is named by no statement`,
    ])
    expect(testFaults([good], new Map([[FILE, new Set(['fits'])]]), [FILE])).to.deep.equal([])
  })

  it('are tests that look into Ferryman', () => {
    const of = (path: string, text: string): Source => ({ path, text, code: text })
    const spy = of(FILE, "import { plan } from '../../src/transfer/plan.ts'\n")
    const timed = of('test/chaos/x.test.ts', "import { systemClock } from '../../src/clock/system-clock.ts'\n")
    expect(importsOf(spy)).to.have.length(1)
    expect(blackBoxFaults([spy, timed])).to.deep.equal([`${FILE} imports src/transfer/plan.ts`])
  })

  it('are proofs of a file that has no short name', () => {
    expect((): Statement => shown('x', 'Says.', 'nowhere: fits')).to.throw('does not begin with one of')
  })
})
