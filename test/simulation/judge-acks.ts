// What must have been confirmed before a message is acknowledged: its event with its letter, or a copy of it.
import type { Outgoing } from '../../src/broker/broker.ts'
import type { Names } from '../../src/broker/names.ts'
import { letterId } from '../../src/transfer/letter.ts'

/** What of it was not confirmed, or null. `id`: the request of the message, `body` its bytes. */
export function missingAtAck(
  id: string,
  body: Buffer,
  confirmed: readonly Outgoing[],
  { events, deadLetters }: Names,
): string | null {
  if (confirmed.some((copy) => copy.exchange === '' && copy.body.equals(body))) return null
  const untellable = confirmed.some(
    ({ properties: { headers } }) => headers['dl-reason'] === 'event_unroutable' && headers['dl-request-id'] === id,
  )
  if (untellable) return null
  const told = confirmed.filter(({ exchange, properties }) => exchange === events && properties.correlationId === id)
  if (told.length === 0) return 'event or copy'
  const hasLetter = ({ properties }: Outgoing): boolean =>
    confirmed.some(
      (one) => one.exchange === deadLetters && one.properties.messageId === letterId(properties.messageId ?? ''),
    )
  const isComplete = (event: Outgoing): boolean =>
    event.properties.type === 'ferryman.transfer.succeeded' || hasLetter(event)
  return told.some(isComplete) ? null : 'letter'
}
