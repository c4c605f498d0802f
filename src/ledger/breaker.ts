// A circuit breaker around a ledger: opened when it answers nobody, closed by probing it, never by a request.
import type { Clock } from '../clock/clock.ts'
import { every } from '../clock/every.ts'
import { Paused, Unanswered, Unavailable } from '../retry/failures.ts'
import type { Ledger } from './ledger.ts'

/** How often (ms) the ledger is probed. With the next two it takes less than 5 s to say that it is gone. */
const PROBE_EVERY_MS = 1_000
/** A probe without an answer for so long (ms) has failed. */
const PROBE_MS = 2_000
/** Before a probe that failed at once is made again: one connection that broke is no outage. */
const PROBE_AGAIN_MS = 200
/** Failures in a row, of so many requests and consumers, that open it although probes are answered. */
const FAILURES = 5
const CONCERNED = 3
/** Longest time (ms) that it stays open after a ledger which answers probes and nothing else. */
const OPEN_MAX_MS = 30_000

/** Calls that are not made while it is open. A write is: who has noted that he is about to send it must send it. */
const NOT_WHILE_OPEN: ReadonlySet<string> = new Set(['snapshot', 'sketch', 'find', 'close'])
const NOT_WATCHED: ReadonlySet<string> = new Set(['probe', 'stop'])

/*
 *            a probe fails, or calls of several requests in a row
 *   closed ───────────────────────────────────────────────────────▶ open ◀──┐
 *      ▲                                                              │     │ a call or a probe fails; it then
 *      │ a call is answered                     a probe is answered   ▼     │ stays open twice as long
 *      └───────────────────────────────────────────────────────── half open ┘
 */
type State = 'closed' | 'open' | 'half open'

type Method = (...args: readonly unknown[]) => Promise<unknown>

export class Breaker<Guarded extends Ledger> {
  /** The same ledger, watched. While the breaker is open reading and settling reject at once with `Paused`. */
  readonly ledger: Guarded
  readonly #probe: () => Promise<void>
  readonly #clock: Clock
  readonly #name: string
  #state: State = 'closed'
  #why = ''
  #openMs = PROBE_EVERY_MS
  #openUntilMs = 0
  /** Rises each time that it opens: what a call of before then comes to says nothing of now. */
  #era = 0
  #answers = 0
  #failures = 0
  readonly #concerned = new Set<string>()
  #looking: Promise<void> | null = null

  constructor(ledger: Guarded, clock: Clock) {
    this.#clock = clock
    this.#name = ledger.name
    this.#probe = () => ledger.probe()
    const parts = Object.entries(ledger).map(([name, part]: [string, unknown]) => {
      const watched = typeof part === 'function' && !NOT_WATCHED.has(name)
      return [name, watched ? this.#watched(name, part as Method) : part] as const
    })
    this.ledger = Object.fromEntries(parts) as unknown as Guarded
  }

  /** Why the ledger cannot be worked with now, one phrase; empty when it can. */
  troubles(): readonly string[] {
    return this.#state === 'open' ? [this.#phrase()] : []
  }

  /** Probes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await every(
      this.#clock,
      PROBE_EVERY_MS,
      signal,
      () => this.#look(),
      () => undefined,
    )
  }

  #watched(name: string, call: Method): Method {
    return async (...args) => {
      if (this.#state === 'open' && NOT_WHILE_OPEN.has(name)) throw new Paused(this.#phrase())
      const era = this.#era
      try {
        const answer = await call(...args)
        this.#answered()
        return answer
      } catch (failure) {
        const gone = failure instanceof Unanswered || failure instanceof Unavailable
        if (!gone) this.#answered()
        else if (era === this.#era) this.#failed(failure, args)
        if (gone && NOT_WHILE_OPEN.has(name)) await this.#refuseWhenGone()
        throw failure
      }
    }
  }

  /** A question that failed says more once it is known whether anybody is answered. */
  async #refuseWhenGone(): Promise<void> {
    await this.#looking
    if (this.#state === 'open') throw new Paused(this.#phrase())
  }

  #answered(): void {
    this.#answers += 1
    if (this.#state === 'open') return
    this.#forget()
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#openMs = PROBE_EVERY_MS
  }

  #failed(failure: Error, args: readonly unknown[]): void {
    this.#failures += 1
    this.#concerned.add(concernedBy(args))
    const ofMany = this.#failures >= FAILURES && this.#concerned.size >= CONCERNED
    if (this.#state === 'half open' || ofMany) this.#open(failure.message)
    else void this.#look()
  }

  /** One look at a time: a call that fails asks for one, and the clock does. */
  #look(): Promise<void> {
    return (this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = null
    }))
  }

  async #lookNow(): Promise<void> {
    if (this.#state === 'open' && this.#clock.monotonicMs() < this.#openUntilMs) return
    const answers = this.#answers
    const era = this.#era
    const failure = await this.#probeTwice()
    if (era !== this.#era) return
    if (failure === null) {
      if (this.#state === 'open') this.#state = 'half open'
    } else if (this.#state !== 'open' && this.#answers === answers) this.#open(failure)
  }

  /** What is wrong, or null. */
  async #probeTwice(): Promise<string | null> {
    const first = await this.#probeOnce()
    if (first === null || first === LATE) return first
    await this.#clock.sleep(PROBE_AGAIN_MS)
    return this.#probeOnce()
  }

  #probeOnce(): Promise<string | null> {
    return new Promise((resolve) => {
      const cancel = this.#clock.timer(PROBE_MS, () => resolve(LATE))
      this.#probe()
        .then(
          () => resolve(null),
          (failure: unknown) => resolve(failure instanceof Error ? failure.message : String(failure)),
        )
        .finally(cancel)
    })
  }

  #open(why: string): void {
    this.#openMs = this.#state === 'half open' ? Math.min(2 * this.#openMs, OPEN_MAX_MS) : PROBE_EVERY_MS
    this.#openUntilMs = this.#clock.monotonicMs() + this.#openMs
    this.#state = 'open'
    this.#era += 1
    this.#why = why
    this.#forget()
  }

  #forget(): void {
    this.#failures = 0
    this.#concerned.clear()
  }

  #phrase(): string {
    return `the ${this.#name} ledger does not answer: ${this.#why}`
  }
}

const LATE = `no answer to a probe within ${PROBE_MS} ms`

/** Whom a call is about: its request, or the first consumer that it reads. */
function concernedBy(args: readonly unknown[]): string {
  for (const arg of args) {
    if (typeof arg === 'string') return arg
    const { request, consumers } = arg as { readonly request?: string; readonly consumers?: readonly string[] }
    if (request !== undefined) return request
    if (consumers?.[0] !== undefined) return consumers[0]
  }
  return ''
}
