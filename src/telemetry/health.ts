// Alive and ready, and why not. Being alive never depends on the broker or Redis: a restart would not mend those.

export interface Health {
  /** False once something broke that only a new process mends. */
  readonly live: boolean
  readonly ready: boolean
  /** Why it is not ready, one phrase each; empty when it is. */
  readonly reasons: readonly string[]
}

export interface HealthWatch {
  read(): Health
  /** From here on `reasons` says whether the process is ready; before, it is starting. */
  watch(reasons: () => readonly string[]): void
  /** Marks the process as broken for good. */
  condemn(why: string): void
}

/** Readiness is exactly "there is no reason against it". */
export function openHealth(): HealthWatch {
  let condemned: string | null = null
  let reasonsNow: () => readonly string[] = () => ['starting']
  return {
    read: () => {
      const reasons = condemned === null ? reasonsNow() : [condemned, ...reasonsNow()]
      return { live: condemned === null, ready: reasons.length === 0, reasons }
    },
    watch: (reasons) => {
      reasonsNow = reasons
    },
    condemn: (why) => {
      condemned = why
    },
  }
}
