// Statements about timeouts and repeating: marks, the ladder, and who may send what again.
import { notYet, shown, type Section } from './statement.ts'

export const REPEATING: Section = {
  title: '5. Timeouts and repeating',
  statements: [
    shown(
      'effects.table',
      '`ferryman operations` prints every effect: name, ledger, idempotent, because.',
      'cli: prints every effect and why it may be repeated',
    ),
    shown(
      'effects.late',
      'A write that arrives after others have gone on changes nothing.',
      'late: is refused by the ledger when its writes arrive after others have gone on',
    ),
    shown(
      'effects.crash',
      'After a crash and redelivery one effect and one answer stand.',
      'crash: between the write and the telling: the redelivery tells the decision as it was written',
      'storm: leaves 400 requests with one effect and one answer each, and the books balanced',
    ),
    shown(
      'repeat.identical',
      'What is marked is sent again identically, at most `retry.attemptsMax` times within one processing.',
      'wire: carries a write word for word again, as often as may be, and then no more before the next rung',
      'wire: carries a question again, as often as may be, and then no more before the next rung',
    ),
    shown(
      'repeat.forbidden',
      'With `"idempotent": false` nothing is sent again; proven undone it ends ledger_unavailable.',
      'overdue: of a request not to be repeated is refused: it ends ledger_unavailable, by another worker too',
    ),
    shown(
      'repeat.unmarked',
      'What is not marked is never sent again, by any worker: applied or outcome_unknown.',
      'forced: is one DELETE, and applied',
      'forced: whose answer is lost is applied once the consumer is seen to be gone, by one DELETE',
      'forced: whose DELETE is held back is outcome_unknown, as what stands proves nothing, and never sent again',
      'forced: is one guarded write for consumer and migration, and no DELETE',
    ),
    notYet(
      'repeat.compile',
      'Repeating what is not marked does not compile, and fails at start.',
      'it is shown by test/types and test/unit, which are no black-box tests',
    ),
    shown(
      'ladder',
      'One rung each in order, of the five delays only, then exhausted.',
      'trouble: ends contended when the ladder is used up: exhausted, did not happen, and work for a person',
      'settings: take a ladder of the five delays only, in any order, and no other',
    ),
    shown(
      'ladder.hot',
      'A hot provider makes requests slow, never dead letters.',
      'hot: takes exactly 17 of 120 claims, and refuses the others with the numbers',
    ),
    shown(
      'ladder.aside',
      'What is set aside costs neither attempt nor rung.',
      'trouble: cannot be cancelled while its write is under way: the cancel waits, and both tell the same end',
    ),
  ],
}
