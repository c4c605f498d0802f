// The port for looking at a broker without taking part: copies of what an exchange routes, single messages of a queue.
import type { Delivery, Properties } from './broker.ts'

export interface Received {
  readonly body: Buffer
  readonly properties: Properties
  readonly routingKey: string
}

/** One connection, which does not come back. Everything rejects with `Unavailable` or `Refused`. */
export interface Reader {
  /** Copies to `onMessage` what `exchange` routes by `pattern` from the moment on that it resolves. */
  tap(exchange: string, pattern: string, onMessage: (message: Received) => void): Promise<void>
  /** The next message of a queue, or null when none is ready. It must be settled. */
  get(queue: string): Promise<Delivery | null>
  /** Rejects when the connection is lost. Never resolves. */
  readonly lost: Promise<never>
  close(): Promise<void>
}
