// Opening a channel safely: bounded, listeners in the same tick, and the connection given up when nothing answers.
import type { Channel } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { Unavailable } from '../../retry/failures.ts'
import type { Current, Link } from './connection.ts'
import { textOf, within } from './failure.ts'

export interface ChannelDeps {
  readonly link: Link
  readonly clock: Clock
  /** Longest wait (ms) for an answer. */
  readonly answerTimeoutMs: number
}

/** An open channel and what closed it. */
export interface Opened<Kind extends Channel> {
  readonly channel: Kind
  readonly epoch: number
  /** Runs once, when the channel or its connection closes; `alone`: the connection stands. */
  onClosed(run: (why: string, alone: boolean) => void): void
}

/**
 * Opens a channel with `open`. A broker that does not answer loses the connection. Rejects also when the channel was
 * closed before it could be handed out, so that nobody waits for a `close` that has been.
 */
export async function openChannel<Kind extends Channel>(
  deps: ChannelDeps,
  current: Current,
  open: (current: Current) => Promise<Kind>,
): Promise<Opened<Kind>> {
  let why = 'the channel was closed'
  let closed = false
  let tell: ((why: string, alone: boolean) => void) | null = null
  const opening = open(current).then((channel) => {
    channel.on('error', (cause) => {
      why = textOf(cause)
    })
    channel.on('close', () => {
      closed = true
      // n.b. amqplib closes the channels first and says only then, in the same step, that the connection is gone.
      queueMicrotask(() => tell?.(why, deps.link.current?.epoch === current.epoch))
    })
    return channel
  })
  let channel: Kind
  try {
    channel = await within(opening, deps.answerTimeoutMs, 'opening a channel', deps.clock)
  } catch (cause) {
    if (cause instanceof Unavailable) deps.link.abandon(current.epoch, cause.message)
    throw cause
  }
  if (closed || deps.link.current?.epoch !== current.epoch) throw new Unavailable(why)
  return {
    channel,
    epoch: current.epoch,
    onClosed: (run) => {
      tell = run
    },
  }
}

/** Closes without waiting: the answer, if one comes, changes nothing. */
export function closeQuietly(channel: Channel): void {
  try {
    channel.close().catch(() => undefined)
  } catch {
    /* closed already */
  }
}
