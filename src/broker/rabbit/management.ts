// A client of RabbitMQ's management API for what AMQP cannot do: policies, and arguments of what exists.
import { Agent, request } from 'undici'
import type { Clock } from '../../clock/clock.ts'
import { Refused, Unavailable } from '../../retry/failures.ts'
import { quoted } from '../commands.ts'
import { writtenPolicy, type PolicySpec, type WrittenPolicy } from '../topology.ts'
import type { TlsOptions } from './dial.ts'
import { textOf } from './failure.ts'

export type FoundPolicy = WrittenPolicy

/** What a queue or exchange was declared with. */
export interface FoundObject {
  readonly type: string
  readonly durable: boolean
  readonly auto_delete?: boolean
  /** Of exchanges: only other exchanges may publish to it. */
  readonly internal?: boolean
  readonly arguments: Readonly<Record<string, unknown>>
}

export interface FoundListed extends FoundObject {
  readonly name: string
}

export interface FoundBinding {
  readonly source: string
  readonly destination: string
  readonly destination_type: 'queue' | 'exchange'
  readonly routing_key: string
}

/** How a node of the broker stands. Numbers are bytes, or open files. */
export interface FoundNode {
  readonly name: string
  readonly fd_used?: number
  readonly fd_total?: number
  readonly disk_free?: number
  readonly disk_free_limit?: number
  readonly mem_used?: number
  readonly mem_limit?: number
}

/** Each call rejects with `Unavailable` (no answer, 5xx) or `Refused` (401, 403). */
export interface Management {
  policies(): Promise<readonly FoundPolicy[]>
  operatorPolicies(): Promise<readonly FoundPolicy[]>
  putPolicy(policy: PolicySpec): Promise<void>
  /** Does nothing where there is none of that name. */
  deletePolicy(name: string): Promise<void>
  /** All of the virtual host, as the next two. */
  queues(): Promise<readonly FoundListed[]>
  exchanges(): Promise<readonly FoundListed[]>
  bindings(): Promise<readonly FoundBinding[]>
  /** What RabbitMQ says of its alarms (memory, disk); null: none rings. */
  alarms(): Promise<string | null>
  /** Needs the tag monitoring. */
  nodes(): Promise<readonly FoundNode[]>
  close(): Promise<void>
}

export interface ManagementOptions {
  /** Null: the given defaults are tried. Empty: there is none. */
  readonly url: string | null
  readonly defaults: readonly string[]
  readonly vhost: string
  readonly tls: TlsOptions
  readonly timeoutMs: number
  readonly clock: Clock
}

export type Reached = { readonly management: Management } | { readonly management: null; readonly why: string }

/**
 * The management API, or why there is none. One that was set and does not answer is down, which is `Unavailable`, or
 * refuses, which is `Refused`; a default that is not there, or not for this user, is absent.
 */
export async function reachManagement(options: ManagementOptions): Promise<Reached> {
  if (options.url === '') return { management: null, why: 'FERRYMAN_RABBITMQ_MANAGEMENT_URL is empty' }
  if (options.url !== null) {
    const management = clientOf(options.url, options)
    try {
      await management.policies()
      return { management }
    } catch (cause) {
      await management.close()
      throw cause
    }
  }
  let why = 'no host was given'
  for (const url of options.defaults) {
    const management = clientOf(url, options)
    try {
      await management.policies()
      return { management }
    } catch (cause) {
      await management.close()
      if (!(cause instanceof Refused) && !isAbsence(cause)) throw cause
      why = textOf(cause)
    }
  }
  return { management: null, why }
}

/** Columns of each list: without them RabbitMQ counts messages and rates of every object. */
const COLUMNS = {
  queues: 'name,type,durable,auto_delete,arguments',
  exchanges: 'name,type,durable,auto_delete,internal,arguments',
  bindings: 'source,destination,destination_type,routing_key',
  nodes: 'name,fd_used,fd_total,disk_free,disk_free_limit,mem_used,mem_limit',
} as const
/** Connections of one client: the five lists of a look share them. */
const CONNECTIONS = 3
/** How long (ms) one that is not used is kept: longer than from one look to the next. */
const KEPT_MS = 10_000

function clientOf(url: string, options: ManagementOptions): Management {
  const call = callerOf(url, options)
  const vhost = encodeURIComponent(options.vhost)
  const at = (kind: string, name: string): string => `${kind}/${vhost}/${encodeURIComponent(name)}`
  const list = async (kind: 'queues' | 'exchanges' | 'bindings'): Promise<unknown> =>
    must(await call('GET', `${kind}/${vhost}?columns=${COLUMNS[kind]}`))
  return {
    policies: async () => must(await call('GET', `policies/${vhost}`)) as FoundPolicy[],
    operatorPolicies: async () => must(await call('GET', `operator-policies/${vhost}`)) as FoundPolicy[],
    putPolicy: async (policy) => {
      await call('PUT', at('policies', policy.name), writtenPolicy(policy))
    },
    deletePolicy: async (name) => {
      await call('DELETE', at('policies', name))
    },
    queues: async () => (await list('queues')) as FoundListed[],
    exchanges: async () => (await list('exchanges')) as FoundListed[],
    bindings: async () => (await list('bindings')) as FoundBinding[],
    alarms: async () => {
      const { reason = null } = must(await call('GET', 'health/checks/alarms')) as { reason?: string | null }
      return reason
    },
    nodes: async () => must(await call('GET', `nodes?columns=${COLUMNS.nodes}`)) as FoundNode[],
    close: () => call.close(),
  }
}

type Method = 'GET' | 'PUT' | 'DELETE'

interface Caller {
  /** The parsed answer; null for 404 and for an answer without a body. */
  (method: Method, path: string, body?: object): Promise<unknown>
  close(): Promise<void>
}

function callerOf(url: string, { tls, timeoutMs, clock }: ManagementOptions): Caller {
  const base = new URL(url)
  const user = decodeURIComponent(base.username)
  const credentials = `${user}:${decodeURIComponent(base.password)}`
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  const root = `${base.origin}${base.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}/api/`
  const agent = new Agent({
    connections: CONNECTIONS,
    keepAliveTimeout: KEPT_MS,
    connect: { ...tls, timeout: timeoutMs / 2 },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  const call = async (method: Method, path: string, body?: object): Promise<unknown> => {
    const asked = `${method} ${root}${path}`
    const abort = new AbortController()
    const cancel = clock.timer(timeoutMs, () => abort.abort(new Error(`nothing within ${timeoutMs} ms`)))
    try {
      const response = await request(root + path, {
        method,
        dispatcher: agent,
        headers: { authorization, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        signal: abort.signal,
      })
      return answerOf(asked, response.statusCode, await response.body.text(), user)
    } catch (cause) {
      if (cause instanceof Refused || cause instanceof Unavailable) throw cause
      throw new Unavailable(`${asked} was not answered: ${textOf(cause)}`, { cause })
    } finally {
      cancel()
    }
  }
  return Object.assign(call, { close: () => agent.destroy() })
}

/** n.b. Redirects are not followed: they would carry the password elsewhere. */
function answerOf(asked: string, status: number, text: string, user: string): unknown {
  if (status === 404) return null
  if (status === 401 || status === 403) throw new Refused(`${asked} was refused (${status}); ${tagFix(asked, user)}`)
  if (status >= 400 && status < 500 && status !== 429)
    throw new Refused(`${asked} was refused (${status}): ${text.slice(0, 300)}`)
  if (status === 503 && asked.endsWith('/alarms')) return JSON.parse(text)
  if (status >= 300) throw new Unavailable(`${asked} was answered with ${status}`)
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Unavailable(`${asked} was answered with something that is not JSON; is it RabbitMQ's management API?`, {
      cause,
    })
  }
}

function must(answer: unknown): unknown {
  if (answer === null) throw new Unavailable('the management API does not know what every RabbitMQ knows; is it one?')
  return answer
}

/** The least tag for what was asked. Reading policies needs only `management`; a higher tag holds the lower ones. */
function tagFix(asked: string, user: string): string {
  const tag = /^(?:PUT|DELETE) /.test(asked) ? 'policymaker' : asked.includes('/nodes') ? 'monitoring' : 'management'
  const command = `rabbitmqctl set_user_tags ${quoted(user)} ${tag}`
  return `correct user and password in FERRYMAN_RABBITMQ_MANAGEMENT_URL, or run ${command}`
}

/** Nobody listens there, or no such host, or a firewall lets nothing through. */
function isAbsence(cause: unknown): boolean {
  const inner: unknown = cause instanceof Error ? cause.cause : null
  const code: unknown = inner instanceof Error ? (inner as Error & { code?: unknown }).code : null
  const nested =
    inner instanceof AggregateError ? inner.errors.map((error: unknown) => (error as { code?: unknown }).code) : []
  return [code, ...nested].some((name) => ABSENCE_CODES.has(String(name)))
}

const ABSENCE_CODES = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])
