// What must hold of every life: looked at after each step that the store or the broker carries out, and at its end.
import type { Delivery, Outgoing } from '../../src/broker/broker.ts'
import type { Names } from '../../src/broker/names.ts'
import type { Decision, EventBody } from '../../src/transfer/event.ts'
import { letterId } from '../../src/transfer/letter.ts'
import { sha256Hex } from '../../src/transfer/digest.ts'
import { decode, type Decoded } from '../../src/transfer/message.ts'
import type { Begun } from '../../src/journal/journal.ts'
import type { Ticket } from '../../src/locks/locks.ts'
import { nowMs, type MemorySlot, type Record } from '../support/memory/slot.ts'
import { faultsOfReplay } from '../support/crowd-check.ts'
import type { Books, Told } from '../support/installation.ts'
import { dump } from '../support/memory/seed.ts'
import { lookAt, faultsOfWrite, sightOf } from './judge-books.ts'
import { missingAtAck } from './judge-acks.ts'
import type { Command } from './commands.ts'
import { Deeds } from './deeds.ts'
import type { Trace } from './trace.ts'

export interface Violation {
  /** Short name of the rule, as the documents number it. */
  readonly rule: string
  readonly what: string
}

export const BYTES_MAX = 65_536

/** Ends that mean a bug wherever no record can get lost. */
const NEVER: readonly string[] = [
  'already_applied',
  'outcome_unknown',
  'diverged',
  'postcondition_failed',
  'poison',
  'internal_error',
]

/** A body that was sent, and what must be told of it if its content does not own the id. */
interface Sent {
  readonly digest: string
  readonly answer: string
}

export class Judge {
  violation: Violation | null = null
  messages = 0
  /** Writes that changed the books, by request. */
  readonly effects = new Map<string, number>()
  readonly decisions = new Map<string, Decision>()
  readonly #slot: MemorySlot
  readonly #books: MemorySlot
  /** Null where books and journal are one store. */
  readonly deeds: Deeds | null
  readonly #names: Names
  /** Bodies sent under each id. */
  readonly #sent = new Map<string, Sent[]>()
  /** Ids of events that answer bytes: those that must come, and those that came. */
  readonly #expected = new Set<string>()
  readonly #answered = new Set<string>()
  /** The request that each decided cancel names. */
  readonly #targets = new Map<string, string>()
  readonly #told = new Map<string, string>()
  /** Ids of the events that told a failure. */
  readonly #failed = new Set<string>()
  /** Ids of the letters that were stored. */
  readonly #letters = new Set<string>()
  /** Requests of which a letter says that nobody could receive their event. */
  readonly #untellable = new Set<string>()
  readonly #fences = new Map<string, number>()
  /** Resources of each ticket ever given. */
  readonly #covers = new Map<number, readonly string[]>()
  readonly #decoded = new WeakMap<Buffer, Decoded>()
  /** Sends of the write of a request that forbids repeating, by attempt. */
  readonly #sends = new Set<string>()

  /** Records that were packed, as they were. */
  readonly #gone = new Map<string, Record>()
  readonly #trace: Trace

  constructor(slot: MemorySlot, books: MemorySlot, names: Names, trace: Trace) {
    this.#slot = slot
    this.#books = books
    this.deeds = books === slot ? null : new Deeds(books)
    this.#names = names
    this.#trace = trace
  }

  /** The first thing that went wrong stands. */
  broken(rule: string, what: string): void {
    if (this.violation !== null) return
    this.violation = { rule, what: this.#trace.named(what) }
    this.#trace.note('JUDGE', `${rule}: ${what}`)
  }

  /** A body in few words. */
  describe(body: Buffer): string {
    const decoded = this.#decode(body)
    if (decoded.kind === 'invalid') return `${decoded.identity.id} ${decoded.outcome.code}`
    const { id, operation } = decoded.request
    return `${id} ${operation}`
  }

  /** Somebody has sent this message to the exchange of requests. */
  sent(body: Buffer): void {
    this.messages += 1
    const decoded = this.#decode(body)
    const hex = sha256Hex(body)
    if (decoded.kind === 'invalid') {
      this.#expected.add(`${decoded.identity.id}/${decoded.outcome.code}/${hex.slice(0, 12)}`)
      return
    }
    const { id } = decoded.request
    const sent = { digest: decoded.digest, answer: `${id}/id_reused/${hex.slice(0, 12)}` }
    this.#sent.set(id, [...(this.#sent.get(id) ?? []), sent])
  }

  get requests(): number {
    return this.#sent.size
  }

  /** A write goes out; one whose sender forbids repeating goes out once, whoever sends it. */
  sending(command: Command): void {
    if (command.apply === null) return
    const { request, number } = command.apply.attempt
    const body = this.#slot.records.get(request)?.body
    const decoded = body === undefined ? null : this.#decode(body)
    if (decoded?.kind !== 'request' || decoded.request.idempotent) return
    const key = `${request} ${number}`
    if (this.#sends.has(key))
      this.broken('once', `write ${number} of ${request} was sent again, which its sender forbids`)
    this.#sends.add(key)
  }

  /** It is known that what went out was not carried out. */
  refused({ apply }: Command): void {
    if (apply !== null) this.#sends.delete(`${apply.attempt.request} ${apply.attempt.number}`)
  }

  /** Carries out one command of the store, and looks at what it did. */
  ran<T>(command: Command, run: () => T): T {
    if (command.takes !== undefined) return this.#taken(command.request ?? 'nobody', command.takes, run)
    if (command.apply !== null) return this.#applied(command.apply, run)
    if (command.name === 'journal.pack') return this.#packed(run)
    const dueAtMs = command.request === null ? null : (this.#slot.records.get(command.request)?.dueAtMs ?? null)
    const answer = run()
    this.#noteTicket(answer)
    if (command.request !== null) this.#lookAtDecision(command.request)
    if (command.name === 'journal.told' && command.request !== null && !this.#told.has(command.request)) {
      this.broken('told, then noted', `request ${command.request} was noted as told, and the broker has no event of it`)
    }
    const begun = command.name === 'journal.begin' && (answer as Begun).kind === 'begun'
    if (begun && dueAtMs !== null && dueAtMs > nowMs(this.#slot)) {
      this.broken('due', `request ${command.request} was begun ${dueAtMs - nowMs(this.#slot)} ms before it was due`)
    }
    return answer
  }

  /** What packing takes away was told, is known to have happened or not, and leaves no move open. */
  #packed<T>(run: () => T): T {
    const before = new Map(this.#slot.records)
    const answer = run()
    for (const [id, record] of before) {
      if (this.#slot.records.has(id)) continue
      this.#gone.set(id, record)
      if (record.toldAtMs === null) this.broken('packed', `request ${id} was packed, and never told`)
      const open = [...this.#slot.moves.values()].find((move) => move.state === 'open' && move.request === id)
      if (open !== undefined) this.broken('packed', `request ${id} was packed while its move is open`)
    }
    return answer
  }

  /** The record of a request, also after it was packed. */
  #recordOf(id: string): Record | undefined {
    return this.#slot.records.get(id) ?? (this.#slot.tombs.has(id) ? this.#gone.get(id) : undefined)
  }

  /** Remembers what a ticket covers: it may be gone from the store when it is used. */
  #noteTicket(answer: unknown): void {
    if (typeof answer !== 'object' || answer === null) return
    const number =
      'ticket' in answer
        ? (answer as Extract<Begun, { kind: 'begun' }>).ticket.number
        : (answer as Partial<Ticket>).number
    const place = number === undefined ? undefined : this.#slot.tickets.get(number)
    if (place !== undefined) this.#covers.set(place.number, place.resources)
  }

  #applied<T>({ write, attempt }: NonNullable<Command['apply']>, run: () => T): T {
    const sight = lookAt(this.#books, write)
    const answer = run()
    const faults = faultsOfWrite(this.#books, write, sight, this.deeds !== null)
    if (faults !== null) {
      this.deeds?.done(attempt.request, sight)
      for (const { rule, what } of faults) this.broken(rule, `${what} (request ${attempt.request})`)
      this.#fenced(attempt.ticket)
      this.#effect(attempt.request)
    }
    this.#lookAtDecision(attempt.request)
    return answer
  }

  /** A DELETE that nothing guards has arrived: once, whoever sent it. */
  #taken<T>(request: string, consumer: string, run: () => T): T {
    const deeds = this.deeds!
    const sight = sightOf(this.#books, [consumer])
    const answer = run()
    if (deeds.deletes.has(request)) this.broken('once', `the DELETE of request ${request} was sent again`)
    deeds.deletes.add(request)
    if (sight.consumers.get(consumer) === undefined) return answer
    deeds.deleted(request, consumer, sight)
    this.#effect(request)
    return answer
  }

  #effect(request: string): void {
    const times = (this.effects.get(request) ?? 0) + 1
    this.effects.set(request, times)
    if (times > 1) this.broken('I6 one effect', `request ${request} was written ${times} times`)
    const code = this.decisions.get(request)?.code
    if (code !== undefined && code !== 'outcome_unknown') {
      this.broken('I5 truth', `request ${request} was written after it had been decided ${code}`)
    }
  }

  /** Of each resource, no older ticket writes after a newer one. */
  #fenced(ticket: number): void {
    for (const resource of this.#covers.get(ticket) ?? []) {
      // n.b. Apart from the locks a write to a provider may come late: its consumers wait for it, and room is checked.
      if (this.deeds !== null && resource.startsWith('p:')) continue
      const newest = this.#fences.get(resource) ?? 0
      if (ticket < newest) this.broken('I7 fences', `ticket ${ticket} wrote to ${resource} after ticket ${newest}`)
      this.#fences.set(resource, Math.max(newest, ticket))
    }
  }

  #lookAtDecision(id: string): void {
    const decision = this.#recordOf(id)?.decision ?? null
    const known = this.decisions.get(id)
    if (decision === known) return
    if (known !== undefined) {
      if (decision?.event === known.event) return
      this.broken(
        'I4 one decision',
        `request ${id} was decided ${known.code}, and then ${decision?.code ?? 'not at all'}`,
      )
      return
    }
    if (decision === null) return
    this.decisions.set(id, decision)
    const decoded = this.#decode(this.#slot.records.get(id)!.body)
    if (decoded.kind === 'request' && decoded.request.request !== null) this.#targets.set(id, decoded.request.request)
    const { code, operation } = decision
    const writes = code === 'applied' && operation !== 'cancel' ? 1 : 0
    const times = this.effects.get(id) ?? 0
    const excused = this.deeds?.excuses(id, code) === true
    if (times !== writes && !excused)
      this.broken('I5 truth', `request ${id} was decided ${code}, and its write happened ${times} times`)
    if (NEVER.includes(code) && !excused) this.broken('no bug', `request ${id} was decided ${decision.event}`)
  }

  /** The broker has stored a message. */
  stored(message: Outgoing): void {
    if (message.exchange === this.#names.events) this.#toldEvent(message)
    if (message.exchange === this.#names.deadLetters) this.#toldLetter(message)
  }

  #toldEvent({ body, properties }: Outgoing): void {
    const text = body.toString()
    const event = JSON.parse(text) as EventBody
    const { id, request, outcome } = event
    if (outcome.class !== 'done') this.#failed.add(id)
    if (properties.messageId !== id)
      this.broken('I4 one event id', `event ${id} was sent as message ${properties.messageId}`)
    if (outcome.class === 'invalid') {
      this.#answered.add(id)
      return
    }
    const first = this.#told.get(request)
    if (first !== undefined && this.#gone.has(request)) return this.#toldFromTomb(JSON.parse(first) as EventBody, event)
    if (first !== undefined && first !== text)
      this.broken('I4 one event', `request ${request} was told ${first} and ${text}`)
    this.#told.set(request, text)
    const decision = this.#slot.records.get(request)?.decision ?? null
    if (decision === null) this.broken('decided, then told', `request ${request} was told ${outcome.code}, undecided`)
    else if (decision.event !== text)
      this.broken('I4 one event', `request ${request} was told ${text}, decided ${decision.event}`)
  }

  /** What is told from a tombstone is what was told, or null. */
  #toldFromTomb(first: EventBody, again: EventBody): void {
    for (const [name, value] of Object.entries({ ...again, ...again.outcome })) {
      const known: unknown = { ...first, ...first.outcome }[name as keyof EventBody]
      if (name === 'outcome' || value === null || JSON.stringify(value) === JSON.stringify(known)) continue
      this.broken(
        'I4 one event',
        `${name} of request ${first.request} was told as ${JSON.stringify(known)} and ${JSON.stringify(value)}`,
      )
    }
  }

  #toldLetter({ body, properties }: Outgoing): void {
    const { headers } = properties
    const request = String(headers['dl-request-id'])
    this.#letters.add(String(headers['dl-id']))
    if (headers['dl-reason'] === 'event_unroutable') this.#untellable.add(request)
    if (headers['dl-class'] === 'invalid' || headers['dl-reason'] === 'event_unroutable') return
    const letter = this.#recordOf(request)?.decision?.letter
    if (letter?.['dl-id'] !== headers['dl-id'])
      this.broken('I4 one letter', `request ${request} has no letter ${String(headers['dl-id'])}`)
    const decoded = this.#decode(body)
    if (decoded.kind !== 'request' || decoded.digest !== this.#recordOf(request)?.digest) {
      this.broken('I4 one letter', `the letter of request ${request} carries other bytes`)
    }
  }

  /** A process acknowledges; `confirmed`: what the broker confirmed to it since it got the delivery. */
  acked(delivery: Delivery, confirmed: readonly Outgoing[]): void {
    const decoded = this.#decode(delivery.body)
    const id = decoded.kind === 'invalid' ? decoded.identity.id : decoded.request.id
    const missing = missingAtAck(id, delivery.body, confirmed, this.#names)
    if (missing === null) return
    this.broken(
      'told, then acknowledged',
      `a message of request ${id} was acknowledged before its ${missing} was confirmed`,
    )
  }

  /** Everything has come to rest. `foreign`: writes of others, as events. */
  atRest(seed: Books, foreign: readonly EventBody[]): void {
    for (const [id, sent] of this.#sent) {
      this.#ended(id, sent)
      this.#cancelled(id)
    }
    for (const id of this.#told.keys()) {
      if (!this.#sent.has(id)) this.broken('I4 accounting', `an event tells of request ${id}, which nobody sent`)
    }
    for (const id of this.#expected) {
      const untellable = this.#untellable.has(id.split('/')[0]!)
      if (!this.#answered.has(id) && !untellable) this.broken('I4 accounting', `${id} was never told`)
    }
    for (const id of this.#answered) {
      if (!this.#expected.has(id)) this.broken('I4 accounting', `${id} was told of bytes that were never sent`)
    }
    for (const id of this.#failed) {
      if (!this.#letters.has(letterId(id))) this.broken('I4 accounting', `${id} was told, and has no letter`)
    }
    const told = [...this.#told.values()].map((text) => JSON.parse(text) as EventBody)
    const replay = faultsOfReplay(
      (this.deeds?.replay(told, foreign) ?? [...told, ...foreign]) as unknown as Told[],
      seed,
      dump(this.#books) as unknown as Books,
      this.deeds === null ? 'generations' : 'told',
    )
    for (const fault of replay) this.broken('I1 replay', fault)
    for (const [id, times] of this.effects) {
      const code = this.decisions.get(id)?.code ?? ''
      if (code !== 'applied' && this.deeds?.excuses(id, code) !== true)
        this.broken('I5 truth', `request ${id} was written ${times} times, and not decided applied`)
    }
  }

  /** A cancel told as done has kept its request from being carried out; one told as too late has not. */
  #cancelled(id: string): void {
    const target = this.#targets.get(id)
    const cancel = this.decisions.get(id)
    const code = target === undefined ? undefined : this.decisions.get(target)?.code
    if (cancel?.operation !== 'cancel' || target === undefined) return
    const { code: how } = cancel
    if (how === 'applied' || how === 'nothing_to_do') {
      if (code !== undefined && code !== 'cancelled' && code !== 'expired') {
        this.broken('I5 truth', `cancel ${id} was decided ${how}, and its request ${target} ${code}`)
      }
    } else if (how === 'superseded' && (code === undefined || code === 'cancelled')) {
      this.broken('I5 truth', `cancel ${id} was decided ${how}, and its request ${target} ${code ?? 'not at all'}`)
    }
  }

  #ended(id: string, sent: readonly Sent[]): void {
    const record = this.#recordOf(id)
    if (record?.decision === undefined || record.decision === null) {
      this.broken('I4 accounting', `request ${id} was never decided`)
      return
    }
    if (record.toldAtMs === null) this.broken('I4 accounting', `the journal was not told that request ${id} was told`)
    if (!this.#told.has(id)) this.broken('I4 accounting', `request ${id} was never told`)
    for (const { digest, answer } of sent) {
      if (digest !== record.digest) this.#expected.add(answer)
    }
    if (!sent.some(({ digest }) => digest === record.digest))
      this.broken('I4 accounting', `request ${id} was decided on content that nobody sent`)
  }

  #decode(body: Buffer): Decoded {
    const known = this.#decoded.get(body)
    if (known !== undefined) return known
    const decoded = decode({ body, headers: {} }, { bytesMax: BYTES_MAX })
    this.#decoded.set(body, decoded)
    return decoded
  }
}
