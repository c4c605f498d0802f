// What ends a request before it is begun: a deadline that has passed, or a cancel that came first.
import { outcome, type Code, type Outcome } from './outcome.ts'
import type { Request } from './request.ts'

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,32})?([Zz]|[+-]\d\d:\d\d)$/

/** What stands of a request when it is begun. Times are ms of one clock (Redis'). */
export interface Standing {
  readonly nowMs: number
  /** The cancel request that came first, or null. */
  readonly cancelledBy: string | null
  /** Why an earlier processing put it on the ladder, or null. */
  readonly lastReason?: string | null
}

/** Ms since 1970 of a moment as RFC 3339 has it (fractions cut to ms), or null when `text` is none. */
export function rfc3339Ms(text: string): number | null {
  const parts = MOMENT.exec(text)
  if (parts === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number)
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null
  if (hour > 23 || minute > 59 || second > 60) return null
  const offsetMs = offsetOf(parts[8] ?? 'Z')
  if (offsetMs === null) return null
  const midnight = new Date(0)
  midnight.setUTCFullYear(year, month - 1, day)
  const fractionMs = Math.floor(Number(`0${parts[7] ?? ''}`) * 1000)
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs - offsetMs
}

/**
 * The refusal of a request that must not be begun any more, or null. After a first attempt a passed deadline is told as
 * what kept the request from being carried out.
 */
export function refusedBefore(request: Request, standing: Standing): Outcome | null {
  const { nowMs, cancelledBy, lastReason } = standing
  const late = request.notAfter !== null && deadlinePassed(request, nowMs)
  const tried = lastReason === 'contended' || lastReason === 'ledger_unavailable'
  if (late && !tried) {
    return outcome(
      'expired',
      `The deadline ${request.notAfter} had passed before request ${request.id} was first tried.`,
    )
  }
  if (cancelledBy !== null)
    return outcome(
      'cancelled',
      `Request ${request.id} was cancelled by request ${cancelledBy} before it was carried out.`,
    )
  return late && tried ? deadlineExhausted(request, lastReason) : null
}

/** Whether `notAfter` lies before `nowMs`; the moment itself is still in time. */
export function deadlinePassed(request: Request, nowMs: number): boolean {
  const atMs = request.notAfter === null ? null : rfc3339Ms(request.notAfter)
  return atMs !== null && nowMs > atMs
}

/** The end of a request that was tried, could not be carried out, and whose deadline has passed meanwhile. */
export function deadlineExhausted(request: Request, reason: 'contended' | 'ledger_unavailable'): Outcome {
  return outcome(
    reason,
    `${TROUBLE[reason]} until the deadline ${request.notAfter} of request ${request.id} had passed.`,
  )
}

/** What kept a request from being carried out, as the beginning of a sentence. */
export const TROUBLE: Readonly<Record<'contended' | 'ledger_unavailable', string>> = {
  contended: 'Other requests kept the consumers or providers busy',
  ledger_unavailable: 'The ledger could not be asked',
}

/** How a `cancel` ends. `state` is that of the request it names; `code` how that one was decided. */
export function cancelOutcome(
  target: string,
  state: 'cancelled' | 'cancelled_before' | 'decided',
  code: Code | null = null,
): Outcome {
  switch (state) {
    case 'cancelled':
      return outcome('applied', `Request ${target} is cancelled and will not be carried out.`)
    case 'cancelled_before':
      return outcome('nothing_to_do', `Request ${target} had been cancelled already.`)
    case 'decided':
      return outcome('superseded', `Request ${target} cannot be cancelled: it had ended ${code ?? 'otherwise'} before.`)
  }
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

function offsetOf(text: string): number | null {
  if (text === 'Z' || text === 'z') return 0
  const hours = Number(text.slice(1, 3))
  const minutes = Number(text.slice(4, 6))
  if (hours > 23 || minutes > 59) return null
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}
