// What each outcome code says, and what its receiver does about it. Printed into docs/outcomes.md.
import type { Code } from './outcome.ts'

export interface Meaning {
  /** What was found, in one sentence. */
  readonly means: string
  /** What the receiver does: the scheduler after `invalid` and `refused`, a person after `exhausted` and `operator`. */
  readonly todo: string
}

const RESEND = 'Correct the request and send it again; a message of class `invalid` does not occupy its id.'
const ANEW = 'Read the state anew and send what follows from it under a new id.'
const ELSEWHERE = 'Choose another destination, or name alternates, under a new id.'

/** A code without a meaning does not compile. */
export const MEANINGS: Readonly<Record<Code, Meaning>> = {
  applied: {
    means: 'The write is in the ledger, and reading it back in the same step gave exactly what was planned.',
    todo: 'Nothing. After a claim, confirm or revert the move.',
  },
  already_applied: {
    means: 'The record of the request was lost, and the ledger proves that this request had been carried out.',
    todo: 'Nothing; treat it as `applied`.',
  },
  nothing_to_do: {
    means:
      'The state asked for stands already: the move has ended so, the consumer holds nothing, or ' +
      'the cancel came before.',
    todo: 'Nothing.',
  },
  too_large: {
    means: 'The message is larger than `requests.bytesMax`; it was not parsed.',
    todo: 'Send less `context`, or raise the setting on every worker.',
  },
  malformed: {
    means:
      'The bytes are no request in JSON: no UTF-8, a byte order mark, duplicate keys, nested too deep, or encoded.',
    todo: RESEND,
  },
  unsupported_version: {
    means: 'The request names a `version` that this Ferryman does not read.',
    todo: 'Send version 1, or upgrade the workers first.',
  },
  schema_invalid: {
    means:
      'A field is missing, unknown, of the wrong kind, or not taken by the operation; `violations` names each path.',
    todo: RESEND,
  },
  id_reused: {
    means: 'The id belongs to a request with other content; the decision of that one stands untouched.',
    todo: 'Send this content under an id of its own.',
  },
  expired: {
    means: '`notAfter` had passed, by the clock of Redis, before the request was first tried.',
    todo: 'Send it again with a later deadline if it is still wanted.',
  },
  cancelled: {
    means: 'A cancel came before the request was decided.',
    todo: 'Nothing; `message` names the cancel.',
  },
  superseded: {
    means: 'The request that a cancel names had been decided otherwise before the cancel came.',
    todo: 'Look at the decision of that request; a move that it opened ends with `revert`.',
  },
  conflicting_operation: {
    means: 'The consumer, or the migration, has an open move.',
    todo: 'End that move with `confirm` or `revert`, wait for its event, then send this under a new id.',
  },
  source_missing: {
    means: 'The consumer holds nothing, the source provider does not exist, or there is no move to end.',
    todo: ANEW,
  },
  source_unexpected: {
    means:
      'The consumer holds something, but not what the request requires: elsewhere, in more places, or other amounts.',
    todo: ANEW,
  },
  owner_mismatch: {
    means: 'Project, user or type of the consumer are not those that `expect` names.',
    todo: 'Find out who owns the consumer before sending anything else about it.',
  },
  generation_mismatch: {
    means: 'The consumer is at another generation than `expect.consumerGeneration`.',
    todo: ANEW,
  },
  source_overcommitted: {
    means: 'The source is beyond its capacity and the ledger refuses to write it. The Redis ledger never ends so.',
    todo: 'Free something of the source, then send it under a new id.',
  },
  destination_missing: {
    means: 'The destination provider does not exist in the ledger.',
    todo: ELSEWHERE,
  },
  destination_disabled: {
    means: 'The destination has the trait `COMPUTE_STATUS_DISABLED`.',
    todo: ELSEWHERE,
  },
  traits_unmet: {
    means: 'The destination lacks a required trait, or has a forbidden one.',
    todo: ELSEWHERE,
  },
  aggregates_unmet: {
    means: 'The destination is not in every required aggregate.',
    todo: ELSEWHERE,
  },
  no_inventory: {
    means: 'The destination has no inventory of a resource class asked for.',
    todo: ELSEWHERE,
  },
  unit_violation: {
    means: 'An amount breaks `min_unit`, `max_unit` or `step_size` of the destination.',
    todo: 'Ask for an amount that the inventory gives out, or choose another destination, under a new id.',
  },
  capacity_exceeded: {
    means: 'The destination has not enough room; `violations` has used, capacity and requested of every class.',
    todo: ELSEWHERE,
  },
  no_candidate: {
    means: 'Destination and all alternates refused; `violations` has the rules of each.',
    todo: 'Choose other destinations, under a new id.',
  },
  contended: {
    means: 'Others held the locks, or won the races, through the whole delay ladder or until `notAfter`.',
    todo:
      'See with `ferryman transfers list` what keeps the consumer or its providers busy, then ' +
      'send it under a new id.',
  },
  ledger_unavailable: {
    means:
      'The ledger gave no answer through the whole delay ladder, until `notAfter`, or once where ' +
      'repeating is forbidden. ' +
      'It is settled that nothing was written.',
    todo: 'Mend the ledger, then send it under a new id.',
  },
  outcome_unknown: {
    means: 'A write was sent, and nothing can prove whether it was carried out. The Redis ledger never ends so.',
    todo: 'Compare the ledger with `before` and `after` of the event before anything else is sent about this consumer.',
  },
  diverged: {
    means: 'The state is neither as before nor as planned. No rule of this version ends so.',
    todo: 'Compare the ledger with `before` and `after` of the event.',
  },
  postcondition_failed: {
    means: 'The write was carried out, and reading it back gave something else than was planned.',
    todo:
      'Somebody else writes into the namespace, or Ferryman has a bug: keep the event and the ' +
      'books, and report it.',
  },
  poison: {
    means:
      'Processes died with this request alone in hand, `requests.poisonAfter` times. ' +
      'Its last write was settled first: nothing was written.',
    todo: 'Keep the body of the letter and the logs of the workers, and report it.',
  },
  internal_error: {
    means: 'A bug in Ferryman; the door of the write was closed first, so nothing was written.',
    todo: 'Keep the letter and the log of the worker that it names, and report it. Later requests go on.',
  },
}
