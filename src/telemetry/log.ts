// Events to log lines: one JSON object a fact, scrubbed of credentials and control characters.
import { pino, type DestinationStream } from 'pino'
import type { EventName, Events, Listener } from './events.ts'
import { scrub } from './scrub.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

export interface LogOptions {
  readonly level: string
  /** `host:pid`, as events tell it. */
  readonly instance: string
  readonly version: string
  /** Default: the process's standard output, written asynchronously. */
  readonly destination?: DestinationStream
  /** Values that must never be shown wherever they turn up (passwords, tokens). Short ones are not looked for. */
  readonly secrets?: readonly string[]
}

export interface Log {
  /** Writes the line of an event. */
  readonly listener: Listener
  /** Writes a line that no event stands for: a crash, a start that failed. */
  write(level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Writes out what is buffered. Call it before the process ends. */
  flush(): void
}

type Line<Name extends EventName> = {
  readonly level: Level
  readonly message: string | ((fields: Events[Name]) => string)
}

type Lines = { readonly [Name in EventName]: Line<Name> }

/** Level and message of each event. Again at once is info, later a warning, what waits for a person an error. */
const LINES: Lines = {
  'request.received': { level: 'debug', message: 'request received' },
  'request.begun': { level: 'debug', message: 'request begun' },
  'request.suspected': { level: 'warn', message: 'a process died with the request begun; it is carried out alone' },
  'request.set_aside': { level: 'warn', message: ({ reason }) => `request set aside: ${reason}` },
  'request.told': { level: 'info', message: ({ code }) => `request decided and told: ${code}` },
  'request.stopped': { level: 'warn', message: 'request stopped by this worker, undecided' },
  'lock.granted': { level: 'debug', message: 'lock granted' },
  'lock.lost': { level: 'warn', message: 'lock lost' },
  'fence.rejected': { level: 'warn', message: 'write refused, since the lock had passed on' },
  'effect.timeout': { level: 'warn', message: ({ phase }) => `no answer to ${phase}` },
  'effect.retry': { level: 'info', message: ({ phase }) => `sending ${phase} again` },
  'event.unroutable': { level: 'error', message: 'nobody can receive the event of a request' },
  'session.opened': { level: 'info', message: 'session opened' },
  'session.lost': { level: 'error', message: 'session lost' },
  'sweep.republished': { level: 'warn', message: ({ requests }) => `${requests} requests published again` },
  'restore.done': {
    level: 'warn',
    message: ({ decisions, effects, findings }) =>
      `restored from the events journal: ${decisions} decisions, ${effects} with their effect, ${findings} findings`,
  },
  'restore.finding': {
    level: 'error',
    message: ({ consumer, what }) => `after restoring, ${consumer === null ? '' : `consumer ${consumer} `}${what}`,
  },
  'journal.packed': { level: 'debug', message: ({ requests }) => `${requests} records packed` },
  'broker.connected': { level: 'info', message: ({ role }) => `broker connected to ${role}` },
  'broker.disconnected': { level: 'error', message: ({ role }) => `broker connection to ${role} lost` },
  'broker.blocked': { level: 'warn', message: ({ role }) => `broker blocks the connection to ${role}` },
  'broker.unblocked': { level: 'info', message: ({ role }) => `broker no longer blocks the connection to ${role}` },
  'broker.consuming': { level: 'info', message: ({ queue }) => `consuming ${queue}` },
  'broker.cancelled': { level: 'error', message: ({ queue }) => `the broker ended the consumer of ${queue}` },
  'broker.returned': { level: 'warn', message: 'a message was returned as unroutable' },
  'redis.connected': { level: 'info', message: ({ role }) => `redis connected: ${role}` },
  'redis.disconnected': { level: 'error', message: ({ role }) => `redis connection lost: ${role}` },
  'intake.taken': { level: 'info', message: ({ code }) => `dead letter taken in: ${code}` },
  'intake.returned': { level: 'warn', message: 'a request that the broker had dead-lettered was published again' },
  'worker.started': { level: 'info', message: 'worker started' },
  'worker.paused': { level: 'warn', message: 'worker paused' },
  'worker.resumed': { level: 'info', message: 'worker resumed' },
  'worker.draining': { level: 'info', message: ({ inHand }) => `draining, ${inHand} requests in hand` },
  'worker.stopped': { level: 'info', message: 'worker stopped' },
  'process.stalled': { level: 'warn', message: ({ stalledMs }) => `the process stood still for ${stalledMs} ms` },
  'http.listening': { level: 'info', message: 'http listening' },
  warning: { level: 'warn', message: ({ what, fix }) => `${what} ${fix}` },
}

/** Events that say nothing new: another copy, a busy neighbour. They would drown the rest. */
function levelOf<Name extends EventName>(name: Name, fields: Events[Name]): Level {
  if (name === 'request.set_aside') {
    const { reason } = fields as Events['request.set_aside']
    return reason === 'contended' || reason === 'ledger_unavailable' ? 'warn' : 'info'
  }
  if (name === 'request.told') {
    const told = fields as Events['request.told']
    return told.class === 'operator' || told.class === 'exhausted' ? 'error' : 'info'
  }
  return LINES[name].level
}

/** Opens the log. Its lines have time, level, msg, service, version, instance, event and the fields of the event. */
export function openLog(options: LogOptions): Log {
  const destination = options.destination ?? standardOutput()
  const clean = cleaner((options.secrets ?? []).filter((secret) => secret.length >= SECRET_LENGTH_MIN))
  const logger = pino(
    {
      level: options.level,
      base: { service: 'ferryman', version: options.version, instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'msg',
    },
    destination,
  )
  return {
    listener: (name, fields) => {
      const line = LINES[name] as { message: string | ((of: typeof fields) => string) }
      const message = typeof line.message === 'string' ? line.message : line.message(fields)
      logger[levelOf(name, fields)]({ event: name, ...(clean(fields) as object) }, clean(message) as string)
    },
    write: (level, message, fields = {}) => {
      logger[level](clean(fields) as object, clean(message) as string)
    },
    flush: () => {
      try {
        ;(destination as { flushSync?: () => void }).flushSync?.()
      } catch {
        /* nothing was open yet, or nobody reads */
      }
    },
  }
}

/** Shorter ones would be found inside ordinary words. */
const SECRET_LENGTH_MIN = 8

function standardOutput(): DestinationStream {
  const stream = pino.destination({ dest: 1, sync: false })
  stream.on('error', () => {
    /* nobody reads any more; the work goes on */
  })
  return stream
}

/** Returns a function that copies a value with all its texts scrubbed; errors become type, code and message. */
function cleaner(secrets: readonly string[]): (value: unknown) => unknown {
  const text = (raw: string): string => secrets.reduce((shown, secret) => shown.split(secret).join('***'), scrub(raw))
  const clean = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return text(value)
    if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value
    if (depth > 6) return '…'
    if (value instanceof Error) {
      const { code } = value as { code?: string | number }
      const told = code === undefined ? {} : { code: text(String(code)) }
      return { type: value.name, ...told, message: text(value.message) }
    }
    if (Array.isArray(value)) return value.map((entry) => clean(entry, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [text(key), clean(entry, depth + 1)]))
  }
  return (value) => clean(value, 0)
}
