// A decision and its moves as `decide.lua` and `apply.lua` take them.
import type { Decision } from '../transfer/event.ts'
import type { MoveChange } from '../transfer/plan.ts'
import type { Argument } from './client.ts'

export function decisionArgs(decision: Decision): Readonly<Record<'code' | 'origin' | 'event' | 'letter', string>> {
  const { code, origin, event, letter } = decision
  return { code, origin, event, letter: letter === null ? '' : JSON.stringify(letter) }
}

/** Number of moves, then consumer, migration or `''`, state, and JSON of each. */
export function moveRows(moves: MoveChange): readonly Argument[] {
  const rows = moves.put.flatMap((move) => [move.consumer, move.migration ?? '', move.state, JSON.stringify(move)])
  return [moves.put.length, ...rows]
}
