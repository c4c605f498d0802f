// What many lives came to, added up, and as lines for people.
import type { Life } from './life.ts'

export class Tally {
  seeds = 0
  requests = 0
  messages = 0
  virtualMs = 0
  readonly faults = new Map<string, number>()
  readonly codes = new Map<string, number>()
  readonly violations: { readonly seed: number; readonly rule: string; readonly what: string }[] = []

  add(life: Life): void {
    this.seeds += 1
    this.requests += life.requests
    this.messages += life.messages
    this.virtualMs += life.virtualMs
    for (const [fault, times] of life.faults) this.faults.set(fault, (this.faults.get(fault) ?? 0) + times)
    for (const [code, times] of life.codes) this.codes.set(code, (this.codes.get(code) ?? 0) + times)
    if (life.violation !== null) this.violations.push({ seed: life.seed, ...life.violation })
  }

  lines(realMs: number): readonly string[] {
    const seconds = realMs / 1_000
    return [
      `${this.seeds} seeds in ${seconds.toFixed(1)} s (${Math.round(this.seeds / seconds)} a second), ` +
        `${(this.virtualMs / 3_600_000).toFixed(1)} virtual hours`,
      `${this.requests} requests in ${this.messages} messages; decided: ${listed(this.codes)}`,
      `faults: ${listed(this.faults)}`,
      this.violations.length === 0 ? 'no violation' : `${this.violations.length} seeds with a violation`,
    ]
  }

  summary(realMs: number): object {
    const { seeds, requests, messages, virtualMs, violations } = this
    const counts = { faults: Object.fromEntries(this.faults), codes: Object.fromEntries(this.codes) }
    return {
      seeds,
      requests,
      messages,
      realMs: Math.round(realMs),
      virtualMs: Math.round(virtualMs),
      ...counts,
      violations,
    }
  }
}

/** The most frequent first. */
function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, one], [, other]) => other - one)
  return sorted.length === 0
    ? 'none'
    : sorted.map(([name, count]) => `${name.replaceAll('_', ' ')} ${count}`).join(', ')
}
