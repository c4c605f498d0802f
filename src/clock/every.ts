// A loop that runs until it is aborted: once now, then again after each pause with a tenth of jitter.
import type { Clock } from './clock.ts'

/** `run` may reject: `onFailure` is told, and the loop goes on. Resolves when `signal` has aborted. */
export async function every(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  run: () => Promise<void>,
  onFailure: (failure: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await run()
    } catch (failure) {
      onFailure(failure)
    }
    await clock.sleep(ms * (0.9 + clock.random() * 0.2), signal).catch(() => undefined)
  }
}
