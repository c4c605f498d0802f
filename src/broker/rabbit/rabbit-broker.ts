// The broker on RabbitMQ: one connection to consume and acknowledge, one to publish, so that an alarm never stops acks.
import type { Clock } from '../../clock/clock.ts'
import type { Backoff } from '../../retry/backoff.ts'
import { Unavailable } from '../../retry/failures.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import type { Broker, Delivery, Outgoing, Subscription } from '../broker.ts'
import { DELIVERY_LIMIT, type Topology } from '../topology.ts'
import { closeQuietly, openChannel, type ChannelDeps } from './channel.ts'
import { Link, type Role } from './connection.ts'
import { Consumer, type ConsumerDeps } from './consumer.ts'
import { createTopology, planTopology, verifyTopology, type Report } from './declare.ts'
import type { TlsOptions } from './dial.ts'
import { codeOf, NOT_FOUND, operationFailure, within } from './failure.ts'
import { TopologyKeeper } from './keeper.ts'
import type { Reached } from './management.ts'
import { ConfirmingPublisher } from './publisher.ts'
import { lastOffsetOf, readStream, readStreamToEnd, type StreamFrom, type StreamMessage } from './stream.ts'

export interface RabbitOptions {
  /** `amqp:` or `amqps:`, several for the hosts of one cluster. */
  readonly urls: readonly string[]
  readonly prefix: string
  readonly topology: 'create' | 'verify' | 'off'
  /** Null: beside `urls`, as `managementUrlOf` says. Empty: none. */
  readonly managementUrl: string | null
  readonly heartbeatS: number
  readonly journalDays: number
  /** How long (ms) `start` tries. */
  readonly startTimeoutMs: number
  /** Shown by RabbitMQ as the connection's name, with the role after it. */
  readonly clientName: string
  readonly tls?: TlsOptions
  readonly deliveryLimit?: number
  /** Whether `start` is refused to a user without the rights of a worker. Default false. */
  readonly needsWorkerRights?: boolean
  readonly connectTimeoutMs?: number
  /** Longest wait (ms) for an answer on an open connection; also bounds each step of `stop`. */
  readonly answerTimeoutMs?: number
  readonly confirmTimeoutMs?: number
  /** Longest wait (ms) of a message that cannot be sent now. */
  readonly sendTimeoutMs?: number
  /** How often (ms) each connection is asked whether it still answers. */
  readonly pulseMs?: number
  readonly reconnect?: Backoff
}

export interface RabbitBroker extends Broker {
  /** Version the server gives of itself; null while not connected. */
  readonly serverVersion: string | null
  /** The topology as configured, as data. */
  readonly topology: Topology
  /** Messages ready in each queue, or null where it does not exist. A stream counts 0. */
  counts<Name extends string>(queues: readonly Name[]): Promise<Record<Name, number | null>>
  /** Declares what is missing, whatever `topology` is set to; the report says what differs. Needs `start`. */
  createTopology(): Promise<Report>
  /** Declares nothing; the report says what `createTopology` would make, and what it could not mend. */
  planTopology(): Promise<Report>
  /** Compares and declares nothing. Needs `start`. */
  verifyTopology(): Promise<Report>
  /** What the user may not, with the command that gives all that a worker in `mode` needs; null: nothing. */
  missingRights(what: 'working' | 'declaring', mode: RabbitOptions['topology']): Promise<string | null>
  /** The management API, to be closed by the caller; rejects when one was set and is down or refuses. */
  reachManagement(): Promise<Reached>
  /** Reads a stream queue on and on, each message once and in order; `onFailure` is told when `onMessage` rejects. */
  readStream(
    queue: string,
    from: StreamFrom,
    onMessage: (message: StreamMessage) => void | Promise<void>,
    onFailure?: (cause: unknown) => void,
  ): Promise<Subscription>
  /** Reads up to what is the last message when it begins; resolves with its offset, null for an empty stream. */
  readStreamToEnd(
    queue: string,
    from: 'first' | number,
    onMessage: (message: StreamMessage) => void | Promise<void>,
  ): Promise<number | null>
  lastOffset(queue: string): Promise<number | null>
}

const DEFAULTS = {
  tls: {},
  deliveryLimit: DELIVERY_LIMIT,
  needsWorkerRights: false,
  connectTimeoutMs: 5_000,
  answerTimeoutMs: 5_000,
  confirmTimeoutMs: 10_000,
  sendTimeoutMs: 10_000,
  pulseMs: 2_000,
  reconnect: { baseMs: 200, capMs: 5_000 },
} as const

export function rabbitBroker(options: RabbitOptions, clock: Clock, telemetry: Telemetry): RabbitBroker {
  return new ConnectedBroker({ ...DEFAULTS, ...options }, clock, telemetry)
}

class ConnectedBroker implements RabbitBroker {
  readonly #options: Required<RabbitOptions>
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #consumeLink: Link
  readonly #publishLink: Link
  readonly #keeper: TopologyKeeper
  readonly #publisher: ConfirmingPublisher
  readonly #consumers = new Set<Consumer>()
  readonly #readers = new Set<Subscription>()
  #started: Promise<void> | null = null
  #stopped: Promise<void> | null = null

  constructor(options: Required<RabbitOptions>, clock: Clock, telemetry: Telemetry) {
    this.#options = options
    this.#clock = clock
    this.#telemetry = telemetry
    const link = (role: Role): Link => new Link({ ...options, role }, clock, telemetry)
    this.#consumeLink = link('consume')
    this.#publishLink = link('publish')
    this.#keeper = new TopologyKeeper(
      options,
      { consume: this.#consumeLink, publish: this.#publishLink },
      clock,
      telemetry,
    )
    this.#publisher = new ConfirmingPublisher({
      ...this.#channelDeps(this.#publishLink),
      telemetry,
      confirmTimeoutMs: options.confirmTimeoutMs,
      sendTimeoutMs: options.sendTimeoutMs,
      reopen: options.reconnect,
      onRefusal: (met) => {
        void this.#keeper.look(met)
      },
    })
  }

  get topology(): Topology {
    return this.#keeper.topology
  }

  get ready(): boolean {
    return this.troubles.length === 0
  }

  get troubles(): readonly string[] {
    const consumers = [...this.#consumers].map((consumer) => consumer.trouble)
    const lines = [this.#consumeLink.trouble, this.#publishLink.trouble, this.#publisher.trouble, ...consumers]
    return [...this.#keeper.troubles, ...lines.filter((trouble) => trouble !== null)]
  }

  get serverVersion(): string | null {
    return this.#consumeLink.serverVersion
  }

  start(): Promise<void> {
    this.#started ??= this.#start()
    return this.#started
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  publish(message: Outgoing): Promise<'routed' | 'unroutable'> {
    return this.#publisher.publish(message)
  }

  async consume(queue: string, prefetch: number, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    if (this.#stopped !== null) throw new Unavailable('the broker connection has been stopped')
    const consumer = new Consumer({ queue, prefetch, onDelivery }, this.#consumerDeps())
    this.#consumers.add(consumer)
    const cancel = async (): Promise<void> => {
      this.#consumers.delete(consumer)
      await consumer.cancel()
    }
    try {
      await consumer.begun(this.#options.startTimeoutMs)
      return { cancel }
    } catch (cause) {
      await cancel()
      throw cause
    }
  }

  async counts<Name extends string>(queues: readonly Name[]): Promise<Record<Name, number | null>> {
    const counted = await Promise.all(queues.map(async (name) => [name, await this.#count(name)] as const))
    return Object.fromEntries(counted) as Record<Name, number | null>
  }

  createTopology(): Promise<Report> {
    return this.#keeper.act(createTopology)
  }

  planTopology(): Promise<Report> {
    return this.#keeper.act(planTopology)
  }

  verifyTopology(): Promise<Report> {
    return this.#keeper.act(verifyTopology)
  }

  missingRights(what: 'working' | 'declaring', mode: RabbitOptions['topology']): Promise<string | null> {
    return this.#keeper.missingRights(what, mode)
  }

  reachManagement(): Promise<Reached> {
    return this.#keeper.reach()
  }

  async readStream(
    queue: string,
    from: StreamFrom,
    onMessage: (message: StreamMessage) => void | Promise<void>,
    onFailure: (cause: unknown) => void = () => undefined,
  ): Promise<Subscription> {
    const reader = await readStream(
      queue,
      from,
      onMessage,
      onFailure,
      this.#options.startTimeoutMs,
      this.#consumerDeps(),
    )
    if (this.#stopped !== null) await reader.cancel()
    this.#readers.add(reader)
    return {
      cancel: () => {
        this.#readers.delete(reader)
        return reader.cancel()
      },
    }
  }

  readStreamToEnd(
    queue: string,
    from: 'first' | number,
    onMessage: (message: StreamMessage) => void | Promise<void>,
  ): Promise<number | null> {
    return readStreamToEnd(queue, from, onMessage, this.#options.startTimeoutMs, this.#consumerDeps())
  }

  lastOffset(queue: string): Promise<number | null> {
    return lastOffsetOf(queue, this.#options.startTimeoutMs, this.#consumerDeps())
  }

  async #start(): Promise<void> {
    if (this.#stopped !== null) throw new Unavailable('the broker connection has been stopped')
    const { startTimeoutMs } = this.#options
    try {
      await within(this.#connectAndDeclare(), startTimeoutMs, 'RabbitMQ', this.#clock)
    } catch (cause) {
      const troubles = this.troubles.join('; ')
      await this.stop()
      if (!(cause instanceof Unavailable)) throw cause
      throw troubles === '' ? cause : new Unavailable(`${cause.message}: ${troubles}`, { cause })
    }
  }

  async #connectAndDeclare(): Promise<void> {
    await Promise.all([this.#consumeLink.connect(), this.#publishLink.connect()])
    await this.#keeper.begin()
  }

  async #count(queue: string): Promise<number | null> {
    const { current } = this.#consumeLink
    if (current === null) throw new Unavailable(this.#consumeLink.trouble ?? 'not connected')
    const deps = this.#channelDeps(this.#consumeLink)
    const { channel } = await openChannel(deps, current, ({ model }) => model.createChannel())
    try {
      return (await within(channel.checkQueue(queue), deps.answerTimeoutMs, `counting ${queue}`, this.#clock))
        .messageCount
    } catch (cause) {
      if (codeOf(cause) === NOT_FOUND) return null
      throw operationFailure(cause, `counting ${queue}`)
    } finally {
      closeQuietly(channel)
    }
  }

  /** Consumers first, so that nothing new is taken; then what is published is confirmed; then the connections. */
  async #stop(): Promise<void> {
    const { answerTimeoutMs } = this.#options
    this.#keeper.stop()
    await Promise.all([...this.#consumers, ...this.#readers].map((consumer) => consumer.cancel()))
    await this.#publisher.stop(answerTimeoutMs)
    await Promise.all([this.#consumeLink.close(), this.#publishLink.close()])
  }

  #channelDeps(link: Link): ChannelDeps {
    return { link, clock: this.#clock, answerTimeoutMs: this.#options.answerTimeoutMs }
  }

  #consumerDeps(): ConsumerDeps {
    return {
      ...this.#channelDeps(this.#consumeLink),
      telemetry: this.#telemetry,
      reopen: this.#options.reconnect,
      onRefusal: (met) => this.#keeper.look(met),
    }
  }
}
