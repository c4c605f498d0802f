// The seven stages stand in their order, in flow.ts and in their headers.
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'
import { none } from './none.ts'
import { source, sourcesIn } from './source.ts'
import { STAGES, stageFaults } from './stages.ts'

describe('stages', () => {
  it('are in the order of the sentence', () => {
    none(stageFaults(sourcesIn(projectRoot(), ['src/flow'], ['.ts'])))
  })

  it('are noticed when swapped, renumbered or missing', () => {
    const flow = (names: readonly string[]) =>
      source('src/flow/flow.ts', names.map((name) => `import './${name}.ts'\n`).join(''))
    const stages = STAGES.map((name, index) => source(`src/flow/${name}.ts`, `// Stage ${index + 1} of 7: ${name}.\n`))
    expect(stageFaults([flow(STAGES), ...stages])).deep.equal([])
    expect(stageFaults([flow(STAGES.toReversed()), ...stages])).lengthOf(1)
    expect(
      stageFaults([flow(STAGES), source('src/flow/receive.ts', '// Stage 2 of 7: no.\n'), ...stages.slice(1)]),
    ).lengthOf(1)
    expect(stageFaults([flow(STAGES), ...stages.slice(1)])).lengthOf(1)
  })
})
