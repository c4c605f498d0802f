// A RabbitMQ cluster of one's own on loopback: its nodes share one epmd and one cookie, and each can be killed alone.
import { freePorts } from '../../src/demo/ports.ts'
import { newCookie, startEpmd, startRabbit, type RabbitServer } from '../../src/demo/rabbit-server.ts'

export interface RabbitCluster {
  readonly nodes: readonly ClusterNode[]
  /** AMQP URLs of all nodes, separated by commas, as the setting takes them. */
  readonly urls: string
  /** The node where the leader of `queue` runs now, as a node that lives tells it. */
  leaderOf(queue: string): Promise<ClusterNode>
  /** Name, leader and members of each queue and stream. */
  queues(): Promise<readonly QueueOfCluster[]>
  close(): Promise<void>
}

export interface ClusterNode {
  readonly name: string
  readonly server: RabbitServer
}

export interface QueueOfCluster {
  readonly name: string
  readonly type: string
  readonly leader: string
  readonly members: readonly string[]
  /** Those of the members that run. */
  readonly online: readonly string[]
}

/** `size` nodes that have become one cluster; the management API of each answers. */
export async function ownCluster(size: number): Promise<RabbitCluster> {
  const [epmdPort] = (await freePorts(1)) as [number]
  const cookie = newCookie()
  const epmd = await startEpmd(epmdPort)
  const nodes: ClusterNode[] = []
  for (let n = 1; n <= size; n++) {
    const name = `ferryman-${n}@localhost`
    const server = await startRabbit({ member: { node: name, epmdPort, cookie } })
    nodes.push({ name, server })
    if (n === 1) continue
    await server.rabbitmqctl('stop_app')
    await server.rabbitmqctl('join_cluster', nodes[0]!.name)
    await server.rabbitmqctl('start_app')
  }
  const queues = (): Promise<readonly QueueOfCluster[]> =>
    queuesAt(nodes.find(({ server }) => server.running())!.server)
  return {
    nodes,
    urls: nodes.map(({ server }) => server.url).join(','),
    queues,
    leaderOf: async (queue) => {
      const leader = (await queues()).find(({ name }) => name === queue)?.leader
      const node = nodes.find(({ name }) => name === leader)
      if (node === undefined) throw new Error(`no node of the cluster leads ${queue}, but ${leader}`)
      return node
    },
    close: async () => {
      await Promise.all(nodes.map(({ server }) => server.kill()))
      await epmd.kill()
    },
  }
}

async function queuesAt({ managementUrl }: RabbitServer): Promise<readonly QueueOfCluster[]> {
  const base = new URL(managementUrl!)
  const authorization = `Basic ${Buffer.from(`${base.username}:${base.password}`).toString('base64')}`
  const response = await fetch(`${base.origin}/api/queues`, { headers: { authorization } })
  if (!response.ok) throw new Error(`the management API answered ${response.status} to GET queues`)
  return (await response.json()) as QueueOfCluster[]
}
