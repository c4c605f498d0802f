// Runs checks one by one, and tells of each what was found and what mends it.
import { reasonOf } from '../telemetry/scrub.ts'
import { EXIT, exitOf, type ExitCode } from './exit.ts'
import { printLine, printTable, type Io } from './output.ts'

/** What one check found. `warn` does not stop a worker. */
export interface Finding {
  readonly result: 'ok' | 'warn' | 'fail'
  readonly found: string
  /** Empty when nothing is to be done. */
  readonly fix: string
  /** What a failure ends the command with; default: the answer is no. */
  readonly code?: ExitCode
}

/** Something tried. A rejection is a failure, mended by `fix`. */
export interface Check {
  readonly name: string
  /** Not tried when the check of this name failed, or was itself not tried. */
  readonly needs?: string
  readonly fix: string
  readonly run: () => Promise<readonly Finding[]>
}

/** Runs the checks in order, telling each as it is found. 0 when none failed; else the code of the first failure. */
export async function doctor(io: Io, checks: readonly Check[], json: boolean): Promise<ExitCode> {
  const rows: (readonly [check: string, result: string, found: string, fix: string])[] = []
  const unusable = new Set<string>()
  let code: ExitCode = EXIT.ok
  for (const check of checks) {
    const skipped = check.needs !== undefined && unusable.has(check.needs)
    const findings = skipped ? [skippedFor(check.needs)] : await tried(check)
    if (skipped || findings.some(({ result }) => result === 'fail')) unusable.add(check.name)
    for (const { result, found, fix, code: failed = EXIT.no } of findings) {
      if (result === 'fail' && code === EXIT.ok) code = failed
      rows.push([check.name, result, found, fix])
      if (json) printLine(io, { check: check.name, result, found, fix })
    }
  }
  if (!json) printTable(io, ['check', 'result', 'found', 'fix'], rows)
  return code
}

async function tried({ run, fix }: Check): Promise<readonly Finding[]> {
  try {
    return await run()
  } catch (failure) {
    return [{ result: 'fail', found: reasonOf(failure), fix, code: exitOf(failure).code }]
  }
}

function skippedFor(needed: string | undefined): Finding {
  return { result: 'warn', found: `not tried, since ${needed} failed`, fix: `First mend ${needed}.` }
}

export function ok(found: string): Finding {
  return { result: 'ok', found, fix: '' }
}

/** Warns, or fails, with what mends it. */
export function wrong(result: 'warn' | 'fail', found: string, fix: string, code: ExitCode = EXIT.no): Finding {
  return { result, found, fix, code }
}
