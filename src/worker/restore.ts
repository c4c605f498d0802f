// After another run of the store has taken over: one worker restores from the events journal what was told and lost.
import type { Clock } from '../clock/clock.ts'
import type { Effects } from '../flow/effects.ts'
import type { Journal, Restoring } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Telemetry } from '../telemetry/events.ts'
import { decisionOf, type EventBody } from '../transfer/event.ts'
import { letterHeaders } from '../transfer/letter.ts'
import { decode } from '../transfer/message.ts'
import { succeeded } from '../transfer/outcome.ts'
import type { Owner } from '../transfer/request.ts'
import { consumersOf, restorationOf } from '../transfer/restoration.ts'

/** The journal of events on the broker. */
export interface EventsJournal {
  /**
   * Reads, from an offset (null: the first) on, all that was confirmed before this call, in order. Resolves with the
   * offset up to which it has read; rejects rather than stop early.
   */
  read(from: number | null, onEvent: (event: EventBody) => Promise<void>): Promise<number>
  /** Offset of the last message, or null where none is known. */
  last(): Promise<number | null>
}

export interface RestoreParts {
  readonly effects: Pick<Effects, 'restoring' | 'restore' | 'restored'>
  readonly journal: Pick<Journal, 'show' | 'moves'>
  readonly ledger: Pick<Ledger, 'snapshot' | 'decides'>
  readonly events: EventsJournal
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export interface RestoreOptions {
  /** `host:pid`. */
  readonly holder: string
  /** Events older than this (ms) may be missing because their records were packed and forgotten. */
  readonly journalMs: number
  /** How often (ms) it is noted how far the events journal is kept. */
  readonly noteEveryMs: number
}

/** How long (ms) the right to restore is left to one that says nothing. */
const KEEP_MS = 30_000
const TROUBLE = 'another run of redis has taken over: what was told is being restored from the events journal'

export class Restorer {
  readonly #parts: RestoreParts
  readonly #options: RestoreOptions
  #restoring = false
  #notedMs = -Infinity
  #rounds = 0
  #findings = 0

  constructor(parts: RestoreParts, options: RestoreOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Why no request can be begun now, or nothing. */
  troubles(): readonly string[] {
    return this.#restoring ? [TROUBLE] : []
  }

  /** Restores when it is this worker's turn. Called again and again, never overlapping. */
  async look(): Promise<void> {
    const { holder, noteEveryMs } = this.#options
    const stands = await this.#parts.effects.restoring.once({ holder, keepMs: KEEP_MS })
    this.#restoring = stands.restoring
    if (!stands.mine) return
    if (stands.restoring) {
      await this.#restore(stands)
    } else if (this.#parts.clock.monotonicMs() - this.#notedMs >= noteEveryMs) {
      await this.#note(stands)
    }
  }

  /** n.b. What the journal of events holds now was decided under this run, or restored into it. */
  async #note({ run }: Restoring): Promise<void> {
    const { events, effects, clock } = this.#parts
    this.#notedMs = clock.monotonicMs()
    const offset = await events.last()
    if (offset !== null) await effects.restored.once({ run, offset, restores: false })
  }

  async #restore({ run, offset }: Restoring): Promise<void> {
    const { events, effects, telemetry } = this.#parts
    // An offset of a stream that was made anew since leads nowhere: every other round reads all that there is.
    const from = this.#rounds++ % 2 === 0 ? offset : null
    const missing = new Map<string, EventBody>()
    const end = await events.read(from, async (event) => {
      if (!this.#counts(event) || missing.has(event.request)) return
      const record = await this.#parts.journal.show(event.request)
      if ((record?.code ?? null) === null) missing.set(event.request, event)
    })
    const counts = { decisions: 0, effects: 0 }
    this.#findings = 0
    // Two requests may be told in another order than they were decided in: each waits until it fits.
    let left: readonly EventBody[] = [...missing.values()]
    for (let before = Infinity; left.length > 0 && left.length < before; ) {
      before = left.length
      const waiting: EventBody[] = []
      for (const event of left) {
        const done = await this.#restoreOne(run, event, false)
        if (done === null) return
        if (done === 'waits') waiting.push(event)
        else counts[done] += 1
      }
      left = waiting
    }
    for (const event of left) {
      if ((await this.#restoreOne(run, event, true)) === null) return
    }
    if ((await effects.restored.once({ run, offset: end, restores: true })) === 'stale') return
    this.#restoring = false
    this.#rounds = 0
    telemetry.emit('restore.done', { ...counts, findings: this.#findings })
  }

  /** Decisions lately told; not answers to bytes, which no id has, nor what followed. */
  #counts(event: EventBody): boolean {
    const { outcome, type, time } = event
    const isDecision = type !== 'ferryman.transfer.followed' && outcome.class !== 'invalid'
    // What is told again from a tombstone has no message, and says nothing that could be restored.
    const isWhole = (outcome.message as string | null) !== null
    return isDecision && isWhole && Date.parse(time) > this.#parts.clock.nowMs() - this.#options.journalMs
  }

  /** `anyway`: the decision, also where the books are not as its event tells. Null: another run has taken over. */
  async #restoreOne(run: string, event: EventBody, anyway: boolean): Promise<'decisions' | 'effects' | 'waits' | null> {
    const { journal, ledger, effects } = this.#parts
    const ids = consumersOf(event)
    const [{ consumers }, moves, record] = await Promise.all([
      ledger.snapshot({ consumers: ids, providers: [], held: false }),
      journal.moves(ids),
      journal.show(event.request),
    ])
    // n.b. A ledger that keeps its books elsewhere has lost none of them: there only decision and moves are missing.
    const told = ledger.decides ? event : { ...event, before: event.after }
    const {
      changes,
      moves: put,
      elsewhere,
      ownerless,
    } = restorationOf(told, {
      consumers,
      moves,
      owner: record === null ? null : ownerIn(record.body),
    })
    if (elsewhere.length > 0 && !anyway) return 'waits'
    const answer = await effects.restore.once({
      run,
      restored: {
        decision: decisionOf(event, succeeded({ ...event.outcome, violations: [] }) ? null : letterOf(event)),
        attempts: event.attempts,
        decidedMs: Date.parse(event.time),
        changes,
        moves: { put },
      },
    })
    if (answer === 'stale') return null
    if (answer === 'changed') return 'waits'
    for (const consumer of elsewhere) this.#find(event, consumer, 'is not as its event tells')
    for (const consumer of ownerless) this.#find(event, consumer, 'has lost its project and user')
    if (event.operation === 'cancel' && event.outcome.effect === 'happened') {
      const text = `the mark of a cancel is lost, which counts where the cancelled request comes after it:`
      this.#find(event, null, `${text} ${event.outcome.message}`)
    }
    return changes.length > 0 ? 'effects' : 'decisions'
  }

  /** What was told, and cannot be restored. */
  #find({ request }: EventBody, consumer: string | null, what: string): void {
    this.#findings += 1
    this.#parts.telemetry.emit('restore.finding', { request, consumer, what })
  }
}

function letterOf(event: EventBody): Readonly<Record<string, string | number>> {
  const at = { firstFailedAt: event.time, lastFailedAt: event.time, exchange: '', worker: event.worker }
  return letterHeaders(event, { ...at, routingKey: `transfer.${event.operation}`, workerVersion: '' })
}

function ownerIn(body: Buffer): Owner | null {
  const decoded = decode({ body, headers: {} }, { bytesMax: Infinity })
  return decoded.kind === 'request' ? decoded.request.owner : null
}
