// Plays the scenario as a scheduler would: publishes, and waits for an outcome before it sends what depends on it.
import type { Names } from '../broker/names.ts'
import { requestMessage } from '../broker/request-message.ts'
import type { Publisher } from '../broker/broker.ts'
import type { Clock } from '../clock/clock.ts'
import type { Wave } from './scenario.ts'
import type { Step } from './story.ts'
import type { Watch } from './watch.ts'

export interface Stage {
  readonly publisher: Publisher
  readonly names: Names
  readonly clock: Clock
  readonly watch: Watch
  readonly signal: AbortSignal
}

/** Plays wave after wave. `onSent` is called for each message that the broker has confirmed. */
export async function play(waves: readonly Wave[], stage: Stage, onSent: () => void): Promise<void> {
  for (const wave of waves) {
    await Promise.all(
      wave.map(async ({ steps }) => {
        for (const step of steps) {
          for (let copy = 0; copy < step.copies; copy++) {
            stage.signal.throwIfAborted()
            await publish(step, stage)
            onSent()
          }
          await stage.watch.answered(step)
        }
      }),
    )
  }
}

async function publish({ request, operation, body }: Step, { publisher, names, clock }: Stage): Promise<void> {
  const message = requestMessage({ id: request, operation, body, sentAtMs: clock.nowMs() }, names)
  const routed = await publisher.publish(message)
  if (routed === 'unroutable') throw new Error(`exchange ${names.requests} has no queue for request ${request}`)
}
