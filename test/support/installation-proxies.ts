// Proxies with one precise fault each: one loses chosen AMQP methods, one holds back what a client says to Redis.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Proxy {
  /** The URL with this proxy's host and port instead of its own. */
  urlOf(url: string): string
  close(): Promise<void>
}

/** `publish` and `ack` are lost on their way to the broker, `confirm` on its way back. */
export type Lost = 'publish' | 'ack' | 'confirm'

export interface LosingProxy extends Proxy {
  /** From now on. Connections stay open, and everything else goes through. */
  lose(what: Lost): void
  /** How many were lost so far. */
  readonly lost: number
}

/** In front of the RabbitMQ at `port`. */
export async function losingProxy(port: number): Promise<LosingProxy> {
  const losing = new Set<Lost>()
  let lost = 0
  const drop = (what: Lost): boolean => {
    if (!losing.has(what)) return false
    lost += 1
    return true
  }
  const proxy = await proxyTo(port, (client, server) => {
    client.on(
      'data',
      frames(
        PROTOCOL_HEADER_BYTES,
        (method) => (method === PUBLISH ? drop('publish') : method === ACK && drop('ack')),
        server,
      ),
    )
    server.on(
      'data',
      frames(0, (method) => method === ACK && drop('confirm'), client),
    )
  })
  return {
    ...proxy,
    lose: (what) => {
      losing.add(what)
    },
    get lost() {
      return lost
    },
  }
}

export interface HoldingProxy extends Proxy {
  /** From the first packet on in which a client says `text`, nothing more of any client goes through. Resolves then. */
  holdFrom(text: string): Promise<void>
  /** What was held goes on, also that of clients that have gone meanwhile. */
  release(): void
}

/** In front of the Redis at `port`. */
export async function holdingProxy(port: number): Promise<HoldingProxy> {
  let trap: { readonly text: string; readonly sprung: () => void } | null = null
  let held: (() => void)[] | null = null
  const proxy = await proxyTo(
    port,
    (client, server) => {
      let tail = ''
      client.on('data', (bytes: Buffer) => {
        const said = tail + bytes.toString('latin1')
        tail = said.slice(-128)
        if (trap !== null && said.includes(trap.text)) {
          held = []
          trap.sprung()
          trap = null
        }
        if (held === null) server.write(bytes)
        else held.push(() => server.write(bytes))
      })
      server.on('data', (bytes) => client.write(bytes))
    },
    () => held !== null,
  )
  return {
    ...proxy,
    holdFrom: (text) =>
      new Promise((resolve) => {
        trap = { text, sprung: resolve }
      }),
    release: () => {
      const writes = held ?? []
      held = null
      for (const write of writes) write()
    },
  }
}

/** `keep`: whether the server's side outlives the client's just now. */
async function proxyTo(
  port: number,
  join: (client: Socket, server: Socket) => void,
  keep: () => boolean = () => false,
): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => sockets.delete(socket))
    }
    client.once('close', () => {
      if (!keep()) server.destroy()
    })
    server.once('close', () => client.destroy())
    join(client, server)
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  const own = (listener.address() as AddressInfo).port
  return {
    urlOf: (url) => {
      const parsed = new URL(url)
      parsed.host = `127.0.0.1:${own}`
      return parsed.href
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        listener.close(() => {
          resolve()
        })
      })
    },
  }
}

const PROTOCOL_HEADER_BYTES = 8
const FRAME_EXTRA_BYTES = 8
const METHOD_FRAME = 1
const HEARTBEAT_FRAME = 8
/** Class and method, as the two numbers of a method frame read together. */
const PUBLISH = (60 << 16) | 40
const ACK = (60 << 16) | 80

/** Passes an AMQP stream on frame by frame, but for the methods that `drop` takes, with their headers and bodies. */
function frames(skip: number, drop: (method: number) => boolean, to: Socket): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0)
  let first = skip
  const dropping = new Map<number, boolean>()
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    if (first > 0) {
      if (rest.length < first) return
      to.write(rest.subarray(0, first))
      rest = rest.subarray(first)
      first = 0
    }
    while (rest.length >= FRAME_EXTRA_BYTES) {
      const length = rest.readUInt32BE(3) + FRAME_EXTRA_BYTES
      if (rest.length < length) return
      const frame = rest.subarray(0, length)
      rest = rest.subarray(length)
      const [type, channel] = [frame[0], frame.readUInt16BE(1)]
      if (type === METHOD_FRAME) dropping.set(channel, drop(frame.readUInt32BE(7)))
      if (type === HEARTBEAT_FRAME || dropping.get(channel) !== true) to.write(frame)
    }
  }
}
