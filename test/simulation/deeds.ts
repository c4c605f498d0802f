// What was really done on a ledger apart from the journal, in its order: reading back and telling come later there.
import type { EventBody } from '../../src/transfer/event.ts'
import type { Allocations } from '../../src/transfer/snapshot.ts'
import type { MemorySlot } from '../support/memory/slot.ts'
import type { Sight } from './judge-books.ts'

interface View {
  readonly generation: number | null
  readonly allocations: Allocations
}

const NOTHING: View = { generation: null, allocations: {} }

export class Deeds {
  readonly #books: MemorySlot
  #sequence = 0
  /** When each request, and each write of others, was carried out. */
  readonly #order = new Map<string, number>()
  readonly #steps = new Map<string, EventBody>()
  /** When somebody last wrote to a consumer without asking Ferryman, or Ferryman without a guard. */
  readonly #unguarded = new Map<string, number>()
  /** Requests of which a DELETE has arrived. */
  readonly deletes = new Set<string>()

  constructor(books: MemorySlot) {
    this.#books = books
  }

  /** A write was carried out on what `sight` saw. */
  done(request: string, sight: Sight): void {
    this.#order.set(request, ++this.#sequence)
    const ids = [...sight.consumers.keys()]
    const before = Object.fromEntries(ids.map((id) => [id, sight.consumers.get(id) ?? NOTHING]))
    const after = Object.fromEntries(ids.map((id) => [id, this.#books.consumers.get(id) ?? NOTHING]))
    const outcome = { code: 'applied', class: 'done', effect: 'happened', message: '' }
    this.#steps.set(request, { request, outcome, before, after } as unknown as EventBody)
  }

  /** Somebody who asks nobody has written to `consumer`. */
  others(who: string, consumer: string): void {
    this.#order.set(who, ++this.#sequence)
    this.#unguarded.set(consumer, this.#sequence)
  }

  /** A DELETE took all that `consumer` held. */
  deleted(request: string, consumer: string, sight: Sight): void {
    this.done(request, sight)
    this.#unguarded.set(consumer, this.#sequence)
  }

  /**
   * Whether a request may end so here: as unknown after a DELETE that was not answered, as something else than planned
   * where others wrote to its consumers before they were read back.
   */
  excuses(request: string, code: string): boolean {
    if (code === 'outcome_unknown') return true
    const atStep = this.#order.get(request) ?? Infinity
    const consumers = Object.keys(this.#steps.get(request)?.before ?? {})
    return code === 'postcondition_failed' && consumers.some((id) => (this.#unguarded.get(id) ?? 0) > atStep)
  }

  /** Every write in its order: as it was told, where it was told as planned; else as it was. */
  replay(told: readonly EventBody[], foreign: readonly EventBody[]): readonly EventBody[] {
    const applied = told.filter(({ request, outcome }) => outcome.code === 'applied' && !this.deletes.has(request))
    const known = new Set(applied.map(({ request }) => request))
    const untold = [...this.#steps].filter(([request]) => !known.has(request)).map(([, step]) => step)
    const order = ({ request }: EventBody): number => this.#order.get(request) ?? 0
    return [...applied, ...untold, ...foreign].sort((one, other) => order(one) - order(other))
  }
}
