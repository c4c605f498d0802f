// Plain requests for tests: servers that each have a host of their own to leave and one to go to.
import { uuidOf } from './crowd.ts'
import type { Books } from './installation.ts'

export const sourceOf = (server: number): string => uuidOf('source', server)
export const destinationOf = (server: number): string => uuidOf('destination', server)
export const moverOf = (server: number): string => uuidOf('mover', server)
export const requestOf = (server: number): string => uuidOf('move', server)

const INVENTORY = { reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 }

export function providerOf(id: string, name: string, vcpus = 64): Books['providers'][number] {
  const provider = {
    id,
    name,
    parent: null,
    traits: [],
    aggregates: [],
    inventories: { VCPU: { ...INVENTORY, total: vcpus } },
  }
  return provider
}

/** `count` servers of 2 VCPU, each on its own source. */
export function moversBooks(count: number): Books {
  const servers = Array.from({ length: count }, (_, server) => server)
  const consumer = (server: number) => ({
    id: moverOf(server),
    type: 'INSTANCE',
    project: 'p',
    user: 'u',
    allocations: { [sourceOf(server)]: { VCPU: 2 } },
  })
  return {
    providers: servers.flatMap((server) => [
      providerOf(sourceOf(server), `from-${server}`),
      providerOf(destinationOf(server), `to-${server}`),
    ]),
    consumers: servers.map(consumer),
  }
}

/** Moves each of `count` servers from its source to its destination; the same id for the same server. */
export function moves(count: number, fields: Readonly<Record<string, unknown>> = {}): object[] {
  return Array.from({ length: count }, (_, server) => ({
    version: 1,
    id: requestOf(server),
    operation: 'transfer',
    consumer: moverOf(server),
    source: sourceOf(server),
    destination: destinationOf(server),
    ...fields,
  }))
}

export const requestsOf = (count: number): string[] => Array.from({ length: count }, (_, server) => requestOf(server))

/** Where each of `count` servers is to be found after `moves`. */
export function movedBooks(count: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, server) => [moverOf(server), { [destinationOf(server)]: { VCPU: 2 } }]),
  )
}

/** Allocations of a dump by consumer. */
export function holdings(books: Books): Readonly<Record<string, unknown>> {
  return Object.fromEntries(books.consumers.map(({ id, allocations }) => [id, allocations]))
}
