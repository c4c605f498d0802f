// One soak: rounds of load under faults, each followed by rest, judgement and measuring; then all of it once more.
import { systemClock } from '../../src/clock/system-clock.ts'
import type { RabbitServer } from '../../src/demo/servers.ts'
import { keysOf } from '../../src/redis/keys.ts'
import { crowdBooks, randomOf } from '../support/crowd.ts'
import { ORDER_ON } from '../support/crowd-check.ts'
import { queuesOf, toldOf, untilEmpty, type Books, type LedgerName } from '../support/installation.ts'
import { isDecision } from '../support/installation-line.ts'
import { until } from '../support/installation-workers.ts'
import { openCrew, type Crew } from './crew.ts'
import { dependencyFaults, WORKER_FAULTS } from './faults.ts'
import { sampled, type Sample } from './gauges.ts'
import { openGround, type Ground } from './ground.ts'
import { joined, violationsOf } from './judge.ts'
import { growthOf, type Growth } from './leaks.ts'
import { openLoad, type Load, type Round } from './load.ts'
import { startStorm, type Hand } from './storm.ts'

export interface SoakOptions {
  readonly ledger: LedgerName
  readonly ms: number
  readonly seed: number
  /** 2 or more. */
  readonly workers: number
  /** Default: one of its own, which is then hurt too. */
  readonly rabbit?: RabbitServer
  /** Longest time of load under faults before a rest (ms). */
  readonly roundMs?: number
  /** Ends the load early; the judgement follows all the same. */
  readonly signal: AbortSignal
  /** Told once a second, and with each violation. */
  readonly onProgress: (now: Now) => void
}

export interface Now {
  /** Since the load began. */
  readonly ms: number
  readonly requests: number
  readonly faults: number
  readonly violations: readonly string[]
  /** What goes on. */
  readonly doing: string
}

export interface Soaked {
  readonly requests: number
  /** How often each fault struck. */
  readonly faults: ReadonlyMap<string, number>
  /** How many requests ended with each code. */
  readonly codes: ReadonlyMap<string, number>
  readonly violations: readonly string[]
  readonly growth: readonly Growth[]
  readonly longestMs: number
}

const CROWD = { hosts: 12, servers: 80, roomOfHost: 18 }
const RATE = { redis: 12, placement: 4 } as const
const ROUND_MS = 45_000
/** Longest time until everything is told once the faults have ended: some may stand on a rung of 30 s. */
const DRAIN_MS = 300_000
/** Mean pause between two faults, of workers and of what they need each. */
const FAULT_EVERY_MS = 2_500
const PROGRESS_EVERY_MS = 1_000
/** Share of the rests after which a queue is deleted. */
const DELETED_SHARE = 0.3

/** Starts and ends everything that it needs. Rejects where the ground itself fails: then nothing is judged. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const ends: (() => Promise<void>)[] = []
  try {
    const ground = await openGround(options, ends)
    await ground.installation.seed(crowdBooks(CROWD))
    return await new Soak(options, ground, await openCrew(ground, options.workers)).live()
  } finally {
    for (const end of ends.toReversed()) await end().catch(() => undefined)
  }
}

class Soak {
  readonly #options: SoakOptions
  readonly #ground: Ground
  readonly #crew: Crew
  readonly #load: Load
  readonly #hands: readonly Hand[]
  readonly #startedMs = systemClock.monotonicMs()
  readonly #rounds: Round[] = []
  readonly #samples: Sample[] = []
  readonly #violations = new Set<string>()
  readonly #faults = new Map<string, number>()
  readonly #restRandom
  #books: Books = crowdBooks(CROWD)
  #doing = ''

  constructor(options: SoakOptions, ground: Ground, crew: Crew) {
    const { seed, ledger } = options
    this.#options = options
    this.#ground = ground
    this.#crew = crew
    this.#load = openLoad(ground.installation, {
      crowd: CROWD,
      rate: RATE[ledger],
      random: randomOf(seed),
      name: `soak ${seed}`,
    })
    this.#hands = [
      { faults: WORKER_FAULTS, random: randomOf(seed + 1), everyMs: FAULT_EVERY_MS },
      { faults: dependencyFaults(ground), random: randomOf(seed + 2), everyMs: FAULT_EVERY_MS },
    ]
    this.#restRandom = randomOf(seed + 3)
  }

  async live(): Promise<Soaked> {
    const { ms, signal } = this.#options
    const over = new AbortController()
    const telling = this.#tell(over.signal)
    const endsMs = this.#startedMs + ms
    let drained = true
    while (drained && !signal.aborted && systemClock.monotonicMs() < endsMs) {
      drained = await this.#round(endsMs)
      if (drained) await this.#deleteQueue()
    }
    await this.#judgeAll()
    over.abort()
    await telling
    const growth = growthOf(this.#samples)
    const leaks = growth
      .filter((one) => one.leaks)
      .map(({ gauge, first, last, limit }) => `${gauge} grew from ${first} to ${last}, ${limit} are the most`)
    return {
      requests: this.#load.sent,
      faults: this.#faults,
      codes: this.#codes(),
      violations: [...this.#violations, ...leaks],
      growth,
      longestMs: this.#load.longestMs,
    }
  }

  /** False where what was asked is still not told long after the last fault. */
  async #round(endsMs: number): Promise<boolean> {
    const { roundMs = ROUND_MS, signal, ledger } = this.#options
    const untilMs = Math.min(systemClock.monotonicMs() + roundMs, endsMs)
    const isOver = (): boolean => signal.aborted || systemClock.monotonicMs() >= untilMs
    const scene = { ground: this.#ground, crew: this.#crew, load: this.#load }
    this.#doing = 'load'
    const storm = startStorm(scene, this.#hands, (name) => this.#struck(name))
    const playing = this.#load.round(() => !isOver())
    playing.catch(() => undefined) // it is awaited below, after the storm
    await systemClock.sleep(untilMs - systemClock.monotonicMs(), signal).catch(() => undefined)
    await storm.end()
    this.#doing = 'the faults have ended, the rest is told'
    const round = await this.#within(playing)
    if (round === null) return false
    this.#rounds.push(round)
    const { installation } = this.#ground
    await this.#crew.up()
    await untilEmpty(installation, DRAIN_MS).catch((failure: Error) => this.#note(failure.message))
    this.#doing = 'judging'
    const to = await installation.dump()
    const from = this.#books
    this.#note(...violationsOf(installation, { round, from, to, order: ORDER_ON[ledger] }), ...this.#crew.faults)
    this.#books = to
    await sampled(this.#ground, this.#crew).then(
      (sample) => this.#samples.push(sample),
      (failure: Error) => this.#note(failure.message),
    )
    await this.#age(round)
    this.#ground.placement?.proxy.clear()
    return true
  }

  async #within(playing: Promise<Round>): Promise<Round | null> {
    const done = new AbortController()
    const late = systemClock.sleep(DRAIN_MS, done.signal).then(
      () => null,
      () => null,
    )
    const round = await Promise.race([playing, late])
    done.abort()
    if (round !== null) return round
    for (const id of this.#load.open()) {
      const { out, err } = await this.#ground.installation.cli(['transfers', 'show', id, '--json'])
      this.#note(`request ${id} is not told ${DRAIN_MS / 1_000} s after the last fault: ${out}${err}`)
    }
    return null
  }

  /** As if `journal.days` had gone by for all but the last round: what is left for ever then shows as growth. */
  async #age(last: Round): Promise<void> {
    const { installation, redis } = this.#ground
    const { told } = keysOf(installation.env['FERRYMAN_REDIS_NAMESPACE']!)
    const young = new Set(last.requests)
    const old = ((await redis.client.call('ZRANGE', [told, 0, -1])) as string[]).filter((id) => !young.has(id))
    for (const id of old) await redis.client.call('ZADD', [told, 1, id])
  }

  /** Now and then, at rest: what waits in a deleted queue is lost, and that is nobody's fault but the deleter's. */
  async #deleteQueue(): Promise<void> {
    const { installation, rabbit } = this.#ground
    const roll = this.#restRandom()
    if (roll >= DELETED_SHARE) return
    const queues = queuesOf(installation.names)
    const queue = queues[Math.floor((roll / DELETED_SHARE) * queues.length)]!
    this.#struck(`queue deleted`)
    await rabbit.api('DELETE', `queues/${rabbit.vhost}/${encodeURIComponent(queue)}`)
    const isBack = async (): Promise<boolean> => {
      const bindings = await rabbit
        .api('GET', `queues/${rabbit.vhost}/${encodeURIComponent(queue)}/bindings`)
        .catch(() => [])
      const [, ...own] = bindings as readonly unknown[] // the first is the default exchange's
      const isBound = own.length > 0 || queue.includes('.retry.')
      return (
        Array.isArray(bindings) && bindings.length > 0 && isBound && (await this.#crew.lasting.readyz()).status === 200
      )
    }
    await until(`${queue} is there again`, isBack).catch((failure: Error) => this.#note(failure.message))
  }

  async #judgeAll(): Promise<void> {
    const { installation, redis } = this.#ground
    // A worker that died between the confirm and its note has told; the sweep notes it, a minute later.
    this.#doing = 'waiting for the sweep'
    const { open } = keysOf(installation.env['FERRYMAN_REDIS_NAMESPACE']!)
    const nothingOpen = async (): Promise<boolean> => (await redis.client.call('ZCARD', [open])) === 0
    await until('no request is under way', nothingOpen, DRAIN_MS).catch((failure: Error) => this.#note(failure.message))
    this.#doing = 'the last judgement'
    this.#crew.dismiss()
    this.#note(...(await installation.faultsAtRest()))
    const round = joined(this.#rounds)
    const order = ORDER_ON[this.#options.ledger]
    this.#note(...violationsOf(installation, { round, from: crowdBooks(CROWD), to: await installation.dump(), order }))
  }

  #codes(): Map<string, number> {
    const codes = new Map<string, number>()
    const { events } = this.#ground.installation
    for (const { requests } of this.#rounds)
      for (const id of requests) {
        const decision = events.of(id).find(isDecision)
        const code = decision === undefined ? 'never told' : toldOf(decision).outcome.code
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
    return codes
  }

  #struck(name: string): void {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1)
    this.#doing = name
  }

  #note(...violations: readonly string[]): void {
    for (const one of violations) this.#violations.add(one)
    if (violations.length > 0) this.#options.onProgress(this.#now())
  }

  #now(): Now {
    return {
      ms: systemClock.monotonicMs() - this.#startedMs,
      requests: this.#load.sent,
      faults: [...this.#faults.values()].reduce((sum, count) => sum + count, 0),
      violations: [...this.#violations],
      doing: this.#doing,
    }
  }

  async #tell(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      this.#options.onProgress(this.#now())
      await systemClock.sleep(PROGRESS_EVERY_MS, over).catch(() => undefined)
    }
  }
}
