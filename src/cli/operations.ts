// The command that prints every effect, and whether it may be repeated after a timeout.
import type { EffectRow } from '../flow/effects.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printLine, printTable, type Io } from './output.ts'

export function printOperations(io: Io, rows: readonly EffectRow[], json: boolean): ExitCode {
  if (json) for (const row of rows) printLine(io, row)
  else {
    printTable(
      io,
      ['name', 'ledger', 'idempotent', 'because'],
      rows.map(({ name, ledger, idempotent, because }) => [name, ledger, idempotent ? 'yes' : 'no', because]),
    )
  }
  return EXIT.ok
}
