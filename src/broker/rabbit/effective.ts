// Which value counts for a queue or exchange: by argument, by policy, by operator policy, and by which one. Pure.
import type { FoundObject, FoundPolicy } from './management.ts'

/** What the management API knows of a virtual host, as far as it is ours. */
export interface Facts {
  readonly vhost: string
  readonly policies: readonly FoundPolicy[]
  readonly operatorPolicies: readonly FoundPolicy[]
  readonly queues: Readonly<Record<string, FoundObject | null>>
  readonly exchanges: Readonly<Record<string, FoundObject | null>>
  readonly bindings: Readonly<Record<string, readonly { readonly source: string; readonly routing_key: string }[]>>
}

export type ApplyTo = 'queues' | 'exchanges'

export interface Effective {
  readonly value: unknown
  readonly by: 'argument' | 'policy' | 'operator policy'
  /** The policy that says it; null for an argument. */
  readonly policy: FoundPolicy | null
}

export type Values = Readonly<Record<string, Effective>>

/** Where two of argument, policy and operator policy say a number, RabbitMQ takes the smaller. */
const SMALLER_COUNTS = new Set(['delivery-limit', 'message-ttl', 'expires', 'max-length', 'max-length-bytes'])

/**
 * The values that count for each key. RabbitMQ applies one policy to an object, the one of highest priority; which of
 * several with the same priority is not defined, so there is one answer for each of them.
 */
export function effectiveValues(applyTo: ApplyTo, name: string, found: FoundObject, facts: Facts): readonly Values[] {
  const orNone = (policies: readonly FoundPolicy[]): readonly (FoundPolicy | null)[] =>
    policies.length === 0 ? [null] : policies
  const operators = orNone(appliedPolicies(facts.operatorPolicies, applyTo, name, found))
  return orNone(appliedPolicies(facts.policies, applyTo, name, found)).flatMap((policy) =>
    operators.map((operator) => valuesOf(applyTo, found, policy, operator)),
  )
}

function valuesOf(
  applyTo: ApplyTo,
  found: FoundObject,
  policy: FoundPolicy | null,
  operator: FoundPolicy | null,
): Values {
  const values: Record<string, Effective> = {}
  const lay = (key: string, laid: Effective): void => {
    const below = values[key]?.value
    const { value } = laid
    const both = typeof value === 'number' && typeof below === 'number' && SMALLER_COUNTS.has(key)
    if (!both || value < below) values[key] = laid
  }
  for (const [key, value] of Object.entries(policy?.definition ?? {})) lay(key, { value, by: 'policy', policy })
  for (const [key, value] of Object.entries(operator?.definition ?? {}))
    lay(key, { value, by: 'operator policy', policy: operator })
  for (const [argument, value] of Object.entries(found.arguments)) {
    lay(applyTo === 'queues' ? argument.replace(/^x-/, '') : argument, { value, by: 'argument', policy: null })
  }
  return values
}

/** Those of `policies` that match and have the highest priority of these: one, unless several share it. */
export function appliedPolicies(
  policies: readonly FoundPolicy[],
  applyTo: ApplyTo,
  name: string,
  { type }: FoundObject,
): readonly FoundPolicy[] {
  const ofType = type === 'stream' ? 'streams' : `${type}_queues`
  const kinds = applyTo === 'queues' ? ['all', 'queues', ofType] : ['all', 'exchanges']
  const matching = policies.filter((policy) => kinds.includes(policy['apply-to']) && matches(policy.pattern, name))
  const highest = Math.max(...matching.map(({ priority }) => priority))
  return matching.filter(({ priority }) => priority === highest)
}

/**
 * Patterns are Erlang's (PCRE); their anchors and a leading `(?i)` are put into JavaScript's words. One that still
 * cannot be read is taken as not matching.
 */
function matches(pattern: string, name: string): boolean {
  const anchored = pattern.replaceAll('\\A', '^').replaceAll(/\\[zZ]/g, '$')
  const ignoresCase = anchored.startsWith('(?i)')
  try {
    return new RegExp(ignoresCase ? anchored.slice(4) : anchored, ignoresCase ? 'i' : '').test(name)
  } catch {
    return false
  }
}
