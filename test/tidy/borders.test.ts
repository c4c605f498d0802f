// Who imports whom: the project as it is, and small samples that show that each rule can fail.
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'
import { areaOf, borderFaults, deadFiles, importRings, keyFaults } from './borders.ts'
import { none } from './none.ts'
import { importsOf, source, sourcesIn } from './source.ts'

const project = sourcesIn(projectRoot(), ['src', 'test', 'bench', 'examples'], ['.ts'])

describe('borders', () => {
  it('hold in the project', () => {
    none(borderFaults(project))
  })

  it('keep the nouns free of everything else', () => {
    const bad = source(
      'src/transfer/plan.ts',
      "import { flow } from '../flow/flow.ts'\nimport { connect } from 'node:net'\n",
    )
    expect(borderFaults([bad])).deep.equal([
      'src/transfer/plan.ts:1: transfer may not import flow (../flow/flow.ts)',
      'src/transfer/plan.ts:2: transfer may not use node:net',
    ])
  })

  it('let only wire.ts name an adapter', () => {
    const text = "import { redisLedger } from '../ledger/redis/redis-ledger.ts'\n"
    expect(borderFaults([source('src/flow/apply.ts', text)])).lengthOf(1)
    expect(borderFaults([source('src/cli/ledger.ts', text)])).lengthOf(1)
    expect(borderFaults([source('src/wire.ts', text.replace('../', './'))])).deep.equal([])
  })

  it('let each driver package be named in one place', () => {
    const text = "const client = await import('ioredis')\n"
    expect(borderFaults([source('src/locks/redis/redis-locks.ts', text)])).deep.equal([
      'src/locks/redis/redis-locks.ts:1: ioredis may be named only in src/redis/',
    ])
    expect(borderFaults([source('src/redis/client.ts', text)])).deep.equal([])
  })

  it('ask for an owner of each new package, and for a row of each new area', () => {
    expect(borderFaults([source('src/cli/x.ts', "import x from 'left-pad'\n")])[0]).contain('left-pad has no owner')
    expect(borderFaults([source('src/extra/x.ts', '')])[0]).contain("'extra' is not in the table")
  })

  it('see what is re-exported, and nothing in strings or comments', () => {
    const file = source(
      'src/a/b.ts',
      "export * from './c.ts'\n// from './d.ts'\nconst text = `import x from './e.ts'`\n",
    )
    expect(importsOf(file).map(({ path }) => path)).deep.equal(['src/a/c.ts'])
  })

  it('let one module name the keys of Redis', () => {
    none(keyFaults(project))
    const text = 'const key = `{${namespace}}:letters`\n'
    expect(keyFaults([source('src/dead-letters/x.ts', text)])).deep.equal([
      'src/dead-letters/x.ts:1: keys belong in src/redis/keys.ts',
    ])
    expect(keyFaults([source('src/redis/keys.ts', text)])).deep.equal([])
  })

  it('tell an adapter from its port', () => {
    expect(['src/ledger/redis/a.ts', 'src/ledger/ledger.ts', 'src/wire/a.ts', 'src/main.ts'].map(areaOf)).deep.equal([
      'ledger/redis',
      'ledger',
      'wire',
      'main',
    ])
  })
})

describe('dead files', () => {
  it('are not in the project', () => {
    none(deadFiles(project))
  })

  it('are found in src/ and in test/', () => {
    const files = [
      source('src/main.ts', "await import('./used.ts')\n"),
      source('src/used.ts', ''),
      source('src/unused.ts', ''),
      source('test/a.test.ts', "import './support/used.ts'\n"),
      source('test/support/used.ts', ''),
      source('test/support/unused.ts', "import '../../src/unused.ts'\n"),
    ]
    expect(deadFiles(files)).deep.equal([
      'src/unused.ts: neither src/main.ts nor src/index.ts leads here',
      'test/support/unused.ts: no test leads here',
    ])
  })
})

describe('rings of imports', () => {
  it('are not in the project', () => {
    none(importRings(project))
  })

  it('are found, but not where only types are imported', () => {
    const files = (keyword: string) => [
      source('src/a.ts', "import { b } from './b.ts'\n"),
      source('src/b.ts', `import ${keyword} { a } from './a.ts'\n`),
    ]
    expect(importRings(files(''))).deep.equal(['src/a.ts -> src/b.ts'])
    expect(importRings(files('type'))).deep.equal([])
  })
})
