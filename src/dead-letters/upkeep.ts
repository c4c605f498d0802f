// What the desk does by itself: sends what was left over, and closes letters whose end has come.
import type { Code } from '../transfer/outcome.ts'
import type { ActParts } from './acts.ts'
import type { Watched, WholeLetter } from './desk.ts'
import { note, noteEnd, UNFINISHED } from './ends.ts'
import { decidedEvent } from './follow-up.ts'
import { sendLeftOver } from './outbox.ts'
import { replayId } from './replay.ts'

export type UpkeepParts = Pick<ActParts, 'desk' | 'publisher' | 'telemetry' | 'clock' | 'nowMs'> & {
  readonly journal: Pick<ActParts['journal'], 'show'>
}

/** Letters looked at in one round. */
const ROUND = 200

/** One round. May run in several processes at once, and be cut off anywhere. */
export async function upkeep(parts: UpkeepParts): Promise<void> {
  const nowMs = await parts.nowMs()
  await sendLeftOver(nowMs, parts)
  const watched = await parts.desk.watched(nowMs, ROUND)
  await Promise.all(watched.map((one) => look(one, parts)))
}

async function look(watched: Watched, parts: UpkeepParts): Promise<void> {
  if (!UNFINISHED.includes(watched.state)) return
  if (watched.code === 'event_unroutable') await lookForTold(watched, parts)
  else if (watched.state === 'replayed') await lookForEnd(watched, parts)
}

/** All of it, unless others have acted on it since: then it is looked at again in the next round. */
async function wholeOf({ id, state, replays }: Watched, { desk }: UpkeepParts): Promise<WholeLetter | null> {
  const letter = (await desk.find(id)).find((found) => found.id === id)
  return letter?.state === state && letter.replays === replays ? letter : null
}

/** An event that nobody could receive is told by the workers' sweep as soon as there is a route. */
async function lookForTold(watched: Watched, parts: UpkeepParts): Promise<void> {
  const record = await parts.journal.show(watched.request)
  if (record?.state !== 'told') return
  const letter = await wholeOf(watched, parts)
  if (letter === null || decidedEvent(letter, record) === null) return
  await note(letter, 'told again', null, { state: 'resolved' }, parts)
}

async function lookForEnd(watched: Watched, parts: UpkeepParts): Promise<void> {
  const request = replayId(watched.id, watched.replays)
  const code = (await parts.journal.show(request))?.code ?? null
  const letter = code === null ? null : await wholeOf(watched, parts)
  if (code === null || letter === null) return
  await noteEnd(letter, request, code as Code, parts)
}
