// What a violation says to a person at three in the morning: one sentence with names and numbers.
import { ascii } from './ascii.ts'
import type { Violation } from './outcome.ts'

/** The name of a provider, or null when it has none. */
export type Naming = (provider: string) => string | null

/** One sentence. A violation that carries its own (`message`) is told by it. */
export function sentenceOf(violation: Violation, name: Naming): string {
  if (violation.message !== undefined) return violation.message
  const { resourceClass, requested, limit, trait, forbidden, field } = violation
  const provider = named(violation.provider ?? 'unknown', name)
  const consumer = `Consumer ${violation.consumer}`
  const expected = told(violation.expected)
  const found = told(violation.found)
  const asked = `, but ${requested} ${requested === 1 ? 'was' : 'were'} asked for.`
  switch (violation.rule) {
    case 'capacity':
      return `Provider ${provider} has room for ${roomOf(violation)}${asked}`
    case 'min_unit':
      return `Provider ${provider} gives at least ${limit} ${resourceClass} to one consumer${asked}`
    case 'max_unit':
      return `Provider ${provider} gives at most ${limit} ${resourceClass} to one consumer${asked}`
    case 'step_size':
      return `Provider ${provider} gives ${resourceClass} in steps of ${limit}${asked}`
    case 'inventory':
      return `Provider ${provider} has no inventory of ${resourceClass}${asked}`
    case 'trait':
      return `Provider ${provider} ${forbidden ? 'has the forbidden' : 'lacks the required'} trait ${trait}.`
    case 'aggregate':
      return `Provider ${provider} is not in the required aggregate ${violation.aggregate}.`
    case 'disabled':
      return `Provider ${provider} is disabled (trait COMPUTE_STATUS_DISABLED).`
    case 'provider':
      return `Provider ${provider} does not exist.`
    case 'owner':
      return `${consumer} has ${field} ${found}, but ${expected} was expected.`
    case 'generation':
      return `${consumer} is at generation ${found}, but ${expected} was expected.`
    case 'amount':
      return `${consumer} holds ${found} ${resourceClass} on ${provider}, but ${expected} was expected.`
    case 'open_move':
      return `${consumer} has an open move, begun by request ${violation.request}; end that first.`
    case 'state':
      return `${consumer} holds ${found}, but ${expected} was expected.`
    case 'schema':
      return `Field ${violation.path} is not as it must be.`
  }
}

/** A provider for a sentence: name and uuid. */
export function named(provider: string, name: Naming): string {
  const known = name(provider)
  return known === null || known === '' || known === provider ? provider : `${ascii(known)} (${provider})`
}

function roomOf({ used = 0, capacity = 0, resourceClass }: Violation): string {
  const left = Math.max(0, Math.floor(capacity - used))
  return `${left === 0 ? 'no more' : `${left} more`} ${resourceClass} (${used} of ${capacity} used)`
}

function told(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return ascii(typeof value === 'string' ? value : JSON.stringify(value))
}
