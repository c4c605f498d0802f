// The other systems of a simulated life: they ask twice, too late, at once, wrongly, and under ids that are taken.
import type { SeedDocument } from '../../src/ledger/seed-document.ts'
import { consumerOf } from '../support/memory/books.ts'
import { seed as seedSlot } from '../support/memory/seed.ts'
import { uuidOf } from '../support/crowd.ts'
import { between, pick, whole } from './climate.ts'
import { fieldsFor, type Fields, type Situation } from './wishes.ts'
import type { World } from './world.ts'

/** Chance that a server is to be released whatever stands. */
const FORCED = 0.15
const SERVER = { VCPU: 2, MEMORY_MB: 4 }
/** How long after the faults have stopped copies may still come (ms). */
const AFTERGLOW_MS = 8_000

export class Scheduler {
  readonly #world: World
  readonly #hosts: readonly string[]
  readonly #servers: readonly string[]
  readonly #ids: string[] = []
  #left: number
  /** Sends that are still to come. */
  #pending = 0

  constructor(world: World) {
    const { climate, trace } = world
    this.#world = world
    this.#left = climate.requests
    this.#hosts = Array.from({ length: climate.hosts }, (_, number) => uuidOf('host', number))
    this.#servers = Array.from({ length: climate.servers + 1 }, (_, number) => uuidOf('server', number))
    for (const [number, id] of this.#hosts.entries()) trace.alias(id, `H${number + 1}`)
    for (const [number, id] of this.#servers.entries()) trace.alias(id, `S${number + 1}`)
  }

  get done(): boolean {
    return this.#left === 0 && this.#pending === 0
  }

  /** Servers on hosts that have room for one or two more; the last server holds nothing yet. */
  seed(): SeedDocument {
    const { random } = this.#world
    const held = this.#servers.slice(0, -1).map((id) => ({ id, host: pick(random, this.#hosts) }))
    const providers = this.#hosts.map((id, number) => {
      const count = held.filter(({ host }) => host === id).length
      return this.#host(id, number, count + whole(random, 0, 2))
    })
    const consumers = held.map(({ id, host }) => ({
      id,
      type: 'INSTANCE',
      project: 'p',
      user: 'u',
      allocations: { [host]: SERVER },
    }))
    return { providers, consumers }
  }

  start(): void {
    this.#next()
  }

  /** Somebody gives a host another size, or takes it out of use. */
  changeRoom(): void {
    const { random, books, trace } = this.#world
    const number = Math.floor(random() * this.#hosts.length)
    const id = this.#hosts[number]!
    const host = this.#host(id, number, whole(random, 0, 4), random() < 0.15 ? ['COMPUTE_STATUS_DISABLED'] : [])
    seedSlot(books, { providers: [host], consumers: [] })
    this.#world.count('room')
    trace.note('others', `give ${id}`, () => `room for ${JSON.stringify(host.inventories)} ${host.traits.join(' ')}`)
  }

  /** The host where a request is to go gets ample room. */
  makeRoomFor(request: string): void {
    const { slot, books, trace } = this.#world
    const text = slot.records.get(request)?.body.toString() ?? ''
    const number = this.#hosts.findIndex((id) => text.includes(`"destination":"${id}"`))
    if (number < 0) return
    const id = this.#hosts[number]!
    seedSlot(books, { providers: [this.#host(id, number, 8)], consumers: [] })
    this.#world.count('room')
    trace.note('others', `give ${id}`, 'ample room')
  }

  #host(
    id: string,
    number: number,
    servers: number,
    traits: readonly string[] = [],
  ): SeedDocument['providers'][number] {
    const units = (amount: number): SeedDocument['providers'][number]['inventories'][string] => ({
      total: Math.max(1, amount),
      reserved: 0,
      allocation_ratio: 1,
      min_unit: 1,
      max_unit: 64,
      step_size: 1,
    })
    const inventories = { VCPU: units(SERVER.VCPU * servers), MEMORY_MB: units(SERVER.MEMORY_MB * servers) }
    return { id, name: `h${number + 1}`, parent: null, traits, aggregates: [], inventories }
  }

  /** Requests come in bursts, so that they meet. */
  #next(): void {
    if (this.#left === 0) return
    const { random, climate } = this.#world
    const burst = Math.min(this.#left, whole(random, 1, 4))
    const server = pick(random, this.#servers)
    for (let sent = 0; sent < burst; sent++) this.#ask(random() < 0.6 ? server : pick(random, this.#servers))
    this.#left -= burst
    this.#later((climate.stormyMs / climate.requests) * burst * between(random, 0.2, 1.6), () => this.#next())
  }

  #later(ms: number, run: () => void): void {
    this.#pending += 1
    this.#world.clock.timer(ms, () => {
      this.#pending -= 1
      run()
    })
  }

  #ask(server: string): void {
    const { random, climate, clock, trace } = this.#world
    const id = uuidOf('request', this.#ids.length)
    trace.alias(id, `R${this.#ids.length + 1}`)
    const fields: Fields = { version: 1, id, origin: 'sim', ...this.#wish(server) }
    if (random() < climate.deadlines) {
      fields['notAfter'] = new Date(clock.nowMs() + between(random, -500, pick(random, [1_500, 5_000]))).toISOString()
    }
    if (random() < climate.once) fields['idempotent'] = false
    this.#ids.push(id)
    this.#send(fields)
    if (random() < climate.copies) this.#copies(fields)
    if (random() < climate.reused) this.#whenever(() => this.#send({ ...fields, context: { other: 'content' } }))
    if (random() < climate.malformed) this.#whenever(() => this.#sendBytes(this.#noise(id)))
  }

  #wish(server: string): Fields {
    const { random, climate, slot, books, placement } = this.#world
    if (random() < climate.cancels) return { operation: 'cancel', request: this.#target() }
    const situation: Situation = {
      hosts: this.#hosts,
      servers: this.#servers,
      consumer: consumerOf(books, server),
      move: slot.moves.get(server) ?? null,
      resources: SERVER,
      forced: placement === null ? 0 : FORCED,
    }
    return fieldsFor(situation, random)
  }

  /** An earlier request, or one that is yet to come. */
  #target(): string {
    const { random } = this.#world
    const number = this.#ids.length + (random() < 0.2 ? whole(random, 1, 2) : -whole(random, 1, 3))
    return uuidOf('request', Math.max(0, number))
  }

  /** The same request again: right now, or long after it was decided; now and then written otherwise. */
  #copies(fields: Fields): void {
    const { random } = this.#world
    for (let left = whole(random, 1, 2); left > 0; left--) {
      const copy = random() < 0.3 ? Object.fromEntries(Object.entries(fields).toReversed()) : fields
      this.#whenever(() => this.#send(copy))
    }
  }

  #whenever(run: () => void): void {
    const { random, climate } = this.#world
    const roll = random()
    if (roll < 0.4) return run()
    if (roll < 0.7) return this.#later(random() * 1_000, run)
    this.#later(random() * (climate.stormyMs + AFTERGLOW_MS), run)
  }

  /** Bytes that are no request, sometimes under an id that belongs to one. */
  #noise(id: string): Buffer {
    const { random } = this.#world
    const texts = [
      '{',
      '\u0000',
      '[]',
      JSON.stringify({ version: 1, id }),
      JSON.stringify({ version: 2, id, operation: 'claim' }),
    ]
    return Buffer.from(`${pick(random, texts)}${' '.repeat(whole(random, 0, 3))}`)
  }

  #send(fields: Fields): void {
    this.#sendBytes(Buffer.from(JSON.stringify(fields)), String(fields['operation']))
  }

  #sendBytes(body: Buffer, operation = 'claim'): void {
    const { server, names, judge, trace, climate, random } = this.#world
    judge.tellings.sent(body)
    trace.note('others', 'ask', () => body.toString())
    const ahead = random() < climate.overtakes ? whole(random, 0, 5) : 0
    const properties = { contentType: 'application/json', headers: {} }
    server.publish({ exchange: names.requests, routingKey: `transfer.${operation}`, body, properties }, ahead)
  }
}
