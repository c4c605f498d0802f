// Why Placement refused a write of allocations: its words, told apart.
import { Refused, Unavailable } from '../../retry/failures.ts'
import { malformed } from './answers.ts'
import type { Answer } from './http.ts'

export type Refusal =
  /** A consumer is not at the generation given. `expected` null: it is not there. */
  | { readonly kind: 'generation'; readonly expected: number | null; readonly given: number | null }
  /** Another write of the same consumer was committed first. */
  | { readonly kind: 'overtaken' }
  /** Too many writes to one provider at once; nothing was written. */
  | { readonly kind: 'contention' }
  /** Room, units, inventory, or the provider itself. */
  | {
      readonly kind: 'room'
      readonly rule: 'capacity' | 'units' | 'inventory' | 'provider'
      readonly provider: string
      readonly resourceClass: string | null
    }

/**
 * Tells a 400, 404 or 409 apart. Throws `Refused` for what is a bug of the sender, and for words that are not known.
 */
export function refusalOf(answer: Answer): Refusal {
  const { code, detail } = errorOf(answer)
  const absent = /resource provider '([^']+)' that does not exist/.exec(detail)
  if (absent !== null) return room('provider', absent[1]!, null)
  if (answer.status === 409) {
    const concurrent = code === null || code === 'placement.concurrent_update' ? concurrentOf(detail) : null
    const refusal = concurrent ?? roomOf(detail)
    if (refusal !== null) return refusal
    if (code === 'placement.concurrent_update') return { kind: 'overtaken' } // other words: reading back decides
  }
  throw failureOf(answer)
}

/** The answer, where it is 2xx. Throws `Unavailable` where others wrote there at the same time, else `Refused`. */
export function accepted(answer: Answer): Answer {
  if (answer.status < 300) return answer
  throw failureOf(answer)
}

function failureOf(answer: Answer): Error {
  const { code, detail } = errorOf(answer)
  const said = `${answer.asked} was refused (${answer.status}): ${detail.slice(0, 300)}`
  return code === 'placement.concurrent_update' ? new Unavailable(said) : new Refused(said)
}

/** `code` null: below 1.23, or not given. */
export function errorOf(answer: Answer): { readonly code: string | null; readonly detail: string } {
  const errors: unknown = (answer.body as { errors?: unknown } | null)?.errors
  const first: unknown = Array.isArray(errors) ? errors[0] : null
  const { code = null, detail } = (first ?? {}) as { code?: unknown; detail?: unknown }
  if (typeof detail !== 'string') throw malformed(answer, 'error of Placement')
  return { code: typeof code === 'string' ? code : null, detail }
}

function concurrentOf(detail: string): Refusal | null {
  const generation = /consumer generation conflict - expected (\w+) but got (\w+)/.exec(detail)
  if (generation !== null) {
    return { kind: 'generation', expected: numberOf(generation[1]!), given: numberOf(generation[2]!) }
  }
  if (detail.includes('concurrently updated the resource provider data')) return { kind: 'contention' }
  return detail.includes('concurrently updated the data') ? { kind: 'overtaken' } : null
}

function roomOf(detail: string): Refusal | null {
  const invalid = /Inventory for '([^']+)' on resource provider '([^']+)' invalid/.exec(detail)
  if (invalid !== null) return room('inventory', invalid[2]!, invalid[1]!)
  const refused = /'([^']+)' on resource provider '([^']+)'/.exec(detail)
  if (refused === null) return null
  const [, resourceClass, provider] = refused
  if (detail.includes('would exceed the capacity')) return room('capacity', provider!, resourceClass!)
  return detail.includes('would violate inventory constraints') ? room('units', provider!, resourceClass!) : null
}

function room(rule: 'capacity' | 'units' | 'inventory' | 'provider', provider: string, name: string | null): Refusal {
  return { kind: 'room', rule, provider, resourceClass: name }
}

/** `None` and `null` are written for "not there". */
function numberOf(word: string): number | null {
  return /^\d+$/.test(word) ? Number(word) : null
}
