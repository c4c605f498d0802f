// The desk's commands over many letters that only read: groups by cause, and the export of whole letters.
import type { Filter } from '../dead-letters/desk.ts'
import { groupsOf } from '../dead-letters/groups.ts'
import { documentOf } from './dead-letters.ts'
import type { DeskParts } from './dead-letters-parts.ts'
import { EXIT, wholeOrCut, type ExitCode } from './exit.ts'
import { printLine, printTable, progressOf, type Io } from './output.ts'

/** Letters by code and provider, the largest group first. */
export async function deskGroups(io: Io, parts: DeskParts, filter: Filter, json: boolean): Promise<ExitCode> {
  await parts.catchUp()
  const groups = await groupsOf(parts.desk.list(filter))
  if (json) for (const group of groups) printLine(io, group)
  else {
    printTable(
      io,
      ['letters', 'group', 'class', 'oldest', 'newest'],
      groups.map(({ count, group, class: name, oldest, newest }) => [count, group, name, oldest, newest]),
    )
  }
  return EXIT.ok
}

/** Whole letters, one JSON object a line: bytes, headers and history. */
export async function deskExport(io: Io, parts: DeskParts, filter: Filter): Promise<ExitCode> {
  await parts.catchUp()
  const ids: string[] = []
  for await (const { id } of parts.desk.list(filter)) ids.push(id)
  const progress = progressOf(io, 'exported', ids.length)
  for (const id of ids) {
    if (io.signal.aborted) break
    const letter = (await parts.desk.find(id)).find((found) => found.id === id)
    if (letter !== undefined) printLine(io, documentOf(letter))
    progress.step()
  }
  progress.end()
  return wholeOrCut(io, 'export')
}
