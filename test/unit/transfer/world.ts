// A small world for the planners, written in letters: consumers I, M, N and providers S, D, E hold units of VCPU.
import { decode } from '../../../src/transfer/message.ts'
import { plan, type Facts, type Plan, type Write } from '../../../src/transfer/plan.ts'
import type { Request } from '../../../src/transfer/request.ts'
import type { Allocations, Consumer, Inventory, Move, Provider } from '../../../src/transfer/snapshot.ts'
import { uuidV5 } from '../../../src/transfer/uuid.ts'

const letter = (name: string): string => `00000000-0000-4000-8000-0000000000${name.charCodeAt(0).toString(16)}`

/** Uuids by letter. R is a request; O the request that opened the recorded move; G an aggregate. */
export const ID = {
  I: letter('I'),
  M: letter('M'),
  N: letter('N'),
  S: letter('S'),
  D: letter('D'),
  E: letter('E'),
  X: letter('X'),
  R: letter('R'),
  O: letter('O'),
  G: letter('G'),
} as const

export const derivedM: string = uuidV5(ID.R)
export const REQUEST_OF_MOVE: string = ID.O

const LETTERS = new Map<string, string>([
  ...Object.entries(ID).map(([name, id]) => [id, name] as const),
  [derivedM, 'M*'],
])

export const inventory = (changes: Partial<Inventory> = {}): Inventory => ({
  total: 64,
  reserved: 0,
  allocation_ratio: 1,
  min_unit: 1,
  max_unit: 64,
  step_size: 1,
  ...changes,
})

export function provider(name: string, changes: Partial<Provider> = {}): Provider {
  return {
    id: ID[name as 'S'],
    name: `cn-${name}`,
    parent: null,
    generation: 7,
    traits: [],
    aggregates: [],
    inventories: { VCPU: inventory() },
    usages: { VCPU: 0 },
    ...changes,
  }
}

/** `S:2 D:4` is 2 VCPU of S and 4 of D; `-` is nothing. */
export function holding(text: string): Allocations {
  if (text === '-') return {}
  return Object.fromEntries(
    text.split(' ').map((part) => {
      const [name = '', amount] = part.split(':')
      return [ID[name as 'S'], { VCPU: Number(amount) }]
    }),
  )
}

/** A consumer of project p and user u at generation 3, or one that holds nothing. */
export function consumer(id: string, text: string, changes: Partial<Consumer> = {}): Consumer {
  const nothing = text === '-'
  return {
    id,
    generation: nothing ? null : 3,
    nextGeneration: nothing ? 1 : 4,
    type: nothing ? null : id === ID.I || id === ID.N ? 'INSTANCE' : 'MIGRATION',
    project: nothing ? null : 'p',
    user: nothing ? null : 'u',
    allocations: holding(text),
    ...changes,
  }
}

export interface Scene {
  /** What consumers hold: `I=S:2, M=-`. M is the one named in requests, M* the derived one. */
  readonly holds: string
  readonly move?: Move | null
  /** Providers that differ from an empty one of 64 VCPU; null: does not exist. */
  readonly providers?: Readonly<Record<string, Partial<Provider> | null>>
  readonly consumers?: Readonly<Record<string, Partial<Consumer>>>
  readonly destination?: string | null
}

export function factsOf(scene: Scene, destination: string | null): Facts {
  const consumers: Record<string, Consumer> = Object.fromEntries(
    [ID.I, ID.M, ID.N, derivedM].map((id) => [id, consumer(id, '-')]),
  )
  for (const part of scene.holds.split(', ')) {
    const [name = '', text = '-'] = part.split('=')
    const id = name === 'M*' ? derivedM : ID[name as 'I']
    consumers[id] = consumer(id, text, scene.consumers?.[name])
  }
  const providers: Record<string, Provider | null> = {}
  for (const name of ['S', 'D', 'E', 'X']) {
    const changes = scene.providers?.[name]
    providers[ID[name as 'S']] =
      changes === null ? null : usedBy(provider(name, changes ?? {}), Object.values(consumers))
  }
  const moves: Record<string, Move> = {}
  if (scene.move) {
    moves[scene.move.consumer] = scene.move
    if (scene.move.migration !== null) moves[scene.move.migration] = scene.move
  }
  return { snapshot: { providers, consumers }, moves, destination }
}

function usedBy(given: Provider, consumers: readonly Consumer[]): Provider {
  const usages: Record<string, number> = { ...given.usages }
  for (const { allocations } of consumers) {
    for (const [name, amount] of Object.entries(allocations[given.id] ?? {}))
      usages[name] = (usages[name] ?? 0) + amount
  }
  return { ...given, usages }
}

/** A recorded move of I from S to D, opened by request O. */
export function moveOf(changes: Partial<Move> = {}, from = 'S:2', to = 'D:2'): Move {
  const migration = changes.migration === undefined ? ID.M : changes.migration
  const gone = migration === null ? {} : { [migration]: { generation: null, type: null, allocations: {} } }
  return {
    request: ID.O,
    consumer: ID.I,
    migration,
    mode: 'migration',
    source: ID.S,
    destination: ID.D,
    state: 'open',
    confirm: { [ID.I]: { generation: null, type: 'INSTANCE', allocations: holding(to) }, ...gone },
    revert: { [ID.I]: { generation: null, type: 'INSTANCE', allocations: holding(from) }, ...gone },
    ...changes,
  }
}

/** A request as decoded from JSON, with id R and consumer I. Throws what is wrong with it. */
export function requestOf(fields: Readonly<Record<string, unknown>>): Request {
  const body = Buffer.from(JSON.stringify({ version: 1, id: ID.R, consumer: ID.I, ...fields }))
  const decoded = decode({ body, headers: {} }, { bytesMax: 65_536 })
  if (decoded.kind === 'invalid') throw new Error(JSON.stringify(decoded.outcome))
  return decoded.request
}

export function planned(scene: Scene, fields: Readonly<Record<string, unknown>>): Plan {
  const request = requestOf(fields)
  const row = ['claim', 'transfer', 'retarget', 'acquire'].includes(request.operation) ? request.destination : null
  return plan(request, factsOf(scene, scene.destination === undefined ? row : scene.destination))
}

/**
 * A plan in one line. A write: `applied I=D:2 M=S:2 (open)`, the last word being the state of the move it records. A
 * decision: its code and the rules that do not hold, `source_missing: provider state`.
 */
export function line(result: Plan): string {
  if (result.kind === 'write') return `applied ${writeLine(result.write)}`
  const rules = result.outcome.violations.map(({ rule }) => rule).join(' ')
  const put = result.moves.put.map(({ state }) => ` (${state})`).join('')
  return `${result.outcome.code}${rules === '' ? '' : `: ${rules}`}${put}`
}

function writeLine(write: Write): string {
  const changes = write.changes.map(({ before, after }) => `${LETTERS.get(before.id)}=${shown(after.allocations)}`)
  const guards = write.guards.map(({ id }) => `${LETTERS.get(id)}!`)
  return [...changes, ...guards, ...write.moves.put.map(({ state }) => `(${state})`)].join(' ')
}

export function shown(allocations: Allocations): string {
  const parts = Object.entries(allocations).map(([id, amounts]) => `${LETTERS.get(id)}:${amounts['VCPU']}`)
  return parts.length === 0 ? '-' : parts.join(' ')
}
