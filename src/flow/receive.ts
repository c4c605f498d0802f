// Stage 1 of 7: bytes become a job, or an outcome of class invalid, which answers the message and not its id.
import type { Delivery } from '../broker/broker.ts'
import { decode } from '../transfer/message.ts'
import { invalidDecision } from './decision.ts'
import type { Deps, InvalidJob, Job } from './job.ts'

export function receive(delivery: Delivery, deps: Deps): Job | InvalidJob {
  const arrivedMs = deps.clock.monotonicMs()
  const decoded = decode({ body: delivery.body, ...delivery.properties }, { bytesMax: deps.settings.bytesMax })
  const { id, operation } = decoded.kind === 'invalid' ? decoded.identity : decoded.request
  deps.telemetry.emit('request.received', {
    request: id,
    operation,
    redelivered: delivery.redelivered,
    ageMs: ageMs(delivery, deps),
  })
  if (decoded.kind === 'invalid') {
    const decision = invalidDecision(delivery, decoded, arrivedMs, deps)
    return { delivery, arrivedMs, ending: { kind: 'decided', decision, again: false, recorded: false } }
  }
  const { request, digest } = decoded
  return { delivery, request, digest, arrivedMs, mine: !deps.active.has(request.id) }
}

/** Age by the sender's timestamp (seconds); null without one. */
function ageMs(delivery: Delivery, deps: Deps): number | null {
  const { timestamp } = delivery.properties
  return timestamp === undefined ? null : Math.max(0, deps.clock.nowMs() - timestamp * 1000)
}
