// Makes the topology where something is missing, and verifies it; what exists is never declared again or deleted.
import type { Channel, ChannelModel, Options } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { Refused } from '../../retry/failures.ts'
import type { BindingSpec, Definition, Topology } from '../topology.ts'
import { closeQuietly } from './channel.ts'
import { compare, missing, policiesToPut, type Facts, type Finding } from './compare.ts'
import { codeOf, NOT_FOUND, operationFailure, PRECONDITION_FAILED, within } from './failure.ts'
import type { Management } from './management.ts'

/** The topology that was found does not keep what is promised; the rows say what differs and what mends it. */
export class UnsafeTopology extends Error {
  override readonly name = 'UnsafeTopology'
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(
      [
        'the RabbitMQ topology is not as it must be (object, argument, wanted, found, fix):',
        ...findings.map(
          ({ object, argument, wanted, found, fix }) => `  ${object}, ${argument}, ${wanted}, ${found}, ${fix}`,
        ),
      ].join('\n'),
    )
    this.findings = findings
  }
}

export interface Report {
  readonly findings: readonly Finding[]
  /** Objects and policies made or written in this run. */
  readonly made: readonly string[]
  /** Comparisons that could not be made, for want of the management API. */
  readonly notCompared: readonly string[]
}

export interface Place {
  readonly model: ChannelModel
  readonly vhost: string
  readonly management: Management | null
  readonly clock: Clock
  readonly answerTimeoutMs: number
}

/** Declares what is missing; safe to run again, and by several at once. What it cannot mend is in the report. */
export async function createTopology(topology: Topology, place: Place): Promise<Report> {
  const probe = new Probe(place)
  try {
    const made = await putPolicies(topology, place)
    for (const exchange of topology.exchanges) {
      if (await probe.finds((channel) => channel.checkExchange(exchange.name))) continue
      const args = place.management === null ? exchange.definition : {}
      await probe.declares((channel) =>
        channel.assertExchange(exchange.name, exchange.type, { ...FIXED, arguments: args }),
      )
      made.push(`exchange ${exchange.name}`)
    }
    for (const queue of topology.queues) {
      if (await probe.finds((channel) => channel.checkQueue(queue.name))) continue
      const args = { 'x-queue-type': queue.type, ...(place.management === null ? argumentsOf(queue.definition) : {}) }
      await probe.declares((channel) => channel.assertQueue(queue.name, { ...FIXED, arguments: args }))
      made.push(`queue ${queue.name}`)
    }
    for (const binding of await bindingsToMake(topology, place)) {
      await probe.run((channel) => channel.bindQueue(binding.queue, binding.exchange, binding.routingKey))
      if (place.management !== null) made.push(`binding ${binding.exchange} → ${binding.queue}`)
    }
    return { ...(await verify(topology, place, probe)), made }
  } finally {
    probe.close()
  }
}

/** Declares nothing. Without the management API it checks existence, and the report says what was not compared. */
export async function verifyTopology(topology: Topology, place: Place): Promise<Report> {
  const probe = new Probe(place)
  try {
    return { ...(await verify(topology, place, probe)), made: [] }
  } finally {
    probe.close()
  }
}

const FIXED = { durable: true, autoDelete: false } as const satisfies Options.AssertExchange

/** Before the queues, so that none exists for a moment without its limits and its way out. */
async function putPolicies(topology: Topology, { management, vhost }: Place): Promise<string[]> {
  if (management === null) return []
  const wanted = policiesToPut(topology, await factsOf(topology, management, vhost))
  for (const policy of wanted) await management.putPolicy(policy)
  return wanted.map(({ name }) => `policy ${name}`)
}

async function bindingsToMake(topology: Topology, { management }: Place): Promise<readonly BindingSpec[]> {
  if (management === null) return topology.bindings // binding again what is bound changes nothing
  const wanted: BindingSpec[] = []
  for (const binding of topology.bindings) {
    const found = await management.bindings(binding.queue)
    if (!found.some((one) => one.source === binding.exchange && one.routing_key === binding.routingKey))
      wanted.push(binding)
  }
  return wanted
}

async function verify(topology: Topology, place: Place, probe: Probe): Promise<Omit<Report, 'made'>> {
  if (place.management !== null) {
    return { findings: compare(topology, await factsOf(topology, place.management, place.vhost)), notCompared: [] }
  }
  const findings: Finding[] = []
  for (const { name } of topology.exchanges) {
    if (!(await probe.finds((channel) => channel.checkExchange(name)))) findings.push(missing('exchange', name))
  }
  for (const { name } of topology.queues) {
    if (!(await probe.finds((channel) => channel.checkQueue(name)))) findings.push(missing('queue', name))
  }
  return { findings, notCompared: notComparable(topology) }
}

function notComparable(topology: Topology): string[] {
  return [
    ...topology.exchanges.map(
      ({ name, definition }) => `exchange ${name}: ${['type', ...Object.keys(definition)].join(', ')}`,
    ),
    ...topology.queues.map(
      ({ name, definition }) => `queue ${name}: ${['x-queue-type', ...Object.keys(definition)].join(', ')}`,
    ),
    ...topology.bindings.map(({ exchange, queue, routingKey }) => `binding ${exchange} → ${queue}: ${routingKey}`),
  ]
}

async function factsOf(topology: Topology, management: Management, vhost: string): Promise<Facts> {
  const each = async <Found>(
    names: readonly { readonly name: string }[],
    ask: (name: string) => Promise<Found>,
  ): Promise<Record<string, Found>> =>
    Object.fromEntries(await Promise.all(names.map(async ({ name }) => [name, await ask(name)] as const)))
  const bound = [...new Set(topology.bindings.map(({ queue }) => queue))].map((name) => ({ name }))
  const [policies, operatorPolicies, queues, exchanges, bindings] = await Promise.all([
    management.policies(),
    management.operatorPolicies(),
    each(topology.queues, (name) => management.queue(name)),
    each(topology.exchanges, (name) => management.exchange(name)),
    each(bound, (name) => management.bindings(name)),
  ])
  return { vhost, policies, operatorPolicies, queues, exchanges, bindings }
}

function argumentsOf(definition: Definition): Record<string, string | number> {
  return Object.fromEntries(Object.entries(definition).map(([key, value]) => [`x-${key}`, value]))
}

/** A channel that is opened again after each refusal, since RabbitMQ closes it with a 404. */
class Probe {
  readonly #place: Place
  #channel: Channel | null = null

  constructor(place: Place) {
    this.#place = place
  }

  /** Whether a passive declaration finds its object. */
  async finds(look: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    return (await this.#try(look)) !== NOT_FOUND
  }

  /** Declares; where somebody has just declared it with other arguments, theirs stands. */
  async declares(make: (channel: Channel) => Promise<unknown>): Promise<void> {
    await this.#try(make, PRECONDITION_FAILED)
  }

  async run(act: (channel: Channel) => Promise<unknown>): Promise<void> {
    await this.#try(act, null)
  }

  close(): void {
    if (this.#channel !== null) closeQuietly(this.#channel)
    this.#channel = null
  }

  async #try(
    act: (channel: Channel) => Promise<unknown>,
    tolerated: number | null = NOT_FOUND,
  ): Promise<number | null> {
    const { clock, answerTimeoutMs } = this.#place
    try {
      const channel = this.#channel ?? (await within(this.#open(), answerTimeoutMs, 'opening a channel', clock))
      await within(act(channel), answerTimeoutMs, 'declaring', clock)
      return null
    } catch (cause) {
      this.close()
      const code = codeOf(cause)
      if (tolerated !== null && code === tolerated) return code
      const failure = operationFailure(cause, 'the topology')
      throw failure instanceof Refused
        ? new Refused(`${failure.message}; with FERRYMAN_RABBITMQ_TOPOLOGY=verify no right to configure is needed`, {
            cause,
          })
        : failure
    }
  }

  async #open(): Promise<Channel> {
    const channel = await this.#place.model.createChannel()
    channel.on('error', () => undefined)
    this.#channel = channel
    return channel
  }
}
