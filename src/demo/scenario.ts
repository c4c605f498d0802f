// The whole of what is asked in a run: so many messages, each kind of story at least once, in waves. Pure.
import type { SeedDocument } from '../ledger/seed-document.ts'
import { badStories } from './bad-stories.ts'
import { chanceOf, oneOf } from './cloud.ts'
import { draftOf, type Draft } from './draft.ts'
import { GOOD, type Writer } from './good-stories.ts'
import { messagesOf, type Step, type Story } from './story.ts'

/** Stories of one wave run side by side; the next wave begins when all are over. */
export type Wave = readonly Story[]

export interface Wanted {
  readonly seed: number
  /** Messages in all. */
  readonly requests: number
  /** Largest request that the workers read. */
  readonly bytesMax: number
}

const GOOD_SHARE = 0.75
/** More stories than this of one wave would leave too few servers for those that look for a special one. */
const WAVE_STORIES_MAX = 120
const TRIES_MAX = 40

/** Exactly `requests` messages. The same arguments give the same scenario. */
export function scenarioOf(cloud: SeedDocument, { seed, requests, bytesMax }: Wanted): readonly Wave[] {
  const chance = chanceOf(seed ^ 0x5eed)
  const draft = draftOf(cloud, seed, chance)
  const bad = badStories(bytesMax)
  const due = interleaved(GOOD, bad)
  const waves: Story[][] = [[]]
  let left = requests
  let tries = 0
  let again = TRIES_MAX
  while (left > 0) {
    const wave = waves.at(-1)!
    const next = due.shift()
    const writer = next ?? oneOf(chance() < GOOD_SHARE ? GOOD : bad, chance)
    const story = wave.length < WAVE_STORIES_MAX && tries < TRIES_MAX ? fitting(writer, draft, left) : null
    if (story !== null) {
      wave.push(story)
      left -= messagesOf(story)
      tries = 0
      continue
    }
    if (next !== undefined && again-- > 0) due.push(next)
    if (wave.length >= WAVE_STORIES_MAX || ++tries >= TRIES_MAX) {
      draft.nextWave()
      waves.push([])
      tries = 0
    }
  }
  return waves.filter((wave) => wave.length > 0)
}

export function stepsOf(waves: readonly Wave[]): readonly Step[] {
  return waves.flatMap((wave) => wave.flatMap(({ steps }) => steps))
}

/** Null when it cannot be written now, or has more messages than are left. */
function fitting(writer: Writer, draft: Draft, left: number): Story | null {
  const trial = writer(draft)
  const story = trial === null || messagesOf(trial) > left ? null : trial
  draft.end(story !== null)
  return story
}

function interleaved<Item>(one: readonly Item[], other: readonly Item[]): Item[] {
  const length = Math.max(one.length, other.length)
  return Array.from({ length }, (_, i) => [one[i], other[i]].filter((item) => item !== undefined)).flat()
}
