// A connection in virtual time whose calls take time, get lost either way, or run after their caller gave up.
import type { Clock } from '../../../src/clock/clock.ts'
import { Unanswered, Unavailable } from '../../../src/retry/failures.ts'
import type { Call, Ways } from './ports.ts'

/** Chances are 0 … 1 a call; all may be changed while calls are under way. */
export interface Weather {
  /** Longest time (ms) of an ordinary way; each way takes between half of it and it. */
  latencyMs: number
  /** A call without an answer rejects with `Unanswered` after so long (ms). */
  timeoutMs: number
  requestLost: number
  replyLost: number
  /** The request arrives up to `lateMs` later than usual, perhaps after its caller gave up; and so may the reply. */
  late: number
  replyLate: number
  lateMs: number
  noticeLost: number
  /** `refusing`: every call rejects with `Unavailable`. `silent`: nothing passes, neither way. */
  state: 'up' | 'refusing' | 'silent'
}

export const FAIR: Weather = {
  latencyMs: 2,
  timeoutMs: 1_000,
  requestLost: 0,
  replyLost: 0,
  late: 0,
  replyLate: 0,
  lateMs: 10_000,
  noticeLost: 0,
  state: 'up',
}

/** What becomes of one call, in the order in which it is noticed. */
export type Stage =
  | 'sent'
  | 'refused'
  | 'request_lost'
  | 'request_late'
  | 'ran'
  | 'reply_lost'
  | 'reply_late'
  | 'answered'
  | 'unanswered'

/**
 * `call` numbers the calls of a connection from 1. `value`: what was answered, or the failure; only of the last stages.
 */
export type Watch = (stage: Stage, call: number, name: string, value?: unknown) => void

export interface Connection {
  readonly weather: Weather
  readonly call: Call
  /** Notices may be lost; a gap is told as soon as the connection is up again. */
  readonly ways: Ways
  /** Calls whose request is still on its way. */
  readonly underWay: number
}

const RECONNECT_MS = 300

const unwatched: Watch = () => undefined

/** `at`: the clock of the process at the near end, which may be frozen; the store at the far end goes by `clock`. */
export function connection(clock: Clock, weather = { ...FAIR }, at = clock, watch: Watch = unwatched): Connection {
  let underWay = 0
  let calls = 0
  const wayMs = (): number => weather.latencyMs * (0.5 + clock.random() / 2)
  const lateMs = (chance: number): number => (happens(chance) ? clock.random() * weather.lateMs : 0)
  const happens = (chance: number): boolean => chance > 0 && clock.random() < chance

  function call<T>(name: string, run: () => T): Promise<T> {
    const number = ++calls
    watch('sent', number, name)
    if (weather.state === 'refusing') {
      watch('refused', number, name)
      return at.sleep(wayMs()).then(() => {
        throw new Unavailable(`${name}: connection refused`)
      })
    }
    return new Promise((resolve, reject) => {
      const cancel = at.timer(weather.timeoutMs, () => {
        watch('unanswered', number, name)
        reject(new Unanswered(`${name}: no answer within ${weather.timeoutMs} ms`))
      })
      if (weather.state === 'silent' || happens(weather.requestLost)) {
        watch('request_lost', number, name)
        return
      }
      underWay += 1
      const laterMs = lateMs(weather.late)
      if (laterMs > 0) watch('request_late', number, name)
      clock.timer(wayMs() + laterMs, () => {
        underWay -= 1
        const answer = attempt(run)
        const told = 'value' in answer ? answer.value : answer.failure
        watch('ran', number, name, told)
        if (weather.state === 'silent' || happens(weather.replyLost)) {
          watch('reply_lost', number, name)
          return
        }
        const waitMs = lateMs(weather.replyLate)
        if (waitMs > 0) watch('reply_late', number, name)
        at.timer(wayMs() + waitMs, () => {
          cancel()
          watch('answered', number, name, told)
          if ('value' in answer) resolve(answer.value)
          else reject(answer.failure)
        })
      })
    })
  }

  function gap(run: () => void): void {
    at.timer(RECONNECT_MS, () => (weather.state === 'up' ? run() : gap(run)))
  }

  return {
    weather,
    call,
    ways: {
      notice: (run) => {
        if (weather.state === 'up' && !happens(weather.noticeLost)) at.timer(wayMs(), run)
      },
      gap,
    },
    get underWay() {
      return underWay
    },
  }
}

function attempt<T>(run: () => T): { readonly value: T } | { readonly failure: unknown } {
  try {
    return { value: run() }
  } catch (failure) {
    return { failure }
  }
}
