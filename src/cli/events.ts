// The command that follows the events journal, one event a line.
import type { Clock } from '../clock/clock.ts'
import { scrub } from '../telemetry/scrub.ts'
import { JOURNAL_MARK, type EventBody } from '../transfer/event.ts'
import { EXIT, type ExitCode } from './exit.ts'
import type { StreamStart } from './options.ts'
import { harmless, type Io } from './output.ts'

export interface TailOptions {
  readonly from: StreamStart
  readonly request?: string
  readonly json?: true
  /** Ends after so many events. */
  readonly count?: number
  /** Ends after so many ms. */
  readonly timeout?: number
}

/** A message of the journal. */
export interface Told {
  readonly body: Buffer
  readonly offset: number
  readonly properties: { readonly correlationId?: string; readonly type?: string }
}

/** Reads the journal from `from` on and goes on as it grows. */
export type Follow = (from: StreamStart, onMessage: (message: Told) => void) => Promise<unknown>

/** Prints events until interrupted, or until `count` or `timeout` is reached. */
export async function tail(io: Io, follow: Follow, clock: Clock, options: TailOptions): Promise<ExitCode> {
  const over = new AbortController()
  const ended = new Promise<void>((resolve) => {
    for (const signal of [over.signal, io.signal]) {
      if (signal.aborted) resolve()
      signal.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
    }
  })
  let left = options.count ?? Infinity
  const request = options.request?.toLowerCase()
  await follow(options.from, (message) => {
    if (message.properties.type === JOURNAL_MARK) return
    if (left === 0 || (request !== undefined && message.properties.correlationId !== request)) return
    left -= 1
    io.out(options.json === true ? `${harmless(message.body.toString('utf8'))}\n` : `${friendly(message)}\n`)
    if (left === 0) over.abort()
  })
  const late = options.timeout === undefined ? [] : [clock.sleep(options.timeout, over.signal).catch(() => undefined)]
  await Promise.race([ended, ...late])
  over.abort()
  return EXIT.ok
}

/** `time  operation code  request  source → destination  message`. */
function friendly(message: Told): string {
  let event: EventBody
  try {
    event = JSON.parse(message.body.toString('utf8')) as EventBody
  } catch {
    return `offset ${message.offset}: not an event of Ferryman`
  }
  const { outcome, source, destination } = event
  const way = source === null && destination === null ? '' : `  ${source ?? '-'} → ${destination ?? '-'}`
  return scrub(`${event.time}  ${event.operation} ${outcome?.code}  ${event.request}${way}  ${outcome?.message}`)
}
