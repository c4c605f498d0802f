// The desk's acting commands: what each letter came to, one line or one JSON object each.
import { isIn } from '../dead-letters/groups.ts'
import { discard, replay, restore, type Result } from '../dead-letters/acts.ts'
import type { Desk, Filter, WholeLetter } from '../dead-letters/desk.ts'
import { rebuild } from '../dead-letters/rebuild.ts'
import { reconcile, type Known } from '../dead-letters/reconcile.ts'
import { rfc3339Ms } from '../transfer/deadline.ts'
import type { ActingParts } from './dead-letters-parts.ts'
import { EXIT, Exit, type ExitCode } from './exit.ts'
import { printJson, printLine, printTable, progressOf, type Io } from './output.ts'

export interface ActOptions {
  readonly by: string
  readonly json?: true
}

export interface ReplayCommand extends ActOptions {
  readonly group?: string
  readonly all?: true
  readonly state: Filter['state']
  readonly notAfter?: string
  readonly yes?: true
}

/** Letters acted on at once. */
const IN_FLIGHT = 16
/** From so many letters on, progress is shown. */
const LONG = 20

/** What is wrong with the words of a `replay`, before anything is opened. */
export function checkReplay(io: Io, ids: readonly string[], { group, all, yes }: ReplayCommand): void {
  const ways = [ids.length > 0, group !== undefined, all === true].filter((given) => given).length
  if (ways !== 1) {
    throw new Exit(EXIT.usage, 'Say what to replay: ids of letters or requests, or --group GROUP, or --all.')
  }
  if (yes !== true && io.ask === undefined) {
    throw new Exit(EXIT.usage, 'Nobody is at a terminal to be asked: nothing was replayed. Add --yes.')
  }
}

/** Replays the letters that are chosen when it begins, and no others. */
export async function deskReplay(
  io: Io,
  parts: ActingParts,
  ids: readonly string[],
  options: ReplayCommand,
): Promise<ExitCode> {
  const { notAfter = null, by } = options
  const notAfterMs = notAfter === null ? null : rfc3339Ms(notAfter)
  if (notAfterMs !== null && notAfterMs <= (await parts.acts.nowMs())) {
    throw new Exit(EXIT.usage, `--not-after ${notAfter} has passed: every replay would end expired.`)
  }
  await parts.catchUp()
  const chosen = ids.length > 0 ? unique(ids) : await chosenBy(parts, options)
  if (chosen.length === 0) {
    io.err(`No letter is ${options.state}${options.group === undefined ? '' : ` in group ${options.group}`}.\n`)
    return options.group === undefined ? EXIT.ok : EXIT.no
  }
  if (options.yes !== true && !(await agreed(io, chosen.length))) {
    throw new Exit(EXIT.no, 'Nothing was replayed.')
  }
  const { clock, bytesMax, acts } = parts
  const given = { bytesMax, notAfter, by, operation: clock.uuid() }
  return onEach(io, 'replayed', chosen, options, (id) => replay(id, given, acts))
}

async function agreed(io: Io, count: number): Promise<boolean> {
  const letters = count === 1 ? '1 letter' : `${count} letters`
  const answer = (await io.ask?.(`Replay ${letters}? [y/N] `)) ?? ''
  return /^y(?:es)?$/i.test(answer.trim())
}

async function chosenBy({ desk }: ActingParts, { group, state }: ReplayCommand): Promise<string[]> {
  const found: string[] = []
  for await (const letter of desk.list({ state })) {
    if (group === undefined || isIn(letter, group)) found.push(letter.id)
  }
  return found
}

export async function deskDiscard(
  io: Io,
  parts: ActingParts,
  ids: readonly string[],
  options: ActOptions & { readonly reason: string },
): Promise<ExitCode> {
  await parts.catchUp()
  const actor = { by: options.by, why: options.reason }
  return onEach(io, 'discarded', unique(ids), options, (id) => discard(id, actor, parts.acts))
}

export async function deskRestore(
  io: Io,
  parts: ActingParts,
  ids: readonly string[],
  options: ActOptions,
): Promise<ExitCode> {
  await parts.catchUp()
  const actor = { by: options.by, why: null }
  return onEach(io, 'restored', unique(ids), options, (id) => restore(id, actor, parts.acts))
}

/** Tells what is known by now of letters whose effect was not: of those named, or of all that are open. */
export async function deskReconcile(
  io: Io,
  parts: ActingParts,
  ids: readonly string[],
  options: ActOptions,
): Promise<ExitCode> {
  await parts.catchUp()
  const { letters, missing } = ids.length > 0 ? await named(parts.desk, unique(ids)) : await unknown(parts.desk)
  const found: Known[] = []
  await inFlight(io, 'reconciled', letters, async (letter) => {
    found.push(await reconcile(letter, options.by, parts.acts))
  })
  if (options.json === true) for (const known of found) printLine(io, known)
  else {
    printTable(
      io,
      ['id', 'code', 'effect', 'new', 'state', 'stands', 'why'],
      found.map(({ id, code, effect, isNew, state, stands, why }) => [id, code, effect, isNew, state, stands, why]),
    )
  }
  for (const id of missing) io.err(`The desk has no letter ${id}.\n`)
  const left = letters.length - found.length
  if (left > 0) io.err(`Stopped: ${left} letters were not looked at.\n`)
  return left > 0 || missing.length > 0 || found.some(({ effect }) => effect === 'unknown') ? EXIT.no : EXIT.ok
}

interface Chosen {
  readonly letters: readonly WholeLetter[]
  readonly missing: readonly string[]
}

async function named(desk: Desk, ids: readonly string[]): Promise<Chosen> {
  const found = await Promise.all(ids.map((id) => desk.find(id)))
  const letters = found.flatMap((some) => some.find(({ effect }) => effect === 'unknown') ?? some[0] ?? [])
  return { letters, missing: ids.filter((_, index) => found[index]?.length === 0) }
}

async function unknown(desk: Desk): Promise<Chosen> {
  const ids: string[] = []
  for await (const { id, effect } of desk.list({ state: 'open' })) if (effect === 'unknown') ids.push(id)
  return { letters: (await named(desk, ids)).letters, missing: [] }
}

/** Brings letters and acts back into the index that its journals have and it has not. */
export async function deskRebuild(io: Io, parts: ActingParts, json: boolean): Promise<ExitCode> {
  const progress = progressOf(io, 'read', await parts.journalled())
  const rebuilt = await rebuild({ ...parts, onLetter: progress.step })
  progress.end()
  if (json) printJson(io, rebuilt)
  else
    io.out(
      `${rebuilt.letters} letters in the journal; ${rebuilt.taken} of them and ${rebuilt.acts} acts were missing\n`,
    )
  return EXIT.ok
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids.map((id) => id.toLowerCase()))]
}

const GOOD: ReadonlySet<Result['result']> = new Set(['replayed', 'told_again', 'discarded', 'restored', 'unchanged'])

/** Acts on each letter; what was done is printed also when a dependency fails on the way. Exit 1 where one was not. */
async function onEach(
  io: Io,
  what: string,
  ids: readonly string[],
  { json }: ActOptions,
  act: (id: string) => Promise<Result>,
): Promise<ExitCode> {
  const results: Result[] = []
  try {
    await inFlight(io, what, ids, async (id) => {
      results.push(await act(id))
    })
  } finally {
    if (json === true) for (const result of results) printLine(io, result)
    else {
      printTable(
        io,
        ['id', 'result', 'new request', 'why'],
        results.map(({ id, result, newRequest, why }) => [id, result, newRequest, why]),
      )
    }
  }
  if (results.length < ids.length) io.err(`Stopped: ${ids.length - results.length} letters were left as they are.\n`)
  return results.length === ids.length && results.every(({ result }) => GOOD.has(result)) ? EXIT.ok : EXIT.no
}

/** A few at a time; none is begun any more after a failure or a signal. */
async function inFlight<One>(
  io: Io,
  what: string,
  all: readonly One[],
  act: (one: One) => Promise<void>,
): Promise<void> {
  const progress = all.length < LONG ? null : progressOf(io, what, all.length)
  let next = 0
  let isStopped = false
  const lane = async (): Promise<void> => {
    while (next < all.length && !isStopped && !io.signal.aborted) {
      await act(all[next++]!)
      progress?.step()
    }
  }
  const lanes = Array.from({ length: IN_FLIGHT }, () =>
    lane().catch((failure: unknown) => {
      isStopped = true
      throw failure
    }),
  )
  const ended = await Promise.allSettled(lanes)
  progress?.end()
  const failed = ended.find((one) => one.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
