// Every guard that is taken away, in the order in which they are told.
import { DESK_MUTANTS } from './desk-mutants.ts'
import { FLOW_MUTANTS } from './flow-mutants.ts'
import { GROUND_MUTANTS } from './ground-mutants.ts'
import { JOURNAL_MUTANTS } from './journal-mutants.ts'
import { LEASE_MUTANTS } from './lease-mutants.ts'
import { LEDGER_MUTANTS } from './ledger-mutants.ts'
import { LOCK_MUTANTS } from './lock-mutants.ts'
import { MEMORY_MUTANTS } from './memory-mutants.ts'
import { PLACEMENT_MUTANTS } from './placement-mutants.ts'
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
  { title: 'The flow', mutants: FLOW_MUTANTS },
  { title: 'The lease in the process', mutants: LEASE_MUTANTS },
  { title: 'Writes on Placement', mutants: PLACEMENT_MUTANTS },
  { title: 'What a worker stands on', mutants: GROUND_MUTANTS },
  { title: 'Replays', mutants: DESK_MUTANTS },
]

export const MUTANTS: readonly Mutant[] = GROUPS.flatMap(({ mutants }) => mutants)
