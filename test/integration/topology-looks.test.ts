// What the looks of a running broker cost and miss: requests of the management API, and that API silent.
import { expect } from 'chai'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { systemClock } from '../../src/clock/system-clock.ts'
import { freshVhost, sharedRabbit } from '../support/servers.ts'
import { silentProxy } from '../support/silent-proxy.ts'
import { brokerOn, eventually, names, withChannel, type UnderTest } from './broker-under-test.ts'

const WITHIN_MS = 5_000

describe('the looks at a topology', () => {
  let url: string
  let opened: UnderTest | null = null
  beforeEach(async () => {
    url = await freshVhost()
    opened = null
  })
  afterEach(() => opened?.broker.stop())

  const open = async (options: Parameters<typeof brokerOn>[1]): Promise<UnderTest> => {
    opened = await brokerOn(url, { answerTimeoutMs: 5_000, ...options })
    await opened.broker.start()
    return opened
  }
  const create = async (): Promise<void> => {
    await open({})
    await opened?.broker.stop()
  }

  it('notice within 5 s what is deleted while the management API says nothing', async () => {
    await create()
    const proxy = await silentProxy((await sharedRabbit()).managementPort as number)
    try {
      const { broker } = await open({
        topology: 'verify',
        managementUrl: `http://guest:guest@127.0.0.1:${proxy.port}`,
      })
      const before = proxy.accepted
      proxy.swallow()
      proxy.cut()
      await eventually(() => proxy.accepted > before)
      // It has waited for an answer, and given up.
      await eventually(() => proxy.connections === 0)
      const startedMs = systemClock.monotonicMs()
      await withChannel(url, (channel) => channel.deleteQueue(names.retry('10m')))
      await eventually(() => broker.troubles.some((one) => one.includes(`queue ${names.retry('10m')} is not there`)))
      expect(systemClock.monotonicMs() - startedMs).to.be.below(WITHIN_MS)
    } finally {
      await proxy.close()
    }
  }).timeout(60_000)

  it('ask five lists over at most three connections that are kept, also while something is missing', async () => {
    const counted = await countingProxy()
    try {
      await create()
      const { broker } = await open({ topology: 'verify', managementUrl: counted.url })
      const looks = async (wanted: number): Promise<number> => {
        const looked = counted.looks()
        const from = counted.asked.length
        await eventually(() => counted.looks() >= looked + wanted)
        return (counted.asked.length - from) / wanted
      }
      const started = counted.sockets()
      expect(await looks(2)).to.be.at.most(5.5)
      await withChannel(url, (channel) => channel.deleteQueue(names.retry('10m')))
      await eventually(() => broker.troubles.length > 0)
      expect(await looks(3)).to.be.at.most(5.5)
      expect(counted.sockets() - started).to.be.at.most(3)
    } finally {
      await counted.close()
    }
  }).timeout(60_000)
})

interface Counting {
  readonly url: string
  /** Paths asked for so far. */
  readonly asked: readonly string[]
  /** Looks so far: each asks for bindings, and not by queue. */
  looks(): number
  /** Connections accepted so far. */
  sockets(): number
  close(): Promise<void>
}

/** Leads to the management API of the shared RabbitMQ, and counts. */
async function countingProxy(): Promise<Counting> {
  const port = (await sharedRabbit()).managementPort as number
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '')
    const { method, url: path, headers } = incoming
    const forwarded = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  server.keepAliveTimeout = 60_000 // as RabbitMQ's
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    looks: () => asked.filter((path) => path.includes('/bindings')).length,
    sockets: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
