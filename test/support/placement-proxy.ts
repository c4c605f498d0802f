// An HTTP proxy before Placement that notes every request, and can lose answers, hold requests, or answer itself.
import { once } from 'node:events'
import { createServer, request as ask, Agent, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
  /** What Placement answered; null where it was not asked, or has not answered yet. */
  status: number | null
}

export type Fault =
  /** Placement carries it out, and the connection is cut before its answer. */
  | { readonly kind: 'lose_answer' }
  /** Placement carries it out, and its answer never comes; the connection stays open. A refusal is passed on. */
  | { readonly kind: 'keep_answer' }
  /** The connection is cut; Placement never hears of it. */
  | { readonly kind: 'lose_request' }
  /** Placement hears of it only when `release` is called; its answer is passed on then. */
  | { readonly kind: 'hold' }
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Iterable<string>
    }

export type Chooser = (method: string, path: string, body: string) => Fault | null

export interface PlacementProxy {
  readonly url: string
  readonly seen: readonly Seen[]
  /** `METHOD /path` of each request since `clear`. */
  lines(): string[]
  clear(): void
  /** The fault of a request, asked before it is passed on; null: none. Stands until the next call. */
  fault(choose: Chooser): void
  /** Resolves once a request is held. */
  held(): Promise<void>
  /** Lets go what is held, and resolves with what Placement answered to each. */
  release(): Promise<readonly number[]>
  close(): Promise<void>
}

/** What is held until it is let go. */
class Held {
  #waiting: (() => Promise<number>)[] = []
  #arrived: () => void = () => undefined
  #arrival = this.#anew()

  #anew(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve
    })
  }

  add(go: () => Promise<number>): void {
    this.#waiting.push(go)
    this.#arrived()
  }

  arrival(): Promise<void> {
    return this.#arrival
  }

  async release(): Promise<readonly number[]> {
    const waiting = this.#waiting
    this.#waiting = []
    this.#arrival = this.#anew()
    return Promise.all(waiting.map((go) => go()))
  }
}

interface State {
  seen: Seen[]
  choose: Chooser
  readonly held: Held
  /** Asks Placement itself. */
  readonly pass: (one: Seen, headers: IncomingMessage['headers']) => Promise<IncomingMessage>
}

export async function placementProxy(port: number): Promise<PlacementProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const sockets = new Set<Socket>()
  const state: State = {
    seen: [],
    choose: () => null,
    held: new Held(),
    pass: async (one, headers) => {
      const asked = ask({ port, host: '127.0.0.1', agent, method: one.method, path: one.path, headers })
      asked.end(one.body)
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      one.status = answer.statusCode ?? 0
      return answer
    },
  }
  const listener = createServer((request, response) => {
    serve(state, request, response).catch(() => request.socket.destroy())
  })
  listener.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get seen() {
      return state.seen
    },
    lines: () => state.seen.map(({ method, path }) => `${method} ${path}`),
    clear: () => {
      state.seen = []
    },
    fault: (chosen) => {
      state.choose = chosen
    },
    held: () => state.held.arrival(),
    release: () => state.held.release(),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      agent.destroy()
      await new Promise<void>((resolve) => {
        listener.close(() => resolve())
      })
    },
  }
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { method = '', url: path = '', headers } = request
  const one: Seen = { method, path, body: Buffer.concat(chunks).toString('utf8'), status: null }
  state.seen.push(one)
  const fault = state.choose(method, path, one.body)
  switch (fault?.kind) {
    case undefined: {
      passOn(await state.pass(one, headers), response)
      return
    }
    case 'lose_answer':
      await once((await state.pass(one, headers)).resume(), 'end')
      request.socket.resetAndDestroy()
      return
    case 'keep_answer': {
      const answer = await state.pass(one, headers)
      if ((answer.statusCode ?? 0) >= 300) passOn(answer, response)
      else await once(answer.resume(), 'end')
      return
    }
    case 'lose_request':
      request.socket.resetAndDestroy()
      return
    case 'hold':
      state.held.add(async () => {
        const answer = await state.pass(one, headers)
        passOn(answer, response)
        await once(answer, 'end')
        return answer.statusCode ?? 0
      })
      return
    case 'answer': {
      const { status, headers: given, body = '' } = fault
      response.writeHead(status, given)
      await pipeline(Readable.from(typeof body === 'string' ? [body] : body), response)
    }
  }
}

function passOn(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, answer.headers)
  answer.pipe(response)
}
