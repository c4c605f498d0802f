// Statements about requests: their bytes, fields, defaults, ids and copies.
import { shown, type Section } from './statement.ts'
import { ORDER } from './titles.ts'

const TABLE = 'claim transfer retarget confirm revert acquire release resize adjust swap-consumer cancel'
  .split(' ')
  .map((operation) => `fields: are required, taken or refused by ${operation} as the table says`)
const DEFAULTS = 'fields: count with their defaults, in any order: the same content is answered with the same event'
const BOUNDS = 'fields: keep to their bounds, and are taken at them'
const NULLS = 'fields: are never null, and amounts are never {}'
const NAMELESS = 'telling: of a body without a usable id goes under message_id, else under the digest of its bytes'

export const REQUESTS: Section = {
  title: '2. Requests',
  statements: [
    shown(
      'request.bytes',
      'A body of 65 536 bytes is read; one more is too large, and never parsed.',
      'telling: is read up to 65536 bytes, and in the encodings utf-8 and identity',
      'malformed: one byte more than 64 KiB is too_large',
      ORDER,
    ),
    shown('request.depth', 'Nested more than 12 deep is malformed.', 'malformed: nested 13 deep is malformed'),
    shown(
      'request.malformed',
      'Not JSON, invalid UTF-8, a byte order mark, a key twice, other encodings: malformed.',
      'malformed: invalid UTF-8 is malformed',
      'malformed: a byte order mark is malformed',
      'malformed: a key twice is malformed',
      'malformed: gzip, it says is malformed',
      'malformed: nothing is malformed',
    ),
    shown(
      'request.encodings',
      '`content_encoding` may be absent, empty, `utf-8` or `identity`.',
      'telling: is read up to 65536 bytes, and in the encodings utf-8 and identity',
    ),
    shown(
      'request.properties',
      'The body counts where properties or routing key say otherwise; none of them is needed.',
      ORDER,
      'envelopes: is carried out as plain JSON without any property',
    ),
    shown(
      'request.cloudevents',
      'CloudEvents 1.0, structured and binary with either prefix, are accepted; the envelope id is ignored.',
      'envelopes: is carried out as a structured CloudEvent',
      'envelopes: is carried out as a binary CloudEvent with cloudEvents_ headers',
      'envelopes: is carried out as a binary CloudEvent with cloudEvents: headers',
    ),
    shown('request.table', 'Each operation requires, takes and refuses the fields of its row.', ...TABLE),
    shown(
      'request.always',
      '`version`, `id` and `operation` are always required.',
      'fields: version, id and operation are always required',
    ),
    shown(
      'request.version',
      'A version other than 1 is unsupported_version, before the schema is looked at.',
      ORDER,
      'malformed: version 2 is unsupported_version',
    ),
    shown('request.null', 'null, and {} for amounts, are refused naming the path.', NULLS),
    shown(
      'request.unknown',
      'An unknown field is refused naming the path.',
      BOUNDS,
      'malformed: an unknown field is schema_invalid',
    ),
    shown(
      'request.differ',
      'Source and destination differ, migration and consumer differ, no migration with mode doubled.',
      BOUNDS,
    ),
    shown(
      'request.amounts',
      'Amounts are integers from 1 to 2147483647.',
      BOUNDS,
      'malformed: an amount of 1.5 is schema_invalid',
      'malformed: an amount of 0 is schema_invalid',
    ),
    shown(
      'request.names',
      'Classes and traits match `^[A-Z0-9_]{1,255}$`.',
      BOUNDS,
      'malformed: a class "vcpu" is schema_invalid',
    ),
    shown(
      'request.uuids',
      'Uuids with hyphens are taken in any case and kept in lower case.',
      'fields: take uuids in any case and tell them in lower case',
    ),
    shown('request.alternates-max', 'At most 32 alternates.', BOUNDS),
    shown(
      'request.origin',
      '`origin` is 1 to 64 of a-z, 0-9 and -, and the last word of the routing key; default none.',
      BOUNDS,
      'telling: of a success is one event and no letter, under operation, code and origin',
    ),
    shown(
      'request.context',
      '`context` has at most 4 KiB and is told again in the event.',
      BOUNDS,
      'telling: of a success is one event and no letter, under operation, code and origin',
    ),
    shown(
      'request.not-after',
      '`notAfter` has an offset; one that has passed is expired.',
      BOUNDS,
      'room: is told with all violations, the first code by precedence',
    ),
    shown(
      'request.default-migration',
      'M of a claim is by default the uuid v5 of its lower-case id.',
      'fields: take uuids in any case and tell them in lower case',
      DEFAULTS,
    ),
    shown(
      'request.open-migration',
      'Elsewhere M is by default that of the one open move of the consumer.',
      'moves: confirmed frees the source by exactly that, and once more there is nothing to do',
    ),
    shown(
      'request.nameless',
      'Without a usable id: under `message_id` if a uuid, else under the uuid v5 of the digest of the bytes.',
      NAMELESS,
    ),
    shown(
      'request.unknown-parts',
      'Operation unknown, origin none and context null where they cannot be read.',
      NAMELESS,
    ),
    shown(
      'request.same',
      'The same content (defaults, key order, case of uuids, envelope apart) gets the same event, byte for byte.',
      DEFAULTS,
      'envelopes: is the same request in every dress: the event is told again, byte for byte',
    ),
    shown(
      'request.same-letter',
      'A failure told again has the same letter, with the same `dl-id`.',
      DEFAULTS,
      'duplicates: of a refused request are refused with the same bytes, also after room has appeared',
    ),
    shown(
      'request.list-order',
      'Lists in another order are another content.',
      'fields: in another order within a list are another content',
    ),
    shown(
      'request.aside',
      'A copy that comes before the decision is set aside, and answered then.',
      'duplicates: have one effect and one event id, all events identical, when 50 come at once to several workers',
      'trouble: cannot be cancelled while its write is under way: the cancel waits, and both tell the same end',
    ),
    shown(
      'request.invalid-id',
      'Class invalid answers the message: its event id carries 12 hex digits of the digest, and it occupies no id.',
      NAMELESS,
      'malformed: occupies no id: a good request under the same one is carried out',
    ),
    shown(
      'request.id-reused',
      'The same id with other content is id_reused; the decision of the id stands.',
      'duplicates: with other content are id_reused, and leave the decision of the id alone, before it and after',
      'fields: in another order within a list are another content',
    ),
    shown(
      'request.redis-time',
      'The deadline is compared with the time of Redis, not with that of the worker.',
      'clocks: carries out what is due by the time of Redis, though by its own it has expired',
      'clocks: refuses what has expired by the time of Redis, though by its own there is time left',
    ),
  ],
}
