// Bytes of a message to a request, or to the refusal of class invalid that answers them. Total: nothing makes it throw.
import { isUtf8 } from 'node:buffer'
import { asciiCut } from './ascii.ts'
import { canonicalJson, sha256Hex } from './digest.ts'
import { isRecord, problem, type Problems } from './fields.ts'
import { scan } from './json-scan.ts'
import { migrationOfClaim } from './migration.ts'
import { outcome, type Code, type Outcome, type Violation } from './outcome.ts'
import { OPERATIONS, type Request, type Requires } from './request.ts'
import { context, origin, readMembers } from './schema.ts'
import { canonicalUuid, uuidV5 } from './uuid.ts'

/** Deepest nesting of a request. */
export const DEPTH_MAX = 12
/** Texts nested deeper are not parsed at all, not even to learn under which id they are refused. */
const PARSED_DEPTH_MAX = 64
const ENCODINGS = ['', 'utf-8', 'identity']
const BYTE_ORDER_MARK = 0xfeff

/** What `decode` needs of a message; the broker's `Delivery` fits. */
export interface Message {
  readonly body: Uint8Array
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly messageId?: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** Under which names a message is told, as far as it could be read; null where it could not. */
export interface Identity {
  readonly id: string
  /** `unknown` where it could not be read. */
  readonly operation: string
  readonly consumer: string | null
  readonly migration: string | null
  readonly source: string | null
  readonly destination: string | null
  readonly origin: string
  readonly context: Readonly<Record<string, unknown>> | null
  readonly replayOf: string | null
}

/** A refusal of class `invalid`: it answers these bytes, not the id. */
export interface Invalid {
  readonly kind: 'invalid'
  readonly outcome: Outcome
  readonly identity: Identity
  /** SHA-256 (hex) of the body as received. */
  readonly bytesDigest: string
}

export type Decoded = { readonly kind: 'request'; readonly request: Request; readonly digest: string } | Invalid

/**
 * Reads a message. `digest` is over the canonical request: envelope, AMQP properties, key order and case of uuids do
 * not count.
 */
export function decode(message: Message, limits: { readonly bytesMax: number }): Decoded {
  const { body } = message
  if (body.length > limits.bytesMax) {
    return invalid(
      'too_large',
      `The message has ${body.length} bytes; at most ${limits.bytesMax} are read.`,
      message,
      undefined,
    )
  }
  const parsed = parse(message)
  if ('malformed' in parsed) {
    return invalid('malformed', `The message is not acceptable JSON: ${parsed.malformed}.`, message, parsed.value)
  }
  return validated(message, parsed.value)
}

/** A parsed body, or why it is none; `value` is then what may be read for the identity, if anything. */
type Parsed = { readonly value: unknown } | { readonly malformed: string; readonly value: unknown }

function parse(message: Message): Parsed {
  const { body } = message
  const encoding = message.contentEncoding ?? ''
  if (!ENCODINGS.includes(encoding.toLowerCase())) {
    const value = isUtf8(body) ? lenient(textOf(body)) : undefined
    return { malformed: `content_encoding is "${asciiCut(encoding, 32)}", and only utf-8 and identity are read`, value }
  }
  if (!isUtf8(body)) return { malformed: 'its bytes are not UTF-8', value: undefined }
  const text = textOf(body)
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) {
    return { malformed: 'it begins with a byte order mark', value: lenient(text.slice(1)) }
  }
  const { depth, duplicate } = scan(text, DEPTH_MAX + 1)
  if (depth > DEPTH_MAX + 1) return { malformed: tooDeep(), value: lenient(text) }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { malformed: 'it cannot be parsed', value: undefined }
  }
  if (depth > DEPTH_MAX && !(isRecord(value) && isEnvelope(value))) return { malformed: tooDeep(), value }
  if (duplicate !== null) {
    return { malformed: `an object names the key "${asciiCut(duplicate, 48)}" twice`, value }
  }
  return { value }
}

function tooDeep(): string {
  return `it is nested more than ${DEPTH_MAX} deep`
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8')
}

/** Parses what is refused already, only to learn its id; undefined where it cannot be, or is very deep. */
function lenient(text: string): unknown {
  if (scan(text, PARSED_DEPTH_MAX).depth > PARSED_DEPTH_MAX) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * A structured CloudEvents envelope says so in its body, whatever the headers say: no request has that field. In binary
 * mode the body is the request itself.
 */
function isEnvelope(value: Readonly<Record<string, unknown>>): boolean {
  return Object.hasOwn(value, 'specversion')
}

function validated(message: Message, value: unknown): Decoded {
  const problems: Problems = { violations: [] }
  let body = value
  let path = ''
  if (isRecord(value) && isEnvelope(value)) {
    path = '/data'
    body = value['data']
    if (value['specversion'] !== '1.0') problem(problems, '/specversion', 'must be "1.0"')
  }
  if (!isRecord(body)) {
    problem(problems, path, 'must be an object, the request')
    return schemaInvalid(message, value, problems.violations)
  }
  const version = body['version']
  if (typeof version === 'number' && version !== 1) {
    return invalid(
      'unsupported_version',
      `The request has version ${version}; this Ferryman reads version 1.`,
      message,
      value,
    )
  }
  const read = readMembers(body, path, problems)
  if (problems.violations.length > 0) return schemaInvalid(message, value, problems.violations)
  const request = filled(read)
  return { kind: 'request', request, digest: digestOf(request) }
}

function schemaInvalid(message: Message, value: unknown, violations: readonly Violation[]): Invalid {
  const [first] = violations
  const rest = violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''
  const where = first?.path === '' || first === undefined ? 'The message' : `Field ${first.path}`
  return invalid(
    'schema_invalid',
    `${where} ${first?.message ?? 'is not a request'}${rest}.`,
    message,
    value,
    violations,
  )
}

const NOTHING_REQUIRED: Requires = { aggregates: [], forbiddenTraits: [], traits: [] }

const NO_CONTEXT = {}

/**
 * The request with its defaults. `read` has passed the schema, so that each member has the type its field has.
 * One literal, so that all requests have one form: what reads them later is fast only then.
 */
function filled(read: Readonly<Record<string, unknown>>): Request {
  const given = read as Pick<Request, 'id' | 'operation'> & Partial<Request>
  const { requires, owner } = given
  return {
    version: 1,
    id: given.id,
    operation: given.operation,
    consumer: given.consumer ?? null,
    source: given.source ?? null,
    destination: given.destination ?? null,
    migration: given.migration ?? null,
    mode: given.mode ?? 'migration',
    resources: given.resources ?? null,
    destinationResources: given.destinationResources ?? null,
    requires: requires === undefined ? NOTHING_REQUIRED : { ...NOTHING_REQUIRED, ...requires },
    alternates: given.alternates ?? [],
    expect: given.expect ?? {},
    notAfter: given.notAfter ?? null,
    idempotent: given.idempotent ?? true,
    origin: given.origin ?? 'none',
    context: given.context ?? NO_CONTEXT,
    replayOf: given.replayOf ?? null,
    owner: owner ? { project: owner.project, user: owner.user, type: owner.type ?? 'INSTANCE' } : null,
    force: given.force ?? false,
    policy: given.policy ?? 'max',
    deltas: given.deltas ?? null,
    newConsumer: given.newConsumer ?? null,
    request: given.request ?? null,
  }
}

/**
 * SHA-256 (hex) of the canonical request, with the default migration id filled in where the claim has one. A field that
 * is null was not given, and no request can give null: leaving it out tells as much.
 */
export function digestOf(request: Request): string {
  let text = ''
  for (const name of FIELDS) {
    const value = name === 'migration' ? migrationOfClaim(request) : request[name]
    if (value !== null) text += `${text === '' ? '' : ','}"${name}":${canonicalJson(value)}`
  }
  return sha256Hex(`{${text}}`)
}

/** Every field of a request, in canonical order: sorting them for each request would cost more than the digest. */
const FIELDS = (Object.keys(filled({ id: '', operation: 'claim' })) as (keyof Request)[]).sort()

function invalid(
  code: Code,
  text: string,
  message: Message,
  value: unknown,
  violations: readonly Violation[] = [],
): Invalid {
  const bytesDigest = sha256Hex(message.body)
  return {
    kind: 'invalid',
    outcome: outcome(code, text, violations),
    identity: identify(message, value, bytesDigest),
    bytesDigest,
  }
}

/**
 * Names of a refused message: read from the body where that can be done, else from `message_id`, else made from its
 * bytes.
 */
function identify(message: Message, value: unknown, bytesDigest: string): Identity {
  const outer = isRecord(value) ? value : {}
  const inner = isEnvelope(outer) ? outer['data'] : outer
  const body = isRecord(inner) ? inner : {}
  const ignored: Problems = { violations: [] }
  return {
    id: canonicalUuid(body['id']) ?? canonicalUuid(message.messageId) ?? uuidV5(bytesDigest),
    operation: OPERATIONS.find((name) => name === body['operation']) ?? 'unknown',
    consumer: canonicalUuid(body['consumer']),
    migration: canonicalUuid(body['migration']),
    source: canonicalUuid(body['source']),
    destination: canonicalUuid(body['destination']),
    origin: origin.read(body['origin'], '', ignored) ?? 'none',
    context: context.read(body['context'], '', ignored) ?? null,
    replayOf: canonicalUuid(body['replayOf']),
  }
}
