// The form of events and dead letters, held letter by letter against what other programs are written for.
import { createHash } from 'node:crypto'
import type { Message } from './installation-line.ts'

const NAMESPACE = '2b594a08-ae0e-52e1-b5c5-6aa33692950d'
const HEADERS_BYTES_MAX = 16 * 1024

/** RFC 4122 uuid v5 of `name` in Ferryman's namespace. */
export function uuidV5(name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
  hash[6] = (hash[6]! & 0x0f) | 0x50
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString('hex').slice(0, 32)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const EVENT_KEYS = [
  'version',
  'id',
  'type',
  'time',
  'request',
  'replayOf',
  'operation',
  'consumer',
  'migration',
  'source',
  'destination',
  'outcome',
  'violations',
  'before',
  'after',
  'open',
  'origin',
  'context',
  'mappings',
  'attempts',
  'worker',
  'durationMs',
]
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

interface Event {
  readonly [key: string]: unknown
  readonly id: string
  readonly request: string
  readonly operation: string
  readonly origin: string
}

type Fields = Readonly<Record<string, unknown>>

/** What of an event is not as the contract says; `prefix` is the installation's. */
export function faultsOfEvent(message: Message, prefix = 'ferryman'): string[] {
  const event = JSON.parse(message.body.toString('utf8')) as Event
  const outcome = event['outcome'] as { code: string; class: string; effect: string; message: string }
  const { properties, routingKey } = message
  const done = outcome.class === 'done'
  const consumer = event['consumer'] === null ? {} : { cloudEvents_subject: event['consumer'] }
  const wanted: [string, unknown, unknown][] = [
    ['keys', Object.keys(event), EVENT_KEYS],
    ['outcome keys', Object.keys(outcome), ['code', 'class', 'effect', 'message']],
    ['version', event['version'], 1],
    ['type', event['type'], done ? 'ferryman.transfer.succeeded' : 'ferryman.transfer.failed'],
    ['id', event.id.split('/').slice(0, 2), [event.request, outcome.code]],
    ['exchange', message.exchange, `${prefix}.events`],
    [
      'routing key',
      routingKey,
      `transfer.${event.operation}.${done ? 'succeeded' : 'failed'}.${outcome.code}.${event.origin}`,
    ],
    ['message_id', properties.messageId, event.id],
    ['correlation_id', properties.correlationId, event.request],
    ['content_type', properties.contentType, 'application/json'],
    ['delivery_mode', properties.deliveryMode, 2],
    [
      'headers',
      properties.headers,
      {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: event.id,
        cloudEvents_source: `/ferryman/${prefix}`,
        cloudEvents_type: event['type'],
        cloudEvents_time: event['time'],
        ...consumer,
      },
    ],
    ['time', STAMP.test(String(event['time'])), true],
    ['worker', /^[^:]+:\d+$/.test(String(event['worker'])), true],
    ['durationMs', Number.isInteger(event['durationMs']) && (event['durationMs'] as number) >= 0, true],
    ['attempts', Number.isInteger(event['attempts']) && (event['attempts'] as number) >= 1, true],
    ['violations', Array.isArray(event['violations']), true],
    ['effect', outcome.effect, done ? 'happened' : 'did_not_happen'],
    ['message', outcome.message.endsWith('.'), true],
  ]
  return different(`event ${event.id}`, wanted)
}

const LETTER_STRINGS = [
  'dl-id',
  'dl-reason',
  'dl-class',
  'dl-effect',
  'dl-description',
  'dl-request-id',
  'dl-operation',
  'dl-first-failed-at',
  'dl-last-failed-at',
  'dl-original-exchange',
  'dl-original-routing-key',
  'dl-worker',
  'dl-worker-version',
]
const LETTER_NUMBERS = ['dl-schema', 'dl-attempts']

/** What of a letter is not as the contract says, beside the event that tells the same. */
export function faultsOfLetter(letter: Message, told: Message, prefix = 'ferryman'): string[] {
  const event = JSON.parse(told.body.toString('utf8')) as Event
  const outcome = event['outcome'] as { code: string; class: string; effect: string }
  const headers = (letter.properties.headers ?? {}) as Fields
  const of = (type: string): string[] =>
    Object.keys(headers).filter((name) => name.startsWith('dl-') && typeof headers[name] === type)
  const bytes = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + String(value).length + 7, 0)
  const ascii = Object.entries(headers).every((entry) => entry.every((text) => /^[\x20-\x7e]*$/.test(String(text))))
  const flat = Object.values(headers).every((value) => ['string', 'number', 'boolean'].includes(typeof value))
  const wanted: [string, unknown, unknown][] = [
    ['strings', of('string').sort(), [...LETTER_STRINGS].sort()],
    ['numbers', of('number').sort(), [...LETTER_NUMBERS].sort()],
    ['ascii', ascii, true],
    ['flat', flat, true],
    ['at most 16 KiB', bytes <= HEADERS_BYTES_MAX, true],
    ['exchange', letter.exchange, `${prefix}.dead-letters`],
    ['routing key', letter.routingKey, `${outcome.class}.${outcome.code}`],
    ['message_id', letter.properties.messageId, uuidV5(event.id)],
    ['correlation_id', letter.properties.correlationId, event.request],
    ['delivery_mode', letter.properties.deliveryMode, 2],
    ['expiration', letter.properties.expiration, undefined],
    ['reply_to', letter.properties.replyTo, undefined],
    ['user_id', letter.properties.userId, undefined],
    ['dl-schema', headers['dl-schema'], 1],
    ['dl-attempts', headers['dl-attempts'], event['attempts']],
    ['dl-id', headers['dl-id'], letter.properties.messageId],
    ['dl-reason', headers['dl-reason'], outcome.code],
    ['dl-class', headers['dl-class'], outcome.class],
    ['dl-effect', headers['dl-effect'], outcome.effect],
    ['dl-request-id', headers['dl-request-id'], event.request],
    ['dl-operation', headers['dl-operation'], event.operation],
    ['dl-worker', headers['dl-worker'], event['worker']],
    ['dl-original-exchange', headers['dl-original-exchange'], `${prefix}.requests`],
    ['dl-last-failed-at', headers['dl-last-failed-at'], event['time']],
    ['dl-first-failed-at', STAMP.test(String(headers['dl-first-failed-at'])), true],
  ]
  return different(`letter of ${event.id}`, wanted)
}

function different(what: string, wanted: readonly [string, unknown, unknown][]): string[] {
  return wanted.flatMap(([name, found, expected]) => {
    const [one, other] = [JSON.stringify(found), JSON.stringify(expected)]
    return one === other ? [] : [`${what}: ${name} is ${one}, not ${other}`]
  })
}
