// The HTTP port for orchestrators and Prometheus: /livez, /readyz and /metrics, and nothing else.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Health } from './health.ts'
import { scrub } from './scrub.ts'

export interface HttpOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly health: () => Health
  readonly metrics: () => Promise<{ readonly body: string; readonly contentType: string }>
}

export interface HttpPort {
  /** The port that was opened. */
  readonly port: number
  /** Ends open connections too. May be called twice. */
  stop(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** Opens the port. Rejects with the system's error when it is taken. */
export async function openHttp(options: HttpOptions): Promise<HttpPort> {
  const server = createServer(
    { maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 10_000 },
    (request, response) => {
      void respond(request, response, options)
    },
  )
  server.maxConnections = 64
  server.on('clientError', (_failure, socket) => {
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', () => {
    /* a failed accept; the next one may succeed */
  })
  return { port: (server.address() as AddressInfo).port, stop: () => stop(server) }
}

async function respond(request: IncomingMessage, response: ServerResponse, options: HttpOptions): Promise<void> {
  let answer: Answer
  try {
    answer = await answerTo(request, options)
  } catch {
    answer = json(500, { error: 'internal' })
  }
  response.on('error', () => {
    /* the reader is gone */
  })
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

async function answerTo(request: IncomingMessage, { health, metrics }: HttpOptions): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'only GET and HEAD' })
  switch ((request.url ?? '').split('?', 1)[0]) {
    case '/livez': {
      const { live } = health()
      return json(live ? 200 : 503, { live })
    }
    case '/readyz': {
      const { ready, reasons } = health()
      return json(ready ? 200 : 503, { ready, reasons: reasons.map(scrub) })
    }
    case '/metrics': {
      const { body, contentType } = await metrics()
      return { status: 200, contentType, body }
    }
    default:
      return json(404, { error: 'there are /livez, /readyz and /metrics' })
  }
}

function json(status: number, body: unknown): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` }
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}
