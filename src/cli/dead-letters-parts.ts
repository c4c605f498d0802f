// What the desk's commands need, out of an installation's parts: the index, its journals, and a way to send.
import type { Clock } from '../clock/clock.ts'
import type { Names } from '../broker/names.ts'
import type { ReplayParts } from '../dead-letters/acts.ts'
import type { Desk } from '../dead-letters/desk.ts'
import { catchUp } from '../dead-letters/intake.ts'
import type { RebuildParts } from '../dead-letters/rebuild.ts'
import type { ReconcileParts } from '../dead-letters/reconcile.ts'
import { witnessesOf } from '../dead-letters/witnesses.ts'
import type { Journal } from '../journal/journal.ts'
import type { Parts } from '../wire/parts.ts'

/** For the commands that read. */
export interface DeskParts {
  readonly desk: Desk
  readonly names: Names
  readonly clock: Clock
  /** Takes in what waits. Rejects when the broker does not answer. */
  readonly catchUp: () => Promise<void>
  /** Messages ready in each queue; null where it does not exist. */
  readonly depths: (queues: readonly string[]) => Promise<Readonly<Record<string, number | null>>>
  readonly journal: Pick<Journal, 'show'>
}

/** For those that act. */
export interface ActingParts extends DeskParts, Pick<RebuildParts, 'read' | 'toldDays'> {
  readonly acts: ReconcileParts & ReplayParts
  /** Largest request that workers read. */
  readonly bytesMax: number
  /** Messages that the journal of letters holds. */
  readonly journalled: () => Promise<number>
}

const DAY_MS = 86_400_000

export async function deskParts(parts: Parts, instance: string): Promise<ActingParts> {
  const { names, clock, telemetry, config } = parts
  const [store, broker, reader] = await Promise.all([parts.store(), parts.broker(), parts.reader()])
  const { desk, journal, ledger } = store
  const prefix = config.rabbitmq.prefix
  const acts = {
    desk,
    journal,
    ledger,
    publisher: broker,
    names,
    clock,
    telemetry,
    prefix,
    nowMs: rising(store.serverNowMs),
    witnesses: witnessesOf(broker, names, config.journal.days * DAY_MS),
  }
  return {
    desk,
    journal,
    names,
    clock,
    acts,
    bytesMax: config.requests.bytesMax,
    toldDays: config.desk.toldDays,
    depths: (queues) => broker.counts(queues),
    read: (stream, onMessage) => broker.readStreamToEnd(stream, 'first', onMessage),
    journalled: async () => ((await broker.lastOffset(names.deadLettersJournal)) ?? -1) + 1,
    catchUp: () =>
      catchUp(
        acts,
        {
          next: () => reader.get(names.deadLetters),
          depth: async () => (await broker.counts([names.deadLetters]))[names.deadLetters] ?? null,
        },
        instance,
      ),
  }
}

/** The same time, but never one twice: it is a part of the ids of follow-up events. */
function rising(now: () => Promise<number>): () => Promise<number> {
  let last = 0
  return async () => {
    const at = await now()
    last = Math.max(last + 1, at)
    return last
  }
}
