// The commands about exchanges, queues and policies: plan, make what is missing, compare, and write down for others.
import { setPolicyCommand } from '../broker/commands.ts'
import { definitionsOf, writtenPolicy } from '../broker/topology.ts'
import type { Report } from '../wire/parts.ts'
import type { Site } from '../wire/topology.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printJson, printTable, type Io } from './output.ts'

/** Prints what was made and what still differs; 78 when the difference makes it unsafe. */
export function printReport(io: Io, report: Report, json: boolean): ExitCode {
  const { made, findings, notCompared } = report
  if (json) printJson(io, { safe: findings.length === 0, made, differences: findings, notCompared })
  else {
    for (const object of made) io.out(`made ${object}\n`)
    if (findings.length > 0) printFindings(io, findings)
    else
      io.out(notCompared.length === 0 ? 'The topology is as it must be.\n' : 'All that could be compared is there.\n')
    printNotCompared(io, notCompared)
  }
  return findings.length === 0 ? EXIT.ok : EXIT.config
}

/** Prints what apply would make, and what it could not mend; 1 when there is anything. */
export function printPlan(io: Io, report: Report, json: boolean): ExitCode {
  const { made, findings, notCompared } = report
  if (json) printJson(io, { make: made, differences: findings, notCompared })
  else {
    for (const object of made) io.out(`would make ${object}\n`)
    if (findings.length > 0) {
      io.out('apply cannot mend:\n')
      printFindings(io, findings)
    }
    if (made.length + findings.length === 0) io.out('There is nothing to do.\n')
    printNotCompared(io, notCompared)
  }
  return made.length + findings.length === 0 ? EXIT.ok : EXIT.no
}

/** A definitions file of everything, or with `commands` the policies alone as rabbitmqctl commands. */
export function printExport(io: Io, { topology, vhost }: Site, commands: boolean): ExitCode {
  if (!commands) printJson(io, definitionsOf(topology, vhost))
  else for (const policy of topology.policies) io.out(`${setPolicyCommand(vhost, writtenPolicy(policy))}\n`)
  return EXIT.ok
}

function printFindings(io: Io, findings: Report['findings']): void {
  printTable(
    io,
    ['object', 'argument', 'wanted', 'found', 'fix'],
    findings.map(({ object, argument, wanted, found, fix }) => [object, argument, wanted, found, fix]),
  )
}

function printNotCompared(io: Io, notCompared: readonly string[]): void {
  for (const comparison of notCompared) io.err(`not compared, without the management API: ${comparison}\n`)
}
