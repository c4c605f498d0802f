// What is known by now of letters whose effect was not: asked of the journal and of the ledger, never guessed.
import type { RecordView } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { canonicalJson } from '../transfer/digest.ts'
import type { EventBody } from '../transfer/event.ts'
import { effectOf, type Code, type Effect } from '../transfer/outcome.ts'
import type { Snapshot } from '../transfer/snapshot.ts'
import { followed, type ActParts } from './acts.ts'
import type { State, WholeLetter } from './desk.ts'
import { decidedEvent } from './follow-up.ts'

export interface ReconcileParts extends ActParts {
  readonly ledger: Pick<Ledger, 'find' | 'snapshot'>
}

/** What is known of one letter. */
export interface Known {
  readonly id: string
  readonly request: string
  readonly code: string
  /** What is known now. */
  readonly effect: Effect
  /** Whether this is news. */
  readonly isNew: boolean
  readonly state: State
  /** How its consumers stand now beside what the event tells; it proves nothing. Null where the event tells nothing. */
  readonly stands: 'before' | 'after' | 'neither' | null
  readonly why: string
}

/** Finds out about one letter, and writes down and tells what is new. */
export async function reconcile(letter: WholeLetter, by: string, parts: ReconcileParts): Promise<Known> {
  if (letter.effect !== 'unknown') return knownOf(letter, null, 'it was known before')
  const record = await parts.journal.show(letter.request)
  const found = await evidenceOf(letter, record, parts)
  const stands = await standsOf(decidedEvent(letter, record), parts)
  if (found.effect === 'unknown') return knownOf(letter, stands, found.why)
  const next = { effect: found.effect, state: stateAfter(letter, found.effect) }
  const done = await followed(letter, { what: 'reconciled', actor: { by, why: found.why }, next }, parts)
  if (done === 'changed') return knownOf(letter, stands, 'others act on it right now; try again')
  return { ...knownOf({ ...letter, ...next }, stands, found.why), isNew: true }
}

function knownOf(letter: WholeLetter, stands: Known['stands'], why: string): Known {
  const { id, request, code, effect, state } = letter
  return { id, request, code, effect, isNew: false, state, stands, why }
}

/** A move that did happen is done. What came out as nobody planned stays with a person, and so does one to replay. */
export function stateAfter(letter: Pick<WholeLetter, 'code' | 'state'>, effect: Effect): State {
  return effect === 'happened' && letter.code === 'outcome_unknown' && letter.state === 'open'
    ? 'resolved'
    : letter.state
}

interface Evidence {
  readonly effect: Effect
  readonly why: string
}

/** Numbers of attempts asked for; a request that used more stays unknown. */
const ATTEMPTS_MAX = 64

async function evidenceOf(
  letter: WholeLetter,
  record: RecordView | null,
  { ledger }: ReconcileParts,
): Promise<Evidence> {
  const code = record?.code ?? null
  if (code !== null && effectOf(code as Code) !== 'unknown') {
    return { effect: effectOf(code as Code), why: `the journal has it decided as ${code}` }
  }
  for (let number = 1; number <= ATTEMPTS_MAX; number++) {
    const attempt = { request: letter.request, token: '', ticket: 0, number }
    const standing = await ledger.find(attempt)
    if (standing === 'applied') {
      return { effect: 'happened', why: `the ledger has the write of attempt ${number}` }
    }
    if (standing === 'absent') {
      return { effect: 'unknown', why: `the ledger has nothing of attempt ${number}, which proves nothing` }
    }
  }
  return {
    effect: 'unknown',
    why: `the first ${ATTEMPTS_MAX} attempts did not happen; whether there were more is open`,
  }
}

async function standsOf(event: EventBody | null, { ledger }: ReconcileParts): Promise<Known['stands']> {
  if (event === null || event.before === null || event.after === null) return null
  const consumers = Object.keys(event.before)
  const now = await ledger.snapshot({ consumers, providers: [], held: false })
  if (isAs(event.before, now)) return 'before'
  return isAs(event.after, now) ? 'after' : 'neither'
}

function isAs(views: NonNullable<EventBody['before']>, { consumers }: Snapshot): boolean {
  return Object.entries(views).every(
    ([id, view]) => canonicalJson(view.allocations) === canonicalJson(consumers[id]?.allocations ?? {}),
  )
}
