// What a person does with letters: discard, restore, replay. Each act is carried out on the letter as it was read.
import type { Outgoing } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import type { Clock } from '../clock/clock.ts'
import type { Journal } from '../journal/journal.ts'
import { eventProperties, routingKeyOf, type Followed } from '../transfer/event.ts'
import { chainOf } from './chain.ts'
import type { Act, ChainVersion, Next, State, WholeLetter } from './desk.ts'
import { decidedEvent, followUpMessage } from './follow-up.ts'
import { actEffectsOf, send, type OutboxParts } from './outbox.ts'
import { replayOf, type ReplayOptions } from './replay.ts'
import { verdictOf } from './verdict.ts'

export interface ActParts extends OutboxParts {
  readonly journal: Pick<Journal, 'show' | 'told'>
  readonly names: Names
  readonly clock: Clock
  readonly prefix: string
  /** Redis time (ms): what deadlines are compared with, and when acts are dated. */
  readonly nowMs: () => Promise<number>
}

/** Who acts. */
export interface Actor {
  readonly by: string
  readonly why: string | null
}

/** What became of one letter. `newRequest` is that of a replay; `why` tells a refusal, or what else is to be known. */
export interface Result {
  readonly id: string
  readonly request: string | null
  readonly result: 'replayed' | 'told_again' | 'discarded' | 'restored' | 'unchanged' | 'refused' | 'not_found'
  readonly newRequest: string | null
  readonly why: string | null
}

type Attempt = Result | 'changed'

/** How often a letter that others act on is read anew. */
const TRIES = 5

/**
 * Acts on the letter that `id` (a dl-id, or a request) names: of several, one in the first of the `wanted` states that
 * there is, and rather the decision's than one that answers other bytes.
 */
async function onLetter(
  id: string,
  wanted: readonly State[],
  { desk }: ActParts,
  attempt: (letter: WholeLetter) => Promise<Attempt>,
): Promise<Result> {
  for (let tries = 0; tries < TRIES; tries++) {
    const found = await desk.find(id)
    const letters = [...found.filter(isOfRequest), ...found.filter((letter) => !isOfRequest(letter))]
    const [letter = letters[0]] = wanted.flatMap((one) => letters.filter(({ state }) => state === one))
    if (letter === undefined) {
      const why =
        'the desk has no such letter; give a dl-id or a request id as dead-letters list --state all shows them'
      return { id, request: null, result: 'not_found', newRequest: null, why }
    }
    const result = await attempt(letter)
    if (result !== 'changed') return result
  }
  return { id, request: null, result: 'refused', newRequest: null, why: 'others act on it right now; try again' }
}

function isOfRequest(letter: WholeLetter): boolean {
  return letter.class !== 'invalid'
}

function resultOf(letter: WholeLetter, result: Result['result'], more: Partial<Result> = {}): Result {
  return { id: letter.id, request: letter.request, result, newRequest: null, why: null, ...more }
}

/** Takes letters out of the way, softly: they stay listed as discarded, and can be restored. */
export function discard(id: string, actor: Actor, parts: ActParts): Promise<Result> {
  return onLetter(id, ['open', 'told', 'replayed'], parts, async (letter) => {
    if (letter.state === 'discarded') return resultOf(letter, 'unchanged', { why: 'it is discarded already' })
    if (letter.state === 'resolved') return resultOf(letter, 'refused', { why: 'it is resolved' })
    if (letter.state === 'replayed' && letter.watched) {
      return resultOf(letter, 'refused', { why: 'its replay is not decided yet' })
    }
    const next = { state: 'discarded', before: letter.state, watched: false } as const
    const done = await followed(letter, { what: 'discarded', actor, next }, parts)
    return done === 'changed' ? done : resultOf(letter, 'discarded')
  })
}

export function restore(id: string, actor: Actor, parts: ActParts): Promise<Result> {
  return onLetter(id, ['discarded'], parts, async (letter) => {
    if (letter.state !== 'discarded') {
      return resultOf(letter, letter.state === 'resolved' ? 'refused' : 'unchanged', { why: `it is ${letter.state}` })
    }
    const next = { state: letter.before ?? 'open', watched: letter.code === 'event_unroutable' } as const
    const done = await followed(letter, { what: 'restored', actor, next }, parts)
    return done === 'changed' ? done : resultOf(letter, 'restored')
  })
}

/** Tries a request again, or tells an event again, where that is safe; says why where it is not. */
export function replay(id: string, options: Omit<ReplayOptions, 'nowMs' | 'names'>, parts: ActParts): Promise<Result> {
  return onLetter(id, ['open', 'told', 'replayed'], parts, async (letter) => {
    const chain = await chainOf(letter, parts)
    const verdict = verdictOf(letter, chain)
    if (verdict.kind === 'refused') return resultOf(letter, 'refused', { why: verdict.why })
    if (verdict.kind === 'tell') return tellAgain(letter, options.by, parts)
    const nowMs = await parts.nowMs()
    const made = replayOf(letter, verdict.n, { ...options, names: parts.names, nowMs })
    if (made.kind === 'refused') return resultOf(letter, 'refused', { why: made.why })
    const act: Following = {
      what: 'replayed',
      actor: { by: options.by, why: null },
      next: { state: 'replayed', replays: verdict.n, watched: true },
      request: made.request,
      message: made.message,
      chain,
    }
    const done = await followed(letter, act, parts)
    return done === 'changed' ? done : resultOf(letter, 'replayed', { newRequest: made.request })
  })
}

interface Following {
  readonly what: Followed['what']
  readonly actor: Actor
  readonly next: Next
  /** The new request of a replay. */
  readonly request?: string
  /** Sent before the event that tells of it. */
  readonly message?: Outgoing
  readonly chain?: ChainVersion
}

/** Carries out an act and tells of it by a follow-up event. */
export async function followed(letter: WholeLetter, act: Following, parts: ActParts): Promise<'done' | 'changed'> {
  const { what, actor, next, request = null, message, chain } = act
  const atMs = await parts.nowMs()
  const effect = next.effect ?? letter.effect
  const event = await followUpMessage(letter, { what, by: actor.by, why: actor.why, request, effect }, atMs, parts)
  const messages = message === undefined ? [event] : [message, event]
  const entry = { at: new Date(atMs).toISOString(), what, by: actor.by, why: actor.why, request }
  const given = { letter, next, entry, messages, ...(chain === undefined ? {} : { chain }) }
  if ((await carryOut(given, parts)) === 'changed') return 'changed'
  await send(messages, parts)
  return 'done'
}

/** Carries out an act under an id of its own. */
export function carryOut(
  act: Omit<Act, 'id'>,
  parts: Pick<ActParts, 'desk' | 'publisher' | 'clock'>,
): Promise<'done' | 'changed'> {
  return actEffectsOf(parts).act.once({ ...act, id: parts.clock.uuid() })
}

/** An event that nobody could receive is published again, byte for byte. Nothing is applied, and nothing follows. */
async function tellAgain(letter: WholeLetter, by: string, parts: ActParts): Promise<Attempt> {
  const record = await parts.journal.show(letter.request)
  const event = decidedEvent(letter, record)
  if (record?.event == null || event === null) {
    return resultOf(letter, 'refused', { why: 'the journal does not have its event any more' })
  }
  const routed = await actEffectsOf(parts).send.once({
    exchange: parts.names.events,
    routingKey: routingKeyOf(event),
    body: Buffer.from(record.event),
    properties: eventProperties(event, parts.prefix),
  })
  if (routed === 'unroutable') {
    return resultOf(letter, 'refused', {
      why: `no queue is bound to ${parts.names.events} that would receive it; run ferryman topology apply`,
    })
  }
  await parts.journal.told([event.request])
  const at = new Date(await parts.nowMs()).toISOString()
  const entry = { at, what: 'told again', by, why: null, request: null }
  // n.b. `changed`: a worker saw the telling first, and has closed the letter.
  await carryOut({ letter, next: { state: 'resolved', watched: false }, entry }, parts)
  return resultOf(letter, 'told_again')
}
