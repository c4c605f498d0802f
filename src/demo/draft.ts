// The cloud as the stories written so far will leave it, so that the outcome of the next one can be foretold. Pure.
import type { SeedDocument, SeedProvider } from '../ledger/seed-document.ts'
import { capacityOf } from '../transfer/capacity.ts'
import type { Amounts } from '../transfer/request.ts'
import { uuidV5 } from '../transfer/uuid.ts'
import { DISABLED_HOST, FULL_HOST, oneOf, type Chance } from './cloud.ts'

/** A server where it is when a story about it begins. */
export interface Held {
  readonly id: string
  readonly host: SeedProvider
  readonly amounts: Amounts
  readonly project: string
}

/** All that a writer of stories may ask for. Within a wave nobody gets a server, or room, that another story has. */
export interface Draft {
  readonly chance: Chance
  /** The host of that name. */
  host(name: string): SeedProvider
  /** A new uuid, the same for the same seed. */
  uuid(): string
  /** A server of which no other story of this wave tells; null when there is none like that. */
  server(like?: (held: Held) => boolean): Held | null
  /** A host with room for `amounts`, whatever the other stories do; the room is spoken for. Null when none has. */
  room(amounts: Amounts, like?: (host: SeedProvider) => boolean): SeedProvider | null
  /** Notes where the story being written leaves a server. `server` null: it is gone. */
  leave(id: string, server: Held | null): void
  /** Ends a story: it will be told, or it will not, and then its servers stay as they were. */
  end(isTold: boolean): void
  /** All stories written so far are over. */
  nextWave(): void
}

export function draftOf({ providers, consumers }: SeedDocument, seed: number, chance: Chance): Draft {
  const servers = new Map<string, Held>(
    consumers.map(({ id, project, allocations }) => {
      const [[host, amounts]] = Object.entries(allocations) as [[string, Amounts]]
      return [id, { id, project, amounts, host: providers.find((provider) => provider.id === host)! }]
    }),
  )
  let idle: Held[] = []
  let left = new Map<string, Record<string, number>>()
  let endings: (readonly [string, Held | null])[] = []
  let uuids = 0
  const nextWave = (): void => {
    idle = shuffled([...servers.values()], chance)
    left = new Map(providers.map((host) => [host.id, roomOn(host, servers.values())]))
  }
  nextWave()
  return {
    chance,
    nextWave,
    host: (name) => providers.find((provider) => provider.name === name)!,
    uuid: () => uuidV5(`demo/${seed}/uuid/${uuids++}`),
    server: (like = () => true) => {
      const position = idle.findIndex(like)
      return position === -1 ? null : idle.splice(position, 1)[0]!
    },
    room: (amounts, like = () => true) => {
      const fitting = providers.filter(
        (host) => takesNew(host) && like(host) && fits(amounts, host, left.get(host.id)!),
      )
      if (fitting.length === 0) return null
      const host = oneOf(fitting, chance)
      const room = left.get(host.id)!
      for (const [name, amount] of Object.entries(amounts)) room[name]! -= amount
      return host
    },
    leave: (id, server) => {
      endings.push([id, server])
    },
    end: (isTold) => {
      for (const [id, server] of isTold ? endings : []) {
        if (server === null) servers.delete(id)
        else servers.set(id, server)
      }
      endings = []
    },
  }
}

/** The full host is kept as it is, so that it stays full. */
function takesNew({ name }: SeedProvider): boolean {
  return name !== DISABLED_HOST && name !== FULL_HOST
}

function fits(amounts: Amounts, { inventories }: SeedProvider, room: Amounts): boolean {
  return Object.entries(amounts).every(
    ([name, amount]) => amount <= (room[name] ?? 0) && amount <= (inventories[name]?.max_unit ?? 0),
  )
}

function roomOn(host: SeedProvider, servers: Iterable<Held>): Record<string, number> {
  const room = Object.fromEntries(Object.entries(host.inventories).map(([name, one]) => [name, capacityOf(one)]))
  for (const {
    host: { id },
    amounts,
  } of servers) {
    if (id === host.id) for (const [name, amount] of Object.entries(amounts)) room[name]! -= amount
  }
  return room
}

function shuffled<Item>(items: Item[], chance: Chance): Item[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(chance() * (i + 1))
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}
