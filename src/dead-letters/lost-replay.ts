// A replay of which the journal has no record: decided and forgotten, or never come. Two witnesses tell, or nobody.
import type { Code } from '../transfer/outcome.ts'
import type { ChainSources } from './chain.ts'
import type { WholeLetter } from './desk.ts'
import { replayId } from './replay.ts'
import type { Witnesses } from './witnesses.ts'

/** For so long (ms) after it was sent a replay counts as on its way, and for so long as its message may wait. */
const YOUNG_MS = 60_000
const WAITS_MS = 3_600_000

/** The last replay of a letter: its request, and when it was first sent (ms); NaN where the history has it not. */
export function lastReplayOf({ id, replays, history }: WholeLetter): {
  readonly request: string
  readonly atMs: number
} {
  const request = replayId(id, replays)
  const sent = history.find((entry) => entry.what === 'replayed' && entry.request === request)
  return { request, atMs: sent === undefined ? Number.NaN : Date.parse(sent.at) }
}

/** Whether the last replay of a letter was sent so lately that it must be on its way. */
export function isOnItsWay(letter: WholeLetter, nowMs: number): boolean {
  return nowMs - lastReplayOf(letter).atMs < YOUNG_MS
}

export type Lost =
  | { readonly kind: 'decided'; readonly code: Code }
  /** Neither decided nor under way: sending the same request again under the same id can have one effect only. */
  | { readonly kind: 'never_came'; readonly request: string; readonly atMs: number }
  | { readonly kind: 'unknown'; readonly why: string }

/**
 * What became of the last replay of a letter, which no record tells of. That it was never decided is believed only when
 * both say so: the journal, which would still have its record, and the events journal, which reaches back behind it.
 */
export async function lostReplay(
  letter: WholeLetter,
  nowMs: number,
  { journal, witnesses }: Pick<ChainSources, 'journal'> & { readonly witnesses: Witnesses },
): Promise<Lost> {
  const { request, atMs } = lastReplayOf(letter)
  const unknown = (why: string): Lost => ({ kind: 'unknown', why })
  if (isOnItsWay(letter, nowMs)) return unknown('it was sent less than a minute ago')
  if ((await journal.show(request)) !== null) return unknown('it is under way')
  const { code, sinceMs } = await witnesses.heardOf(request)
  if (code !== null) return { kind: 'decided', code }
  const inJournal = nowMs - atMs < witnesses.recordsKeptMs
  if (!inJournal || sinceMs === null || sinceMs > atMs) {
    return unknown('nothing tells any more whether it was carried out; compare the ledger, then discard the letter')
  }
  const waiting = nowMs - atMs < WAITS_MS ? await witnesses.waiting() : 0
  if (waiting > 0) return unknown(`${waiting} messages wait for a worker, and it may be among them`)
  return { kind: 'never_came', request, atMs }
}
