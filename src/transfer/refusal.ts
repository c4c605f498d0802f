// From all that does not hold to one refusal: the first code by precedence, one sentence, every violation.
import { outcome, precedenceOf, type Code, type Outcome, type Violation } from './outcome.ts'
import { sentenceOf, type Naming } from './sentence.ts'

/** One rule that does not hold, and the code it would end the request with. */
export interface Finding {
  readonly code: Code
  readonly violation: Violation
}

/**
 * An outcome tells at most so many violations; a request within the size limit of messages may break thousands of
 * rules.
 */
export const VIOLATIONS_MAX = 1000

/** The refusal that `findings` (at least one) come to. Violations are in order of precedence. */
export function refuse(findings: readonly Finding[], name: Naming): Outcome {
  const sorted = [...findings].sort((one, other) => precedenceOf(one.code) - precedenceOf(other.code))
  const [first] = sorted
  if (first === undefined) throw new Error('a refusal needs a reason')
  const others = sorted.length - 1
  const more = others === 0 ? '' : others === 1 ? ' One more rule does not hold.' : ` ${others} more rules do not hold.`
  const violations = sorted.slice(0, VIOLATIONS_MAX).map(({ violation }) => violation)
  return outcome(first.code, `${sentenceOf(first.violation, name)}${more}`, violations)
}

/** Whether the next destination is tried after this refusal: only lack of room or fit lies in the destination. */
export function triesNext(refusal: Outcome): boolean {
  switch (refusal.code) {
    case 'destination_missing':
    case 'destination_disabled':
    case 'traits_unmet':
    case 'aggregates_unmet':
    case 'no_inventory':
    case 'unit_violation':
    case 'capacity_exceeded':
      return true
    default:
      return false
  }
}

/** The end of a request whose candidates all refused, in the order tried. One candidate's refusal stands as it is. */
export function noCandidate(refusals: readonly Outcome[]): Outcome {
  const [first] = refusals
  if (first === undefined) throw new Error('a request without candidates cannot have been refused')
  const other = refusals.find((refusal) => !triesNext(refusal))
  if (refusals.length === 1 || other !== undefined) return other ?? first
  const violations = refusals.flatMap((refusal) => refusal.violations).slice(0, VIOLATIONS_MAX)
  const codes = refusals.map((refusal) => refusal.code)
  return outcome(
    'no_candidate',
    `None of the ${refusals.length} destinations fits (${codes.join(', ')}); the first: ${first.message}`,
    violations,
  )
}
