// The index from the journals anew: every letter from its stream, and what was done with it from the follow-up events.
import type { Outgoing } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import type { Clock } from '../clock/clock.ts'
import { eventIn, type EventBody, type Followed } from '../transfer/event.ts'
import { isUuid } from '../transfer/uuid.ts'
import type { Desk, Next, WholeLetter } from './desk.ts'
import { LETTER_HEADER } from './follow-up.ts'
import { firstStateOf, letterOf } from './letter.ts'
import { stateAfter } from './reconcile.ts'
import { replayId } from './replay.ts'

type Message = Pick<Outgoing, 'body' | 'properties'>

export interface RebuildParts {
  readonly desk: Desk
  readonly names: Pick<Names, 'eventsJournal' | 'deadLettersJournal'>
  readonly clock: Clock
  /** Reads a stream from its first message to what is its last one now. */
  readonly read: (stream: string, onMessage: (message: Message) => void | Promise<void>) => Promise<unknown>
  /** Days that told letters are kept: older ones are not brought back. */
  readonly toldDays: number
  readonly onLetter: () => void
}

export interface Rebuilt {
  /** Letters that the journal holds, copies counted once; without those that have no `dl-id`. */
  readonly letters: number
  /** Of these, how many were missing in the index. */
  readonly taken: number
  /** Acts that were missing. */
  readonly acts: number
}

interface Told {
  readonly id: string
  readonly time: string
  readonly followed: Followed
}

const DAY_MS = 86_400_000

/** Adds what is missing and changes nothing else, so that it may be run at any time, and again. */
export async function rebuild(parts: RebuildParts): Promise<Rebuilt> {
  const { desk, clock, names, read } = parts
  const follow = await followUps(parts)
  const oldestMs = clock.nowMs() - parts.toldDays * DAY_MS
  const seen = new Set<string>()
  let taken = 0
  await read(names.deadLettersJournal, async (message) => {
    parts.onLetter()
    const letter = letterOf(message, clock.nowMs())
    if (letter === null) return
    const isOver = firstStateOf(letter) === 'told' && Date.parse(letter.lastFailedAt) < oldestMs
    if (isOver && !follow.has(letter.id)) return
    seen.add(letter.id)
    if ((await desk.take(letter)) === 'taken') taken += 1
  })
  let acts = 0
  for (const [id, told] of follow) {
    if (seen.has(id)) acts += await repeatActs(id, told, desk)
  }
  return { letters: seen.size, taken, acts }
}

/** Follow-up events by letter, in their order; a copy told twice counts once. */
async function followUps({ names, read }: RebuildParts): Promise<ReadonlyMap<string, readonly Told[]>> {
  const found = new Map<string, Map<string, Told>>()
  await read(names.eventsJournal, ({ body, properties }) => {
    const letter = properties.headers[LETTER_HEADER]
    if (properties.type !== 'ferryman.transfer.followed' || !isUuid(letter)) return
    const event: (EventBody & { readonly followed?: Followed }) | null = eventIn(body)
    if (event?.followed === undefined) return
    const { id, time, followed } = event
    const ofLetter = found.get(letter) ?? new Map<string, Told>()
    found.set(letter, ofLetter.set(id, { id, time, followed }))
  })
  return new Map([...found].map(([letter, told]) => [letter, [...told.values()]]))
}

async function repeatActs(id: string, told: readonly Told[], desk: Desk): Promise<number> {
  let acts = 0
  for (const { id: act, time, followed } of told) {
    const letter = (await desk.find(id)).find((found) => found.id === id)
    if (letter === undefined) break
    const { what, by, why, request } = followed
    if (letter.history.some((entry) => entry.what === what && entry.at === time)) continue
    const next = nextOf(letter, followed)
    const done = await desk.act({ id: act, letter, next, entry: { at: time, what, by, why, request } })
    if (done === 'done') acts += 1
  }
  return acts
}

function nextOf(letter: WholeLetter, { what, request, effect }: Followed): Next {
  switch (what) {
    case 'discarded':
      return { state: 'discarded', before: letter.state, watched: false }
    case 'restored':
      return { state: letter.before ?? 'open', watched: letter.code === 'event_unroutable' }
    case 'replayed':
      return { state: 'replayed', replays: numberOf(letter, request), watched: true }
    case 'reconciled':
      return { effect, state: stateAfter(letter, effect) }
  }
}

/** Replays that the journal has lost the news of; more than these are never missing between two that it has. */
const GAP_MAX = 100

function numberOf(letter: WholeLetter, request: string | null): number {
  const numbers = Array.from({ length: GAP_MAX }, (_, index) => letter.replays + 1 + index)
  return numbers.find((n) => replayId(letter.id, n) === request) ?? letter.replays
}
