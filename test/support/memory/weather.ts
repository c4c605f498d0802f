// A connection in virtual time whose calls take time, get lost on either way, or are carried out long after their caller gave up.
import type { Clock } from '../../../src/clock/clock.ts'
import { Unanswered, Unavailable } from '../../../src/retry/failures.ts'
import type { Call, Deliver } from './ports.ts'

/** Chances are 0 … 1 a call; all may be changed while calls are under way. */
export interface Weather {
  /** Longest time (ms) of an ordinary way; each way takes between half of it and it. */
  latencyMs: number
  /** A call without an answer rejects with `Unanswered` after so long (ms). */
  timeoutMs: number
  requestLost: number
  replyLost: number
  /** The request arrives up to `lateMs` later than usual, perhaps after its caller gave up. */
  late: number
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
  lateMs: 10_000,
  noticeLost: 0,
  state: 'up',
}

export interface Connection {
  readonly weather: Weather
  readonly call: Call
  readonly deliver: Deliver
  /** Calls whose request is still on its way. */
  readonly underWay: number
}

export function connection(clock: Clock, weather: Weather = { ...FAIR }): Connection {
  let underWay = 0
  const wayMs = (): number => weather.latencyMs * (0.5 + clock.random() / 2)
  const happens = (chance: number): boolean => chance > 0 && clock.random() < chance

  function call<T>(name: string, run: () => T): Promise<T> {
    if (weather.state === 'refusing')
      return clock.sleep(wayMs()).then(() => {
        throw new Unavailable(`${name}: connection refused`)
      })
    return new Promise((resolve, reject) => {
      const cancel = clock.timer(weather.timeoutMs, () =>
        reject(new Unanswered(`${name}: no answer within ${weather.timeoutMs} ms`)),
      )
      const settle = (run: () => void): void => {
        cancel()
        run()
      }
      if (weather.state === 'silent' || happens(weather.requestLost)) return
      underWay += 1
      const lateMs = happens(weather.late) ? clock.random() * weather.lateMs : 0
      clock.timer(wayMs() + lateMs, () => {
        underWay -= 1
        const answer = attempt(run)
        if (weather.state === 'silent' || happens(weather.replyLost)) return
        clock.timer(wayMs(), () => settle(() => ('value' in answer ? resolve(answer.value) : reject(answer.failure))))
      })
    })
  }

  return {
    weather,
    call,
    deliver: (run) => {
      if (weather.state === 'up' && !happens(weather.noticeLost)) clock.timer(wayMs(), run)
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
