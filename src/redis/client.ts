// One connection for commands and one for notices, both coming back for ever; every call ends, and says what is known.
import { Redis, type RedisOptions } from 'ioredis'
import type { Clock } from '../clock/clock.ts'
import { backoffMs, type Backoff } from '../retry/backoff.ts'
import { Refused, Unanswered, Unavailable } from '../retry/failures.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { addressOf, type Address } from './address.ts'
import { connectFailureOf, failureOf } from './failures.ts'
import { notices, type Notices } from './notices.ts'

export type Argument = string | number | Buffer
export type Reply<Text = string> = Text | number | null | readonly Reply<Text>[]

export interface RedisSettings {
  readonly url: string
  /** Longest wait for one answer; also for a connection, and for silence on one that owes an answer. */
  readonly timeoutMs: number
  /** PEM texts for rediss://. Certificates are always verified. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

export interface RedisClient {
  /** Whether a command would be sent now. */
  readonly ready: boolean
  /** Where, without credentials. */
  readonly where: string
  /** Connects, or stops and rejects: with `Refused` at once for wrong credentials, else after `timeoutMs`. */
  start(timeoutMs: number): Promise<void>
  /** Ends both connections; what is in flight is `Unanswered`. */
  stop(): Promise<void>
  /** Sends one command once. Rejects with `Unanswered`, `Unavailable` or `Refused`, and with `NoScript` for EVALSHA. */
  call(command: string, args: readonly Argument[]): Promise<Reply>
  /** The same with strings as Buffers. */
  callBuffers(command: string, args: readonly Argument[]): Promise<Reply<Buffer>>
  /** `onGap` runs after each reconnect: messages may have been lost. The returned function ends it. */
  subscribe(channel: string, onMessage: (message: string) => void, onGap: () => void): Promise<() => Promise<void>>
}

const RECONNECT: Backoff = { baseMs: 50, capMs: 3_000 }
/** ioredis ends a call after `timeoutMs`; this much later our own timer does, should it not. */
const GUARD_MS = 250

export function redisClient(settings: RedisSettings, clock: Clock, telemetry: Telemetry): RedisClient {
  const address = addressOf(settings.url)
  const options = optionsOf(address, settings, clock)
  const commands = new Redis({ ...options, connectionName: 'ferryman' })
  const subscriber = new Redis({ ...options, connectionName: 'ferryman-notices' })
  watch(commands, 'commands', telemetry)
  watch(subscriber, 'notices', telemetry)
  const listening: Notices = notices(subscriber, clock, settings.timeoutMs)

  const bounded = <R>(answer: Promise<unknown>, command: string): Promise<R> =>
    new Promise<R>((resolve, reject) => {
      const cancel = clock.timer(settings.timeoutMs + GUARD_MS, () => {
        reject(new Unanswered(`Redis did not answer ${command} within ${settings.timeoutMs} ms`))
      })
      answer.then(
        (reply) => {
          cancel()
          resolve(reply as R)
        },
        (failure: unknown) => {
          cancel()
          reject(failureOf(failure, command))
        },
      )
    })
  const send = <R>(command: string, answer: () => Promise<unknown>): Promise<R> => {
    if (commands.status !== 'ready')
      return Promise.reject(new Unavailable(`Redis is not connected: ${command} was not sent`))
    return bounded<R>(answer(), command)
  }

  return {
    get ready() {
      return commands.status === 'ready'
    },
    where: address.where,
    start: async (timeoutMs) => {
      try {
        await Promise.all([commands, subscriber].map((one) => connected(one, address, timeoutMs, clock)))
      } catch (failure) {
        disconnect(commands, subscriber)
        throw failure
      }
    },
    stop: async () => {
      listening.stop()
      disconnect(commands, subscriber)
    },
    call: (command, args) => send(command, () => commands.call(command, args as Argument[])), // n.b. it makes a copy
    callBuffers: (command, args) => send(command, () => commands.callBuffer(command, args as Argument[])),
    subscribe: listening.subscribe,
  }
}

/** Every option that decides whether a command may be sent twice, late, or never be answered is written out. */
function optionsOf(address: Address, settings: RedisSettings, clock: Clock): Omit<RedisOptions, 'replyMapping'> {
  const [first] = address.hosts
  return {
    ...(address.master === null
      ? { host: first!.host, port: first!.port }
      : {
          sentinels: address.hosts.map(({ host, port }) => ({ host, port })),
          name: address.master,
          role: 'master' as const,
          enableTLSForSentinelMode: address.tls,
          sentinelRetryStrategy: (times: number) => backoffMs(times, RECONNECT, clock.random()),
        }),
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    ...(address.tls ? { tls: { ...settings.tls, rejectUnauthorized: true, minVersion: 'TLSv1.2' as const } } : {}),
    db: address.db,
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    connectTimeout: settings.timeoutMs,
    commandTimeout: settings.timeoutMs,
    socketTimeout: settings.timeoutMs,
    keepAlive: 5_000,
    noDelay: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: true,
    enableAutoPipelining: false,
    autoResubscribe: false,
    retryStrategy: (times) => backoffMs(times, RECONNECT, clock.random()),
    // A master that became a replica answers READONLY for ever: a new connection finds the new master.
    reconnectOnError: (failure) => (failure.message.startsWith('READONLY') ? 1 : false),
  }
}

function watch(connection: Redis, role: string, telemetry: Telemetry): void {
  let up = false
  let why = 'the connection was closed'
  connection.on('error', (failure: Error) => {
    why = failure.message
  })
  connection.on('ready', () => {
    up = true
    why = 'the connection was closed'
    telemetry.emit('redis.connected', { role })
  })
  connection.on('close', () => {
    if (!up) return
    up = false
    telemetry.emit('redis.disconnected', { role, why })
  })
}

function connected(connection: Redis, address: Address, timeoutMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    let last: Error = new Unavailable(`Redis at ${address.where} did not answer within ${timeoutMs} ms`)
    const end = (settle: () => void): void => {
      cancel()
      connection.off('ready', onReady)
      connection.off('error', onError)
      settle()
    }
    const onReady = (): void => end(resolve)
    const onError = (failure: unknown): void => {
      last = connectFailureOf(failure, address.where)
      if (last instanceof Refused) end(() => reject(last))
    }
    const cancel = clock.timer(timeoutMs, () => end(() => reject(last)))
    connection.on('ready', onReady)
    connection.on('error', onError)
    connection.connect().catch(onError)
  })
}

function disconnect(...connections: readonly Redis[]): void {
  for (const connection of connections) connection.disconnect(false)
}
