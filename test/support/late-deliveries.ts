// A proxy before RabbitMQ that holds back all that follows the news that a consumer has begun.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { systemClock } from '../../src/clock/system-clock.ts'

export interface LateDeliveries {
  /** The URL with this proxy's host and port instead of its own. */
  urlOf(url: string): string
  close(): Promise<void>
}

/** Bytes of a frame besides its payload: type, channel, length before it, an end mark behind it. */
const FRAME_HEAD = 7
const FRAME_END = 1
const METHOD_FRAME = 1
/** Class and method of `basic.consume-ok`. */
const CONSUME_OK = (60 << 16) | 21

/** Leads to `port`. What the server says on a connection after `basic.consume-ok` comes `ms` later, in order. */
export async function lateDeliveries(port: number, ms: number): Promise<LateDeliveries> {
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => other.destroy())
    }
    client.on('data', (bytes) => server.write(bytes))
    hold(server, client, ms)
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  return {
    urlOf: (url) => {
      const parsed = new URL(url)
      parsed.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`
      return parsed.href
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        listener.close(() => resolve())
      })
    },
  }
}

function hold(server: Socket, client: Socket, ms: number): void {
  let rest = Buffer.alloc(0)
  let going = Promise.resolve()
  server.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= FRAME_HEAD) {
      const length = FRAME_HEAD + rest.readUInt32BE(3) + FRAME_END
      if (rest.length < length) return
      const frame = rest.subarray(0, length)
      rest = rest.subarray(length)
      going = going.then(() => void client.write(frame))
      const isMethod = frame.readUInt8(0) === METHOD_FRAME
      if (isMethod && frame.readUInt32BE(FRAME_HEAD) === CONSUME_OK) going = going.then(() => systemClock.sleep(ms))
    }
  })
}
