// Every guard that is taken away, in the order in which they are told.
import { JOURNAL_MUTANTS } from './journal-mutants.ts'
import { LEDGER_MUTANTS } from './ledger-mutants.ts'
import { LOCK_MUTANTS } from './lock-mutants.ts'
import { MEMORY_MUTANTS } from './memory-mutants.ts'
import type { Mutant } from './mutant.ts'

export interface Group {
  readonly title: string
  readonly mutants: readonly Mutant[]
}

export const GROUPS: readonly Group[] = [
  { title: 'Locks', mutants: LOCK_MUTANTS },
  { title: 'Writes on the Redis ledger', mutants: LEDGER_MUTANTS },
  { title: 'One decision a request', mutants: JOURNAL_MUTANTS },
  { title: 'What is remembered', mutants: MEMORY_MUTANTS },
]

export const MUTANTS: readonly Mutant[] = GROUPS.flatMap(({ mutants }) => mutants)
