// What kind of life a seed draws: sizes, times, how often each fault strikes, and when larger ones come.
import type { Delay } from '../../src/broker/names.ts'
import { FAIR, type Weather } from '../support/memory/weather.ts'

export type Random = () => number

export const STORMS = [
  'crash',
  'freeze',
  'restart',
  'break',
  'blocked',
  'silent',
  'refusing',
  'unbound',
  'roll',
  'foreign',
  'room',
  'clock',
  'failover',
] as const // prettier-ignore

export type StormKind = (typeof STORMS)[number]

/** Something that happens at a moment. `share` (0 … 1) picks whom or what it strikes. */
export interface Storm {
  readonly atMs: number
  readonly kind: StormKind
  readonly share: number
  readonly ms: number
}

export interface Climate {
  readonly kind: 'calm' | 'mild' | 'rough' | 'wild' | 'late'
  readonly workers: number
  readonly hosts: number
  readonly servers: number
  readonly requests: number
  readonly concurrency: number
  readonly leaseMs: number
  readonly holdMs: number
  readonly waitMs: number
  readonly sweepAfterMs: number
  /** How long records are kept after they were told: mostly for longer than a life takes. */
  readonly journalMs: number
  readonly sendsMax: number
  readonly baseMs: number
  readonly ladder: readonly Delay[]
  /** Faults stop after so long (ms). */
  readonly stormyMs: number
  /** Of the ways to the store and to the broker. */
  readonly store: Weather
  readonly broker: Weather
  /** Chances a command of the flow that it is held up, or that its process dies or is frozen right then. */
  readonly parked: number
  readonly crash: number
  readonly freeze: number
  /** Chance a request begun that somebody else acts on the books right then. */
  readonly meddling: number
  readonly storms: readonly Storm[]
  /** Whether a replica must have a decision before it is told, where the store may fall back to one. */
  readonly kept: boolean
  /** Chances a request. */
  readonly copies: number
  readonly reused: number
  readonly malformed: number
  readonly cancels: number
  readonly deadlines: number
  readonly once: number
  readonly overtakes: number
}

const KEPT_MS = [604_800_000, 604_800_000, 4_000, 12_000] as const

const LADDERS: readonly (readonly Delay[])[] = [['1s'], ['1s'], ['1s', '1s'], ['1s', '5s'], ['1s', '5s', '30s']]

/** `more`: another source of chance, so that what was added later leaves every other draw as it was. */
export function drawClimate(random: Random, more: Random): Climate {
  const kind = pick(random, ['calm', 'mild', 'mild', 'mild', 'rough', 'rough', 'wild', 'late', 'late', 'late'] as const)
  const level = { calm: 0, mild: 0.3, rough: 0.7, wild: 1, late: 0.1 }[kind]
  const leaseMs = pick(random, [1_500, 3_000, 5_000])
  const stormyMs = Math.round(between(random, 4_000, 25_000))
  const life = (most: number): number => (random() < 0.5 ? most * random() : 0)
  const fault = (most: number): number => (random() < 0.5 ? most * level * random() : 0)
  /** In late lives much is held up, and he who sent it often dies or sleeps meanwhile. */
  const lateness = (most: number): number => (kind === 'late' ? most * between(random, 0.3, 1) : fault(most))
  const [workers, hosts, servers, requests] = [
    whole(random, 2, 4),
    whole(random, 3, 4),
    whole(random, 1, 4),
    whole(random, 6, 20),
  ]
  return {
    kind,
    workers,
    hosts,
    servers,
    requests,
    journalMs: KEPT_MS[requests % KEPT_MS.length]!,
    concurrency: pick(random, [1, 2, 4, 8]),
    leaseMs,
    holdMs: pick(random, [2, 4, 12]) * leaseMs,
    waitMs: pick(random, [1_000, 3_000, 8_000]),
    sweepAfterMs: pick(random, [3_000, 6_000, 12_000]),
    sendsMax: pick(random, [1, 1, 2, 3, 4]),
    baseMs: pick(random, [20, 100, 200]),
    ladder: pick(random, LADDERS),
    stormyMs,
    store: { ...drawWeather(random, fault), timeoutMs: pick(random, [300, 800, 2_000]), noticeLost: fault(1) },
    broker: { ...drawWeather(random, fault), timeoutMs: pick(random, [500, 2_000]) },
    parked: lateness(0.4),
    crash: lateness(0.04),
    freeze: lateness(0.04),
    meddling: life(0.15),
    storms: inOrder([...drawStorms(random, level, stormyMs, leaseMs), ...drawFailovers(more, level, stormyMs)]),
    kept: more() < 0.5,
    copies: life(0.6),
    reused: life(0.2),
    malformed: life(0.15),
    cancels: life(0.25),
    deadlines: life(0.6),
    once: life(0.6),
    overtakes: life(0.5),
  }
}

function drawWeather(random: Random, fault: (most: number) => number): Weather {
  return {
    ...FAIR,
    latencyMs: pick(random, [2, 10, 50, 250]),
    requestLost: fault(0.15),
    replyLost: fault(0.25),
    late: fault(0.25),
    replyLate: fault(0.15),
    lateMs: pick(random, [500, 3_000, 10_000, 30_000]),
  }
}

/** Each kind is possible in some seeds only, so that many seeds show one kind by itself. */
function drawStorms(random: Random, level: number, stormyMs: number, leaseMs: number): readonly Storm[] {
  const storms: Storm[] = []
  const add = (kind: StormKind, most: number): void => {
    for (let left = whole(random, 0, most); left > 0; left--) {
      const ms = random() < 0.3 ? between(random, 50, leaseMs) : between(random, leaseMs, leaseMs * 4)
      storms.push({ kind, atMs: random() * stormyMs, share: random(), ms: Math.round(ms) })
    }
  }
  for (const kind of STORMS) {
    if (kind === 'failover') continue
    const isLife = kind === 'foreign' || kind === 'room'
    if (isLife ? random() < 0.35 : level > 0 && random() < 0.25) add(kind, isLife ? 3 : Math.ceil(4 * level))
  }
  return storms
}

/** The store falls back by so much as an ordinary disk or replica is behind. */
function drawFailovers(random: Random, level: number, stormyMs: number): readonly Storm[] {
  if (level === 0 || random() >= 0.2) return []
  return Array.from({ length: whole(random, 1, 2) }, () => ({
    kind: 'failover',
    atMs: random() * stormyMs,
    share: random(),
    ms: Math.round(between(random, 20, random() < 0.5 ? 300 : 3_000)),
  }))
}

function inOrder(storms: readonly Storm[]): readonly Storm[] {
  return [...storms].sort((one, other) => one.atMs - other.atMs)
}

export function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least)
}

export function whole(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1))
}

export function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!
}
