// Opens one connection to RabbitMQ within a bound, and ends one at once.
import type { Duplex } from 'node:stream'
import { connect, type ChannelModel } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { connectFailure, within } from './failure.ts'
import { hostOf, withHeartbeat } from './urls.ts'

/** Passed through to node:tls for `amqps:` URLs. */
export interface TlsOptions {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
}

export interface DialOptions {
  readonly heartbeatS: number
  /** Longest silence (ms) while it connects; it may take twice as long in all. */
  readonly timeoutMs: number
  readonly tls: TlsOptions
  /** Shown by RabbitMQ. */
  readonly name: string
}

const KEEP_ALIVE_MS = 10_000

/** Rejects with `Refused` or `Unavailable`, and when `signal` aborts; one that is open too late is ended. */
export async function dial(
  url: string,
  options: DialOptions,
  clock: Clock,
  signal?: AbortSignal,
): Promise<ChannelModel> {
  const { heartbeatS, timeoutMs, tls, name } = options
  const dialled = connect(withHeartbeat(url, heartbeatS), {
    ...tls,
    timeout: timeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: KEEP_ALIVE_MS,
    clientProperties: { connection_name: name },
  })
  dialled.then(
    (model) => model.on('error', () => undefined),
    () => undefined,
  )
  try {
    // n.b. amqplib's timeout is one of silence, which a slow trickle never reaches; hence the second bound.
    return await within(dialled, 2 * timeoutMs, 'connecting', clock, signal)
  } catch (cause) {
    dialled.then(
      (model) => destroy(model, 'too late'),
      () => undefined,
    )
    throw connectFailure(cause, hostOf(url))
  }
}

/** Ends a connection at once, also one that is only half open, which amqplib by itself never does. */
export function destroy(model: ChannelModel, why: string): void {
  streamOf(model).destroy(new Error(why))
}

export function streamOf(model: ChannelModel): Duplex {
  return (model.connection as unknown as { readonly stream: Duplex }).stream
}
