// Subscriptions on the second connection: made again after each reconnect, and the gap is told.
import type { Redis } from 'ioredis'
import type { Clock } from '../clock/clock.ts'
import { Unavailable } from '../retry/failures.ts'
import { failureOf } from './failures.ts'

export interface Notices {
  subscribe(channel: string, onMessage: (message: string) => void, onGap: () => void): Promise<() => Promise<void>>
  stop(): void
}

interface Subscription {
  readonly onMessage: (message: string) => void
  readonly onGap: () => void
}

/** `silenceMs`: a connection that says nothing for so long is asked whether it lives. */
export function notices(subscriber: Redis, clock: Clock, silenceMs: number): Notices {
  const subscriptions = new Map<string, Subscription>()
  let cancelPing = (): void => undefined

  // A half-open connection owes no answer, so nothing would ever notice it: the ping makes it owe one.
  const pingLater = (): void => {
    cancelPing()
    cancelPing = clock.timer(silenceMs, () => {
      if (subscriber.status === 'ready') subscriber.ping().catch(() => undefined)
      pingLater()
    })
  }
  const again = async (): Promise<void> => {
    const channels = [...subscriptions.keys()]
    if (channels.length === 0) return
    await subscriber.subscribe(...channels)
    for (const channel of channels) subscriptions.get(channel)?.onGap()
  }
  subscriber.on('message', (channel: string, message: string) => subscriptions.get(channel)?.onMessage(message))
  subscriber.on('ready', () => {
    pingLater()
    again().catch(() => subscriber.disconnect(true))
  })

  return {
    subscribe: async (channel, onMessage, onGap) => {
      if (subscriber.status !== 'ready') throw new Unavailable('Redis is not connected: SUBSCRIBE was not sent')
      subscriptions.set(channel, { onMessage, onGap })
      try {
        await subscriber.subscribe(channel)
      } catch (failure) {
        subscriptions.delete(channel)
        throw failureOf(failure, 'SUBSCRIBE')
      }
      return async () => {
        subscriptions.delete(channel)
        // The server forgets it with the connection, so a failure here leaves nothing behind.
        if (subscriber.status === 'ready') await subscriber.unsubscribe(channel).catch(() => undefined)
      }
    },
    stop: () => {
      cancelPing()
      subscriptions.clear()
    },
  }
}
