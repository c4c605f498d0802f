// The rules about the table of guards: each stands where it says, is noticed by a test that is there, and is told of.
import { countOf } from '../mutants/copy.ts'
import { SIMULATIONS, type Mutant } from '../mutants/mutant.ts'

/** Text of a file by its path from the project's root; null where it is not there. */
export type Reader = (path: string) => string | null

/** Texts that do not stand exactly once in their file. `read` knows sources, or what they were compiled into. */
export function textFaults(mutants: readonly Mutant[], read: Reader): string[] {
  return mutants.flatMap(({ name, file, text, instead }) => {
    const page = read(file)
    if (page === null) return [`${name}: ${file} is not there`]
    const found = countOf(text, page)
    return [
      ...(found === 1 ? [] : [`${name}: ${file} has its text ${found} times instead of once`]),
      ...(instead === text ? [`${name} changes nothing`] : []),
    ]
  })
}

export function nameFaults(mutants: readonly Mutant[]): string[] {
  const seen = new Set<string>()
  return mutants.flatMap(({ name, simulated }) => {
    const faults: string[] = []
    if (seen.has(name)) faults.push(`${name} is the name of two mutants`)
    seen.add(name)
    if (!/^[a-z]+(?:-[a-z]+)*$/.test(name)) faults.push(`"${name}" is no name: lower-case words with -`)
    if (simulated !== null && !SIMULATIONS[simulated.ledger].some((one) => one.name === simulated.mutant)) {
      faults.push(`${name}: the simulation on ${simulated.ledger} has no mutant ${simulated.mutant}`)
    }
    return faults
  })
}

/** What a document calls a mutant: the word, then its name in code. */
const CALLED = /\bmutants? ((?:`[a-z-]+`(?:, | and )?)+)/g

/** Mutants of a document that are not in the table, and mutants of the table that it does not name. */
export function toldFaults(mutants: readonly Mutant[], path: string, page: string): string[] {
  const told = new Set(
    [...page.matchAll(CALLED)].flatMap(([, list]) => [...list!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)),
  )
  const known = new Set(mutants.map(({ name }) => name))
  return [
    ...[...told].filter((name) => !known.has(name)).map((name) => `${path}: there is no mutant ${name}`),
    ...[...known].filter((name) => !told.has(name)).map((name) => `${path} does not name the mutant ${name}`),
  ]
}
