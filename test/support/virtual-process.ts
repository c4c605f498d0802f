// The clock of one process in virtual time: the process may be frozen, thawed and killed while time goes on.
import type { Clock } from '../../src/clock/clock.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Timers of a frozen process wait for the thaw; those of a killed one never run, and its promises never settle. */
export class VirtualProcess implements Clock {
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly uuid: () => string
  readonly #clock: VirtualClock
  #backlog: (() => void)[] = []
  #state: 'running' | 'frozen' | 'killed' = 'running'

  constructor(clock: VirtualClock) {
    this.#clock = clock
    this.nowMs = clock.nowMs
    this.monotonicMs = clock.monotonicMs
    this.random = clock.random
    this.uuid = clock.uuid
  }

  get state(): 'running' | 'frozen' | 'killed' {
    return this.#state
  }

  readonly timer = (ms: number, run: () => void): (() => void) => {
    let wanted = true
    const runs = (): void => {
      if (wanted) run()
    }
    const cancel = this.#clock.timer(ms, () => {
      if (this.#state === 'running') runs()
      else if (this.#state === 'frozen') this.#backlog.push(runs)
    })
    return () => {
      wanted = false
      cancel()
    }
  }

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.timer(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** What became due meanwhile runs now, in its order. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    for (const run of this.#backlog.splice(0)) this.timer(0, run)
  }

  kill(): void {
    this.#state = 'killed'
    this.#backlog = []
  }
}
