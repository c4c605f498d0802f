// Every way a request can end: code, class, whether the effect happened. Listed in order of precedence.

/** All outcome codes, first to last in order of precedence. A code never changes its meaning once released. */
export const CODES = [
  'applied',
  'already_applied',
  'nothing_to_do',
  'too_large',
  'malformed',
  'unsupported_version',
  'schema_invalid',
  'id_reused',
  'expired',
  'cancelled',
  'superseded',
  'conflicting_operation',
  'source_missing',
  'source_unexpected',
  'owner_mismatch',
  'generation_mismatch',
  'source_overcommitted',
  'destination_missing',
  'destination_disabled',
  'traits_unmet',
  'aggregates_unmet',
  'no_inventory',
  'unit_violation',
  'capacity_exceeded',
  'no_candidate',
  'contended',
  'ledger_unavailable',
  'outcome_unknown',
  'diverged',
  'postcondition_failed',
  'poison',
  'internal_error',
] as const

export type Code = (typeof CODES)[number]

/**
 * What a class asks of people: nothing, news for the scheduler (`invalid`, `refused`), or work (`exhausted`,
 * `operator`).
 */
export type Class = 'done' | 'invalid' | 'refused' | 'exhausted' | 'operator'

/** Whether the ledger was changed by this request. */
export type Effect = 'happened' | 'did_not_happen' | 'unknown'

/** One rule that did not hold, in numbers where numbers exist. Keys that a rule does not have are absent. */
export interface Violation {
  readonly rule:
    | 'capacity'
    | 'min_unit'
    | 'max_unit'
    | 'step_size'
    | 'inventory'
    | 'trait'
    | 'aggregate'
    | 'disabled'
    | 'provider'
    | 'owner'
    | 'generation'
    | 'amount'
    | 'state'
    | 'open_move'
    | 'schema'
  readonly provider?: string
  readonly resourceClass?: string
  readonly consumer?: string
  /** Units of the resource class asked of the provider. */
  readonly requested?: number
  readonly used?: number
  /** `(total - reserved) * allocation_ratio`, not rounded. */
  readonly capacity?: number
  readonly limit?: number
  readonly trait?: string
  readonly required?: boolean
  readonly forbidden?: boolean
  readonly aggregate?: string
  readonly field?: string
  readonly expected?: unknown
  readonly found?: unknown
  /** `open_move`: the id of the request that opened the move in the way. */
  readonly request?: string
  /** `schema`: JSON pointer of the offending value, and what is wrong with it. */
  readonly path?: string
  readonly message?: string
}

/** How a request ended. `message` is one sentence a person understands. */
export interface Outcome {
  readonly code: Code
  readonly class: Class
  readonly effect: Effect
  readonly message: string
  readonly violations: readonly Violation[]
}

/** The class of a code. Adding a code does not compile until it is classified here. */
export function classOf(code: Code): Class {
  switch (code) {
    case 'applied':
    case 'already_applied':
    case 'nothing_to_do':
      return 'done'
    case 'too_large':
    case 'malformed':
    case 'unsupported_version':
    case 'schema_invalid':
    case 'id_reused':
      return 'invalid'
    case 'expired':
    case 'cancelled':
    case 'superseded':
    case 'conflicting_operation':
    case 'source_missing':
    case 'source_unexpected':
    case 'owner_mismatch':
    case 'generation_mismatch':
    case 'source_overcommitted':
    case 'destination_missing':
    case 'destination_disabled':
    case 'traits_unmet':
    case 'aggregates_unmet':
    case 'no_inventory':
    case 'unit_violation':
    case 'capacity_exceeded':
    case 'no_candidate':
      return 'refused'
    case 'contended':
    case 'ledger_unavailable':
      return 'exhausted'
    case 'outcome_unknown':
    case 'diverged':
    case 'postcondition_failed':
    case 'poison':
    case 'internal_error':
      return 'operator'
  }
}

/**
 * Whether the effect of a request that ended with `code` happened. `poison` and `internal_error` are decided only
 * after the intent is settled.
 */
export function effectOf(code: Code): Effect {
  switch (code) {
    case 'outcome_unknown':
    case 'diverged':
      return 'unknown'
    case 'postcondition_failed':
      return 'happened'
    case 'poison':
    case 'internal_error':
      return 'did_not_happen'
    default:
      return classOf(code) === 'done' ? 'happened' : 'did_not_happen'
  }
}

/** Makes an outcome; class and effect follow from the code. */
export function outcome(code: Code, message: string, violations: readonly Violation[] = []): Outcome {
  return { code, class: classOf(code), effect: effectOf(code), message, violations }
}

/** True when the request ends with an event `…succeeded…`; every other end has a dead letter too. */
export function succeeded(result: Outcome): boolean {
  return result.class === 'done'
}

/** Position in the order of precedence; the smaller stands when several codes hold. */
export function precedenceOf(code: Code): number {
  return CODES.indexOf(code)
}
