// What is there, asked of the broker: everything over the management API, mere existence over AMQP without it.
import type { Channel } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { Refused } from '../../retry/failures.ts'
import { declaringPatterns } from '../rights.ts'
import { setPermissionsCommand } from '../commands.ts'
import type { Topology } from '../topology.ts'
import { closeQuietly } from './channel.ts'
import { codeOf, NOT_FOUND, operationFailure, PRECONDITION_FAILED, within } from './failure.ts'
import type { Facts } from './effective.ts'
import type { FoundBinding, FoundListed, Management } from './management.ts'

/** Where to ask, and as whom. */
export interface Place {
  /** A new channel on a connection that stands. */
  readonly openChannel: () => Promise<Channel>
  readonly vhost: string
  readonly user: string
  readonly prefix: string
  readonly management: Management | null
  readonly clock: Clock
  readonly answerTimeoutMs: number
}

/** All that the comparison needs: five lists, whatever the number of objects. */
export async function factsOf(topology: Topology, management: Management, vhost: string): Promise<Facts> {
  const [policies, operatorPolicies, queues, exchanges, bindings] = await Promise.all([
    management.policies(),
    management.operatorPolicies(),
    management.queues(),
    management.exchanges(),
    management.bindings(),
  ])
  const ours = (wanted: readonly { readonly name: string }[], found: readonly FoundListed[]): Facts['queues'] =>
    Object.fromEntries(wanted.map(({ name }) => [name, found.find((one) => one.name === name) ?? null]))
  const to = ({ name }: { readonly name: string }): FoundBinding[] =>
    bindings.filter((one) => one.destination_type === 'queue' && one.destination === name)
  return {
    vhost,
    policies,
    operatorPolicies,
    queues: ours(topology.queues, queues),
    exchanges: ours(topology.exchanges, exchanges),
    bindings: Object.fromEntries(topology.queues.map((queue) => [queue.name, to(queue)])),
  }
}

/** What exists. */
export interface Existence {
  readonly exchanges: ReadonlySet<string>
  readonly queues: ReadonlySet<string>
}

export async function existenceOf(topology: Topology, probe: Probe): Promise<Existence> {
  const exchanges = new Set<string>()
  const queues = new Set<string>()
  for (const { name } of topology.exchanges) {
    if (await probe.finds((channel) => channel.checkExchange(name))) exchanges.add(name)
  }
  for (const { name } of topology.queues) {
    if (await probe.finds((channel) => channel.checkQueue(name))) queues.add(name)
  }
  return { exchanges, queues }
}

/** A channel that is opened again after each refusal, since RabbitMQ closes it then. */
export class Probe {
  readonly #place: Place
  #channel: Channel | null = null

  constructor(place: Place) {
    this.#place = place
  }

  /** Whether a passive declaration finds its object. */
  async finds(look: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    return (await this.tries(look, [NOT_FOUND])) !== NOT_FOUND
  }

  /** Declares or binds; where somebody has just declared it with other arguments, theirs stands. */
  async declares(make: (channel: Channel) => Promise<unknown>): Promise<void> {
    try {
      await this.tries(make, [PRECONDITION_FAILED])
    } catch (cause) {
      if (!(cause instanceof Refused)) throw cause
      const { vhost, user, prefix } = this.#place
      const command = setPermissionsCommand(vhost, user, declaringPatterns(prefix))
      throw new Refused(
        `${cause.message}; give the rights to declare with ${command}, or declare with another user ` +
          '(ferryman topology apply) and set FERRYMAN_RABBITMQ_TOPOLOGY=verify',
        { cause },
      )
    }
  }

  /** The reply code with which `act` was refused, of those in `tolerated`; null: it was not. */
  async tries(act: (channel: Channel) => Promise<unknown>, tolerated: readonly number[]): Promise<number | null> {
    const { clock, answerTimeoutMs } = this.#place
    try {
      const channel = this.#channel ?? (await within(this.#open(), answerTimeoutMs, 'opening a channel', clock))
      await within(act(channel), answerTimeoutMs, 'the topology', clock)
      return null
    } catch (cause) {
      this.close()
      const code = codeOf(cause)
      if (code !== null && tolerated.includes(code)) return code
      throw operationFailure(cause, 'the topology')
    }
  }

  close(): void {
    if (this.#channel !== null) closeQuietly(this.#channel)
    this.#channel = null
  }

  async #open(): Promise<Channel> {
    const channel = await this.#place.openChannel()
    channel.on('error', () => undefined)
    this.#channel = channel
    return channel
  }
}
