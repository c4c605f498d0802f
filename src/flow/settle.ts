// Stage 7 of 7: acknowledge, delay, or hand back. Nothing else acknowledges.
import type { Delivery, Outgoing } from '../broker/broker.ts'
import { DELAYS } from '../broker/names.ts'
import type { Aside } from '../journal/journal.ts'
import { Unanswered, Unavailable } from '../retry/failures.ts'
import { copiedProperties } from '../transfer/letter.ts'
import type { Begun, Deps, Ending } from './job.ts'
import { markTold, type Later, type Published } from './publish.ts'
import { repeat } from './repeat.ts'

/** Rest (ms) before a delivery goes back, since what stopped it is seldom over at once: without it, it would spin. */
const HAND_BACK_MS = 100

export type Settlement = 'acknowledged' | 'delayed' | 'handed_back'

export async function settle(delivery: Delivery, published: Published, deps: Deps): Promise<Settlement> {
  switch (published.kind) {
    case 'told':
      // The event is confirmed: the delivery need not wait, in one of the worker's places, until the journal knows.
      await deps.effects.acknowledge.once(delivery)
      if (published.note !== null) await markTold(published.note, deps)
      return 'acknowledged'
    case 'later':
      return await delay(delivery, published, deps)
    case 'stopped':
      return await handBack(delivery, published.ending, published.why, deps)
  }
}

/**
 * Due time first, copy second, ack last: a crash between them leaves a delivery that is early, never one that is lost.
 */
async function delay(delivery: Delivery, published: Later, deps: Deps): Promise<Settlement> {
  const { ending, rung } = published
  const delayMs = DELAYS[published.delay]
  try {
    if (ending.begun !== null) {
      const reason = ending.kind === 'transient' ? ending.reason : 'handed_back'
      await giveUp(ending.begun, { reason, rung, delayMs }, deps)
    }
    const queue = deps.names.retry(published.delay)
    const routed = await repeat(deps.effects.publish, copyFor(delivery, queue), null, deps)
    if (routed === 'unroutable') throw new Unavailable(`queue ${queue} is not there; run ferryman topology apply`)
  } catch (failure) {
    if (!(failure instanceof Unanswered || failure instanceof Unavailable)) throw failure
    return handBack(delivery, ending, failure.message, deps)
  }
  deps.telemetry.emit('request.set_aside', { reason: ending.reason, delayMs, rung })
  await deps.effects.acknowledge.once(delivery)
  return 'delayed'
}

/** The delivery goes back to its queue; what was begun is given up, now or as soon as the journal answers. */
async function handBack(delivery: Delivery, ending: Ending, why: string, deps: Deps): Promise<Settlement> {
  const begun = 'begun' in ending ? ending.begun : null
  if (begun !== null) await giveUpOrLater(begun, deps)
  deps.telemetry.emit('request.stopped', { request: begun?.processing.request ?? null, why })
  await deps.clock.sleep(HAND_BACK_MS)
  await deps.effects.handBack.once(delivery)
  return 'handed_back'
}

async function giveUpOrLater(begun: Begun, deps: Deps): Promise<void> {
  try {
    await giveUp(begun, { reason: 'handed_back', rung: begun.processing.rung, delayMs: 0 }, deps)
  } catch (failure) {
    if (!(failure instanceof Unanswered || failure instanceof Unavailable)) throw failure
    deps.giveUpLater(begun.processing)
  }
}

async function giveUp(begun: Begun, aside: Aside, deps: Deps): Promise<void> {
  deps.locks.forget(begun.held)
  if (deps.locks.stoodStill(begun.processing.session)) return // whoever begins it next counts a death
  await repeat(deps.effects.aside, { processing: begun.processing, aside }, null, deps)
}

/** The same bytes for a queue of the ladder, with only those properties that cannot lose or multiply it. */
function copyFor(delivery: Delivery, queue: string): Outgoing {
  return { exchange: '', routingKey: queue, body: delivery.body, properties: copiedProperties(delivery.properties) }
}
