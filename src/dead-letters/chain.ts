// The replay chain of a letter: the first request, and every request by which the desk has tried it again since.
import type { Journal } from '../journal/journal.ts'
import { decode } from '../transfer/message.ts'
import { effectOf, type Code, type Effect } from '../transfer/outcome.ts'
import type { ChainVersion, Desk, WholeLetter } from './desk.ts'
import { replayId } from './replay.ts'

/** What is known of one request: its effect; `undecided` where neither desk nor journal knows a decision. */
export type Standing = Effect | 'undecided'

/** What the history says of a replay that ended otherwise than done: `why` is then the code. */
export const REPLAY_FAILED = 'replay failed'

export interface Member {
  readonly request: string
  readonly standing: Standing
  readonly letters: readonly WholeLetter[]
}

export interface Chain extends ChainVersion {
  readonly members: readonly Member[]
}

export interface ChainSources {
  readonly desk: Pick<Desk, 'find' | 'chainVersion'>
  readonly journal: Pick<Journal, 'show'>
}

/** Reads the chain that a letter belongs to, from its first request on. */
export async function chainOf(letter: WholeLetter, sources: ChainSources): Promise<Chain> {
  const path = await pathOf(letter, sources)
  const root = path.at(-1)!
  // n.b. Before the members are read: an act in between then makes the act that relies on them `changed`.
  const version = await sources.desk.chainVersion(root)
  const known: Known = { requests: new Set(path), ends: new Map() }
  const members: Member[] = []
  // n.b. Reading a member adds the requests of its replays, which this loop then comes to.
  for (const request of known.requests) members.push(await memberOf(request, known, sources))
  return { root, version, members }
}

interface Known {
  readonly requests: Set<string>
  /** Codes with which replays ended, as the histories of letters have it. Kept longer than the journal's records. */
  readonly ends: Map<string, string>
}

/** From a letter's request to the first, by `replayOf`. A ring, which only a forger can make, ends where it closes. */
async function pathOf(letter: WholeLetter, sources: ChainSources): Promise<readonly string[]> {
  const passed = new Set([letter.request])
  for (let parent = parentIn(letter); parent !== null && !passed.has(parent); ) {
    passed.add(parent)
    const ofParent = parent
    const found = (await sources.desk.find(parent)).find(({ request }) => request === ofParent)
    const source = found ?? (await sources.journal.show(parent))
    parent = source === null ? null : parentIn(source)
  }
  return [...passed]
}

function parentIn({ body, headers = {} }: { body: Buffer; headers?: WholeLetter['headers'] }): string | null {
  const decoded = decode({ body, headers }, { bytesMax: Infinity })
  return decoded.kind === 'request' ? decoded.request.replayOf : decoded.identity.replayOf
}

/** Reads one request, and adds the requests that replays of its letters have sent. */
async function memberOf(request: string, known: Known, { desk, journal }: ChainSources): Promise<Member> {
  const [found, record] = await Promise.all([desk.find(request), journal.show(request)])
  // Class invalid answers bytes that came under the id, not the id.
  const letters = found.filter((letter) => letter.request === request && letter.class !== 'invalid')
  for (const { id, replays, history } of letters) {
    for (let n = 1; n <= replays; n++) known.requests.add(replayId(id, n))
    for (const entry of history) {
      if (entry.what === REPLAY_FAILED && entry.request !== null && entry.why !== null) {
        known.ends.set(entry.request, entry.why)
      }
    }
  }
  return { request, letters, standing: standingOf(letters, record?.code ?? known.ends.get(request) ?? null) }
}

/** A letter may know more than the decision (after `reconcile`), but never less. */
function standingOf(letters: readonly WholeLetter[], code: string | null): Standing {
  const known = new Set<Standing>(letters.map(({ effect }) => effect))
  if (code !== null) known.add(effectOf(code as Code))
  return (['happened', 'did_not_happen', 'unknown'] as const).find((effect) => known.has(effect)) ?? 'undecided'
}
