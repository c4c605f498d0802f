// Alive and ready, and why not. Being alive never depends on the broker or Redis: a restart would not mend those.

export interface Health {
  /** False while the process is stuck, which only a new one mends. */
  readonly live: boolean
  readonly ready: boolean
  /** Why it is not ready, one phrase each; empty when it is. */
  readonly reasons: readonly string[]
}

export interface HealthWatch {
  read(): Health
  /**
   * From here on `reasons` says whether the process is ready; before, it is starting. `stuck` says in what it is stuck;
   * null: in nothing.
   */
  watch(reasons: () => readonly string[], stuck: () => string | null): void
}

/** Readiness is exactly "there is no reason against it". */
export function openHealth(): HealthWatch {
  let reasonsNow: () => readonly string[] = () => ['starting']
  let stuckNow: () => string | null = () => null
  return {
    read: () => {
      const stuck = stuckNow()
      const reasons = stuck === null ? reasonsNow() : [stuck, ...reasonsNow()]
      return { live: stuck === null, ready: reasons.length === 0, reasons }
    },
    watch: (reasons, stuck) => {
      reasonsNow = reasons
      stuckNow = stuck
    },
  }
}
