// Lives one seed through: storms, then calm until everything is at rest, then the end of every worker.
import type { Climate } from './climate.ts'
import { NONE, type Mutant } from './mutants.ts'
import type { Violation } from './rules.ts'
import { World, type LedgerName } from './world.ts'

export interface Life {
  readonly seed: number
  readonly salt: number
  readonly climate: Climate
  readonly violation: Violation | null
  /** The last steps, where something went wrong. */
  readonly steps: readonly string[]
  readonly requests: number
  readonly messages: number
  readonly faults: ReadonlyMap<string, number>
  readonly codes: ReadonlyMap<string, number>
  readonly virtualMs: number
}

export interface LifeOptions {
  readonly mutant?: Mutant
  readonly ledger?: LedgerName
  /** Instead of that which the seed draws. */
  readonly climate?: Climate
  /** Another for a life of the same requests in which chance falls otherwise (0). */
  readonly salt?: number
  /** Given every step as it happens. */
  readonly tell?: (line: string) => void
}

/** Within this time (ms) after the last fault everything must have been decided and told. */
const REST_MS = 900_000
const STOP_MS = 120_000

export async function live(seed: number, options: LifeOptions = {}): Promise<Life> {
  const { mutant = NONE, ledger = 'redis', tell = null, salt = 0 } = options
  const world = new World({ seed, salt, ledger, mutant, tell, climate: options.climate ?? null })
  const { clock, judge, trace, climate } = world
  const onRejection = (failure: unknown): void => {
    judge.broken(
      'I5 no bug',
      `unhandled rejection: ${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}`,
    )
  }
  process.on('unhandledRejection', onRejection)
  try {
    trace.note('world', `seed ${seed}`, () => JSON.stringify(climate))
    world.start()
    await pass(world, climate.stormyMs)
    world.calmDown()
    await rest(world)
    if (judge.violation === null) await end(world)
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  const codes = new Map<string, number>()
  for (const { code } of judge.decisions.values()) codes.set(code, (codes.get(code) ?? 0) + 1)
  return {
    seed,
    salt,
    climate,
    violation: judge.violation,
    steps: judge.violation === null ? [] : trace.lines(),
    requests: judge.tellings.requests,
    messages: judge.tellings.messages,
    faults: world.faults,
    codes,
    virtualMs: clock.monotonicMs(),
  }
}

/** Lets `ms` pass, or less where something goes wrong before. */
async function pass({ clock, judge }: World, ms: number): Promise<void> {
  let over = false
  clock.timer(ms, () => {
    over = true
  })
  await clock.runUntil(() => over || judge.violation !== null)
}

async function rest(world: World): Promise<void> {
  const { clock, judge, everyone } = world
  const untilMs = clock.monotonicMs() + REST_MS
  const settled = (): boolean => judge.violation !== null || clock.monotonicMs() > untilMs || world.atRest
  await clock.runUntil(settled)
  // What was sent long ago may still arrive: nothing that was decided may change by it.
  const arrived = (): boolean =>
    world.parking.size === 0 &&
    everyone.every(({ store, link, ledger }) => store.underWay + link.underWay + ledger.underWay === 0)
  await clock.runUntil(() => judge.violation !== null || clock.monotonicMs() > untilMs || (arrived() && world.atRest))
  if (!world.atRest) judge.broken('I11 liveness', `not at rest ${REST_MS} ms after the last fault: ${world.unrest()}`)
  judge.atRest(world.seed, world.foreign)
}

async function end(world: World): Promise<void> {
  const { clock, judge, slot, members, server } = world
  world.over = true
  try {
    await clock.until(Promise.all(members.map((member) => member.stop())), STOP_MS)
  } catch (failure) {
    judge.broken('I10 at rest', `the workers did not end: ${String(failure)}`)
  }
  for (const { name, worker, locks } of members) {
    const { waiting, held } = locks.sizes
    const left = worker.inHand + waiting + held
    if (left > 0)
      judge.broken('I10 at rest', `${name} ended with ${worker.inHand} in hand, ${waiting} waits and ${held} locks`)
  }
  const { tickets, queues, open, intents } = slot
  // n.b. Of a process that died something may have arrived late, on a connection that no server keeps.
  const living = [...slot.listeners.keys()].filter((id) => members.some(({ name }) => id.startsWith(`${name}/`)))
  const listeners = { size: living.length }
  for (const [what, { size }] of Object.entries({ tickets, queues, 'open requests': open, intents, listeners }))
    if (size > 0) judge.broken('I10 at rest', `${size} ${what} are left`)
  // n.b. A worker that slept within a sweep may have sent a copy at last: it is answered by whoever comes next.
  const { unsettled } = server.depths
  if (unsettled > 0) judge.broken('I10 at rest', `${unsettled} deliveries are left`)
}
