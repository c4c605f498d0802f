// One connection pool to Placement: deadlines, no redirects, answers of limited size, the microversion negotiated.
import { Pool, type Dispatcher } from 'undici'
import type { Clock } from '../../clock/clock.ts'
import { Refused, Unanswered, Unavailable } from '../../retry/failures.ts'
import { reasonOf } from '../../telemetry/scrub.ts'
import type { Authorise } from './authorise.ts'
import { versionOf } from './answers.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** An answer of Placement itself: any of 2xx, 400, 404, 409. `body` is parsed JSON, null where there was none. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  /** What was asked, for messages. */
  readonly asked: string
}

export interface PlacementHttp {
  /**
   * Sends once, and never again by itself but after a 401 (nothing was carried out then). Rejects with `Unavailable`
   * where nothing was carried out (no connection, 503, 429, a redirect, not let in), with `Unanswered` for all else.
   */
  send(method: Method, path: string, body?: object): Promise<Answer>
  /** A GET of a list that grows with the cloud, which Placement gives as a whole only: it may be larger and later. */
  list(path: string): Promise<Answer>
  /** Minor part of the microversion that is spoken: the highest that both sides know. */
  minor(): Promise<number>
  close(): Promise<void>
}

export interface HttpOptions {
  /** With a path where Placement does not stand at the root of its host. */
  readonly url: string
  /** Longest time (ms) of one request, its answer included. */
  readonly timeoutMs: number
  readonly authorise: Authorise
  readonly clock: Clock
  /** Connections at most; default 64. */
  readonly connections?: number
}

/** Consumer generations came with 1.28; nothing after 1.39 is needed. */
export const MINOR_LEAST = 28
export const MINOR_MOST = 39
/** What one answer may have (bytes), and how long it may take (times the deadline). */
interface Bounds {
  readonly bytesMax: number
  readonly deadlines: number
}

const ONE: Bounds = { bytesMax: 8 << 20, deadlines: 1 }
/** Placement gives lists unparted, with about 900 bytes a provider: room for two hundred thousand of them. */
const LIST: Bounds = { bytesMax: 256 << 20, deadlines: 12 }
const KEPT_MS = 30_000
const CONNECTIONS = 64

export function placementHttp(options: HttpOptions): PlacementHttp {
  const { exchange, close } = exchanger(options)
  let spoken: Promise<number> | null = null
  const minor = (): Promise<number> => {
    spoken ??= negotiated(exchange).catch((failure: unknown) => {
      spoken = null
      throw failure
    })
    return spoken
  }
  const send = async (bounds: Bounds, method: Method, path: string, body?: object): Promise<Answer> => {
    const ask = async (renew: boolean): Promise<Raw> => {
      const version = `placement 1.${await minor()}`
      const credentials = await options.authorise(renew)
      return exchange(bounds, method, path, { 'openstack-api-version': version, ...credentials }, body)
    }
    let raw = await ask(false)
    if (raw.status === 401) raw = await ask(true)
    if (raw.status === 406) spoken = null
    refuseOthers(raw)
    return { status: raw.status, asked: raw.asked, body: parsed(raw) }
  }
  return {
    minor,
    close,
    send: (method, path, body) => send(ONE, method, path, body),
    list: (path) => send(LIST, 'GET', path),
  }
}

type Exchange = (bounds: Bounds, method: Method, path: string, headers: Headers, body?: object) => Promise<Raw>

function exchanger({ url, timeoutMs, clock, connections = CONNECTIONS }: HttpOptions): {
  readonly exchange: Exchange
  readonly close: () => Promise<void>
} {
  const { origin, pathname } = new URL(url)
  const prefix = pathname.replace(/\/+$/, '')
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    keepAliveTimeout: KEPT_MS,
    connect: { timeout: timeoutMs },
    headersTimeout: 2 * LIST.deadlines * timeoutMs,
    bodyTimeout: 2 * LIST.deadlines * timeoutMs,
  })
  const exchange: Exchange = async ({ bytesMax, deadlines }, method, path, headers, body) => {
    const asked = `${method} ${prefix}${path}`
    const withinMs = deadlines * timeoutMs
    const abort = new AbortController()
    const late = new Unanswered(`Placement did not answer ${asked} within ${withinMs} ms`)
    const cancel = clock.timer(withinMs, () => abort.abort(late))
    try {
      const response = await pool.request({
        method,
        path: prefix + path,
        headers: { accept: 'application/json', ...headers, ...(body && { 'content-type': 'application/json' }) },
        body: body === undefined ? null : JSON.stringify(body),
        signal: abort.signal,
      })
      const text = await limited(response, asked, bytesMax)
      return { asked, status: response.statusCode, text, headers: response.headers }
    } catch (cause) {
      throw failureOf(cause, asked, origin)
    } finally {
      cancel()
    }
  }
  return { exchange, close: () => pool.destroy() }
}

/** The root document is open to everybody; some deployments answer it with 300. */
async function negotiated(exchange: Exchange): Promise<number> {
  const raw = await exchange(ONE, 'GET', '/', {})
  const highest = raw.status <= 300 ? versionOf(parsed(raw)) : null
  if (highest === null) {
    throw new Unavailable(`${raw.asked} was answered with ${raw.status} and no versions; is it Placement that answers?`)
  }
  if (highest >= MINOR_LEAST) return Math.min(highest, MINOR_MOST)
  throw new Refused(`Placement speaks 1.${highest} at most; Ferryman needs 1.${MINOR_LEAST} (since Rocky)`)
}

type Headers = Readonly<Record<string, string>>

interface Raw {
  readonly asked: string
  readonly status: number
  readonly text: string
  readonly headers: Dispatcher.ResponseData['headers']
}

async function limited(response: Dispatcher.ResponseData, asked: string, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes <= bytesMax) continue
    response.body.destroy()
    throw new Unanswered(`the answer to ${asked} is larger than ${bytesMax} bytes; is it Placement that answers?`)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Statuses by which nothing was carried out are `Unavailable`; those that leave it open are `Unanswered`. */
function refuseOthers({ status, asked, headers, text }: Raw): void {
  if (status >= 200 && status < 300) return
  if (status === 400 || status === 404 || status === 409) return
  const said = `${asked} was answered with ${status}`
  if (status >= 300 && status < 400) {
    const target = String(headers['location'] ?? 'nowhere')
    throw new Unavailable(`${said}, a redirect to ${target}; set FERRYMAN_PLACEMENT_URL to where Placement is`)
  }
  if (status === 401 || status === 403) {
    throw new Unavailable(`${said}: check FERRYMAN_PLACEMENT_TOKEN, or the user's role in Keystone`)
  }
  if (status < 500 || status === 503) throw new Unavailable(`${said}: ${text.slice(0, 200)}`)
  throw new Unanswered(`${said}: ${text.slice(0, 200)}`)
}

function parsed({ asked, status, text }: Raw): unknown {
  if (text.trim() === '') return null
  try {
    return JSON.parse(text)
  } catch (cause) {
    const began = JSON.stringify(text.slice(0, 60))
    throw new Unanswered(`${asked} was answered with ${status} and no JSON: ${began}; is it Placement that answers?`, {
      cause,
    })
  }
}

/** Codes of failures that come before anything is sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function failureOf(cause: unknown, asked: string, origin: string): Error {
  if (cause instanceof Unanswered || cause instanceof Unavailable) return cause
  const failures: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause]
  if (failures.every((failure) => NOT_SENT.has(String((failure as { code?: unknown }).code)))) {
    return new Unavailable(`Placement at ${origin} cannot be reached: ${reasonOf(cause)}`, { cause })
  }
  return new Unanswered(`Placement did not answer ${asked}: ${reasonOf(cause)}`, { cause })
}
