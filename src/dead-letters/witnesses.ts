// Who can tell what became of a request that the journal has no record of: the events journal, and the queues.
import { DELAYS, type Delay, type Names } from '../broker/names.ts'
import { eventIn, type EventBody } from '../transfer/event.ts'
import type { Code } from '../transfer/outcome.ts'

/** What the events journal tells of one request. */
export interface Heard {
  /** The code that it was decided with; null: no event says so. */
  readonly code: Code | null
  /** Time (ms) of the oldest event that the journal still has; null: it has none. */
  readonly sinceMs: number | null
}

export interface Witnesses {
  /** How long (ms) the journal keeps the record of a request at least, from when it was told. */
  readonly recordsKeptMs: number
  /** Reads the whole events journal. */
  readonly heardOf: (request: string) => Promise<Heard>
  /** Messages that wait for a worker, now or on the ladder. */
  readonly waiting: () => Promise<number>
}

/** What is asked of the broker. */
export interface Archive {
  readStreamToEnd(
    queue: string,
    from: 'first',
    onMessage: (message: { readonly body: Buffer }) => void,
  ): Promise<number | null>
  /** Messages ready in each queue; null where it does not exist. */
  counts(queues: readonly string[]): Promise<Readonly<Record<string, number | null>>>
}

/** `recordsKeptMs`: as the setting `journal.days` has it. */
export function witnessesOf(broker: Archive, names: Names, recordsKeptMs: number): Witnesses {
  const queues = [names.requests, ...(Object.keys(DELAYS) as Delay[]).map((delay) => names.retry(delay))]
  return {
    recordsKeptMs,
    heardOf: async (request) => {
      const { heard, onEvent } = hearing(request)
      await broker.readStreamToEnd(names.eventsJournal, 'first', ({ body }) => {
        onEvent(body)
      })
      return heard()
    },
    waiting: async () => {
      const counts = Object.values(await broker.counts(queues))
      return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    },
  }
}

/** Gathers what events tell of `request`, message by message, oldest first. */
function hearing(request: string): {
  readonly heard: () => Heard
  readonly onEvent: (body: Buffer) => void
} {
  let heard: Heard = { code: null, sinceMs: null }
  return {
    heard: () => heard,
    onEvent: (body) => {
      if (heard.sinceMs !== null && !body.includes(request)) return
      const event = eventIn(body)
      if (event === null) return
      const { sinceMs } = heard
      heard = { code: heard.code ?? decisionIn(event, request), sinceMs: sinceMs ?? Date.parse(event.time) }
    },
  }
}

/** n.b. Class `invalid` answers other bytes under the id, and a follow-up repeats a decision. */
function decisionIn({ request, type, outcome }: EventBody, asked: string): Code | null {
  if (request !== asked || type === 'ferryman.transfer.followed' || outcome.class === 'invalid') return null
  return outcome.code
}
