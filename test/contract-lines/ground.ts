// What the tests of the contract's lines share: a small cloud, one worker, and requests that are answered one by one.
import { uuidOf } from '../support/crowd.ts'
import { openInstallation, toldOf, type Books, type Installation, type Told } from '../support/installation.ts'
import type { Message, Outgoing } from '../support/installation-line.ts'
import { until } from '../support/installation-workers.ts'

export type Fields = Readonly<Record<string, unknown>>
/** An event as its readers parse it, whole. */
export type Answer = Told & {
  readonly consumer: string | null
  readonly migration: string | null
  readonly source: string | null
  readonly destination: string | null
  readonly [key: string]: unknown
}
export type Held = Readonly<Record<string, Readonly<Record<string, number>>>>

const UNITS = { total: 64, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 64, step_size: 1 }

export interface Cloud {
  readonly books: Books
  /** A provider of 64 VCPU, but for what `inventory` and `more` say. */
  host(name: string, inventory?: Fields | null, more?: Fields): string
  /** A consumer of project p and user u that holds `allocations`. */
  server(name: string, allocations: Held, more?: Fields): string
}

export function cloud(): Cloud {
  const providers: Books['providers'][number][] = []
  const consumers: Books['consumers'][number][] = []
  return {
    books: { providers, consumers },
    host: (name, inventory = {}, more = {}) => {
      const id = uuidOf('host of a line', name)
      const inventories = inventory === null ? {} : { VCPU: { ...UNITS, ...inventory } }
      providers.push({ id, ...{ name, parent: null, traits: [], aggregates: [] }, inventories, ...more })
      return id
    },
    server: (name, allocations, more = {}) => {
      const id = uuidOf('server of a line', name)
      consumers.push({ id, ...{ type: 'INSTANCE', project: 'p', user: 'u' }, allocations, ...more })
      return id
    },
  }
}

let serial = 0

/** A request under an id of its own, unless `fields` give one. */
export function request(operation: string, fields: Fields): Fields & { readonly id: string } {
  return { version: 1, id: uuidOf('line', operation, ++serial), operation, ...fields }
}

export interface Ground extends Installation {
  /** Sends one request and reads the decision. */
  decide(operation: string, fields: Fields): Promise<Answer>
  /** Sends messages, and reads the first event of each, whatever class it is of. `ids`: under which they are told. */
  answers(messages: readonly Outgoing[], ids: readonly string[]): Promise<Message[]>
}

/** Seeds, and starts one worker. */
export async function openGround(books: Books, env: Readonly<Record<string, string>> = {}): Promise<Ground> {
  const installation = await openInstallation({ env })
  await installation.seed(books)
  await installation.worker()
  return {
    ...installation,
    decide: async (operation, fields) => {
      const asked = request(operation, fields)
      await installation.ask(asked)
      return (await installation.decision(asked.id)) as Answer
    },
    answers: async (messages, ids) => {
      await installation.send(messages)
      const came = (id: string): Message | undefined => installation.events.of(id)[0]
      await until('each is answered', () => ids.every((id) => came(id) !== undefined), 30_000)
      return ids.map((id) => came(id)!)
    },
  }
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

export function answerOf(message: Message): Answer {
  return toldOf(message) as Answer
}

/** Code of an outcome, and the violations as far as `keys` tell them. */
export function refusalOf({ outcome, violations }: Answer, ...keys: readonly string[]): unknown[] {
  return [outcome.code, ...violations.map((one) => Object.fromEntries(keys.map((key) => [key, one[key]])))]
}
