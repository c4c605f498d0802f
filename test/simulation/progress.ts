// How far a long run has come, on stderr: a bar that moves where somebody watches, else a line now and then.
import { systemClock } from '../../src/clock/system-clock.ts'

const BAR = 30
const SHOWN_EVERY_MS = { terminal: 200, file: 10_000 } as const

export class Progress {
  readonly #count: number
  readonly #what: string
  readonly #sinceMs = systemClock.monotonicMs()
  readonly #moves: boolean = process.stderr.isTTY
  #shownMs = this.#sinceMs
  #isShown = false

  constructor(count: number, what: string) {
    this.#count = count
    this.#what = what
  }

  get tookMs(): number {
    return systemClock.monotonicMs() - this.#sinceMs
  }

  /** `done` of all there are. */
  show(done: number): void {
    const nowMs = systemClock.monotonicMs()
    if (nowMs - this.#shownMs < SHOWN_EVERY_MS[this.#moves ? 'terminal' : 'file']) return
    this.#shownMs = nowMs
    const full = Math.round((BAR * done) / this.#count)
    const speed = Math.round((done * 1_000) / this.tookMs)
    const leftS = Math.round(((this.#count - done) * this.tookMs) / done / 1_000)
    const bar = `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`
    const line = `${bar} ${done} of ${this.#count} ${this.#what}, ${speed} a second, ${leftS} s left`
    process.stderr.write(this.#moves ? `\r${line}\x1b[K` : `${line}\n`)
    this.#isShown = this.#moves
  }

  /** What is written next stands on a line of its own. */
  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
    this.#isShown = false
  }
}
