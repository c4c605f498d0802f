// What the desk does by itself: sends what was left over, and closes letters whose end has come.
import { classOf, type Code } from '../transfer/outcome.ts'
import { carryOut, type ActParts } from './acts.ts'
import { chainOf, REPLAY_FAILED } from './chain.ts'
import type { Next, State, WholeLetter } from './desk.ts'
import { decidedEvent } from './follow-up.ts'
import { sendLeftOver } from './outbox.ts'
import { replayId } from './replay.ts'

export type UpkeepParts = Pick<ActParts, 'desk' | 'publisher' | 'telemetry' | 'clock' | 'nowMs'> & {
  readonly journal: Pick<ActParts['journal'], 'show'>
}

/** Letters looked at in one round. */
const ROUND = 200
const UNFINISHED: readonly State[] = ['open', 'told', 'replayed']

/** One round. May run in several processes at once, and be cut off anywhere. */
export async function upkeep(parts: UpkeepParts): Promise<void> {
  const nowMs = await parts.nowMs()
  await sendLeftOver(nowMs, parts)
  const ids = await parts.desk.watched(nowMs, ROUND)
  await Promise.all(ids.map((id) => look(id, parts)))
}

async function look(id: string, parts: UpkeepParts): Promise<void> {
  const letter = (await parts.desk.find(id)).find((found) => found.id === id)
  if (letter === undefined || !UNFINISHED.includes(letter.state)) return
  if (letter.code === 'event_unroutable') await lookForTold(letter, parts)
  else if (letter.state === 'replayed') await lookForEnd(letter, parts)
}

/** An event that nobody could receive is told by the workers' sweep as soon as there is a route. */
async function lookForTold(letter: WholeLetter, parts: UpkeepParts): Promise<void> {
  const record = await parts.journal.show(letter.request)
  if (record?.state !== 'told' || decidedEvent(letter, record) === null) return
  await note(letter, 'told again', null, { state: 'resolved' }, parts)
}

/** A replay that succeeded resolves every letter of its chain; one that failed has a letter of its own. */
async function lookForEnd(letter: WholeLetter, parts: UpkeepParts): Promise<void> {
  const request = replayId(letter.id, letter.replays)
  const code = (await parts.journal.show(request))?.code ?? null
  if (code === null) return
  if (classOf(code as Code) !== 'done') {
    await note(letter, REPLAY_FAILED, code, {}, parts, request)
    return
  }
  const { members } = await chainOf(letter, parts)
  const others = members.flatMap(({ letters }) => letters).filter(({ id }) => id !== letter.id)
  for (const other of [...others, letter]) {
    if (!UNFINISHED.includes(other.state) || other.code === 'event_unroutable') continue
    await note(other, 'replay succeeded', code, { state: 'resolved' }, parts, request)
  }
}

/** n.b. Where somebody has acted on the letter meanwhile it is looked at again in the next round. */
async function note(
  letter: WholeLetter,
  what: string,
  why: string | null,
  next: Next,
  parts: UpkeepParts,
  request: string | null = null,
): Promise<void> {
  const at = new Date(await parts.nowMs()).toISOString()
  await carryOut({ letter, next: { ...next, watched: false }, entry: { at, what, by: null, why, request } }, parts)
}
