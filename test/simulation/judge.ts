// What must hold of every life: looked at after each step that the store or the broker carries out, and at its end.
import type { Names } from '../../src/broker/names.ts'
import type { Decision, EventBody } from '../../src/transfer/event.ts'
import type { Begun } from '../../src/journal/journal.ts'
import type { Ticket } from '../../src/locks/locks.ts'
import { nowMs, type MemorySlot, type Record } from '../support/memory/slot.ts'
import { faultsOfReplay } from '../support/crowd-check.ts'
import type { Books, Told } from '../support/installation.ts'
import { dump } from '../support/memory/seed.ts'
import { checkBooks } from '../support/books.ts'
import { lookAt, faultsOfWrite, sightOf } from './judge-books.ts'
import type { Command } from './commands.ts'
import { Deeds } from './deeds.ts'
import { Fences } from './judge-fences.ts'
import { LockRules } from './judge-locks.ts'
import { Tail } from './judge-tail.ts'
import { Tellings } from './judge-tellings.ts'
import type { Rule, Violation } from './rules.ts'
import type { Trace } from './trace.ts'

/** Ends that mean a bug wherever no record can get lost. */
const NEVER: readonly string[] = [
  'already_applied',
  'outcome_unknown',
  'diverged',
  'postcondition_failed',
  'poison',
  'internal_error',
]

export interface JudgeParts {
  /** Of the journal, and of the books, which may be another. */
  readonly slot: MemorySlot
  readonly books: MemorySlot
  readonly names: Names
  readonly trace: Trace
  /** Whether a decision is told only once a replica has it. */
  readonly kept: boolean
}

export class Judge {
  violation: Violation | null = null
  /** Writes that changed the books, by request. */
  readonly effects = new Map<string, number>()
  readonly decisions = new Map<string, Decision>()
  readonly #slot: MemorySlot
  readonly #books: MemorySlot
  /** Null where books and journal are one store. */
  readonly deeds: Deeds | null
  /** The request that each decided cancel names. */
  readonly #targets = new Map<string, string>()
  readonly #fences = new Fences()
  /** What the store has lost. */
  readonly tail: Tail
  readonly tellings: Tellings
  readonly locks: LockRules
  /** Sends of the write of a request that forbids repeating, by attempt. */
  readonly #sends = new Set<string>()
  /** Records that were ever packed, as they were: who was answered from a tombstone may tell so after it is lost. */
  readonly #gone = new Map<string, Record>()
  readonly #trace: Trace

  constructor({ slot, books, names, trace, kept }: JudgeParts) {
    this.#slot = slot
    this.#books = books
    this.tail = new Tail(kept)
    this.deeds = books === slot ? null : new Deeds(books)
    this.#trace = trace
    const broken = (rule: Rule, what: string): void => this.broken(rule, what)
    this.locks = new LockRules(slot, broken)
    this.tellings = new Tellings({
      slot,
      names,
      broken,
      tail: this.tail,
      recordOf: (id) => this.#recordOf(id),
      isPacked: (id) => this.#gone.has(id),
    })
  }

  /** The first thing that went wrong stands. */
  broken(rule: Rule, what: string): void {
    if (this.violation !== null) return
    this.violation = { rule, what: this.#trace.named(what) }
    this.#trace.note('JUDGE', `${rule}: ${what}`)
  }

  /** A write goes out; one whose sender forbids repeating goes out once, whoever sends it. */
  sending(command: Command): void {
    if (command.apply === null) return
    const { request, number } = command.apply.attempt
    const record = this.#slot.records.get(request)
    // n.b. Where the ledger is the journal, nothing that was begun under an earlier run can be carried out any more.
    if (record === undefined || (this.deeds === null && record.run !== this.#slot.run)) return
    const decoded = this.tellings.decode(record.body)
    if (decoded.kind !== 'request' || decoded.request.idempotent) return
    const key = `${request} ${number}`
    if (this.#sends.has(key))
      this.broken('I6 never repeated', `write ${number} of ${request} was sent again, which its sender forbids`)
    this.#sends.add(key)
  }

  /** It is known that what went out was not carried out. */
  refused({ apply }: Command): void {
    if (apply !== null) this.#sends.delete(`${apply.attempt.request} ${apply.attempt.number}`)
  }

  /** Carries out one command of the store for the process `who`, and looks at what it did. */
  ran<T>(command: Command, who: string, run: () => T): T {
    const answer = this.#ran(command, run)
    this.locks.look(who)
    return answer
  }

  #ran<T>(command: Command, run: () => T): T {
    if (command.takes !== undefined) return this.#taken(command.request ?? 'nobody', command.takes, run)
    if (command.apply !== null) return this.#applied(command.apply, run)
    if (command.name === 'journal.pack') return this.#packed(run)
    const dueAtMs = command.request === null ? null : (this.#slot.records.get(command.request)?.dueAtMs ?? null)
    const answer = run()
    this.#noteTicket(answer)
    if (answer === 'restored') this.#restored(command.request!)
    if (command.request !== null) this.#lookAtDecision(command.request)
    const isTold =
      command.request === null || this.tellings.told.has(command.request) || this.tail.isOvertaken(command.request)
    if (command.name === 'journal.told' && !isTold) {
      this.broken(
        'I4 told, then noted',
        `request ${command.request} was noted as told, and the broker has no event of it`,
      )
    }
    if (command.name === 'journal.begin' && (answer as Begun).kind === 'begun') this.#begun(command.request!, dueAtMs)
    return answer
  }

  #begun(id: string, dueAtMs: number | null): void {
    const isTold = this.tellings.told.has(id) && !this.tail.isOvertaken(id)
    if (isTold) this.broken('I12 remembered', `request ${id} was told, and is begun anew`)
    const earlyMs = (dueAtMs ?? 0) - nowMs(this.#slot)
    if (earlyMs > 0) this.broken('I4 due', `request ${id} was begun ${earlyMs} ms before it was due`)
  }

  /** The store has fallen back to an older state. `foreign`: writes of others that are lost with its tail. */
  tailLost(foreign: readonly EventBody[]): void {
    this.#fences.tailLost()
    for (const { before } of foreign) for (const id of Object.keys(before ?? {})) this.tail.changed(id)
    for (const [id, decision] of this.decisions) {
      if (this.#recordOf(id)?.decision?.event === decision.event) continue
      const told = this.tellings.told.has(id)
      const fault = this.tail.lost(decision, told)
      if (fault !== null) this.broken('I4 kept, then told', fault)
      if (!told) this.decisions.delete(id)
    }
    if (this.deeds !== null) return
    // Where the books go back with the journal, what was not told has not happened, and a send is nobody's any more.
    for (const id of this.effects.keys()) if (!this.decisions.has(id)) this.effects.delete(id)
    this.#sends.clear()
  }

  /** A worker that restores has found that a consumer is not as an event tells. */
  found(request: string, consumer: string): void {
    const fault = this.tail.found(request, consumer, this.tellings.told.get(request))
    if (fault !== null) this.broken('I4 kept, then told', fault)
  }

  /** A decision was taken from the journal of events: it is what was told, and the books are in balance with it. */
  #restored(id: string): void {
    const decision = this.#slot.records.get(id)!.decision!
    this.tellings.restored(id, decision.event)
    for (const what of checkBooks(dump(this.#books))) this.broken('I1 conservation', `${what} (restored ${id})`)
    const writes = decision.code === 'applied' && decision.operation !== 'cancel'
    if (this.deeds === null && writes) this.effects.set(id, 1)
  }

  /** What packing takes away was told, is known to have happened or not, and leaves no move open. */
  #packed<T>(run: () => T): T {
    const before = new Map(this.#slot.records)
    const answer = run()
    for (const [id, record] of before) {
      if (this.#slot.records.has(id)) continue
      this.#gone.set(id, record)
      if (record.toldAtMs === null) this.broken('I12 packed', `request ${id} was packed, and never told`)
      const open = [...this.#slot.moves.values()].find((move) => move.state === 'open' && move.request === id)
      if (open !== undefined) this.broken('I12 packed', `request ${id} was packed while its move is open`)
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
    if (place !== undefined) this.#fences.noted(place.number, place.resources)
  }

  #applied<T>({ write, attempt }: NonNullable<Command['apply']>, run: () => T): T {
    const sight = lookAt(this.#books, write)
    const answer = run()
    const faults = faultsOfWrite(this.#books, write, sight, this.deeds !== null)
    if (faults !== null) {
      this.deeds?.done(attempt.request, sight)
      for (const { rule, what } of faults) this.broken(rule, `${what} (request ${attempt.request})`)
      // n.b. Apart from the locks a write to a provider may come late: its consumers wait for it, and room is checked.
      const skips = (resource: string): boolean => this.deeds !== null && resource.startsWith('p:')
      const older = this.#fences.wrote(attempt.ticket, skips)
      if (older !== null) this.broken('I7 fences', older)
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
    if (deeds.deletes.has(request)) this.broken('I6 never repeated', `the DELETE of request ${request} was sent again`)
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

  #lookAtDecision(id: string): void {
    const decision = this.#recordOf(id)?.decision ?? null
    const known = this.decisions.get(id)
    if (decision === known) return
    if (decision === null && this.tail.everLost(id)) return // it is yet to be restored
    if (known !== undefined && !this.tail.isOvertaken(id)) {
      if (decision?.event === known.event) return
      this.broken(
        'I4 one decision',
        `request ${id} was decided ${known.code}, and then ${decision?.code ?? 'not at all'}`,
      )
      return
    }
    if (decision === null) return
    this.decisions.set(id, decision)
    const decoded = this.tellings.decode(this.#slot.records.get(id)!.body)
    if (decoded.kind === 'request' && decoded.request.request !== null) this.#targets.set(id, decoded.request.request)
    const { code, operation } = decision
    const writes = code === 'applied' && operation !== 'cancel' ? 1 : 0
    const times = this.effects.get(id) ?? 0
    const excused = this.deeds?.excuses(id, code) === true
    if (times !== writes && !excused)
      this.broken('I5 truth', `request ${id} was decided ${code}, and its write happened ${times} times`)
    if (NEVER.includes(code) && !excused) this.broken('I5 no bug', `request ${id} was decided ${decision.event}`)
  }

  /** Everything has come to rest. `foreign`: writes of others, as events. */
  atRest(seed: Books, foreign: readonly EventBody[]): void {
    this.tellings.atRest()
    for (const id of this.decisions.keys()) this.#cancelled(id)
    const told = [...this.tellings.told.values()].map((text) => this.tail.wholeEvent(JSON.parse(text) as EventBody))
    const replay = faultsOfReplay(
      (this.deeds?.replay(told, foreign) ?? [
        ...told,
        ...foreign.map((one) => this.tail.wholeEvent(one)),
      ]) as unknown as Told[],
      this.tail.whole(seed),
      this.tail.whole(dump(this.#books) as unknown as Books),
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
    if (!this.tail.isWhole(id, target)) return // no event tells of a mark
    const { code: how } = cancel
    if (how === 'applied' || how === 'nothing_to_do') {
      if (code !== undefined && code !== 'cancelled' && code !== 'expired') {
        this.broken('I5 truth', `cancel ${id} was decided ${how}, and its request ${target} ${code}`)
      }
    } else if (how === 'superseded' && (code === undefined || code === 'cancelled')) {
      this.broken('I5 truth', `cancel ${id} was decided ${how}, and its request ${target} ${code ?? 'not at all'}`)
    }
  }
}
