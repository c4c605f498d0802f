// Free TCP ports on loopback, several at once, outside the range from which outgoing connections take theirs.
import { createServer, type Server } from 'node:net'
import { systemClock } from '../clock/system-clock.ts'

const LOWEST = 10_000
const HIGHEST = 32_000

/** `count` different ports that nobody listens on. Another process may still take one before they are bound. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = []
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > 1000) throw new Error(`no ${count} free ports were found on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`)
    const port = LOWEST + Math.floor(systemClock.random() * (HIGHEST - LOWEST))
    const server = await hold(port)
    if (server === null) continue
    held.push(server)
    ports.push(port)
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function hold(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
