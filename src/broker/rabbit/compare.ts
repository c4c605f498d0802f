// Wanted against found: what differs, why, and the command that mends it. Pure.
import { deleteExchangeCommand, deleteQueueCommand, clearOperatorPolicyCommand, setPolicyCommand } from '../commands.ts'
import { NOT_SET, type Finding } from '../finding.ts'
import {
  HARMFUL_KEYS,
  writtenPolicy,
  type BindingSpec,
  type Definition,
  type PolicySpec,
  type Topology,
} from '../topology.ts'
import { appliedPolicies, effectiveValues, type ApplyTo, type Effective, type Facts, type Values } from './effective.ts'
import type { FoundObject, FoundPolicy } from './management.ts'

const APPLY = 'ferryman topology apply'
/** More than wanted is as safe. */
const AT_LEAST = new Set(['delivery-limit'])

/** Every difference that makes the topology unsafe or incomplete; none: it is as wanted. */
export function compare(topology: Topology, facts: Facts): Finding[] {
  const objects = [
    ...topology.exchanges.map((spec): WantedObject => ({ ...spec, kind: 'exchange', applyTo: 'exchanges' })),
    ...topology.queues.map((spec): WantedObject => ({ ...spec, kind: 'queue', applyTo: 'queues' })),
  ]
  return [
    ...objects.flatMap((wanted) => {
      const found = facts[wanted.applyTo][wanted.name] ?? null
      return found === null ? [missing(wanted.kind, wanted.name)] : compareObject(wanted, found, topology, facts)
    }),
    ...bindingsToMake(topology, facts)
      .filter(({ exchange, queue }) => facts.queues[queue] && facts.exchanges[exchange])
      .map(missingBinding),
  ]
}

export function missing(kind: 'queue' | 'exchange', name: string): Finding {
  return { object: `${kind} ${name}`, argument: 'existence', wanted: 'there', found: NOT_THERE, fix: APPLY }
}

/** Whether something is not there at all: what `create` makes again at once. */
export function isMissing({ found }: Finding): boolean {
  return found === NOT_THERE
}

export function mendedByApply({ fix }: Finding): boolean {
  return fix === APPLY
}

/** Policies of ours that must be written for the effective values to become the wanted ones. */
export function policiesToPut(topology: Topology, facts: Facts): PolicySpec[] {
  return topology.policies.filter((policy) => {
    const standing = facts.policies.find(({ name }) => name === policy.name)
    if (standing !== undefined) return !saysTheSame(policy, standing, topology)
    const name = objectOf(policy, topology)
    const found = facts[policy.applyTo][name] ?? null
    if (found === null) return true
    const answers = effectiveValues(policy.applyTo, name, found, facts)
    return Object.entries(policy.definition).some(([key, wanted]) => unsuited(key, wanted, answers) !== null)
  })
}

/** Bindings that are not there, also those of objects that are not. */
export function bindingsToMake(topology: Topology, facts: Facts): BindingSpec[] {
  return topology.bindings.filter(
    ({ exchange, queue, routingKey }) =>
      !(facts.bindings[queue] ?? []).some((found) => found.source === exchange && found.routing_key === routingKey),
  )
}

/** The facts as they will be once all is made that can be: what of others overrides it shows only then. */
export function foreseen(topology: Topology, facts: Facts): Facts {
  const puts = policiesToPut(topology, facts)
  const made = (found: Facts['queues'], specs: readonly { name: string; type: string }[], isQueue: boolean) =>
    Object.fromEntries(
      specs.map(({ name, type }): [string, FoundObject] => {
        const fresh = { type, durable: true, arguments: isQueue ? { 'x-queue-type': type } : {} }
        return [name, found[name] ?? fresh]
      }),
    )
  const bound = (queue: string): Facts['bindings'][string] =>
    topology.bindings
      .filter((binding) => binding.queue === queue)
      .map(({ exchange, routingKey }) => ({ source: exchange, routing_key: routingKey }))
  return {
    ...facts,
    policies: [
      ...facts.policies.filter(({ name }) => !puts.some((put) => put.name === name)),
      ...puts.map(writtenPolicy),
    ],
    queues: made(facts.queues, topology.queues, true),
    exchanges: made(facts.exchanges, topology.exchanges, false),
    bindings: Object.fromEntries(topology.queues.map(({ name }) => [name, bound(name)])),
  }
}

const NOT_THERE = 'not there'

interface WantedObject {
  readonly kind: 'queue' | 'exchange'
  readonly applyTo: ApplyTo
  readonly name: string
  readonly type: 'topic' | 'fanout' | 'quorum' | 'stream'
  readonly definition: Definition
}

function compareObject(wanted: WantedObject, found: FoundObject, topology: Topology, facts: Facts): Finding[] {
  const { kind, name, applyTo, type, definition } = wanted
  const object = `${kind} ${name}`
  const remake =
    kind === 'queue'
      ? `drain it, then ${deleteQueueCommand(facts.vhost, name)} && ${APPLY}`
      : `${deleteExchangeCommand(facts.vhost, name)} && ${APPLY}`
  const fixed = [
    [kind === 'queue' ? 'x-queue-type' : 'type', type, found.type],
    ['durable', true, found.durable],
    ['auto-delete', false, found.auto_delete ?? false],
    ...(kind === 'exchange' ? ([['internal', false, found.internal ?? false]] as const) : []),
  ] as const
  const answers = effectiveValues(applyTo, name, found, facts)
  const different = (argument: string, want: string, effective: Effective | undefined): Finding => {
    const fix = effective?.by === 'argument' ? remake : policyFix(effective, wanted, topology, facts)
    return { object, argument, wanted: want, found: foundText(effective, topology), fix }
  }
  return [
    ...fixed
      .filter(([, want, have]) => want !== have)
      .map(([argument, want, have]) => ({ object, argument, wanted: `${want}`, found: `${have}`, fix: remake })),
    ...Object.entries(definition).flatMap(([key, want]) => {
      const wrong = unsuited(key, want, answers)
      return wrong === null ? [] : [different(key, shown(want), wrong.found)]
    }),
    ...(type === 'quorum' || type === 'stream' ? HARMFUL_KEYS[type] : []).flatMap((key) => {
      const harm = key in definition ? undefined : answers.map((values) => values[key]).find(isSet)
      return harm === undefined ? [] : [different(key, NOT_SET, harm)]
    }),
  ]
}

const isSet = (effective: Effective | undefined): boolean => effective !== undefined

/** The first answer that does not suit, or null. */
function unsuited(
  key: string,
  wanted: string | number,
  answers: readonly Values[],
): { readonly found: Effective | undefined } | null {
  const wrong = answers.find((values) => !suits(key, wanted, values[key]?.value))
  return wrong === undefined ? null : { found: wrong[key] }
}

/** A policy of ours is written again; one of somebody else steps back: lowered below ours, never deleted. */
function policyFix(
  effective: Effective | undefined,
  { name, applyTo }: WantedObject,
  topology: Topology,
  facts: Facts,
): string {
  if (effective?.by === 'operator policy') {
    return clearOperatorPolicyCommand(facts.vhost, effective.policy?.name ?? '')
  }
  const found = facts[applyTo][name] as FoundObject
  const ours = topology.policies.find((policy) => policy.applyTo === applyTo && objectOf(policy, topology) === name)
  const others = facts.policies.filter((policy) => policy.name !== ours?.name)
  // n.b. Where a key is not set at all, it is the policy in the place of ours that does not set it.
  const rival = effective?.policy ?? appliedPolicies(others, applyTo, name, found)[0]
  if (ours === undefined || rival === undefined || rival.name === ours.name || rival.priority < ours.priority)
    return APPLY
  return setPolicyCommand(facts.vhost, { ...rival, priority: ours.priority - 1 })
}

function missingBinding({ exchange, queue, routingKey }: BindingSpec): Finding {
  return {
    object: `binding ${exchange} → ${queue}`,
    argument: 'routing key',
    wanted: routingKey === '' ? '(none)' : routingKey,
    found: NOT_THERE,
    fix: APPLY,
  }
}

function saysTheSame(policy: PolicySpec, standing: FoundPolicy, topology: Topology): boolean {
  const queue = topology.queues.find(({ name }) => name === policy.name)
  const harmful = policy.applyTo === 'queues' && queue !== undefined ? HARMFUL_KEYS[queue.type] : []
  return (
    standing.pattern === policy.pattern &&
    standing['apply-to'] === policy.applyTo &&
    standing.priority >= policy.priority &&
    Object.entries(policy.definition).every(([key, wanted]) => suits(key, wanted, standing.definition[key])) &&
    harmful.every((key) => key in policy.definition || standing.definition[key] === undefined)
  )
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

/** The value, and by whom where somebody else says it. */
function foundText(effective: Effective | undefined, topology: Topology): string {
  if (effective === undefined) return NOT_SET
  const { by, value, policy } = effective
  const ours = by === 'policy' && topology.policies.some(({ name }) => name === policy?.name)
  if (policy === null || ours) return shown(value)
  return `${shown(value)} (${by} ${policy.name}${by === 'policy' ? `, priority ${policy.priority}` : ''})`
}

function shown(value: unknown): string {
  if (value === '') return '(the default exchange)'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
