// The desk's intake: takes each dead letter into the index once, and sends back to work what only the broker gave up.
import type { Broker, Delivery, Outgoing, Subscription } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import { every } from '../clock/every.ts'
import { idempotent, type Effect } from '../retry/effect.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { copiedProperties } from '../transfer/letter.ts'
import type { Desk, State } from './desk.ts'
import { letterOf } from './letter.ts'
import { upkeep, type UpkeepParts } from './upkeep.ts'

export interface IntakeParts extends UpkeepParts {
  readonly names: Names
}

export interface IntakeEffects {
  readonly take: Effect<Parameters<Desk['take']>[0], 'taken' | 'again', 'idempotent'>
  readonly republish: Effect<Outgoing, 'routed' | 'unroutable', 'idempotent'>
}

/** What the intake does to the world, declared once. */
export function intakeEffectsOf({ desk, publisher }: Pick<IntakeParts, 'desk' | 'publisher'>): IntakeEffects {
  return {
    take: idempotent(
      'desk.take',
      'a letter is written under its dl-id; a second copy changes nothing but its age',
      (letter) => desk.take(letter),
    ),
    republish: idempotent(
      'desk.republish',
      'a second copy carries the same request, which is decided once',
      (message) => publisher.publish(message),
    ),
  }
}

/**
 * Deals with one dead letter: written down or published anew first, acknowledged last. What cannot be dealt with now
 * goes back to the queue, and the failure is thrown.
 */
export async function takeIn(delivery: Delivery, parts: IntakeParts): Promise<'taken' | 'again' | 'returned'> {
  const effects = intakeEffectsOf(parts)
  try {
    const letter = letterOf(delivery, parts.clock.nowMs())
    if (letter === null) {
      await sendBack(delivery, effects, parts)
      delivery.ack()
      return 'returned'
    }
    const taken = await effects.take.once(letter)
    delivery.ack()
    if (taken === 'taken') {
      parts.telemetry.emit('intake.taken', { letter: letter.id, code: letter.code, class: letter.class })
    }
    return taken
  } catch (failure) {
    delivery.handBack()
    throw failure
  }
}

/** A limit of the broker is no verdict: the request goes to work again, and the journal knows what became of it. */
async function sendBack(delivery: Delivery, effects: IntakeEffects, { names, telemetry }: IntakeParts): Promise<void> {
  const routed = await effects.republish.once({
    exchange: '',
    routingKey: names.requests,
    body: delivery.body,
    properties: copiedProperties(delivery.properties),
  })
  if (routed === 'unroutable') {
    throw new Unavailable(`queue ${names.requests} is not there; run ferryman topology apply`)
  }
  telemetry.emit('intake.returned', { reason: reasonOf(delivery) })
}

/** Why the broker gave it up, as far as it says so. For the log only: a sender can forge it. */
function reasonOf(delivery: Delivery): string {
  const reason = delivery.properties.headers['x-first-death-reason']
  return typeof reason === 'string' ? reason : 'unknown'
}

export interface IntakeOptions {
  /** `host:pid`: who holds the intake. */
  readonly holder: string
  readonly leaseMs: number
  /** Days that letters are kept which wait for nobody: told ones, and those replayed, resolved or discarded. */
  readonly toldDays: number
  readonly closedDays: number
}

export interface Intake {
  start(): void
  /** Takes nothing more; what is in hand is finished or handed back. May be called twice, or before `start`. */
  stop(): Promise<void>
}

/** Letters in hand at once. */
const PREFETCH = 32
const DAY_MS = 86_400_000
/** Rest (ms) after a failure, so that a letter which cannot be written does not come back at once. */
const REST_MS = 1_000

/** The intake of a worker. Several may run: one at a time has the lease, and two at once would do no harm. */
export function openIntake(parts: IntakeParts, broker: Broker, options: IntakeOptions): Intake {
  const { desk, clock, names } = parts
  const stopping = new AbortController()
  const inHand = new Set<Promise<void>>()
  let subscription: Subscription | null = null
  let running: Promise<unknown> = Promise.resolve()

  const deal = async (delivery: Delivery): Promise<void> => {
    try {
      await takeIn(delivery, parts)
    } catch (failure) {
      tellBug(failure, parts.telemetry)
      await pause()
    }
  }
  const pause = async (): Promise<void> => {
    const held = subscription
    subscription = null
    await held?.cancel().catch(() => undefined)
    await clock.sleep(REST_MS, stopping.signal).catch(() => undefined)
  }
  const look = async (): Promise<void> => {
    const mine = await desk.holdIntake(options.holder, options.leaseMs)
    if (!mine) return pause()
    await forgetOld(parts, options)
    subscription ??= await broker.consume(names.deadLetters, PREFETCH, (delivery) => {
      const dealt = deal(delivery).finally(() => {
        inHand.delete(dealt)
      })
      inHand.add(dealt)
    })
    await upkeep(parts)
  }
  return {
    start: () => {
      const tell = (failure: unknown): void => {
        tellBug(failure, parts.telemetry)
      }
      running = every(clock, options.leaseMs / 3, stopping.signal, look, tell)
    },
    stop: async () => {
      stopping.abort(new Error('stopping'))
      await running
      await subscription?.cancel().catch(() => undefined)
      subscription = null
      await Promise.allSettled(inHand)
      await desk.releaseIntake(options.holder).catch(() => undefined)
    },
  }
}

/** Rounds of forgetting in one look, so that letters are forgotten faster than they can come, and leases still kept. */
const FORGET_ROUNDS = 20

async function forgetOld(parts: IntakeParts, { toldDays, closedDays }: IntakeOptions): Promise<void> {
  const nowMs = await parts.nowMs()
  const days = { told: toldDays, replayed: closedDays, resolved: closedDays, discarded: closedDays }
  for (const [state, kept] of Object.entries(days) as [State, number][]) {
    for (let round = 0; round < FORGET_ROUNDS; round++) {
      if ((await parts.desk.forget(state, nowMs - kept * DAY_MS)) === 0) break
    }
  }
}

function tellBug(failure: unknown, telemetry: Telemetry): void {
  if (failure instanceof Unanswered || failure instanceof Unavailable) return
  const what = failure instanceof Error ? failure.message : String(failure)
  telemetry.emit('warning', { what: `A dead letter could not be taken in: ${what}.`, fix: 'It stays in its queue.' })
}

/** What a command needs to catch up. */
export interface Waiting {
  /** The next letter that waits, or null. */
  readonly next: () => Promise<Delivery | null>
  /** How many wait; null when there is no such queue. */
  readonly depth: () => Promise<number | null>
}

/** How long (ms) a command leaves it to a worker to take in what is there. */
const PATIENCE_MS = 1_000
const LEASE_MS = 5_000

/** Brings the index up to date for a command: takes in what waits, and closes letters whose end has come. */
export async function catchUp(parts: IntakeParts, waiting: Waiting, holder: string): Promise<void> {
  await takeAllIn(parts, waiting, holder)
  await upkeep(parts)
}

/**
 * Takes in what waits now. Where a worker has the intake it is left to it for a moment, not for longer: it may have
 * died, and two at once do no harm.
 */
async function takeAllIn(parts: IntakeParts, waiting: Waiting, holder: string): Promise<void> {
  const { clock, desk } = parts
  const untilMs = clock.monotonicMs() + PATIENCE_MS
  let mine = await desk.holdIntake(holder, LEASE_MS)
  while (!mine && clock.monotonicMs() < untilMs) {
    await clock.sleep(50)
    if (((await waiting.depth()) ?? 0) === 0) return
    mine = await desk.holdIntake(holder, LEASE_MS)
  }
  try {
    for (let taken = 1, left = (await waiting.depth()) ?? 0; left > 0; left--, taken++) {
      const delivery = await waiting.next()
      if (delivery === null) return
      await takeIn(delivery, parts)
      if (mine && taken % 100 === 0) await desk.holdIntake(holder, LEASE_MS)
    }
  } finally {
    if (mine) await desk.releaseIntake(holder).catch(() => undefined)
  }
}
