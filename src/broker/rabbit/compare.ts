// Wanted against found: which value counts by argument and policy, and what mends a difference. Pure.
import { HARMFUL_KEYS, type Definition, type PolicySpec, type Topology } from '../topology.ts'
import type { FoundBinding, FoundObject, FoundPolicy } from './management.ts'

/** One difference, as `ferryman topology verify` prints it. */
export interface Finding {
  readonly object: string
  readonly argument: string
  readonly wanted: string
  readonly found: string
  readonly fix: string
}

/** What the management API knows of a virtual host, as far as it is ours. */
export interface Facts {
  readonly vhost: string
  readonly policies: readonly FoundPolicy[]
  readonly operatorPolicies: readonly FoundPolicy[]
  readonly queues: Readonly<Record<string, FoundObject | null>>
  readonly exchanges: Readonly<Record<string, FoundObject | null>>
  readonly bindings: Readonly<Record<string, readonly FoundBinding[]>>
}

const APPLY = 'ferryman topology apply'
/** Where argument and policy, or policy and operator policy, both say something, RabbitMQ takes the smaller number. */
const SMALLER_COUNTS = new Set(['delivery-limit', 'message-ttl', 'expires', 'max-length', 'max-length-bytes'])
/** More than wanted is as safe. */
const AT_LEAST = new Set(['delivery-limit'])

/** Every difference that makes the topology unsafe or incomplete; none: it is as wanted. */
export function compare(topology: Topology, facts: Facts): Finding[] {
  return [
    ...topology.exchanges.flatMap((exchange) => {
      const found = facts.exchanges[exchange.name] ?? null
      return found === null
        ? [missing('exchange', exchange.name)]
        : compareObject({ kind: 'exchange', wantedType: exchange.type, ...exchange }, found, topology, facts)
    }),
    ...topology.queues.flatMap((queue) => {
      const found = facts.queues[queue.name] ?? null
      return found === null
        ? [missing('queue', queue.name)]
        : compareObject({ kind: 'queue', wantedType: queue.type, ...queue }, found, topology, facts)
    }),
    ...missingBindings(topology, facts),
  ]
}

export function missing(kind: 'queue' | 'exchange', name: string): Finding {
  return { object: `${kind} ${name}`, argument: 'existence', wanted: 'there', found: 'not there', fix: APPLY }
}

/** Policies of ours that must be written for the effective values to become the wanted ones. */
export function policiesToPut(topology: Topology, facts: Facts): PolicySpec[] {
  return topology.policies.filter((policy) => {
    const standing = facts.policies.find(({ name }) => name === policy.name)
    const name = objectOf(policy, topology)
    const found = (policy.applyTo === 'queues' ? facts.queues : facts.exchanges)[name] ?? null
    if (standing === undefined && found !== null) {
      const values = effectiveOf(policy.applyTo, name, found, facts)
      return Object.entries(policy.definition).some(([key, wanted]) => !suits(key, wanted, values[key]))
    }
    return (
      standing === undefined ||
      standing.pattern !== policy.pattern ||
      standing['apply-to'] !== policy.applyTo ||
      Object.entries(policy.definition).some(([key, wanted]) => !suits(key, wanted, standing.definition[key]))
    )
  })
}

interface WantedObject {
  readonly kind: 'queue' | 'exchange'
  readonly name: string
  readonly wantedType: string
  readonly definition: Definition
}

function compareObject(wanted: WantedObject, found: FoundObject, topology: Topology, facts: Facts): Finding[] {
  const object = `${wanted.kind} ${wanted.name}`
  const applyTo = wanted.kind === 'queue' ? 'queues' : 'exchanges'
  const again = `drain it, rabbitmqctl delete_queue -p ${quoted(facts.vhost)} ${wanted.name}, ${APPLY}`
  const remake =
    wanted.kind === 'queue' ? again : `delete the exchange ${wanted.name} in the management console, ${APPLY}`
  const findings: Finding[] = []
  const differs = (argument: string, want: string, have: unknown, fix: string): void => {
    findings.push({ object, argument, wanted: want, found: have === undefined ? 'not set' : shown(have), fix })
  }
  if (found.type !== wanted.wantedType)
    differs(wanted.kind === 'queue' ? 'x-queue-type' : 'type', wanted.wantedType, found.type, remake)
  if (!found.durable) differs('durable', 'true', found.durable, remake)
  const values = effectiveOf(applyTo, wanted.name, found, facts)
  const byPolicy = fixOf(topology, applyTo, wanted.name, facts)
  const fixFor = (key: string): string => (argumentOf(applyTo, found, key) === undefined ? byPolicy : remake)
  for (const [key, want] of Object.entries(wanted.definition)) {
    if (!suits(key, want, values[key]))
      differs(key, shown(want), values[key] === undefined ? undefined : shown(values[key]), fixFor(key))
  }
  if (wanted.kind === 'exchange') return findings
  for (const key of HARMFUL_KEYS) {
    if (!(key in wanted.definition) && values[key] !== undefined) differs(key, 'not set', values[key], fixFor(key))
  }
  return findings
}

/** A policy of ours is written again; one of somebody else that outranks it must go. */
function fixOf(topology: Topology, applyTo: PolicySpec['applyTo'], name: string, facts: Facts): string {
  const rival = applied(facts.policies, applyTo, name, facts)
  const ours = topology.policies.find((policy) => policy.applyTo === applyTo && objectOf(policy, topology) === name)
  if (rival === null || ours === undefined || rival.name === ours.name || rival.priority < ours.priority) return APPLY
  const clear = `rabbitmqctl clear_policy -p ${quoted(facts.vhost)} ${quoted(rival.name)}`
  return `lower the priority of policy ${rival.name} below ${ours.priority}, or ${clear}`
}

function missingBindings(topology: Topology, facts: Facts): Finding[] {
  return topology.bindings
    .filter(
      ({ exchange, queue, routingKey }) =>
        facts.queues[queue] &&
        facts.exchanges[exchange] &&
        !(facts.bindings[queue] ?? []).some((found) => found.source === exchange && found.routing_key === routingKey),
    )
    .map(({ exchange, queue, routingKey }) => ({
      object: `binding ${exchange} → ${queue}`,
      argument: 'routing key',
      wanted: routingKey === '' ? '(none)' : routingKey,
      found: 'not there',
      fix: APPLY,
    }))
}

/** The value that counts for each key: the argument before the policy, but the smaller of two numbers. */
function effectiveOf(
  applyTo: PolicySpec['applyTo'],
  name: string,
  found: FoundObject,
  facts: Facts,
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = { ...applied(facts.policies, applyTo, name, facts)?.definition }
  const lay = (key: string, value: unknown): void => {
    const below = values[key]
    const both = typeof value === 'number' && typeof below === 'number' && SMALLER_COUNTS.has(key)
    values[key] = both ? Math.min(value, below) : value
  }
  for (const [key, value] of Object.entries(applied(facts.operatorPolicies, applyTo, name, facts)?.definition ?? {}))
    lay(key, value)
  for (const [argument, value] of Object.entries(found.arguments)) {
    lay(applyTo === 'queues' ? argument.replace(/^x-/, '') : argument, value)
  }
  return values
}

function argumentOf(applyTo: PolicySpec['applyTo'], found: FoundObject, key: string): unknown {
  return found.arguments[applyTo === 'queues' ? `x-${key}` : key]
}

/** RabbitMQ applies one policy to an object: of those that match, one of the highest priority. */
function applied(
  policies: readonly FoundPolicy[],
  applyTo: PolicySpec['applyTo'],
  name: string,
  facts: Facts,
): FoundPolicy | null {
  const type = facts.queues[name]?.type
  const kinds =
    applyTo === 'queues' ? ['all', 'queues', type === 'stream' ? 'streams' : `${type}_queues`] : ['all', 'exchanges']
  const matching = policies.filter((policy) => kinds.includes(policy['apply-to']) && matches(policy.pattern, name))
  return matching.toSorted((one, other) => other.priority - one.priority)[0] ?? null
}

/** n.b. Patterns are Erlang's; one that JavaScript cannot read is taken as not matching. */
function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(name)
  } catch {
    return false
  }
}

function suits(key: string, wanted: string | number, found: unknown): boolean {
  return AT_LEAST.has(key) && typeof found === 'number' ? found >= Number(wanted) : found === wanted
}

function objectOf(policy: PolicySpec, topology: Topology): string {
  const named = policy.applyTo === 'queues' ? topology.queues : topology.exchanges
  const found = named.find(({ name }) => policy.name === (policy.applyTo === 'queues' ? name : `${name}.exchange`))
  if (found === undefined) throw new Error(`policy ${policy.name} is for no object of the topology`)
  return found.name
}

function shown(value: unknown): string {
  if (value === '') return '(the default exchange)'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function quoted(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `'${name}'`
}
