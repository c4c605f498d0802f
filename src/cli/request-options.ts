// The options that make up a request, and the request they make: one set for `request` and `plan`.
import type { Command } from 'commander'
import type { Clock } from '../clock/clock.ts'
import { meant } from '../config/nearest.ts'
import { decode, type Decoded, type Invalid } from '../transfer/message.ts'
import { OPERATIONS } from '../transfer/request.ts'
import { EXIT, Exit } from './exit.ts'
import { amounts, field, words } from './options.ts'

export interface RequestFields {
  readonly [name: string]: unknown
  readonly id?: string
  readonly field?: Readonly<Record<string, unknown>>
}

/** Options that become fields of the same name. */
const FIELD_OPTIONS = [
  'consumer',
  'source',
  'destination',
  'migration',
  'mode',
  'resources',
  'destinationResources',
  'alternates',
  'notAfter',
  'origin',
  'force',
  'policy',
  'newConsumer',
  'request',
]

export function withRequestOptions(command: Command): Command {
  return command
    .argument('<operation>', `one of ${OPERATIONS.join(', ')}`)
    .option('--id <uuid>', 'id of the request; default: a new one')
    .option('--consumer <uuid>', 'the consumer whose allocations move')
    .option('--source <uuid>', 'root resource provider that it leaves')
    .option('--destination <uuid>', 'root resource provider that it goes to')
    .option('--migration <uuid>', 'consumer that holds the source while the move is open')
    .option('--mode <mode>', 'claim: migration (default) or doubled')
    .option('--resources <amounts>', 'amounts by resource class, as VCPU=2,MEMORY_MB=2048', amounts)
    .option('--destination-resources <amounts>', 'the whole set held at the destination, for another size', amounts)
    .option('--alternates <uuids>', 'further destinations, separated by commas', words)
    .option('--not-after <time>', 'deadline, RFC 3339 with offset')
    .option('--origin <name>', "last word of the event's routing key")
    .option('--force', 'release: skip all comparison')
    .option('--policy <policy>', 'resize: max (default), sum or replace')
    .option('--new-consumer <uuid>', 'swap-consumer: who takes over')
    .option('--request <uuid>', 'cancel: the request to cancel')
    .option('--field <name=json>', 'any other field of the request, as JSON (may be repeated)', field)
}

/** The bytes that the options make, and what a worker reads in them. */
export function requestFrom(
  operation: string,
  options: RequestFields,
  clock: Pick<Clock, 'uuid'>,
  bytesMax: number,
): { readonly body: Buffer; readonly decoded: Decoded } {
  if (!(OPERATIONS as readonly string[]).includes(operation)) {
    throw new Exit(
      EXIT.usage,
      `${operation} is no operation${meant(operation, OPERATIONS)} ` + `Operations: ${OPERATIONS.join(', ')}.`,
    )
  }
  const given = FIELD_OPTIONS.filter((name) => options[name] !== undefined)
  const fields = Object.fromEntries(given.map((name) => [name, options[name]]))
  const id = options.id ?? clock.uuid()
  const body = Buffer.from(JSON.stringify({ version: 1, id, operation, ...fields, ...options.field }))
  return { body, decoded: decode({ body, headers: {} }, { bytesMax }) }
}

/** Everything that is wrong with a request, in one line. */
export function sentenceOf(invalid: Invalid): string {
  const rest = invalid.outcome.violations.slice(1).map(({ path, message }) => ` ${path ?? ''} ${message ?? ''}.`)
  return `${invalid.outcome.message}${rest.join('')}`
}
