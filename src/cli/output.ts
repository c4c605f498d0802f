// What commands print: tables for people, JSON for programs, progress on standard error. Foreign text is scrubbed.
import { scrub } from '../telemetry/scrub.ts'

/** The process as commands see it. */
export interface Io {
  /** Writes to standard output. */
  out(text: string): void
  /** Writes to standard error. */
  err(text: string): void
  /** All of standard input. */
  input(): Promise<Buffer>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly nodeVersion: string
  /** True when standard error is a terminal: progress is then drawn in place. */
  readonly isTerminal: boolean
  /** Asks a person; absent where nobody is there to answer (standard input or error is no terminal). */
  readonly ask?: (question: string) => Promise<string>
  /** Aborts on SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

/** One JSON document. */
export function printJson(io: Io, document: unknown): void {
  io.out(`${harmless(JSON.stringify(document, null, 2))}\n`)
}

/** One line of NDJSON. */
export function printLine(io: Io, entry: unknown): void {
  io.out(`${harmless(JSON.stringify(entry))}\n`)
}

/** JSON text with the control characters escaped that JSON allows to stand raw; its value stays the same. */
export function harmless(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export type Cell = string | number | boolean | null | undefined

/** A table with a heading; columns as wide as needed, numbers to the right, `-` for what is not known. */
export function printTable(io: Pick<Io, 'out'>, heading: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const texts = rows.map((row) => row.map(textOf))
  const widths = heading.map((title, column) => Math.max(title.length, ...texts.map((row) => row[column]?.length ?? 0)))
  const right = heading.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (right[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  io.out([line(heading.map((title) => title.toUpperCase())), ...texts.map(line)].map((text) => `${text}\n`).join(''))
}

/** Names and values, one a line. */
export function printFields(io: Io, fields: Readonly<Record<string, Cell>>): void {
  const width = Math.max(...Object.keys(fields).map((name) => name.length))
  for (const [name, value] of Object.entries(fields)) io.out(`${name.padEnd(width)}  ${textOf(value)}\n`)
}

function textOf(cell: Cell): string {
  return cell === null || cell === undefined || cell === '' ? '-' : scrub(String(cell))
}

export interface Progress {
  step(): void
  end(): void
}

const BAR_WIDTH = 30

/** A bar on a terminal, a line at each tenth elsewhere. */
export function progressOf(io: Io, what: string, total: number): Progress {
  let done = 0
  let shown = -1
  return {
    step: () => {
      done += 1
      const tenth = Math.floor((done * (io.isTerminal ? 100 : 10)) / total)
      if (tenth === shown) return
      shown = tenth
      if (!io.isTerminal) io.err(`${what}: ${done} of ${total}\n`)
      else {
        const bar = '#'.repeat(Math.round((BAR_WIDTH * done) / total)).padEnd(BAR_WIDTH)
        io.err(`\r${what} [${bar}] ${done}/${total}`)
      }
    },
    end: () => {
      if (io.isTerminal && done > 0) io.err('\n')
    },
  }
}
