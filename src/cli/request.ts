// The commands that publish: one request from options, or many from a file. All pass the worker's own check first.
import type { Names } from '../broker/names.ts'
import type { Outgoing, Publisher } from '../broker/broker.ts'
import { requestMessage } from '../broker/request-message.ts'
import type { Received, Reader } from '../broker/reader.ts'
import type { Clock } from '../clock/clock.ts'
import { decode } from '../transfer/message.ts'
import type { Request } from '../transfer/request.ts'
import { EXIT, Exit, type ExitCode } from './exit.ts'
import { harmless, printJson, progressOf, type Io } from './output.ts'
import { requestFrom, sentenceOf, type RequestFields } from './request-options.ts'

/** What the two commands need. */
export interface RequestParts {
  readonly names: Names
  readonly clock: Clock
  readonly bytesMax: number
  readonly publisher: () => Promise<Publisher>
  readonly reader: () => Promise<Reader>
}

export interface RequestOptions extends RequestFields {
  readonly wait?: true
  /** How long to wait for the event, in ms. */
  readonly timeout: number
  readonly json?: true
}

/** Publishes one request and prints its id; with `wait`, prints its event instead and answers by its outcome. */
export async function requestOne(
  io: Io,
  parts: RequestParts,
  operation: string,
  options: RequestOptions,
): Promise<ExitCode> {
  const { body, decoded } = requestFrom(operation, options, parts.clock, parts.bytesMax)
  if (decoded.kind === 'invalid') throw new Exit(EXIT.usage, sentenceOf(decoded))
  const { request } = decoded
  const publisher = await parts.publisher()
  if (options.wait !== true) {
    await send(publisher, messageOf(request, body, parts))
    if (options.json === true) printJson(io, { id: request.id, operation: request.operation })
    else io.out(`${request.id}\n`)
    return EXIT.ok
  }
  io.err(`${request.id}\n`)
  return waitFor(io, parts, request, options.timeout, () => send(publisher, messageOf(request, body, parts)))
}

/** n.b. The tap stands before the request is sent, or a fast worker's event would be missed. */
async function waitFor(
  io: Io,
  parts: RequestParts,
  request: Request,
  timeoutMs: number,
  sendIt: () => Promise<void>,
): Promise<ExitCode> {
  const reader = await parts.reader()
  const over = new AbortController()
  const told = new Promise<Received>((resolve) => {
    reader
      .tap(parts.names.events, 'transfer.#', (message) => {
        const isIts = message.properties.correlationId === request.id
        if (isIts && !message.routingKey.includes('.followed.')) resolve(message)
      })
      .then(sendIt)
      .catch((failure: unknown) => {
        over.abort(failure)
      })
  })
  const signal = AbortSignal.any([over.signal, io.signal])
  const late = parts.clock.sleep(timeoutMs, signal).then(() => {
    throw new Exit(
      EXIT.unavailable,
      `No event of ${request.id} came within ${timeoutMs} ms. ` +
        'Is a worker running? The request is stored; the same command with its --id asks for the outcome again.',
    )
  })
  try {
    const { body } = await Promise.race([told, late, reader.lost])
    io.out(`${harmless(body.toString('utf8'))}\n`)
    const { outcome } = JSON.parse(body.toString('utf8')) as { outcome: { class: string } }
    return outcome.class === 'done' ? EXIT.ok : EXIT.no
  } finally {
    late.catch(() => undefined)
    over.abort(new Error('over'))
  }
}

export interface SendOptions {
  readonly force?: true
  readonly json?: true
}

/** One message of a file, and whether a worker would accept it. */
interface Line {
  readonly number: number
  readonly body: Buffer
  readonly request: Request | null
  readonly problem: string | null
}

/** Publishes every request of a JSON array or NDJSON text; nothing at all when one is invalid, unless forced. */
export async function requestMany(io: Io, parts: RequestParts, text: Buffer, options: SendOptions): Promise<ExitCode> {
  const lines = linesOf(text, parts.bytesMax)
  const invalid = lines.filter(({ problem }) => problem !== null)
  for (const { number, problem } of invalid) io.err(`line ${number}: ${problem}\n`)
  if (invalid.length > 0 && options.force !== true) {
    throw new Exit(
      EXIT.no,
      `${invalid.length} of ${lines.length} requests are invalid; none was sent. ` +
        'Correct them, or send them as they are with --force.',
    )
  }
  if (lines.length === 0) {
    throw new Exit(EXIT.no, 'There is no request in it. Give a JSON array, or one JSON object a line.')
  }
  const publisher = await parts.publisher()
  const progress = progressOf(io, 'sent', lines.length)
  let next = 0
  const sender = async (): Promise<void> => {
    for (let line = lines[next++]; line !== undefined; line = lines[next++]) {
      await send(publisher, messageOf(line.request, line.body, parts))
      progress.step()
    }
  }
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, sender))
  } finally {
    progress.end()
  }
  if (options.json === true) printJson(io, { sent: lines.length, invalid: invalid.length })
  else io.out(`${lines.length} requests sent and confirmed\n`)
  return EXIT.ok
}

/** Unconfirmed messages at once. */
const IN_FLIGHT = 100

function linesOf(text: Buffer, bytesMax: number): Line[] {
  const whole = text.toString('utf8')
  if (/^\s*\[/.test(whole)) {
    let entries: unknown
    try {
      entries = JSON.parse(whole)
    } catch {
      throw new Exit(
        EXIT.no,
        'It begins as a JSON array but is not valid JSON. Correct it, or give one JSON object a line.',
      )
    }
    return (entries as unknown[]).map((entry, index) => lineOf(index + 1, Buffer.from(JSON.stringify(entry)), bytesMax))
  }
  return whole
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => lineOf(number, Buffer.from(line), bytesMax))
}

function lineOf(number: number, body: Buffer, bytesMax: number): Line {
  const decoded = decode({ body, headers: {} }, { bytesMax })
  return decoded.kind === 'request'
    ? { number, body, request: decoded.request, problem: null }
    : { number, body, request: null, problem: sentenceOf(decoded) }
}

function messageOf(request: Request | null, body: Buffer, { names, clock }: RequestParts): Outgoing {
  const [id, operation] = request === null ? [null, 'unknown'] : [request.id, request.operation]
  return requestMessage({ id, operation, body, sentAtMs: clock.nowMs() }, names)
}

async function send(publisher: Publisher, message: Outgoing): Promise<void> {
  if ((await publisher.publish(message)) === 'unroutable') {
    throw new Exit(EXIT.unavailable, `Exchange ${message.exchange} has no queue for it. Run ferryman topology apply.`)
  }
}
