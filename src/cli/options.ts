// Words of the command line to values: durations, amounts, fields, places in a stream. Each refusal says what would do.
import { InvalidArgumentError } from 'commander'
import { meant } from '../config/nearest.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `30s`, `2m`, `1h`, `7d` to ms. */
export function durationMs(word: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(word) ?? []
  if (amount === undefined || unit === undefined) {
    throw new InvalidArgumentError('Write it as 500ms, 30s, 2m, 1h or 7d.')
  }
  return Number(amount) * UNITS[unit]!
}

/** `VCPU=2,MEMORY_MB=2048` to amounts by resource class. */
export function amounts(word: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const part of word.split(',')) {
    const [, name, amount] = /^([A-Z0-9_]{1,255})=(\d{1,10})$/.exec(part.trim()) ?? []
    if (name === undefined) throw new InvalidArgumentError('Write it as VCPU=2,MEMORY_MB=2048.')
    if (Object.hasOwn(found, name)) throw new InvalidArgumentError(`${name} is given twice.`)
    found[name] = Number(amount)
  }
  return found
}

/** Collects `name=json` of each `--field`. */
export function field(word: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const [, name, json] = /^([A-Za-z]{1,64})=(.*)$/s.exec(word) ?? []
  if (name === undefined || json === undefined) {
    throw new InvalidArgumentError('Write it as name=json, e.g. idempotent=false.')
  }
  try {
    return { ...before, [name]: JSON.parse(json) as unknown }
  } catch {
    throw new InvalidArgumentError(`What follows ${name}= is not JSON. A text needs its quotes: ${name}='"text"'.`)
  }
}

/** A list separated by commas. */
export function words(word: string): string[] {
  return word
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

/** A whole number from 1 on. */
export function count(word: string): number {
  if (!/^[1-9]\d{0,8}$/.test(word)) throw new InvalidArgumentError('Write a whole number from 1 on.')
  return Number(word)
}

/** A point in time: RFC 3339, or a duration ago. To ms since 1970. */
export function since(word: string, nowMs: number): number {
  if (/^\d{1,9}(ms|s|m|h|d)$/.test(word)) return nowMs - durationMs(word)
  const at = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)/.test(word) ? Date.parse(word) : Number.NaN
  if (Number.isNaN(at)) throw new InvalidArgumentError('Write a time as 2026-11-22T10:00:00Z, or how long ago as 2h.')
  return at
}

/** Where to begin in a stream: a number is an offset. */
export type StreamStart = 'first' | 'last' | 'next' | number | Date

/** `first`, `last`, `next`, an offset, or a time. */
export function streamStart(word: string): StreamStart {
  if (word === 'first' || word === 'last' || word === 'next') return word
  if (/^\d{1,15}$/.test(word)) return Number(word)
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(word) ? Date.parse(word) : Number.NaN
  if (Number.isNaN(at)) {
    throw new InvalidArgumentError('Write first, last, next, an offset as 42, or a time as 2026-11-22T10:00:00Z.')
  }
  return new Date(at)
}

/** One of the `allowed` words. */
export function oneOf<Word extends string>(allowed: readonly Word[]): (word: string) => Word {
  return (word) => {
    const found = allowed.find((candidate) => candidate === word)
    if (found === undefined) {
      throw new InvalidArgumentError(`It is none of ${allowed.join(', ')}${meant(word, allowed)}`)
    }
    return found
  }
}
