// What has been under way for too long: requests not told, moves not ended; who holds each, and what to do next.
import type { OpenMove, Overview, Unfinished } from '../journal/overview.ts'
import { decode } from '../transfer/message.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printLine, printTable, type Io } from './output.ts'

export interface StuckParts {
  readonly overview: Pick<Overview, 'unfinished' | 'openMoves'>
  /** Redis time (ms). */
  readonly nowMs: () => Promise<number>
}

/** One line of the answer. What is not known is null. */
export interface Stuck {
  readonly kind: 'request' | 'move'
  /** The request; of a move, the one that opened it. */
  readonly id: string
  readonly operation: string | null
  readonly consumer: string | null
  readonly source: string | null
  readonly destination: string | null
  /**
   * `locking` (in a queue for its locks), `processing`, `left` (by a worker that is gone), `waiting` (on the delay
   * ladder), `due` (its message is to come), `untold` (decided), `open` (a move).
   */
  readonly state: 'locking' | 'processing' | 'left' | 'waiting' | 'due' | 'untold' | 'open'
  /** RFC 3339: begun; of what is untold, decided. */
  readonly since: string | null
  readonly ageMs: number | null
  readonly attempts: number | null
  /** Host and process that hold it. */
  readonly worker: string | null
  readonly workerLives: boolean | null
  readonly next: string
}

/** Prints what has waited for `olderThanMs` or longer, longest first. Exit 1 when anything has. */
export async function transfersStuck(
  io: Io,
  { overview, nowMs }: StuckParts,
  olderThanMs: number,
  json: boolean,
): Promise<ExitCode> {
  const [unfinished, moves, now] = await Promise.all([overview.unfinished(), overview.openMoves(), nowMs()])
  const all = [...unfinished.map((one) => stuckRequest(one, now)), ...moves.map((one) => stuckMove(one, now))]
  const stuck = all.filter(({ ageMs }) => ageMs === null || ageMs >= olderThanMs)
  stuck.sort((one, other) => (other.ageMs ?? Infinity) - (one.ageMs ?? Infinity))
  if (json) for (const one of stuck) printLine(io, one)
  else {
    printTable(
      io,
      ['kind', 'request', 'operation', 'state', 'age', 'worker', 'lives', 'consumer', 'next'],
      stuck.map(({ kind, id, operation, state, ageMs, worker, workerLives, consumer, next }) => [
        kind,
        id,
        operation,
        state,
        ageMs === null ? null : ageOf(ageMs),
        worker,
        workerLives,
        consumer,
        next,
      ]),
    )
  }
  return stuck.length === 0 ? EXIT.ok : EXIT.no
}

function stuckRequest({ record, holderLives, lock }: Unfinished, nowMs: number): Stuck {
  const { id, operation, attempts, holder, begunAtMs, decidedAtMs, dueAtMs } = record
  const decoded = decode({ body: record.body, headers: {} }, { bytesMax: Infinity })
  const { consumer, source, destination } = decoded.kind === 'request' ? decoded.request : decoded.identity
  const state = stateOf(record.state, holderLives, lock, dueAtMs, nowMs)
  const sinceMs = decidedAtMs ?? begunAtMs
  const worker = holder === null || state === 'untold' ? null : holder.split('/')[0]!
  const workerLives = worker === null ? null : holderLives
  const next = nextOf(state, id, worker, dueAtMs)
  const about = { kind: 'request', id, operation, consumer, source, destination, state } as const
  return { ...about, ...aged(sinceMs, nowMs), attempts, worker, workerLives, next }
}

function stateOf(
  recorded: Unfinished['record']['state'],
  holderLives: boolean | null,
  lock: Unfinished['lock'],
  dueAtMs: number | null,
  nowMs: number,
): Exclude<Stuck['state'], 'open'> {
  if (recorded === 'decided' || recorded === 'told') return 'untold'
  if (recorded === 'waiting') return dueAtMs !== null && dueAtMs > nowMs ? 'waiting' : 'due'
  if (holderLives !== true || lock === null) return 'left'
  return lock === 'waiting' ? 'locking' : 'processing'
}

function nextOf(state: Stuck['state'], id: string, worker: string | null, dueAtMs: number | null): string {
  switch (state) {
    case 'locking':
      return `others hold its consumer or providers; wait, or ferryman transfers cancel ${id}`
    case 'processing':
      return `worker ${worker} is at it: see its log and its /readyz`
    case 'left':
      return `worker ${worker} has left it; a running worker takes it within minutes: start one`
    case 'waiting':
      return `is tried again at ${timeOf(dueAtMs)}; wait, or ferryman transfers cancel ${id}`
    case 'due':
      return `a running worker takes it within minutes: start one; or ferryman transfers cancel ${id}`
    case 'untold':
      return 'a running worker tells it within minutes: start one; see ferryman dlq list --code event_unroutable'
    case 'open':
      return ''
  }
}

/** n.b. A move whose record has expired has been open for longer than the journal remembers. */
function stuckMove({ move, operation, decidedAtMs }: OpenMove, nowMs: number): Stuck {
  const { request: id, consumer, source, destination } = move
  const next = `ferryman request confirm --consumer ${consumer}, or revert; ferryman plan tells what each would do`
  const about = { kind: 'move', id, operation, consumer, source, destination, state: 'open' } as const
  return { ...about, ...aged(decidedAtMs, nowMs), attempts: null, worker: null, workerLives: null, next }
}

function aged(sinceMs: number | null, nowMs: number): Pick<Stuck, 'since' | 'ageMs'> {
  return { since: timeOf(sinceMs), ageMs: sinceMs === null ? null : Math.max(0, nowMs - sinceMs) }
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** `45s`, `12m`, `3h 5m`, `2d 4h`. */
function ageOf(ms: number): string {
  const [seconds, minutes, hours, days] = [1, 60, 3_600, 86_400].map((unit) => Math.floor(ms / 1_000 / unit)) as [
    number,
    number,
    number,
    number,
  ]
  if (minutes === 0) return `${seconds}s`
  if (hours === 0) return `${minutes}m`
  return days === 0 ? `${hours}h ${minutes % 60}m` : `${days}d ${hours % 24}h`
}
