// Every guard that is taken away, in the order in which they are told.
import { LEDGER_MUTANTS } from './ledger-mutants.ts'
import { LOCK_MUTANTS } from './lock-mutants.ts'
import type { Mutant } from './mutant.ts'

export interface Group {
  readonly title: string
  readonly mutants: readonly Mutant[]
}

export const GROUPS: readonly Group[] = [
  { title: 'Locks', mutants: LOCK_MUTANTS },
  { title: 'Writes on the Redis ledger', mutants: LEDGER_MUTANTS },
]

export const MUTANTS: readonly Mutant[] = GROUPS.flatMap(({ mutants }) => mutants)
