// How the replay of a letter came to its end: written into the histories of the letters that it concerns.
import { classOf, type Code } from '../transfer/outcome.ts'
import { chainOf, REPLAY_FAILED, type ChainSources } from './chain.ts'
import type { Next, State, WholeLetter } from './desk.ts'
import { carryOut, type CarryParts } from './outbox.ts'

export type EndParts = CarryParts & ChainSources

/** States of letters that are still to be looked after. */
export const UNFINISHED: readonly State[] = ['open', 'told', 'replayed']

/** A replay that succeeded resolves every letter of its chain; one that failed has a letter of its own. */
export async function noteEnd(letter: WholeLetter, request: string, code: Code, parts: EndParts): Promise<void> {
  if (classOf(code) !== 'done') {
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
export async function note(
  letter: WholeLetter,
  what: string,
  why: string | null,
  next: Next,
  parts: CarryParts,
  request: string | null = null,
): Promise<void> {
  const at = new Date(await parts.nowMs()).toISOString()
  await carryOut({ letter, next: { ...next, watched: false }, entry: { at, what, by: null, why, request } }, parts)
}
