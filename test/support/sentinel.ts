// A Sentinel of one's own that watches one master on loopback.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keep } from '../../src/demo/kept-process.ts'
import { packageEnvironment, redisServer } from '../../src/demo/packages.ts'
import { freePorts } from '../../src/demo/ports.ts'
import { answers, ready } from '../../src/demo/server.ts'
import type { Server } from '../../src/demo/servers.ts'

export interface Sentinel {
  /** Where workers find the master through it. */
  readonly url: string
  stop(): Promise<void>
}

/** Takes the master for down after `downAfterMs` of silence, alone, and promotes one of its replicas. */
export async function ownSentinel(master: Server, downAfterMs = 1_000): Promise<Sentinel> {
  const dir = mkdtempSync(join(tmpdir(), 'ferryman-sentinel-'))
  const [port] = await freePorts(1)
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
    `sentinel down-after-milliseconds mymaster ${downAfterMs}`,
    'sentinel failover-timeout mymaster 5000',
  ]
  const [conf, log] = [join(dir, 'sentinel.conf'), join(dir, 'server.log')]
  writeFileSync(conf, lines.join('\n'))
  const process = keep(dir).start(redisServer(), [conf, '--sentinel'], packageEnvironment(), log)
  await ready('Sentinel', log, 20_000, process, () => answers(port!, 'PING\r\n', '+PONG'))
  return { url: `redis+sentinel://127.0.0.1:${port}/mymaster`, stop: () => process.stop(1_000) }
}

/** Whether the server takes itself for a master. */
export function isMaster({ port }: Server): Promise<boolean> {
  return answers(port, 'ROLE\r\n', '*3\r\n$6\r\nmaster')
}
