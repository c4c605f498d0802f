// A clock in virtual time under a seed: time passes only when told to, chance comes from the seed, one seed is one run.
import type { Clock } from '../../src/clock/clock.ts'

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

const LIMIT_MS = 24 * 3_600_000

export function virtualClock(seed: number, startMs = 1_800_000_000_000): VirtualClock {
  return new VirtualClock(seed, startMs)
}

/** Made by `virtualClock`. */
export class VirtualClock implements Clock {
  /** Uniform in [0, 1), from the seed. */
  readonly random: () => number
  readonly #heap = new EventHeap()
  #wallMs: number
  #elapsedMs = 0
  #order = 0

  constructor(seed: number, startMs: number) {
    this.random = seededRandom(seed)
    this.#wallMs = startMs
  }

  readonly nowMs = (): number => Math.floor(this.#wallMs + this.#elapsedMs)

  /** Wall clock in whole µs; what Redis TIME would say. */
  readonly nowUs = (): number => Math.floor((this.#wallMs + this.#elapsedMs) * 1000)

  readonly monotonicMs = (): number => this.#elapsedMs

  readonly uuid = (): string => uuidFrom(this.random)

  readonly timer = (ms: number, run: () => void): (() => void) => {
    const event = { atMs: this.#elapsedMs + Math.max(0, ms), order: this.#order++, run, cancelled: false }
    this.#heap.push(event)
    return () => {
      this.#heap.cancel(event)
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

  /** Timers and sleepers that wait. */
  get pending(): number {
    return this.#heap.size
  }

  /** Lets `ms` pass: runs what becomes due in order of time, and all that follows from it, one event at a time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms
    await settle()
    for (let nextMs = this.#heap.nextMs(); nextMs !== undefined && nextMs <= endMs; nextMs = this.#heap.nextMs()) {
      await this.#runNext()
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, endMs)
    await settle()
  }

  /** Runs events until none is left. Fails after `limitMs` of virtual time, since a periodic timer never ends. */
  runUntilIdle(limitMs = LIMIT_MS): Promise<void> {
    return this.runUntil(() => this.#heap.nextMs() === undefined, limitMs)
  }

  /** Runs events until `done` holds. Fails after `limitMs` of virtual time, or when nothing is left to happen. */
  async runUntil(done: () => boolean, limitMs = LIMIT_MS): Promise<void> {
    const endMs = this.#elapsedMs + limitMs
    await settle()
    while (!done()) {
      const nextMs = this.#heap.nextMs()
      if (nextMs === undefined) throw new Error('nothing is left to happen, and what was waited for has not')
      if (nextMs > endMs) throw new Error(`did not happen within ${limitMs} ms of virtual time`)
      await this.#runNext()
    }
  }

  /** Waits for `work` while time passes. Fails after `limitMs` of virtual time. */
  async until<T>(work: Promise<T>, limitMs?: number): Promise<T> {
    let ended = false
    const noted = work.finally(() => {
      ended = true
    })
    noted.catch(() => undefined)
    await this.runUntil(() => ended, limitMs)
    return noted
  }

  /** Lets everything that is due now happen, without time passing. */
  settle(): Promise<void> {
    return settle()
  }

  /** Sets the wall clock forward or back; the monotonic one does not notice. */
  step(ms: number): void {
    this.#wallMs += ms
  }

  /** Time passes and nothing runs, as in a process that is stopped; what is overdue runs at the next occasion. */
  stall(ms: number): void {
    this.#elapsedMs += ms
  }

  async #runNext(): Promise<void> {
    const event = this.#heap.pop()
    if (event === undefined) return
    this.#elapsedMs = Math.max(this.#elapsedMs, event.atMs)
    event.run()
    await settle()
  }
}

/** Immediates queued ahead, since one queued alone costs a whole turn of the event loop. */
const AHEAD = 64
const waiting: (() => void)[] = []
let queued = 0

/** Every microtask, and what it queues, has run when it returns: the event loop runs them after each immediate. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (queued === 0) queueAhead()
  })
}

function queueAhead(): void {
  for (; queued < AHEAD; queued++) setImmediate(onImmediate)
}

function onImmediate(): void {
  queued -= 1
  waiting.shift()?.()
  if (queued === 0 && waiting.length > 0) queueAhead()
}

/** Uniform numbers in [0, 1) from a 32 bit seed (the generator known as mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function uuidFrom(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16))
  digits[12] = 4
  digits[16] = 8 + (digits[16]! % 4)
  const hex = digits.map((digit) => digit.toString(16)).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A binary heap: the earliest event first; of equal ones the one scheduled first. */
class EventHeap {
  readonly #events: Event[] = []
  #cancelled = 0

  get size(): number {
    return this.#events.length - this.#cancelled
  }

  push(event: Event): void {
    const events = this.#events
    let position = events.push(event) - 1
    while (position > 0) {
      const parent = (position - 1) >> 1
      if (isBefore(events[parent]!, event)) break
      events[position] = events[parent]!
      position = parent
    }
    events[position] = event
  }

  cancel(event: Event): void {
    if (event.cancelled) return
    event.cancelled = true
    this.#cancelled += 1
  }

  /** Removes and returns the first event that was not cancelled. */
  pop(): Event | undefined {
    this.#dropCancelled()
    const event = this.#takeFirst()
    if (event !== undefined) event.cancelled = true // n.b. what has run cannot be cancelled, nor be counted as such
    return event
  }

  nextMs(): number | undefined {
    this.#dropCancelled()
    return this.#events[0]?.atMs
  }

  #dropCancelled(): void {
    while (this.#events[0]?.cancelled) {
      this.#takeFirst()
      this.#cancelled -= 1
    }
  }

  #takeFirst(): Event | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined || events.length === 0) return first
    let position = 0
    for (;;) {
      let child = 2 * position + 1
      if (child >= events.length) break
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child += 1
      if (isBefore(last, events[child]!)) break
      events[position] = events[child]!
      position = child
    }
    events[position] = last
    return first
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
