// What an open move left behind: which states of the consumer and of M count as "as it was left".
import { combined, holdsNothing, NOTHING, plus, sameAllocations } from './allocations.ts'
import type { Finding } from './refusal.ts'
import { missing, unexpected } from './situation.ts'
import type { Allocations, Consumer, Move } from './snapshot.ts'

/** What the consumer holds once the move is confirmed, and once it is reverted. */
export function endsOf(move: Move): { readonly confirmed: Allocations; readonly reverted: Allocations } {
  return {
    confirmed: (move.confirm[move.consumer] ?? NOTHING).allocations,
    reverted: (move.revert[move.consumer] ?? NOTHING).allocations,
  }
}

/**
 * States in which the move may have left its consumer. An in-place resize leaves the larger, the sum or the new
 * amounts.
 */
export function leftStates(move: Move): readonly Allocations[] {
  const { confirmed, reverted } = endsOf(move)
  switch (move.mode) {
    case 'migration':
      return [confirmed]
    case 'doubled':
      return [plus(confirmed, reverted)]
    case 'resize': {
      const wanted = confirmed[move.source] ?? {}
      const old = reverted[move.source] ?? {}
      return [{ [move.source]: combined(old, wanted, Math.max) }, plus(confirmed, reverted), confirmed]
    }
  }
}

type Held = Pick<Consumer, 'id' | 'allocations'>

/** What keeps consumer and M from being as the open move left them. M holds the source's part, untouched. */
export function notAsLeft(move: Move, consumer: Held, migration: Held | null): readonly Finding[] {
  const findings: Finding[] = []
  const { id } = consumer
  if (holdsNothing(consumer)) {
    findings.push(
      missing(id, `Consumer ${id} holds nothing any more, although its move by request ${move.request} is open.`),
    )
  } else if (!leftStates(move).some((left) => sameAllocations(left, consumer.allocations))) {
    findings.push(unexpected(id, `Consumer ${id} is not as its open move by request ${move.request} left it.`))
  }
  if (migration === null) return findings
  if (holdsNothing(migration)) {
    findings.push(missing(migration.id, `Migration ${migration.id} holds nothing any more, so the source is not held.`))
  } else if (!sameAllocations(endsOf(move).reverted, migration.allocations)) {
    findings.push(
      unexpected(
        migration.id,
        `Migration ${migration.id} does not hold what the open move by request ${move.request} left on it.`,
      ),
    )
  }
  return findings
}
