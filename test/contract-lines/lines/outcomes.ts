// Statements about outcomes: precedence, events, letters, follow-ups, and what happens when something is down.
import { notYet, shown, type Section } from './statement.ts'
import { BUSY, FITS, GUARDS, ORDER, REPLAY } from './titles.ts'

const SUCCESS = 'telling: of a success is one event and no letter, under operation, code and origin'
const REFUSAL = 'telling: of a refusal is one event and one letter, which holds the bytes unchanged and names replayOf'
const PRECEDENCE = 'room: is told with all violations, the first code by precedence'
const CANDIDATES = 'room: is tried one by one: no_candidate carries each destination, and the event names the first'
const CONTENDED = 'trouble: ends contended when the ladder is used up: exhausted, did not happen, and work for a person'
const UNROUTABLE =
  'untold: whose event no queue takes keeps its decision; a letter says so, and the event is told later'
const BROKEN = 'untold: that the broker dead-lettered before anybody began it is decided'
const SENDER = 'malformed: carries into its letter only those properties of its sender that cannot lose or multiply it'
const ACTS = 'commands: dead-letters discard wants a reason, and says who acted: the user of the system, or --by'
const CANNOT = 'no process of the tests can be brought to it on the Redis ledger'

export const OUTCOMES: Section = {
  title: '4. Outcomes',
  statements: [
    shown(
      'outcome.one',
      'Every request ends in exactly one decision, written down before it is told.',
      'crash: between the write and the telling: the redelivery tells the decision as it was written',
      'storm: leaves 400 requests with one effect and one answer each, and the books balanced',
    ),
    shown(
      'outcome.done',
      'applied and nothing_to_do are of class done, and happened.',
      SUCCESS,
      'moves: confirmed frees the source by exactly that, and once more there is nothing to do',
    ),
    shown(
      'outcome.invalid',
      'too_large, malformed, unsupported_version, schema_invalid, id_reused are of class invalid.',
      'malformed: 8 MB is too_large',
      'malformed: version 2 is unsupported_version',
      'fields: in another order within a list are another content',
    ),
    shown(
      'outcome.refused',
      'Refusals are of class refused and did not happen; nothing changes.',
      FITS('one that is full: capacity_exceeded'),
      'own: cancel comes before its request, again for nothing to do, or too late: superseded',
    ),
    shown(
      'outcome.contended',
      'The ladder used up, or the deadline passed after a first attempt: class exhausted, did not happen.',
      CONTENDED,
      'trouble: ends contended, not expired, when its deadline passes after a first attempt',
    ),
    shown(
      'outcome.ledger-unavailable',
      'A ledger that cannot be asked through the whole ladder ends ledger_unavailable.',
      'overdue: of a request that has given up as ledger_unavailable is refused: it did not happen',
    ),
    shown(
      'outcome.unknown',
      'outcome_unknown remains for the unguarded forced release.',
      'forced: whose DELETE is held back is outcome_unknown, as what stands proves nothing, and never sent again',
    ),
    shown(
      'outcome.postcondition',
      'postcondition_failed, of class operator, where what stands is not what was written.',
      'wire: brings back other than what was written: postcondition_failed, of class operator, with amounts',
    ),
    notYet('outcome.operator', 'diverged and internal_error are of class operator.', CANNOT),
    notYet(
      'outcome.already-applied',
      'Where the record is lost and the marker or the derived M proves the effect: already_applied.',
      'shown by test/chaos/placement-lost-record.test.ts, which takes the record away by hand in Redis',
    ),
    shown(
      'outcome.intent-first',
      'Nothing is decided as not happened while a send may be under way.',
      'late: is refused by the ledger when its writes arrive after others have gone on',
      'trouble: cannot be cancelled while its write is under way: the cancel waits, and both tell the same end',
    ),
    shown(
      'precedence',
      'Where several hold the first as listed is told; violations list all that could be evaluated.',
      PRECEDENCE,
      GUARDS,
      ORDER,
    ),
    shown(
      'precedence.expired',
      'expired comes before cancelled, and both before what the ledger says.',
      PRECEDENCE,
      'own: cancel comes before its request, again for nothing to do, or too late: superseded',
    ),
    shown(
      'code.conflicting',
      'An open move of the consumer or M refuses claim, transfer, acquire, resize, adjust, swap-consumer.',
      BUSY,
    ),
    shown(
      'code.source-missing',
      'source_missing: the consumer holds nothing, or the source does not exist.',
      'moves: whose M stands already, or whose consumer is elsewhere, is source_unexpected',
    ),
    shown(
      'code.source-unexpected',
      'source_unexpected: it holds something, but not as required.',
      'moves: whose M stands already, or whose consumer is elsewhere, is source_unexpected',
      GUARDS,
    ),
    shown(
      'code.no-candidate',
      'no_candidate carries the violations of each; one plain destination keeps its own code.',
      CANDIDATES,
    ),
    shown('event.one', 'done: one event. Else one event and one letter.', SUCCESS, REFUSAL),
    shown(
      'event.keys',
      'Every key of an event is always there, in its order; what is not known is null.',
      SUCCESS,
      REFUSAL,
      'malformed: a message without any id is malformed',
    ),
    shown('event.routing-key', '`transfer.<operation>.<succeeded|failed>.<code>.<origin>`.', SUCCESS, REFUSAL),
    shown(
      'event.properties',
      'CloudEvents attributes as headers; `message_id` the id, `correlation_id` the request.',
      SUCCESS,
      REFUSAL,
    ),
    shown(
      'event.destination',
      '`destination` is the one really used; when all refuse, the first.',
      'room: is the first alternate that fits, which the event names',
      CANDIDATES,
    ),
    shown(
      'event.before-after',
      '`before` and `after` tell generation, type and allocations; the same where nothing happened.',
      'moves: claimed in mode migration puts the source on M, the destination on the consumer, with their types',
      GUARDS,
    ),
    shown(
      'event.open',
      '`open` tells the move that is left, with the states that end it, else null.',
      'moves: claimed in mode migration puts the source on M, the destination on the consumer, with their types',
      'moves: confirmed frees the source by exactly that, and once more there is nothing to do',
    ),
    shown('event.attempts', '`attempts` counts processings begun.', CONTENDED, REFUSAL),
    shown(
      'event.same-id',
      'The same fact has the same id however often it is told.',
      'crash: between the telling and its confirm: the redelivery tells the same bytes again',
      'duplicates: have one effect and one event id, all events identical, when 50 come at once to several workers',
    ),
    shown(
      'event.before-ack',
      'The event is confirmed before the request is acknowledged.',
      'crash: between the telling and its confirm: the redelivery tells the same bytes again',
    ),
    shown('violation.capacity', 'capacity: requested, used, capacity.', FITS('one that is full: capacity_exceeded')),
    shown(
      'violation.units',
      'min_unit, max_unit, step_size: requested, limit.',
      'room: keeps to min_unit, max_unit and step_size, each with what was requested and the limit',
    ),
    shown(
      'violation.fit',
      'inventory, trait (required or forbidden), aggregate, disabled, provider.',
      FITS('one without the class: no_inventory'),
      FITS('one without a required trait: traits_unmet'),
      FITS('one with a forbidden trait: traits_unmet'),
      FITS('one that is not in every aggregate: aggregates_unmet'),
      FITS('a disabled one: destination_disabled'),
      FITS('a provider that does not exist: destination_missing'),
    ),
    shown('violation.guards', 'owner, generation and amount: expected, found.', GUARDS),
    shown(
      'violation.state',
      'state for what a consumer must not hold; open_move with its request; schema with path and message.',
      BUSY,
      'own: swap-consumer passes all on, with owner and type, to one that holds nothing',
      'envelopes: has its problems named where they stand in the envelope',
    ),
    shown('letter.body', 'The original bytes are the body, unchanged.', REFUSAL),
    shown(
      'letter.headers',
      'The `dl-*` headers are there with their types, flat, ASCII, at most 16 KiB.',
      REFUSAL,
      SENDER,
    ),
    shown(
      'letter.id',
      '`dl-id` is the uuid v5 of the event id, and `message_id`.',
      REFUSAL,
      'telling: of a body without a usable id goes under message_id, else under the digest of its bytes',
    ),
    shown('letter.routing-key', '`<class>.<code>`.', REFUSAL, CONTENDED),
    shown(
      'letter.properties',
      'Of the sender only content_type, timestamp, type, app_id and flat headers; user_id as a header.',
      SENDER,
      'trouble: cannot be cancelled while its write is under way: the cancel waits, and both tell the same end',
    ),
    shown('letter.forged', 'Counts come from own records, never from what a sender can forge.', SENDER, BROKEN),
    shown('letter.replay', 'A replayed request carries `replay-of` and `replay-by`.', REPLAY),
    shown(
      'unroutable.letter',
      'An event that nobody can receive: a letter event_unroutable, the effect as decided, its own dl-id.',
      UNROUTABLE,
    ),
    shown('unroutable.again', 'It is told when a route exists, or by a replay; nothing is applied again.', UNROUTABLE),
    shown(
      'followed',
      'Acts are told by events of the same body, with their own id, type, routing key and `followed`.',
      ACTS,
      REPLAY,
    ),
    shown('broker-letters', 'A request that the broker dead-lettered is decided through the flow.', BROKEN),
    notYet(
      'broker-letters.poison',
      'Such a letter ends as poison where so many deaths alone stand in the journal.',
      'no test from outside has the broker give up a request that killed',
    ),
    shown(
      'down.redis',
      'Redis gone: consumption stops, nothing is decided, and it goes on by itself.',
      'outages: of Redis: frozen for 3 s, and killed and started again',
    ),
    shown(
      'down.rabbitmq',
      'RabbitMQ gone: not ready, and it goes on by itself.',
      'outages: of RabbitMQ: connections cut and refused, and the node killed and started again',
    ),
    shown(
      'down.placement',
      'Placement gone for everybody: consumption pauses, and no request climbs the ladder.',
      'outages: of Placement: 503 for 6000 ms, and gone for as long, without a dead letter',
    ),
  ],
}
