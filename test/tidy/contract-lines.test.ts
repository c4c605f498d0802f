// The table of the contract's statements against the tests: each is shown or says why not, and every named test exists.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { SECTIONS } from '../contract-lines/lines/page.ts'
import { notYet, shown, type Statement } from '../contract-lines/lines/statement.ts'
import { projectRoot } from '../support/project-root.ts'
import { none } from './none.ts'
import { importsOf, sourcesIn, type Source } from './source.ts'
import { blackBoxFaults, statementFaults, testFaults, type Titles } from './contract-lines.ts'

const ROOT = projectRoot()
const BUILT = join(import.meta.dirname, '..', '..')
const statements = SECTIONS.flatMap((section) => section.statements)

/** Titles of the tests of each file, as they would run; nothing is run. */
function titlesOf(files: readonly string[]): Titles {
  const built = files.map((file) => join(BUILT, file.replace(/\.ts$/, '.js')))
  const options = ['--dry-run', '--reporter', 'json', ...built.filter((file) => existsSync(file))]
  const mocha = join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js')
  // n.b. Without FERRYMAN_*, on which some titles depend: the table names them as they are by default.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FERRYMAN_')))
  const how = { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 1 << 26 } as const
  const out = execFileSync(process.execPath, [mocha, ...options], how)
  const { tests } = JSON.parse(out.slice(out.indexOf('{'))) as { tests: { title: string; file: string }[] }
  const titles = new Map<string, Set<string>>(files.map((file) => [file, new Set()]))
  for (const { title, file } of tests) {
    titles.get(file.slice(BUILT.length + 1).replace(/\.js$/, '.ts'))?.add(title)
  }
  return titles
}

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
