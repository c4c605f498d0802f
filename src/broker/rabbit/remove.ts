// Takes one installation's objects off RabbitMQ again: queues, exchanges and policies, with all that is in them.
import type { Clock } from '../../clock/clock.ts'
import { managementUrlOf } from '../management-url.ts'
import type { Topology } from '../topology.ts'
import { answered, within } from './failure.ts'
import { reachManagement } from './management.ts'
import { dialAny, type ReaderOptions } from './reader.ts'
import { vhostOf } from './urls.ts'

export interface RemoveOptions extends ReaderOptions {
  /** As in the settings: null is the usual place, empty is none. */
  readonly managementUrl: string | null
}

/** Removes what `topology` names; what is not there is passed over. Nobody may be using it any more. */
export async function removeTopology(topology: Topology, options: RemoveOptions, clock: Clock): Promise<void> {
  const model = await dialAny(options, clock)
  try {
    const channel = await model.createChannel()
    channel.on('error', () => undefined)
    const ask = <Answer>(answer: Promise<Answer>, what: string): Promise<Answer> =>
      answered(answer, options.timeoutMs, what, clock)
    for (const { name } of topology.queues) await ask(channel.deleteQueue(name), `deleting queue ${name}`)
    for (const { name } of topology.exchanges) await ask(channel.deleteExchange(name), `deleting exchange ${name}`)
  } finally {
    await within(model.close(), options.timeoutMs, 'closing', clock).catch(() => undefined)
  }
  const [url = ''] = options.urls
  const { management } = await reachManagement({
    url: options.managementUrl,
    defaults: [managementUrlOf(url)],
    vhost: vhostOf(url),
    tls: options.tls,
    timeoutMs: options.timeoutMs,
    clock,
  })
  if (management === null) return
  try {
    for (const { name } of topology.policies) await management.deletePolicy(name)
  } finally {
    await management.close()
  }
}
