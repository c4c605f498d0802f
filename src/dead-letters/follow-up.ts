// Follow-up events: what the desk did after a decision, told to everybody who reads events. The decision never changes.
import type { Outgoing } from '../broker/broker.ts'
import type { Names } from '../broker/names.ts'
import type { Journal, RecordView } from '../journal/journal.ts'
import { eventProperties, followUpOf, type EventBody, type Followed } from '../transfer/event.ts'
import { effectIn, letterId } from '../transfer/letter.ts'
import { decode } from '../transfer/message.ts'
import type { Code } from '../transfer/outcome.ts'
import type { Letter, WholeLetter } from './desk.ts'

/** Header of a follow-up: the letter that was acted on, from which a lost index is rebuilt. */
export const LETTER_HEADER = 'dl-id'

export interface FollowUpParts {
  readonly journal: Pick<Journal, 'show'>
  readonly names: Pick<Names, 'events'>
  /** The installation's prefix, for the `source` of its events. */
  readonly prefix: string
}

/** The follow-up as a message. `atMs` is the time of the act, and a part of its id. */
export async function followUpMessage(
  letter: WholeLetter,
  followed: Followed,
  atMs: number,
  { journal, names, prefix }: FollowUpParts,
): Promise<Outgoing> {
  const event = decidedEvent(letter, await journal.show(letter.request)) ?? eventOfLetter(letter)
  const { body, routingKey } = followUpOf(event, followed, atMs, new Date(atMs).toISOString())
  const properties = eventProperties(body, prefix)
  return {
    exchange: names.events,
    routingKey,
    body: Buffer.from(JSON.stringify(body)),
    properties: { ...properties, headers: { ...properties.headers, [LETTER_HEADER]: letter.id } },
  }
}

/** The event of the decision that a letter stands for. A refusal of class invalid was never recorded: null. */
export function decidedEvent(letter: Pick<Letter, 'id'>, record: RecordView | null): EventBody | null {
  if (record === null || record.event === null) return null
  const event = JSON.parse(record.event) as EventBody
  return [event.id, `${event.id}/event_unroutable`].some((name) => letterId(name) === letter.id) ? event : null
}

/** What a letter says of its event, where no record has it any more; what it does not say is null or empty. */
function eventOfLetter(letter: WholeLetter): EventBody {
  const { body, headers } = letter
  const decoded = decode({ body, headers }, { bytesMax: Infinity })
  const known = decoded.kind === 'request' ? decoded.request : decoded.identity
  const text = (name: string): string => (typeof headers[name] === 'string' ? headers[name] : '')
  return {
    version: 1,
    id: `${letter.request}/${letter.code}`,
    type: 'ferryman.transfer.failed',
    time: letter.firstFailedAt,
    request: letter.request,
    replayOf: known.replayOf,
    operation: letter.operation,
    consumer: letter.consumer,
    migration: known.migration,
    source: letter.source,
    destination: letter.destination,
    outcome: {
      // n.b. `event_unroutable` is no outcome; where its record is gone there is nothing better to repeat.
      code: letter.code as Code,
      class: letter.class,
      effect: effectIn(headers['dl-effect']),
      message: text('dl-description'),
    },
    violations: [],
    before: null,
    after: null,
    open: null,
    origin: known.origin,
    context: known.context,
    mappings: {},
    attempts: letter.attempts,
    worker: text('dl-worker'),
    durationMs: 0,
  }
}
