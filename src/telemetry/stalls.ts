// Notices that the process stood still (stopped, starved, or busy in one turn): then it lost leases and answers alike.
import type { Clock } from '../clock/clock.ts'
import type { Telemetry } from './events.ts'

const LOOK_MS = 250
/** From here on a stall eats a good part of a lease or of an answer's deadline. */
const STALL_LEAST_MS = 1_000

/**
 * Emits `process.stalled` after each time in which no timer ran for a second or more. The returned function ends it.
 */
export function watchStalls(clock: Pick<Clock, 'timer' | 'monotonicMs'>, telemetry: Telemetry): () => void {
  let cancel = (): void => undefined
  const look = (sinceMs: number): void => {
    cancel = clock.timer(LOOK_MS, () => {
      const nowMs = clock.monotonicMs()
      const stalledMs = Math.round(nowMs - sinceMs - LOOK_MS)
      if (stalledMs >= STALL_LEAST_MS) telemetry.emit('process.stalled', { stalledMs })
      look(nowMs)
    })
  }
  look(clock.monotonicMs())
  return () => cancel()
}
