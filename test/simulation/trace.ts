// What happened in one simulated life, step by step: the newest steps are kept, or every one is told at once.
import type { VirtualClock } from '../support/virtual-clock.ts'

/** Text, or something that is only made into text when somebody reads it. */
export type Detail = string | number | (() => string)

interface Step {
  readonly atMs: number
  readonly who: string
  readonly what: string
  readonly details: readonly Detail[]
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const DETAIL_MAX = 220

export class Trace {
  readonly #clock: VirtualClock
  readonly #tell: ((line: string) => void) | null
  readonly #kept: number
  readonly #aliases = new Map<string, string>()
  #steps: Step[] = []

  /** `tell` is given each line as it happens; without it only the last `kept` steps can be read, afterwards. */
  constructor(clock: VirtualClock, tell: ((line: string) => void) | null = null, kept = 60) {
    this.#clock = clock
    this.#tell = tell
    this.#kept = kept
  }

  /** From now on `id` is shown as `alias`. */
  alias(id: string, alias: string): void {
    this.#aliases.set(id, alias)
  }

  note(who: string, what: string, ...details: readonly Detail[]): void {
    const step = { atMs: this.#clock.monotonicMs(), who, what, details }
    if (this.#tell !== null) this.#tell(this.#line(step))
    else if (this.#steps.push(step) > this.#kept * 2) this.#steps = this.#steps.slice(-this.#kept)
  }

  /** The last steps as lines. */
  lines(): readonly string[] {
    return this.#steps.slice(-this.#kept).map((step) => this.#line(step))
  }

  /** `text` with every known uuid under its alias, others cut short. */
  named(text: string): string {
    return text.replace(UUID, (id) => this.#aliases.get(id) ?? id.slice(0, 8))
  }

  #line({ atMs, who, what, details }: Step): string {
    const texts = details.map((detail) => cut(this.named(typeof detail === 'function' ? detail() : String(detail))))
    return `${(atMs / 1000).toFixed(3).padStart(9)}  ${who.padEnd(7)} ${[what, ...texts].join('  ')}`
  }
}

function cut(text: string): string {
  return text.length > DETAIL_MAX ? `${text.slice(0, DETAIL_MAX)}…` : text
}
