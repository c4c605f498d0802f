// Every RabbitMQ object of one installation as data: exchanges, queues, bindings, and what their policies say. Pure.
import { DELAYS, namesOf, type Delay } from './names.ts'

/** Policy keys to values, as RabbitMQ spells them (`delivery-limit`, `max-age`, …). */
export type Definition = Readonly<Record<string, string | number>>

export interface ExchangeSpec {
  readonly name: string
  readonly type: 'topic' | 'fanout'
  readonly definition: Definition
}

export interface QueueSpec {
  readonly name: string
  readonly type: 'quorum' | 'stream'
  readonly definition: Definition
}

export interface BindingSpec {
  readonly exchange: string
  readonly queue: string
  readonly routingKey: string
}

export interface PolicySpec {
  readonly name: string
  readonly pattern: string
  readonly applyTo: 'queues' | 'exchanges'
  readonly priority: number
  readonly definition: Definition
}

/** In the order in which they are safely made: whatever another object leads to stands before it. */
export interface Topology {
  readonly prefix: string
  readonly exchanges: readonly ExchangeSpec[]
  readonly queues: readonly QueueSpec[]
  readonly bindings: readonly BindingSpec[]
  readonly policies: readonly PolicySpec[]
}

export interface TopologySettings {
  /** Days that both journals keep what they hold. */
  readonly journalDays: number
  /** Returns after which the broker dead-letters a request; a backstop, since polite returns count too. */
  readonly deliveryLimit: number
}

/** Routing key of letters that the broker makes: the class and code under which the desk takes them in. */
export const BROKER_LETTER_KEY = 'operator.broker'

/** Keys that a queue of ours may have only by its own definition: they delete the queue, or what it must keep. */
export const HARMFUL_KEYS = {
  quorum: ['expires', 'message-ttl'],
  stream: ['expires', 'max-length-bytes'],
} as const satisfies Record<QueueSpec['type'], readonly string[]>

/** The broker's own limit of returns. A backstop far above what polite returns come to; poison is decided elsewhere. */
export const DELIVERY_LIMIT = 1_000

/** Above a site's own catch-all policies (0 as a rule), below what it wants to force. */
const POLICY_PRIORITY = 100
/** Letters and strays are kept however often they are returned: RabbitMQ 4 drops them after 20 by default. */
const NO_LIMIT = 1_000_000_000
/** Dead-lettering that waits for the target's confirm; both keys are needed, else it silently becomes at-most-once. */
const AT_LEAST_ONCE = { 'dead-letter-strategy': 'at-least-once', overflow: 'reject-publish' } as const

export function topologyOf(prefix: string, settings: TopologySettings): Topology {
  const names = namesOf(prefix)
  const exchanges: ExchangeSpec[] = [
    { name: names.unroutable, type: 'fanout', definition: {} },
    { name: names.deadLetters, type: 'topic', definition: {} },
    { name: names.events, type: 'topic', definition: {} },
    { name: names.requests, type: 'topic', definition: { 'alternate-exchange': names.unroutable } },
  ]
  const kept: Definition = { 'delivery-limit': NO_LIMIT, overflow: 'reject-publish' }
  const journal: Definition = { 'max-age': `${settings.journalDays}D` }
  const queues: QueueSpec[] = [
    { name: names.unroutable, type: 'quorum', definition: kept },
    { name: names.deadLetters, type: 'quorum', definition: kept },
    { name: names.deadLettersJournal, type: 'stream', definition: journal },
    { name: names.eventsJournal, type: 'stream', definition: journal },
    { name: names.requests, type: 'quorum', definition: requestsDefinition(names.deadLetters, settings) },
    ...(Object.keys(DELAYS) as Delay[]).map(
      (delay): QueueSpec => ({
        name: names.retry(delay),
        type: 'quorum',
        definition: ladderDefinition(names.requests, DELAYS[delay]),
      }),
    ),
  ]
  const bindings: BindingSpec[] = [
    { exchange: names.unroutable, queue: names.unroutable, routingKey: '' },
    { exchange: names.deadLetters, queue: names.deadLetters, routingKey: '#' },
    { exchange: names.deadLetters, queue: names.deadLettersJournal, routingKey: '#' },
    { exchange: names.events, queue: names.eventsJournal, routingKey: '#' },
    { exchange: names.requests, queue: names.requests, routingKey: 'transfer.#' },
  ]
  return { prefix, exchanges, queues, bindings, policies: policiesOf(exchanges, queues) }
}

/** The topology as a definitions file that `rabbitmqctl import_definitions` and operators of a cluster accept. */
export function definitionsOf(topology: Topology, vhost: string): Readonly<Record<string, readonly object[]>> {
  return {
    policies: topology.policies.map((policy) => ({ vhost, ...writtenPolicy(policy) })),
    exchanges: topology.exchanges.map(({ name, type }) => ({
      vhost,
      name,
      type,
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: {},
    })),
    queues: topology.queues.map(({ name, type }) => ({
      vhost,
      name,
      durable: true,
      auto_delete: false,
      arguments: { 'x-queue-type': type },
    })),
    bindings: topology.bindings.map(({ exchange, queue, routingKey }) => ({
      vhost,
      source: exchange,
      destination: queue,
      destination_type: 'queue',
      routing_key: routingKey,
      arguments: {},
    })),
  }
}

/** A policy as RabbitMQ's own API writes it. */
export interface WrittenPolicy {
  readonly name: string
  readonly pattern: string
  readonly 'apply-to': string
  readonly priority: number
  readonly definition: Readonly<Record<string, unknown>>
}

export function writtenPolicy({ applyTo, ...policy }: PolicySpec): WrittenPolicy {
  return { ...policy, 'apply-to': applyTo }
}

function requestsDefinition(deadLetters: string, settings: TopologySettings): Definition {
  return {
    'delivery-limit': settings.deliveryLimit,
    'dead-letter-exchange': deadLetters,
    'dead-letter-routing-key': BROKER_LETTER_KEY,
    ...AT_LEAST_ONCE,
  }
}

/** Expires into the queue through the default exchange: through the exchange it would reach other bindings twice. */
function ladderDefinition(requests: string, delayMs: number): Definition {
  return { 'message-ttl': delayMs, 'dead-letter-exchange': '', 'dead-letter-routing-key': requests, ...AT_LEAST_ONCE }
}

/** One a queue, named like it; RabbitMQ applies only one policy to an object, so each says everything. */
function policiesOf(exchanges: readonly ExchangeSpec[], queues: readonly QueueSpec[]): PolicySpec[] {
  return [
    ...queues.map(({ name, definition }) => policyOf(name, name, 'queues', definition)),
    ...exchanges
      .filter(({ definition }) => Object.keys(definition).length > 0)
      .map(({ name, definition }) => policyOf(`${name}.exchange`, name, 'exchanges', definition)),
  ]
}

function policyOf(name: string, object: string, applyTo: PolicySpec['applyTo'], definition: Definition): PolicySpec {
  return { name, pattern: `^${escaped(object)}$`, applyTo, priority: POLICY_PRIORITY, definition }
}

function escaped(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
