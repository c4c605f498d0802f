// The commands about settings: every value with its origin, and whether all of them hold.
import type { Loaded } from '../config.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printJson, printTable, type Io } from './output.ts'

/** Every setting with value and origin. Passwords are masked. */
export function printConfig(io: Io, loaded: Loaded, json: boolean): ExitCode {
  const settings = loaded.printable()
  if (json) {
    printJson(io, Object.fromEntries(settings.map(({ key, value, origin, env }) => [key, { value, origin, env }])))
  } else {
    printTable(
      io,
      ['setting', 'value', 'origin'],
      settings.map(({ key, value, origin }) => [key, shown(value), origin]),
    )
  }
  return EXIT.ok
}

/** Reached only with settings that hold: what is wrong has ended the command before. */
export function checkConfig(io: Io, loaded: Loaded, json: boolean): ExitCode {
  if (json) printJson(io, { valid: true, warnings: loaded.warnings })
  else io.out('The settings hold.\n')
  return EXIT.ok
}

function shown(value: string | number | readonly string[] | null): string | number | null {
  return typeof value === 'string' || typeof value === 'number' || value === null ? value : value.join(',')
}
