// Which rights the user lacks, asked of RabbitMQ without any effect.
//
// Each question carries an argument that RabbitMQ refuses, but only after it has looked at the rights. 403: the right
// is missing. 406: it is there. 404: it is there, and the object is not. To bind takes two rights, so that a question
// about one may be refused for another object, which the text names; to unbind what is not bound changes nothing.
import type { Channel, ConfirmChannel } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { setPermissionsCommand, type Patterns } from '../commands.ts'
import { DEFAULT_EXCHANGE, type Right } from '../rights.ts'
import { closeQuietly } from './channel.ts'
import { ACCESS_REFUSED, codeOf, NOT_FOUND, operationFailure, PRECONDITION_FAILED, textOf, within } from './failure.ts'

export interface RightsPlace {
  readonly openChannel: () => Promise<Channel>
  /** On the connection that publishes: an alarm of the broker stops one that does, acknowledgements included. */
  readonly openPublishChannel: () => Promise<Channel>
  readonly clock: Clock
  readonly answerTimeoutMs: number
}

/** Those of `rights` that the user does not have. Objects need not be there. */
export async function missingRights(rights: readonly Right[], place: RightsPlace): Promise<readonly Right[]> {
  const held = await Promise.all(rights.map((right) => holds(right, place)))
  return rights.filter((_, i) => held[i] === false)
}

/** What is missing in one sentence, with the command that gives it all. */
export function missingRightsText(
  missing: readonly Right[],
  { vhost, user, patterns }: { readonly vhost: string; readonly user: string; readonly patterns: Patterns },
): string {
  const each = missing.map(({ right, kind, name }) => `${right} ${kind} ${name}`).join(', ')
  return `user ${user} may not ${each}; run ${setPermissionsCommand(vhost, user, patterns)}`
}

async function holds(right: Right, place: RightsPlace): Promise<boolean> {
  const { clock, answerTimeoutMs } = place
  const openChannel = right.right === 'write' ? place.openPublishChannel : place.openChannel
  const what = `asking for the right to ${right.right} ${right.kind} ${right.name}`
  let channel: Channel | null = null
  try {
    channel = await within(openChannel(), answerTimeoutMs, what, clock)
    await within(ask(right, channel), answerTimeoutMs, what, clock)
    if (isOfBinding(right)) return true
    throw new Error(`RabbitMQ refused nothing of a question that it must refuse (${what})`)
  } catch (cause) {
    const code = codeOf(cause)
    if (code === ACCESS_REFUSED) return isOfBinding(right) && !textOf(cause).includes(`${right.kind} '${right.name}'`)
    if (code === PRECONDITION_FAILED || code === NOT_FOUND) return true
    throw operationFailure(cause, what)
  } finally {
    if (channel !== null) closeQuietly(channel)
  }
}

function isOfBinding({ right, kind }: Right): boolean {
  return (right === 'write' && kind === 'queue') || (right === 'read' && kind === 'exchange')
}

/** A key that nothing is bound with. */
const NO_KEY = 'ferryman.asks.for.rights'

/** Rejects with the error that RabbitMQ closes the channel with. */
function ask({ right, kind, name, queue }: Right, channel: Channel): Promise<unknown> {
  const refused = new Promise<never>((_, reject) => {
    channel.on('error', reject)
  })
  const bound = kind === 'queue' ? { queue: name, exchange: '' } : { queue: queue ?? '', exchange: name }
  const asked = isOfBinding({ right, kind, name })
    ? channel.unbindQueue(bound.queue, bound.exchange, NO_KEY)
    : question(right, kind, name, channel)
  return Promise.race([refused, asked])
}

async function question(right: Right['right'], kind: Right['kind'], name: string, channel: Channel): Promise<unknown> {
  const never = (): void => undefined
  switch (right) {
    case 'read':
      return channel.consume(name, never, { arguments: { 'x-priority': 'none' } })
    case 'write':
      ;(channel as ConfirmChannel).publish(name === DEFAULT_EXCHANGE ? '' : name, '', Buffer.alloc(0), {
        expiration: 'none',
      })
      return new Promise(never)
    case 'configure':
      return kind === 'queue'
        ? channel.assertQueue(name, { arguments: { 'x-expires': 'none' } })
        : channel.assertExchange(name, 'topic', { arguments: { 'alternate-exchange': 1 } })
  }
}
