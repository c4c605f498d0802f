// A cloud to measure on: many hosts with room, one server a request, and the transfer of each to another host.
import { createHash } from 'node:crypto'

const INVENTORY = { reserved: 0, min_unit: 1, step_size: 1 }

/** A uuid made from a name, the same in every run. */
export function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export function hostId(host: number): string {
  return uuidOf(`host ${host}`)
}

/**
 * The host of a server before round `round`. Servers go to and fro between the two hosts of a pair, and requests that
 * follow one another concern different pairs: no lock is waited for while fewer than `hosts / 2` are in hand.
 */
function hostOf(server: number, round: number, hosts: number): number {
  const pairs = Math.floor(hosts / 2)
  return 2 * (server % pairs) + ((round + Math.floor(server / pairs)) % 2)
}

/** `servers` servers spread over `hosts` hosts, each host large enough for all that may come. */
export function cloud(hosts: number, servers: number): { providers: object[]; consumers: object[] } {
  const inventories = {
    VCPU: { ...INVENTORY, total: servers * 2, max_unit: 64, allocation_ratio: 16 },
    MEMORY_MB: { ...INVENTORY, total: servers * 2048, max_unit: 65_536, allocation_ratio: 1.5 },
  }
  return {
    providers: Array.from({ length: hosts }, (_, host) => ({
      id: hostId(host),
      name: `cn-${host}`,
      parent: null,
      traits: [],
      aggregates: [],
      inventories,
    })),
    consumers: Array.from({ length: servers }, (_, server) => ({
      id: uuidOf(`server ${server}`),
      type: 'INSTANCE',
      project: 'p',
      user: 'u',
      allocations: { [hostId(hostOf(server, 0, hosts))]: { VCPU: 2, MEMORY_MB: 2048 } },
    })),
  }
}

/** Moves each server once, from its host before the round to that after it. */
export function transfers(hosts: number, servers: number, round: number): Buffer[] {
  return Array.from({ length: servers }, (_, server) =>
    Buffer.from(
      JSON.stringify({
        version: 1,
        id: uuidOf(`request ${round} ${server}`),
        operation: 'transfer',
        consumer: uuidOf(`server ${server}`),
        source: hostId(hostOf(server, round, hosts)),
        destination: hostId(hostOf(server, round + 1, hosts)),
        resources: { VCPU: 2, MEMORY_MB: 2048 },
        origin: 'bench',
      }),
    ),
  )
}
