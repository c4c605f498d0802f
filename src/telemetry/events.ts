// Everything that happens, as one typed map. Log lines, metrics and health are derived from it and from nothing else.
import type { Code, Class } from '../transfer/outcome.ts'

export interface Events {
  'request.received': { request: string; operation: string; redelivered: boolean; ageMs: number | null }
  'request.begun': { request: string; operation: string; attempts: number }
  /** A process died with it begun: it waits until this process has nothing else in hand. */
  'request.suspected': { request: string }
  'request.set_aside': {
    reason: 'duplicate' | 'crowded' | 'undecided' | 'contended' | 'ledger_unavailable'
    delayMs: number
    rung: number
  }
  /** The decision stands written and its event is confirmed. `again`: it had been decided before. */
  'request.told': { request: string; operation: string; code: Code; class: Class; again: boolean; durationMs: number }
  /** This worker stopped at once: another holds the request, or its lease is over. */
  'request.stopped': { request: string | null; why: string }
  'lock.granted': { request: string; waitMs: number; waited: boolean }
  'lock.lost': { request: string; why: 'session' | 'ticket' | 'hold' }
  'fence.rejected': { request: string }
  /** A send ended without an answer. `phase` names the effect. */
  'effect.timeout': { request: string | null; phase: string; idempotent: boolean }
  'effect.retry': { phase: string; reason: 'unanswered' | 'unavailable'; sends: number }
  'event.unroutable': { request: string }
  'session.opened': { session: string }
  'session.lost': { session: string; why: string }
  'sweep.republished': { requests: number }
  'journal.packed': { requests: number }
  'restore.done': { decisions: number; effects: number; findings: number }
  'restore.finding': { request: string; consumer: string | null; what: string }
  'broker.connected': { role: 'consume' | 'publish' }
  'broker.disconnected': { role: 'consume' | 'publish'; why: string }
  'broker.blocked': { role: 'consume' | 'publish'; why: string }
  'broker.unblocked': { role: 'consume' | 'publish' }
  'broker.consuming': { queue: string; prefetch: number }
  'broker.cancelled': { queue: string; why: string }
  'broker.returned': { messageId: string; routingKey: string }
  'redis.connected': { role: string }
  'redis.disconnected': { role: string; why: string }
  'intake.taken': { letter: string; code: string; class: string }
  'intake.returned': { reason: string }
  'worker.started': { worker: string; concurrency: number }
  'worker.paused': { why: string }
  'worker.resumed': { pausedMs: number }
  'worker.draining': { inHand: number }
  'worker.stopped': { finished: number; handedBack: readonly string[] }
  /** No timer ran for so long: the process was stopped, starved of CPU, or busy in one turn. */
  'process.stalled': { stalledMs: number }
  'http.listening': { port: number; host: string }
  warning: { what: string; fix: string }
}

export type EventName = keyof Events

export type Listener = <Name extends EventName>(name: Name, fields: Events[Name]) => void

/** Fans events out to listeners. A listener that throws is dropped from that event, never felt by the emitter. */
export class Telemetry {
  readonly #listeners = new Set<Listener>()

  emit<Name extends EventName>(name: Name, fields: Events[Name]): void {
    for (const listener of this.#listeners) {
      try {
        listener(name, fields)
      } catch {
        /* telling must never stop the work that is told of */
      }
    }
  }

  /** Registers a listener; the returned function removes it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
