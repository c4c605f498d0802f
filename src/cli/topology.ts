// The commands about exchanges, queues and policies: make what is missing, and compare.
import type { Report } from '../wire/parts.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printJson, printTable, type Io } from './output.ts'

/** Prints what was made and what still differs; 78 when the difference makes it unsafe. */
export function printReport(io: Io, report: Report, json: boolean): ExitCode {
  const { made, findings, notCompared } = report
  if (json) printJson(io, { safe: findings.length === 0, made, differences: findings, notCompared })
  else {
    for (const object of made) io.out(`made ${object}\n`)
    if (findings.length > 0) {
      printTable(
        io,
        ['object', 'argument', 'wanted', 'found', 'fix'],
        findings.map(({ object, argument, wanted, found, fix }) => [object, argument, wanted, found, fix]),
      )
    } else io.out('The topology is as it must be.\n')
    for (const comparison of notCompared) io.err(`not compared, without the management API: ${comparison}\n`)
  }
  return findings.length === 0 ? EXIT.ok : EXIT.config
}
