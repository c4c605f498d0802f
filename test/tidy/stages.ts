// The rule that the flow reads as a sentence: flow.ts imports the stages in order, and each says which it is.
import { importsOf, type Source } from './source.ts'

export const STAGES = ['receive', 'validate', 'lock', 'apply', 'verify', 'publish', 'settle']

export function stageFaults(sources: readonly Source[]): string[] {
  const flow = sources.find(({ path }) => path === 'src/flow/flow.ts')
  if (flow === undefined) return ['src/flow/flow.ts: is missing']
  const imported = importsOf(flow)
    .flatMap(({ path }) => path ?? [])
    .map((path) => path.replace(/^src\/flow\/(.*)\.ts$/, '$1'))
    .filter((name) => STAGES.includes(name))
  const order =
    imported.join(' ') === STAGES.join(' ')
      ? []
      : [`src/flow/flow.ts: imports the stages as ${imported.join(', ')}; the sentence is ${STAGES.join(', ')}`]
  return [
    ...order,
    ...STAGES.flatMap((stage, index) => {
      const path = `src/flow/${stage}.ts`
      const file = sources.find((candidate) => candidate.path === path)
      const wanted = `// Stage ${index + 1} of ${STAGES.length}: `
      if (file === undefined) return [`${path}: is missing`]
      return file.text.startsWith(wanted) ? [] : [`${path}:1: does not begin with '${wanted}'`]
    }),
  ]
}
