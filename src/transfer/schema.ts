// The request as a schema: every field's kind, what each operation takes, and the rules between fields.
import {
  amounts,
  AMOUNT_MAX,
  below,
  className,
  flag,
  integer,
  listOf,
  mapOf,
  matching,
  moment,
  objectOf,
  oneOf,
  opaque,
  ownerName,
  problem,
  uuid,
  type Field,
  type JsonSchema,
  type Problems,
} from './fields.ts'
import { COMMON_FIELDS, OPERATION_TABLE, type Presence } from './operations.ts'
import { OPERATIONS, type Expect, type Operation, type Owner, type Request, type Requires } from './request.ts'

/** Most bytes of `context` as JSON. */
export const CONTEXT_BYTES_MAX = 4096
/** Most further destinations. */
export const ALTERNATES_MAX = 32

/** Pattern of `origin`, the last word of an event's routing key. */
export const origin: Field<string> = matching('^[a-z0-9-]{1,64}$', 'a-z, 0-9 and - (at most 64)')
export const context: Field<Readonly<Record<string, unknown>>> = opaque(CONTEXT_BYTES_MAX)

const operation: Field<Operation> = oneOf(OPERATIONS)
const version: Field<1> = {
  schema: { const: 1 },
  read: (value, path, problems) => (value === 1 ? 1 : problem(problems, path, 'must be the number 1')),
}

type Name = keyof Request
type Kinds = { readonly [K in Name]: Field<unknown> }

/** One reader for each field, whatever the operation. */
const KINDS: Kinds = {
  version,
  id: uuid,
  operation,
  consumer: uuid,
  source: uuid,
  destination: uuid,
  migration: uuid,
  mode: oneOf(['migration', 'doubled']),
  resources: amounts,
  destinationResources: amounts,
  requires: objectOf<Requires>({
    traits: listOf(className),
    forbiddenTraits: listOf(className),
    aggregates: listOf(uuid),
  }),
  alternates: listOf(uuid, ALTERNATES_MAX),
  expect: objectOf<Expect>({
    consumerGeneration: integer(0, Number.MAX_SAFE_INTEGER),
    project: ownerName,
    user: ownerName,
    type: className,
  }),
  notAfter: moment,
  idempotent: flag,
  origin,
  context,
  replayOf: uuid,
  owner: objectOf<Owner>({ project: ownerName, user: ownerName, type: className }, ['project', 'user']),
  force: flag,
  policy: oneOf(['max', 'sum', 'replace']),
  deltas: mapOf(
    uuid,
    mapOf(className, integer(-AMOUNT_MAX, AMOUNT_MAX, 0), 'resource classes and differences'),
    'providers and their differences',
  ),
  newConsumer: uuid,
  request: uuid,
}

const READERS: ReadonlyMap<string, Field<unknown>> = new Map(Object.entries(KINDS))

/**
 * Reads the members of a parsed body into what was given, normalised. Whatever is wrong stands in `problems`; only when
 * there is nothing may the result be used. `path` is where the body lies in the message.
 */
export function readMembers(
  body: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problems,
): Readonly<Record<string, unknown>> {
  const read: Record<string, unknown> = {}
  const operationName = typeof body['operation'] === 'string' ? body['operation'] : ''
  const takes = FIELDS_OF.get(operationName)
  for (const name of Object.keys(body)) {
    const at = below(path, name)
    const reader = READERS.get(name)
    if (reader === undefined) problem(problems, at, 'is not a known field')
    else if (takes !== undefined && !takes.has(name)) problem(problems, at, `is not taken by ${operationName}`)
    else read[name] = reader.read(body[name], at, problems)
  }
  for (const [name, presence] of takes ?? COMMON_ROWS) {
    if (presence === 'required' && !Object.hasOwn(body, name)) problem(problems, below(path, name), 'is required')
  }
  checkPairs(read, path, problems)
  return read
}

/** Rules between two fields, checked where both could be read. */
function checkPairs(read: Readonly<Record<string, unknown>>, path: string, problems: Problems): void {
  const differ = (first: string, second: string): void => {
    const isSame = read[first] !== undefined && read[first] === read[second]
    if (isSame) problem(problems, below(path, first), `must differ from ${second}`)
  }
  differ('destination', 'source')
  differ('migration', 'consumer')
  differ('newConsumer', 'consumer')
  differ('request', 'id')
  if (read['migration'] !== undefined && read['mode'] === 'doubled') {
    problem(
      problems,
      below(path, 'migration'),
      'is not taken together with mode doubled, in which the consumer itself holds both sides',
    )
  }
  const alternates = (read['alternates'] ?? []) as readonly string[]
  for (const [position, alternate] of alternates.entries()) {
    const at = below(below(path, 'alternates'), position)
    if (alternate === read['source']) problem(problems, at, 'must differ from source')
  }
}

const COMMON_ROWS: ReadonlyMap<string, Presence> = new Map(Object.entries(COMMON_FIELDS))

/** Field name to presence, for each operation. */
const FIELDS_OF: ReadonlyMap<string, ReadonlyMap<string, Presence>> = new Map(
  OPERATIONS.map((name) => [name, new Map([...COMMON_ROWS, ...Object.entries(OPERATION_TABLE[name].fields)])]),
)

/** The request as JSON Schema 2020-12; the rules between two fields, and duplicate keys, lie beyond it. */
export const requestSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Ferryman request, version 1',
  oneOf: OPERATIONS.map(schemaOf),
}

function schemaOf(name: Operation): JsonSchema {
  const rows = [...(FIELDS_OF.get(name) ?? [])]
  const properties = rows.map(([field]) => [
    field,
    field === 'operation' ? { const: name } : READERS.get(field)?.schema,
  ])
  return {
    title: name,
    type: 'object',
    additionalProperties: false,
    required: rows.filter(([, presence]) => presence === 'required').map(([field]) => field),
    properties: Object.fromEntries(properties),
  }
}
