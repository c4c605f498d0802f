// A connection in virtual time whose calls take time, get lost either way, or run after their caller gave up.
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
  const lateMs = (chance: number): number => (happens(chance) ? clock.random() * weather.lateMs : 0)
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
      if (weather.state === 'silent' || happens(weather.requestLost)) return
      underWay += 1
      clock.timer(wayMs() + lateMs(weather.late), () => {
        underWay -= 1
        const answer = attempt(run)
        if (weather.state === 'silent' || happens(weather.replyLost)) return
        clock.timer(wayMs() + lateMs(weather.replyLate), () => {
          cancel()
          if ('value' in answer) resolve(answer.value)
          else reject(answer.failure)
        })
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
