// The run itself: played with its progress in sight until all is answered or nothing moves, then the evidence.
import type { Clock } from '../clock/clock.ts'
import type { Names } from '../broker/names.ts'
import type { Letter } from '../dead-letters/desk.ts'
import type { Parts, RabbitBroker } from '../wire/parts.ts'
import type { Crew } from './crew.ts'
import type { BooksSeen, Evidence } from './judge.ts'
import { play } from './play.ts'
import { stepsOf, type Wave } from './scenario.ts'
import type { Screen } from './screen.ts'
import type { Watch } from './watch.ts'

export interface Sight {
  readonly broker: RabbitBroker
  readonly names: Names
  readonly clock: Clock
  readonly watch: Watch
  readonly crew: Crew
  readonly screen: Screen
  readonly signal: AbortSignal
}

export interface Timing {
  readonly durationMs: number
}

const LOOK_EVERY_MS = 100
/** Nothing answered for so long: the run ends, and the checks say what is missing. */
const STALLED_MS = 30_000
const DESK_WITHIN_MS = 10_000

/** Plays the scenario to its end, every copy answered. */
export async function playInSight(waves: readonly Wave[], sight: Sight): Promise<Timing> {
  const { broker, clock, watch, crew, screen, names, signal } = sight
  const total = stepsOf(waves).reduce((sum, { copies }) => sum + copies, 0)
  const run = { sent: 0, failed: false }
  const startedAtMs = clock.monotonicMs()
  const played = play(waves, { publisher: broker, names, clock, watch, signal }, () => {
    run.sent += 1
  })
  played.then(
    () => undefined,
    () => {
      run.failed = true
    },
  )
  const show = async (last?: true): Promise<void> => {
    const line = `published ${run.sent}/${total}, decided ${watch.told}, in queue ${await inQueue(sight)}`
    screen.progress(watch.told / total, line, last)
  }
  let movedAtMs = startedAtMs
  let told = 0
  while (watch.told < total && !run.failed && clock.monotonicMs() - movedAtMs < STALLED_MS) {
    signal.throwIfAborted()
    crew.assertAtWork()
    await show()
    if (watch.told > told) {
      told = watch.told
      movedAtMs = clock.monotonicMs()
    }
    await clock.sleep(LOOK_EVERY_MS)
  }
  if (run.failed) await played
  await show(true)
  return { durationMs: Math.round(clock.monotonicMs() - startedAtMs) }
}

/** Waiting for a worker, or set aside for a second as copies are. */
async function inQueue({ broker, names }: Sight): Promise<number> {
  const counts = await broker.counts([names.requests, names.retry('1s')])
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0)
}

/** All that was seen, once the desk has taken in every letter. */
export async function gatherEvidence(
  waves: readonly Wave[],
  watch: Watch,
  before: BooksSeen,
  parts: Parts,
): Promise<Evidence> {
  const { books, desk: letters } = await parts.store()
  const until = parts.clock.monotonicMs() + DESK_WITHIN_MS
  let desk: readonly Letter[]
  for (;;) {
    desk = []
    for await (const letter of letters.list({ state: 'all' })) desk = [...desk, letter]
    if (desk.length >= watch.letters.size || parts.clock.monotonicMs() > until) break
    await parts.clock.sleep(LOOK_EVERY_MS)
  }
  const after = await books.dump()
  const [events, seenLetters] = [[...watch.events.values()], [...watch.letters.values()]]
  return { steps: stepsOf(waves), events, letters: seenLetters, desk, before, after }
}
