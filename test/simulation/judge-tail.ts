// What a store that fell back to an older state may have lost, and what it may not: what was told must come back.
import type { Decision, EventBody } from '../../src/transfer/event.ts'
import { consumersOf } from '../../src/transfer/restoration.ts'
import type { Books } from '../support/installation.ts'

export class Tail {
  /** Whether a decision is told only once a replica has it: then nothing that was told is ever lost. */
  readonly #kept: boolean
  /** Decisions that were lost, by request, the newest last. */
  readonly #lost = new Map<string, Set<string>>()
  /** Requests whose event came from a worker that did not know yet that their decision was lost. */
  readonly #overtaken = new Set<string>()
  /** Consumers of which something was lost that nobody had told: what was built on it cannot come back. */
  readonly #torn = new Set<string>()

  constructor(kept: boolean) {
    this.#kept = kept
  }

  /** A decision is gone with the tail. What is wrong with that, or null. */
  lost({ request, event }: Decision, told: boolean): string | null {
    this.#lost.set(request, (this.#lost.get(request) ?? new Set()).add(event))
    if (told) return this.#kept ? `request ${request} was told, and no replica had its decision` : null
    this.#tear(event)
    return null
  }

  everLost(request: string): boolean {
    return this.#lost.has(request)
  }

  /** Whether nothing of these requests was ever lost that no event tells. */
  isWhole(...requests: readonly string[]): boolean {
    return this.#kept || !requests.some((request) => this.#lost.has(request))
  }

  isOvertaken(request: string): boolean {
    return this.#overtaken.has(request)
  }

  /**
   * An event has come whose decision does not stand: whether it is that of one which was lost while it was on its way.
   * `told`: the event of the request that is known, or undefined.
   */
  excuses(request: string, event: string, told: string | undefined): boolean {
    if (this.#kept || this.#lost.get(request)?.has(event) !== true) return false
    if (told === event) return true // it is yet to be restored
    this.#overtaken.add(request)
    this.#tear(event)
    return true
  }

  /** What came too late stands after all. */
  stands(request: string): void {
    this.#overtaken.delete(request)
  }

  /** Somebody changed a consumer, and the change is lost, or came where others are yet to be restored. */
  changed(consumer: string): void {
    if (!this.#kept) this.#torn.add(consumer)
  }

  /** A restored decision was found not to fit the books. What is wrong with that, or null. */
  found(request: string, consumer: string, event: string | undefined): string | null {
    if (this.#kept || !this.#torn.has(consumer))
      return `the effect of request ${request} on ${consumer} was told, and did not come back`
    if (event !== undefined) this.#tear(event)
    return null
  }

  /** Books and events without the consumers of which something untold was lost. */
  whole(books: Books): Books {
    return { ...books, consumers: books.consumers.filter(({ id }) => !this.#torn.has(id)) }
  }

  wholeEvent(event: EventBody): EventBody {
    if (this.#torn.size === 0) return event
    const views = (given: EventBody['before']): EventBody['before'] =>
      given === null ? null : Object.fromEntries(Object.entries(given).filter(([id]) => !this.#torn.has(id)))
    return { ...event, before: views(event.before), after: views(event.after) }
  }

  #tear(event: string): void {
    for (const consumer of consumersOf(JSON.parse(event) as EventBody)) this.changed(consumer)
  }
}
