// Commands that are held up on their way to the store, and arrive when something else happens to the same request.
import { Unanswered } from '../../src/retry/failures.ts'
import type { Command } from './commands.ts'
import type { Random } from './climate.ts'

interface Parked {
  readonly command: Command
  readonly arrive: () => void
}

export interface ParkingParts {
  /** Chance a command of the flow that it is held up. */
  readonly chance: number
  readonly random: Random
  readonly timer: (ms: number, run: () => void) => void
}

/** Chance that a command held up arrives with the next step of its request. */
const LEAVES = 0.5
/** Commands that would end a request are held up more often than others. */
const ENDING = 2
const BEGINNING = 0.5

export class Parking {
  readonly #parts: ParkingParts
  readonly #parked = new Set<Parked>()
  #open = true

  constructor(parts: ParkingParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#parked.size
  }

  takes({ name, request }: Command): boolean {
    const { chance, random } = this.#parts
    if (!this.#open || request === null || chance === 0) return false
    return random() < chance * (name === 'ledger.apply' || name === 'journal.decide' ? ENDING : BEGINNING)
  }

  /** To its caller it is lost: none comes within `timeoutMs` of `timer`, the clock of a process that may die. */
  park<T>(
    command: Command,
    arrive: () => void,
    timer: (ms: number, run: () => void) => void,
    timeoutMs: number,
  ): Promise<T> {
    this.#parked.add({ command, arrive })
    return new Promise((_, reject) => {
      timer(timeoutMs, () => reject(new Unanswered(`${command.name}: no answer within ${timeoutMs} ms`)))
    })
  }

  /** A step of `request` was carried out: what was held up may arrive right after it. */
  stepped(request: string): void {
    for (const parked of this.#parked) {
      if (parked.command.request === request && this.#parts.random() < LEAVES) this.#leave(parked, 0)
    }
  }

  /** Nothing is held up any more; what was arrives within `ms`. */
  close(ms: number): void {
    this.#open = false
    for (const parked of this.#parked) this.#leave(parked, this.#parts.random() * ms)
  }

  #leave(parked: Parked, ms: number): void {
    this.#parts.timer(ms, () => {
      if (this.#parked.delete(parked)) parked.arrive()
    })
  }
}
