// The port to the message broker: consume, publish with confirmation, settle a delivery exactly once.

/** AMQP properties that Ferryman reads or writes; absent ones are not set. */
export interface Properties {
  readonly messageId?: string
  readonly correlationId?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly type?: string
  readonly appId?: string
  readonly userId?: string
  /** Seconds since 1970. */
  readonly timestamp?: number
  readonly headers: Readonly<Record<string, unknown>>
}

/** A message to publish: persistent, mandatory, confirmed. */
export interface Outgoing {
  readonly exchange: string
  readonly routingKey: string
  readonly body: Buffer
  readonly properties: Properties
}

/**
 * A message received and not yet settled. It belongs to one channel: settling it after that channel is gone does
 * nothing.
 */
export interface Delivery {
  readonly body: Buffer
  readonly properties: Properties
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  /** Acknowledges. The first of `ack` and `handBack` counts, later calls do nothing. */
  ack(): void
  /** Returns it to its queue. */
  handBack(): void
}

/** Everything that publishes needs. Rejects with `Unanswered` when no confirm came (it may have been stored). */
export interface Publisher {
  publish(message: Outgoing): Promise<'routed' | 'unroutable'>
}

/** A running consumer of one queue. */
export interface Subscription {
  /** Stops deliveries; what is in hand may still be settled. May be called twice. */
  cancel(): Promise<void>
}

export interface Broker extends Publisher {
  /** True while consume and publish connections stand and neither is blocked. */
  readonly ready: boolean
  /** Why not, one phrase each; empty when ready. */
  readonly troubles: readonly string[]
  /** Consumes `queue` with at most `prefetch` unsettled deliveries, and again after every reconnect until cancelled. */
  consume(queue: string, prefetch: number, onDelivery: (delivery: Delivery) => void): Promise<Subscription>
  /**
   * Connects and declares as configured. Rejects with `Refused` (permission, password, vhost) at once, with
   * `Unavailable` when the time is over.
   */
  start(): Promise<void>
  /** Waits for outstanding confirms, then closes. May be called twice. */
  stop(): Promise<void>
}
