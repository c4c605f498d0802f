// A message from the dead-letter queue to a letter: what it is about, from Ferryman's headers and the body. Pure.
import type { Properties } from '../broker/broker.ts'
import { effectIn } from '../transfer/letter.ts'
import { decode } from '../transfer/message.ts'
import { isUuid } from '../transfer/uuid.ts'
import { LETTER_CLASSES, type LetterClass, type NewLetter, type State } from './desk.ts'

/** What arrives: the broker's `Delivery` fits. */
export interface Arrived {
  readonly body: Buffer
  readonly properties: Properties
}

/** Headers that the broker sets on what it dead-letters itself. No letter of Ferryman's carries any `x-` header. */
const BROKERS_MARKS = ['x-death', 'x-first-death-reason', 'x-last-death-reason']

/**
 * The letter, or null for one that the broker made, which is no verdict: it has no `dl-id`, or the one that its sender
 * gave it, by which a request that expired would pass for decided.
 */
export function letterOf({ body, properties }: Arrived, nowMs: number): NewLetter | null {
  const { headers } = properties
  const id = headers['dl-id']
  if (!isUuid(id) || BROKERS_MARKS.some((name) => headers[name] !== undefined)) return null
  const now = new Date(nowMs).toISOString()
  const about = aboutOf(body, properties)
  const firstFailedAt = timeOf(headers['dl-first-failed-at']) ?? timeOf(headers['dl-last-failed-at']) ?? now
  return {
    id: id.toLowerCase(),
    request: text(headers['dl-request-id']) ?? properties.correlationId ?? about.id,
    operation: text(headers['dl-operation']) ?? about.operation,
    consumer: about.consumer,
    source: about.source,
    destination: about.destination,
    providers: about.providers,
    code: text(headers['dl-reason']) ?? 'unknown',
    class: classOf(headers['dl-class']),
    effect: effectIn(headers['dl-effect']),
    firstFailedAt,
    lastFailedAt: timeOf(headers['dl-last-failed-at']) ?? firstFailedAt,
    attempts: typeof headers['dl-attempts'] === 'number' ? headers['dl-attempts'] : 0,
    body,
    headers: flat(headers),
  }
}

/** News for the scheduler waits for nobody; everything else waits for a person. */
export function firstStateOf(letter: Pick<NewLetter, 'class'>): State {
  return letter.class === 'refused' || letter.class === 'invalid' ? 'told' : 'open'
}

interface About {
  readonly id: string
  readonly operation: string
  readonly consumer: string | null
  readonly source: string | null
  readonly destination: string | null
  readonly providers: readonly string[]
}

function aboutOf(body: Buffer, properties: Properties): About {
  const decoded = decode({ body, ...properties }, { bytesMax: Infinity })
  if (decoded.kind === 'invalid') {
    const { id, operation, consumer, source, destination } = decoded.identity
    return { id, operation, consumer, source, destination, providers: named([source, destination]) }
  }
  const { id, operation, consumer, source, destination, alternates, deltas } = decoded.request
  return {
    id,
    operation,
    consumer,
    source,
    destination,
    providers: named([source, destination, ...alternates, ...Object.keys(deltas ?? {})]),
  }
}

function named(providers: readonly (string | null)[]): string[] {
  return [...new Set(providers.filter((provider) => provider !== null))]
}

/** n.b. An unknown class counts as work for a person: it must not be forgotten after a week. */
function classOf(value: unknown): LetterClass {
  return LETTER_CLASSES.find((known) => known === value) ?? 'operator'
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** The time in one form, so that times compare as texts. */
function timeOf(value: unknown): string | null {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? null : new Date(at).toISOString()
}

/** Without `x-*`: the broker's own, and different with each delivery. */
function flat(headers: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string | number | boolean] =>
        !entry[0].startsWith('x-') && ['string', 'number', 'boolean'].includes(typeof entry[1]),
    ),
  )
}
