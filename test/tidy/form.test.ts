// The form of each file: the project as it is, and small samples that show that each rule can fail.
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'
import {
  COLUMNS_MAX,
  FUNCTION_LINES_MAX,
  LINES_MAX,
  exclusiveFaults,
  functionFaults,
  headerFaults,
  nameFaults,
  sizeFaults,
  unfinishedFaults,
  wordFaults,
} from './form.ts'
import { none } from './none.ts'
import { source, sourcesIn } from './source.ts'

const root = projectRoot()
const product = sourcesIn(root, ['src'], ['.ts'])
const tests = sourcesIn(root, ['test', 'bench', 'examples'], ['.ts'])
const scripts = sourcesIn(root, ['scripts'], ['.mjs'])
const lua = sourcesIn(root, ['lua'], ['.lua'])
const pages = sourcesIn(root, ['docs'], ['.md'])
const code = [...product, ...tests, ...scripts, ...lua]

const HEADER = '// A sample that is bad in one way only.\n'
const bad = (text: string, path = 'src/flow/sample.ts') => [source(path, HEADER + text)]

describe('faults', () => {
  it('fail a test, and are shown', () => {
    expect(() => none(['src/a.ts:1: bad'])).throw('src/a.ts:1: bad')
    expect(() => none([])).not.throw()
  })
})

describe('headers', () => {
  it('say what every file is', () => {
    none(headerFaults(code))
  })

  it('are missed when absent or no sentence', () => {
    const texts = ["import a from 'b'\n", '// sample\n', '/* A block that says something. */\n', '']
    expect(texts.flatMap((text) => headerFaults([source('src/a.ts', text)]))).lengthOf(4)
    expect(headerFaults([source('src/main.ts', `#!/usr/bin/env node\n${HEADER}`)])).deep.equal([])
    expect(headerFaults([source('lua/a.lua', HEADER)])).lengthOf(1)
  })
})

describe('budgets', () => {
  it('of lines and columns are kept', () => {
    none(sizeFaults(code))
  })

  it('of lines and columns are noticed when broken', () => {
    expect(sizeFaults(bad('\n'.repeat(LINES_MAX) + 'end'))[0]).contain(`${LINES_MAX + 2} lines`)
    expect(sizeFaults(bad('x'.repeat(COLUMNS_MAX + 1)))).deep.equal([
      `src/flow/sample.ts:2: ${COLUMNS_MAX + 1} columns, 120 are the most`,
    ])
  })

  it('of functions are kept', () => {
    none(functionFaults([...product, ...tests, ...scripts]))
  })

  it('of functions are noticed in every way to write one', () => {
    const body = 'work()\n'.repeat(FUNCTION_LINES_MAX)
    for (const head of [
      'function long() {',
      'export async function long(a: string): Promise<void> {',
      'const long = () => {',
      'class A { async long<T>(a: T) {',
      'const a = { long(b = "}") {',
      'function long(\n  a: string,\n) {',
      'const text = `{${() => {',
      'const re = /[{]/\nconst long = () => {',
    ]) {
      expect(functionFaults(bad(`${head}\n${body}}\n`)), head).lengthOf(1)
    }
  })

  it('of functions leave alone what is none', () => {
    const body = '  work()\n'.repeat(FUNCTION_LINES_MAX)
    for (const head of ['export const table = {', 'interface Long {', 'class Long {', "describe('x', () => {"]) {
      expect(functionFaults(bad(`${head}\n${body}}\n`)), head).deep.equal([])
    }
  })
})

describe('names of files', () => {
  it('say something', () => {
    none(nameFaults(code))
  })

  it('are refused when they say nothing or are not kebab-case', () => {
    for (const path of [
      'src/utils.ts',
      'src/flow/lock-manager.ts',
      'test/unit/helpers.ts',
      'src/types/a.ts',
      'src/redisLedger.ts',
    ]) {
      expect(nameFaults([source(path, '')]), path).lengthOf(1)
    }
  })
})

describe('words', () => {
  it('stand in their place', () => {
    none(wordFaults(product))
  })

  it('are noticed outside it', () => {
    for (const text of [
      'const a = Date.now()',
      'new Date( )',
      'setTimeout(f, 1)',
      'Math.random()',
      'randomUUID()',
      "process.env['A']",
      'console.log(1)',
      'let a: any',
      'const a = b as any',
      'const a: any[] = []',
      'Map<string, any>',
      'AbortSignal.timeout(1)',
    ]) {
      expect(wordFaults(bad(text)), text).lengthOf(1)
    }
  })

  it('may be said in comments and strings, and meant otherwise', () => {
    for (const text of [
      '// Date.now() of any kind',
      "say('Math.random')",
      'Promise.any([])',
      'AbortSignal.any([a])',
      'new Date(ms)',
    ]) {
      expect(wordFaults(bad(text)), text).deep.equal([])
    }
  })
})

describe('tests', () => {
  it('all run', () => {
    none(exclusiveFaults(tests))
  })

  it('are noticed when left out', () => {
    for (const text of ["it.only('a')", "describe.skip('a')", "xit('a')", 'this.skip()']) {
      expect(exclusiveFaults(bad(text)), text).lengthOf(1)
    }
  })

  it('have a name of their own each', function () {
    let top = this.test!.parent!
    while (top.parent) top = top.parent
    none(repeatedTitles(top))
    expect(repeatedTitles({ tests: [{ fullTitle: () => 'a b' }, { fullTitle: () => 'a b' }], suites: [] })).deep.equal([
      'a b',
    ])
  })
})

describe('unfinished work', () => {
  it('is not in the project', () => {
    none(unfinishedFaults([...code, ...pages]))
  })

  it('is noticed', () => {
    expect(unfinishedFaults(bad(`// ${'TO' + 'DO'}: later`))).lengthOf(1)
  })
})

interface Titled {
  readonly tests: readonly { fullTitle: () => string }[]
  readonly suites: readonly Titled[]
}

/** Full titles that more than one test has. */
function repeatedTitles(suite: Titled): string[] {
  const all = (part: Titled): string[] => [...part.tests.map((test) => test.fullTitle()), ...part.suites.flatMap(all)]
  const titles = all(suite)
  return [...new Set(titles.filter((title, index) => titles.indexOf(title) !== index))]
}
