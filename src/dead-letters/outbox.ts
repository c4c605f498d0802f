// What acts have to send: each message is kept with the act, sent with confirmation, and only then forgotten.
import type { Outgoing, Publisher } from '../broker/broker.ts'
import type { Clock } from '../clock/clock.ts'
import { idempotent, type Effect } from '../retry/effect.ts'
import type { Telemetry } from '../telemetry/events.ts'
import type { Act, Desk } from './desk.ts'

export interface OutboxParts {
  readonly desk: Desk
  readonly publisher: Publisher
  readonly telemetry: Telemetry
}

export interface ActEffects {
  readonly act: Effect<Act, 'done' | 'changed', 'idempotent'>
  readonly send: Effect<Outgoing, 'routed' | 'unroutable', 'idempotent'>
  readonly sent: Effect<string, void, 'idempotent'>
}

/** What acting at the desk does to the world, declared once. */
export function actEffectsOf({ desk, publisher }: Pick<OutboxParts, 'desk' | 'publisher'>): ActEffects {
  return {
    act: idempotent('desk.act', 'an act has an id, and the same act again is answered as done', (act) => desk.act(act)),
    send: idempotent(
      'desk.send',
      'a second copy carries the same id: a request is decided once, and readers of events drop it',
      (message) => publisher.publish(message),
    ),
    sent: idempotent('desk.sent', 'it removes what a second time finds removed', (messageId) => desk.sent(messageId)),
  }
}

export type CarryParts = Pick<OutboxParts, 'desk' | 'publisher'> & {
  readonly clock: Pick<Clock, 'uuid'>
  /** Redis time. */
  readonly nowMs: () => Promise<number>
}

/** Carries out an act under an id of its own. */
export function carryOut(act: Omit<Act, 'id'>, parts: CarryParts): Promise<'done' | 'changed'> {
  return actEffectsOf(parts).act.once({ ...act, id: parts.clock.uuid() })
}

/** Sends what an act has to send. What no queue would receive is kept, and sent when there is one. */
export async function send(messages: readonly Outgoing[], parts: OutboxParts): Promise<void> {
  const effects = actEffectsOf(parts)
  for (const message of messages) {
    if ((await effects.send.once(message)) === 'unroutable') {
      parts.telemetry.emit('warning', {
        what: `No queue receives what is published to ${message.exchange} with ${message.routingKey}; it is kept.`,
        fix: 'ferryman topology apply',
      })
    } else await effects.sent.once(String(message.properties.messageId))
  }
}

/** Messages looked at in one round. */
const ROUND = 50

/** Sends what others have written down and, for all that is known, died before they had sent. */
export async function sendLeftOver(nowMs: number, parts: OutboxParts): Promise<void> {
  await send(await parts.desk.unsent(nowMs, ROUND), parts)
}
