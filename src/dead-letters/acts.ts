// What a person does with letters: discard, restore, replay. Each act is carried out on the letter as it was read.
import type { Outgoing } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import type { Clock } from '../clock/clock.ts'
import type { Journal } from '../journal/journal.ts'
import { eventProperties, routingKeyOf, type Followed } from '../transfer/event.ts'
import { chainOf, type Chain } from './chain.ts'
import type { ChainVersion, Next, State, WholeLetter } from './desk.ts'
import { noteEnd } from './ends.ts'
import { decidedEvent, followUpMessage } from './follow-up.ts'
import { actEffectsOf, carryOut, send, type OutboxParts } from './outbox.ts'
import { isOnItsWay, lastReplayOf, lostReplay } from './lost-replay.ts'
import { replayOf, type ReplayOptions } from './replay.ts'
import { verdictOf } from './verdict.ts'
import type { Witnesses } from './witnesses.ts'

export interface ActParts extends OutboxParts {
  readonly journal: Pick<Journal, 'show' | 'told' | 'cancel'>
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

/** States of letters that `replay` and `discard` look for, the first one first. */
const ACTED_ON: readonly State[] = ['open', 'told', 'replayed']

/**
 * Of several letters, the one to act on and to show: in the first of the `wanted` states that there is, and rather the
 * decision's than one that answers other bytes.
 */
export function letterIn(found: readonly WholeLetter[], wanted: readonly State[] = ACTED_ON): WholeLetter | undefined {
  const letters = [...found.filter(isOfRequest), ...found.filter((letter) => !isOfRequest(letter))]
  return wanted.flatMap((one) => letters.filter(({ state }) => state === one))[0] ?? letters[0]
}

/** Acts on the letter that `id` (a dl-id, or a request) names. */
async function onLetter(
  id: string,
  wanted: readonly State[],
  { desk }: ActParts,
  attempt: (letter: WholeLetter) => Promise<Attempt>,
): Promise<Result> {
  for (let tries = 0; tries < TRIES; tries++) {
    const letter = letterIn(await desk.find(id), wanted)
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
  return onLetter(id, ACTED_ON, parts, async (letter) => {
    if (letter.state === 'discarded') return resultOf(letter, 'unchanged', { why: 'it is discarded already' })
    if (letter.state === 'resolved') return resultOf(letter, 'refused', { why: 'it is resolved' })
    if (letter.state === 'replayed' && letter.watched && !(await calledOff(letter, parts))) {
      return resultOf(letter, 'refused', { why: 'its replay is under way; wait for its decision' })
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

/**
 * Calls the last replay of a letter off where no record shows it begun: should it come yet, it ends `cancelled`.
 * False: it is under way.
 */
async function calledOff(letter: WholeLetter, { journal, nowMs }: ActParts): Promise<boolean> {
  const { request } = lastReplayOf(letter)
  if (isOnItsWay(letter, await nowMs()) || (await journal.show(request)) !== null) return false
  const { kind } = await journal.cancel(request, letter.id)
  return kind === 'cancelled' || kind === 'cancelled_before'
}

export interface ReplayParts extends ActParts {
  readonly witnesses: Witnesses
}

type Given = Omit<ReplayOptions, 'nowMs' | 'names'>

/** Tries a request again, or tells an event again, where that is safe; says why where it is not. */
export function replay(id: string, options: Given, parts: ReplayParts): Promise<Result> {
  return onLetter(id, ACTED_ON, parts, async (letter) => {
    const chain = await chainOf(letter, parts)
    const verdict = verdictOf(letter, chain)
    switch (verdict.kind) {
      case 'refused':
        return resultOf(letter, 'refused', { why: verdict.why })
      case 'tell':
        return tellAgain(letter, options.by, parts)
      case 'replay':
        return replayAs(letter, verdict.n, chain, { ...options, nowMs: await parts.nowMs() }, parts)
      case 'undecided':
        return replayLost(letter, verdict.why, chain, options, parts)
    }
  })
}

async function replayAs(
  letter: WholeLetter,
  n: number,
  chain: Chain,
  options: Omit<ReplayOptions, 'names'>,
  parts: ActParts,
): Promise<Attempt> {
  const made = replayOf(letter, n, { ...options, names: parts.names })
  if (made.kind === 'refused') return resultOf(letter, 'refused', { why: made.why })
  const act: Following = {
    what: 'replayed',
    actor: { by: options.by, why: null },
    next: { state: 'replayed', replays: n, watched: true },
    request: made.request,
    message: made.message,
    chain,
  }
  const done = await followed(letter, act, parts)
  return done === 'changed' ? done : resultOf(letter, 'replayed', { newRequest: made.request })
}

/** The same request again, under the same id, where it is certain that it was never decided; its end, where it was. */
async function replayLost(
  letter: WholeLetter,
  why: string,
  chain: Chain,
  options: Given,
  parts: ReplayParts,
): Promise<Attempt> {
  const lost = await lostReplay(letter, await parts.nowMs(), parts)
  switch (lost.kind) {
    case 'unknown':
      return resultOf(letter, 'refused', { why: `${why}; ${lost.why}` })
    case 'decided':
      await noteEnd(letter, lastReplayOf(letter).request, lost.code, parts)
      return 'changed'
    case 'never_came':
      // n.b. Made as it was then, so that both copies are the same request should the first one come after all.
      return replayAs(letter, letter.replays, chain, { ...options, nowMs: lost.atMs }, parts)
  }
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
