// A TCP proxy with faults: it cuts, freezes, loses replies or requests, refuses, or accepts and says nothing.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface SilentProxy {
  readonly port: number
  /** Connections that stand now. */
  readonly connections: number
  /** Connections accepted so far. */
  readonly accepted: number
  /** Resets every connection; new ones are served as before. */
  cut(): void
  /** Nothing goes either way any more; connections stay open. Also for new ones. */
  freeze(): void
  /** What was held back goes on. */
  thaw(): void
  /** Connections that stand now lose what the server says, from now on; new ones are served. */
  loseReplies(): void
  /** Connections that stand now lose what the client says, from now on; new ones are served. */
  loseRequests(): void
  /** New connections are accepted and reach nobody. */
  swallow(): void
  /** New connections are reset. */
  refuse(): void
  /** New connections are served again. */
  serve(): void
  /** The URL with this proxy's host and port instead of its own. */
  urlOf(url: string): string
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket | null
  replies: boolean
  requests: boolean
}

interface State {
  readonly pairs: Set<Pair>
  mode: 'serve' | 'swallow' | 'refuse'
  frozen: boolean
  accepted: number
}

/** Listens on a free port of 127.0.0.1 and leads to `port` there. */
export async function silentProxy(port: number): Promise<SilentProxy> {
  const state: State = { pairs: new Set(), mode: 'serve', frozen: false, accepted: 0 }
  const listener = createServer((client) => accept(client, port, state))
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  const own = (listener.address() as AddressInfo).port
  const { pairs } = state
  const faults = faultsOf(state)
  return Object.defineProperties(faults, {
    port: { value: own },
    connections: { get: () => pairs.size },
    accepted: { get: () => state.accepted },
    urlOf: {
      value: (url: string) => {
        const parsed = new URL(url)
        parsed.host = `127.0.0.1:${own}`
        return parsed.href
      },
    },
    close: {
      value: async () => {
        faults.cut()
        await new Promise<void>((resolve) => {
          listener.close(() => resolve())
        })
      },
    },
  }) as SilentProxy
}

type Faults = Omit<SilentProxy, 'port' | 'connections' | 'accepted' | 'urlOf' | 'close'>

function faultsOf(state: State): Faults {
  const { pairs } = state
  const turn = (mode: State['mode']) => (): void => {
    state.mode = mode
  }
  return {
    cut: () => {
      for (const { client } of pairs) reset(client)
    },
    freeze: () => {
      state.frozen = true
      for (const pair of pairs) hold(pair)
    },
    thaw: () => {
      state.frozen = false
      for (const { client, server } of pairs) {
        client.resume()
        server?.resume()
      }
    },
    loseReplies: () => {
      for (const pair of pairs) pair.replies = false
    },
    loseRequests: () => {
      for (const pair of pairs) pair.requests = false
    },
    swallow: turn('swallow'),
    refuse: turn('refuse'),
    serve: turn('serve'),
  }
}

function accept(client: Socket, port: number, state: State): void {
  state.accepted += 1
  client.on('error', () => undefined)
  if (state.mode === 'refuse') return reset(client)
  const server = state.mode === 'serve' ? connect(port, '127.0.0.1') : null
  const pair: Pair = { client, server, replies: true, requests: true }
  state.pairs.add(pair)
  client.on('close', () => {
    state.pairs.delete(pair)
    server?.destroy()
  })
  join(pair)
  if (state.frozen) hold(pair)
}

function join(pair: Pair): void {
  const { client, server } = pair
  if (server === null) return void client.resume()
  server.on('error', () => reset(client))
  server.on('close', () => client.destroy())
  client.on('data', (bytes) => {
    if (pair.requests) server.write(bytes)
  })
  server.on('data', (bytes) => {
    if (pair.replies) client.write(bytes)
  })
}

function hold({ client, server }: Pair): void {
  client.pause()
  server?.pause()
}

/** n.b. Node leaks the handle of a socket that is reset while it is being ended, and then spins when it exits. */
function reset(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
