// The rules about the table of the contract's statements: names, tests that exist, tests that see nothing from inside.
import type { Statement } from '../contract-lines/lines/statement.ts'
import { importsOf, type Source } from './source.ts'
import type { Titles } from './titles.ts'

export function statementFaults(statements: readonly Statement[]): string[] {
  const seen = new Set<string>()
  return statements.flatMap(({ name, proofs, missing }) => {
    const faults: string[] = []
    if (seen.has(name)) faults.push(`${name} is the name of two statements`)
    seen.add(name)
    if (!/^[a-z]+(?:[.-][a-z]+)*$/.test(name)) faults.push(`"${name}" is no name: lower-case words with . and -`)
    if (missing === null ? proofs.length === 0 : missing === '') {
      faults.push(`${name} has neither a test nor a reason why there is none`)
    }
    return faults
  })
}

/** What several files end with, and no statement is about. */
const CLOSING = ['leaves everything at rest']

/** Tests that are named and not there, and tests of the `own` files that no statement names. */
export function testFaults(statements: readonly Statement[], titles: Titles, own: readonly string[]): string[] {
  const named = new Set<string>(CLOSING)
  const lost = statements.flatMap(({ name, proofs }) =>
    proofs.flatMap(({ file, title }) => {
      named.add(`${file} ${title}`)
      return titles.get(file)?.has(title) === true ? [] : [`${name}: ${file} has no test "${title}"`]
    }),
  )
  const idle = own.flatMap((file) =>
    [...(titles.get(file) ?? [])]
      .filter((title) => !named.has(title) && !named.has(`${file} ${title}`))
      .map((title) => `${file}: "${title}" is named by no statement`),
  )
  return [...lost, ...idle]
}

/** What a test may take from src/ and still see Ferryman from outside: time, servers to start, names and addresses. */
const OUTSIDE = /^src\/(?:clock\/|demo\/|broker\/(?:names|rabbit\/urls)\.ts$)/

export function blackBoxFaults(tests: readonly Source[]): string[] {
  return tests.flatMap((file) =>
    importsOf(file).flatMap(({ path }) => {
      const inside = path !== null && path.startsWith('src/') && !OUTSIDE.test(path)
      return inside ? [`${file.path} imports ${path}`] : []
    }),
  )
}
