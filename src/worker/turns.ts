// Whose turn it is in this process: deliveries are carried beside each other, but for one that has to be alone.
import type { Turn } from '../flow/job.ts'

/** A turn as the worker holds it. `leave` may be called twice. */
export interface HeldTurn extends Turn {
  leave(): void
}

/**
 * Many beside each other, or one alone. Who waits to be alone has nothing begun, and goes before new ones: otherwise it
 * would wait for ever.
 */
export class Turns {
  /** Deliveries carried now, beside each other; or one, alone. */
  #carried = 0
  #alone = false
  readonly #waitAlone: Waiter[] = []
  readonly #waitBeside: Waiter[] = []

  /** A turn beside others, at once where nobody is or waits to be alone. Null when `signal` aborted first. */
  async enter(signal: AbortSignal): Promise<HeldTurn | null> {
    if (!this.#alone && this.#waitAlone.length === 0) this.#carried += 1
    else if (!(await waitIn(this.#waitBeside, signal))) return null
    let holds = true
    return {
      alone: async (until) => {
        holds = false
        const waited = waitIn(this.#waitAlone, until)
        this.#left()
        holds = await waited
        if (!holds) this.#next()
        return holds
      },
      leave: () => {
        if (!holds) return
        holds = false
        this.#left()
      },
    }
  }

  #left(): void {
    this.#carried -= 1
    this.#alone = false
    this.#next()
  }

  /** Gives turns to those whose time has come; a turn is held from then on. */
  #next(): void {
    if (this.#alone) return
    if (this.#waitAlone.length > 0) {
      if (this.#carried > 0) return
      this.#alone = true
      this.#carried = 1
      this.#waitAlone.shift()!.go()
      return
    }
    for (const waiter of this.#waitBeside.splice(0)) {
      this.#carried += 1
      waiter.go()
    }
  }
}

interface Waiter {
  readonly go: () => void
}

/** False when `signal` aborts before it is this waiter's turn. */
function waitIn(list: Waiter[], signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (reached: boolean): void => {
      signal.removeEventListener('abort', onAbort)
      resolve(reached)
    }
    const onAbort = (): void => {
      list.splice(list.indexOf(waiter), 1)
      end(false)
    }
    const waiter = { go: () => end(true) }
    if (signal.aborted) return resolve(false)
    signal.addEventListener('abort', onAbort, { once: true })
    list.push(waiter)
  })
}
