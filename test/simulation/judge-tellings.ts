// What must hold of all that is told: each event and letter as decided, in its order, and at the end one of everything.
import type { Delivery, Outgoing } from '../../src/broker/broker.ts'
import type { Names } from '../../src/broker/names.ts'
import { sha256Hex } from '../../src/transfer/digest.ts'
import type { EventBody } from '../../src/transfer/event.ts'
import { letterId } from '../../src/transfer/letter.ts'
import { decode, type Decoded } from '../../src/transfer/message.ts'
import type { MemorySlot, Record } from '../support/memory/slot.ts'
import { missingAtAck } from './judge-acks.ts'
import type { Tail } from './judge-tail.ts'
import type { Broken } from './rules.ts'

export const BYTES_MAX = 65_536

/** A body that was sent, and what must be told of it if its content does not own the id. */
interface Sent {
  readonly digest: string
  readonly answer: string
}

export interface TellingsParts {
  readonly slot: MemorySlot
  readonly names: Names
  readonly tail: Tail
  readonly broken: Broken
  /** The record of a request, also after it was packed. */
  readonly recordOf: (id: string) => Record | undefined
  readonly isPacked: (id: string) => boolean
}

export class Tellings {
  messages = 0
  /** The event told of each request. */
  readonly told = new Map<string, string>()
  readonly #parts: TellingsParts
  /** Bodies sent under each id. */
  readonly #sent = new Map<string, Sent[]>()
  /** Ids of events that answer bytes: those that must come, and those that came. */
  readonly #expected = new Set<string>()
  readonly #answered = new Set<string>()
  /** Ids of the events that told a failure. */
  readonly #failed = new Set<string>()
  /** Ids of the letters that were stored. */
  readonly #letters = new Set<string>()
  /** Requests of which a letter says that nobody could receive their event. */
  readonly #untellable = new Set<string>()
  readonly #decoded = new WeakMap<Buffer, Decoded>()

  constructor(parts: TellingsParts) {
    this.#parts = parts
  }

  /** A body in few words. */
  describe(body: Buffer): string {
    const decoded = this.decode(body)
    if (decoded.kind === 'invalid') return `${decoded.identity.id} ${decoded.outcome.code}`
    const { id, operation } = decoded.request
    return `${id} ${operation}`
  }

  /** Somebody has sent this message to the exchange of requests. */
  sent(body: Buffer): void {
    this.messages += 1
    const decoded = this.decode(body)
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

  /** The broker has stored a message. */
  stored(message: Outgoing): void {
    if (message.exchange === this.#parts.names.events) this.#toldEvent(message)
    if (message.exchange === this.#parts.names.deadLetters) this.#toldLetter(message)
  }

  #toldEvent({ body, properties }: Outgoing): void {
    const text = body.toString()
    const event = JSON.parse(text) as EventBody
    const { id, request, outcome } = event
    if (outcome.class !== 'done') this.#failed.add(id)
    if (properties.messageId !== id)
      this.#parts.broken('I4 one event', `event ${id} was sent as message ${properties.messageId}`)
    if (outcome.class === 'invalid') {
      this.#answered.add(id)
      return
    }
    const first = this.told.get(request)
    const decision = this.#parts.slot.records.get(request)?.decision ?? null
    if (decision?.event !== text && this.#parts.tail.excuses(request, text, first)) return
    if (first !== undefined && this.#parts.isPacked(request))
      return this.#toldFromTomb(JSON.parse(first) as EventBody, event)
    if (first !== undefined && first !== text)
      this.#parts.broken('I4 one event', `request ${request} was told ${first} and ${text}`)
    this.told.set(request, text)
    if (decision === null)
      this.#parts.broken('I4 decided, then told', `request ${request} was told ${outcome.code}, undecided`)
    else if (decision.event !== text)
      this.#parts.broken('I4 one event', `request ${request} was told ${text}, decided ${decision.event}`)
  }

  /** What is told from a tombstone is what was told, or null. */
  #toldFromTomb(first: EventBody, again: EventBody): void {
    for (const [name, value] of Object.entries({ ...again, ...again.outcome })) {
      const known: unknown = { ...first, ...first.outcome }[name as keyof EventBody]
      if (name === 'outcome' || value === null || JSON.stringify(value) === JSON.stringify(known)) continue
      this.#parts.broken(
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
    // No event tells a digest, and a letter that was late is as true as its event.
    if (!this.#parts.tail.isWhole(request)) return
    const letter = this.#parts.recordOf(request)?.decision?.letter
    if (letter?.['dl-id'] !== headers['dl-id'])
      this.#parts.broken('I4 one letter', `request ${request} has no letter ${String(headers['dl-id'])}`)
    const decoded = this.decode(body)
    if (decoded.kind !== 'request' || decoded.digest !== this.#parts.recordOf(request)?.digest) {
      this.#parts.broken('I4 one letter', `the letter of request ${request} carries other bytes`)
    }
  }

  /** A process acknowledges; `confirmed`: what the broker confirmed to it since it got the delivery. */
  acked(delivery: Delivery, confirmed: readonly Outgoing[]): void {
    const decoded = this.decode(delivery.body)
    const id = decoded.kind === 'invalid' ? decoded.identity.id : decoded.request.id
    const missing = missingAtAck(id, delivery.body, confirmed, this.#parts.names)
    if (missing === null) return
    this.#parts.broken(
      'I4 told, then acknowledged',
      `a message of request ${id} was acknowledged before its ${missing} was confirmed`,
    )
  }

  /** A decision was taken from the journal of events: what came too late for it stands now. */
  restored(id: string, event: string): void {
    const { tail, broken } = this.#parts
    if (tail.isOvertaken(id) && !this.told.has(id)) {
      tail.stands(id)
      this.told.set(id, event)
    }
    const told = this.told.get(id)
    if (told !== event && !tail.isOvertaken(id))
      broken('I4 one event', `request ${id} was told ${told}, and restored as ${event}`)
  }

  /** Everything has come to rest: all that was sent has its answer, and nothing else was answered. */
  atRest(): void {
    for (const [id, sent] of this.#sent) this.#ended(id, sent)
    for (const id of this.told.keys()) {
      if (!this.#sent.has(id)) this.#parts.broken('I4 accounting', `an event tells of request ${id}, which nobody sent`)
    }
    for (const id of this.#expected) {
      const untellable = this.#untellable.has(id.split('/')[0]!)
      if (!this.#answered.has(id) && !untellable) this.#parts.broken('I4 accounting', `${id} was never told`)
    }
    for (const id of this.#answered) {
      if (!this.#expected.has(id)) this.#parts.broken('I4 accounting', `${id} was told of bytes that were never sent`)
    }
    for (const id of this.#failed) {
      if (!this.#letters.has(letterId(id))) this.#parts.broken('I4 accounting', `${id} was told, and has no letter`)
    }
  }

  #ended(id: string, sent: readonly Sent[]): void {
    const record = this.#parts.recordOf(id)
    // Without a replica to wait for, what was told too late, or could be told to nobody, may be lost.
    if (record?.decision == null && (this.#parts.tail.isOvertaken(id) || this.#untoldAndLost(id))) return
    if (record?.decision === undefined || record.decision === null) {
      this.#parts.broken('I4 accounting', `request ${id} was never decided`)
      return
    }
    if (record.toldAtMs === null)
      this.#parts.broken('I4 accounting', `the journal was not told that request ${id} was told`)
    if (!this.told.has(id)) this.#parts.broken('I4 accounting', `request ${id} was never told`)
    if (record.digest === null && this.#parts.tail.everLost(id)) return this.#answersUnknown(sent)
    for (const { digest, answer } of sent) {
      if (digest !== record.digest) this.#expected.add(answer)
    }
    if (!sent.some(({ digest }) => digest === record.digest))
      this.#parts.broken('I4 accounting', `request ${id} was decided on content that nobody sent`)
  }

  #untoldAndLost(id: string): boolean {
    return this.#parts.tail.everLost(id) && this.#untellable.has(id)
  }

  /** Other content under an id whose digest is lost may be answered as such, or as the same. */
  #answersUnknown(sent: readonly Sent[]): void {
    for (const { answer } of sent) if (this.#answered.has(answer)) this.#expected.add(answer)
  }

  decode(body: Buffer): Decoded {
    const known = this.#decoded.get(body)
    if (known !== undefined) return known
    const decoded = decode({ body, headers: {} }, { bytesMax: BYTES_MAX })
    this.#decoded.set(body, decoded)
    return decoded
  }
}
