// The desk's reading commands. Each first takes in what waits, so that they tell the truth also when no worker runs.
import { isUtf8 } from 'node:buffer'
import { letterIn } from '../dead-letters/acts.ts'
import type { Filter, Letter, WholeLetter } from '../dead-letters/desk.ts'
import { decidedEvent } from '../dead-letters/follow-up.ts'
import { scrub } from '../telemetry/scrub.ts'
import type { DeskParts } from './dead-letters-parts.ts'
import { EXIT, Exit, wholeOrCut, type ExitCode } from './exit.ts'
import { printFields, printJson, printLine, printTable, type Io } from './output.ts'

/** One line of truth: how many wait for a person, of what kind, since when. Exit 1 when any does. */
export async function deskStatus(io: Io, parts: DeskParts, json: boolean): Promise<ExitCode> {
  await parts.catchUp()
  const { open, told, oldestAtMs } = await parts.desk.counts()
  const { unroutable, deadLetters } = parts.names
  const depths = await parts.depths([unroutable, deadLetters])
  const total = open.reduce((sum, { count }) => sum + count, 0)
  const oldest = Object.values(oldestAtMs)
  const oldestMs = oldest.length === 0 ? null : Math.min(...oldest)
  const status = {
    open: total,
    told,
    unroutable: depths[unroutable] ?? 0,
    waiting: depths[deadLetters] ?? 0,
    outcomeUnknown: open.find(({ code }) => code === 'outcome_unknown')?.count ?? 0,
    oldestOpenAt: oldestMs === null ? null : new Date(oldestMs).toISOString(),
    codes: open,
  }
  if (json) printJson(io, status)
  else {
    const { codes, ...counts } = status
    printFields(io, counts)
    if (codes.length > 0) {
      io.out('\n')
      printTable(
        io,
        ['class', 'code', 'open'],
        codes.map((entry) => [entry.class, entry.code, entry.count]),
      )
    }
  }
  return total === 0 ? EXIT.ok : EXIT.no
}

/** The letters that a filter lets through, oldest failure first. */
export async function deskList(io: Io, parts: DeskParts, filter: Filter, json: boolean): Promise<ExitCode> {
  await parts.catchUp()
  const rows: Letter[] = []
  for await (const letter of parts.desk.list(filter)) {
    if (io.signal.aborted) break
    if (json) printLine(io, letter)
    else rows.push(letter)
  }
  if (!json) {
    printTable(
      io,
      ['id', 'operation', 'code', 'state', 'last failed', 'tries', 'consumer', 'source', 'destination'],
      rows.map(({ id, operation, code, state, lastFailedAt, attempts, consumer, source, destination }) => [
        id,
        operation,
        code,
        state,
        lastFailedAt,
        attempts,
        consumer,
        source,
        destination,
      ]),
    )
  }
  return wholeOrCut(io, 'list')
}

/** One letter with body, headers, event and history. Of several of a request, the one that `replay` would act on. */
export async function deskShow(io: Io, parts: DeskParts, id: string, json: boolean): Promise<ExitCode> {
  await parts.catchUp()
  const letters = await parts.desk.find(id)
  const letter = letterIn(letters)
  if (letter === undefined) {
    throw new Exit(
      EXIT.no,
      `The desk has no letter ${id}. ` +
        'Give a dl-id or a request id, as ferryman dead-letters list --state all shows them.',
    )
  }
  const document = { ...documentOf(letter), event: decidedEvent(letter, await parts.journal.show(letter.request)) }
  if (json) printJson(io, document)
  else printLetter(io, letter, document.event)
  const more = letters.length - 1
  const others = letters.filter((other) => other !== letter).map((other) => other.id)
  if (more > 0) io.err(`${more} more of request ${letter.request}: ${others.join(' ')}\n`)
  return EXIT.ok
}

/** What of a letter people and programs are shown; the rest is the desk's own bookkeeping. */
function shownOf({ replays: _n, before: _b, watched: _w, version: _v, ...shown }: WholeLetter) {
  return shown
}

/** A letter with its bytes, headers and history, as programs read it. */
export function documentOf(letter: WholeLetter): Record<string, unknown> {
  const { body, history, headers, ...listed } = shownOf(letter)
  const text = isUtf8(body) ? { body: body.toString('utf8') } : { bodyBase64: body.toString('base64') }
  return { ...listed, ...text, headers, history }
}

function printLetter(io: Io, letter: WholeLetter, event: unknown): void {
  const { body, headers, history, ...listed } = shownOf(letter)
  printFields(io, listed)
  io.out('\nheaders\n')
  printFields(io, headers)
  io.out('\nhistory\n')
  printTable(
    io,
    ['at', 'what', 'by', 'request', 'why'],
    history.map(({ at, what, by, request, why }) => [at, what, by, request, why]),
  )
  const { outcome, violations } = (event ?? {}) as { outcome?: { message?: string }; violations?: unknown[] }
  if (outcome?.message !== undefined) io.out(`\n${scrub(outcome.message)}\n`)
  for (const violation of violations ?? []) printLine(io, violation)
  io.out(isUtf8(body) ? `\nbody\n${scrub(body.toString('utf8'))}\n` : `\nbody (base64)\n${body.toString('base64')}\n`)
}
