// Publishing with confirms: persistent, mandatory, one channel, and a promise that always settles.
//
//   publish -> writable? -yes-> sent -> confirmed -> routed | unroutable (a return came before)
//                 | no           | +--> nacked -> Unavailable
//                 v              +----> channel closed, or no confirm in time -> Unanswered
//              waiting -> its time is over, or stopped -> Unavailable
import type { ConfirmChannel, Message } from 'amqplib'
import { backoffMs, type Backoff } from '../../retry/backoff.ts'
import { Unanswered, Unavailable } from '../../retry/failures.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import type { Outgoing, Publisher } from '../broker.ts'
import { closeQuietly, openChannel, type ChannelDeps, type Opened } from './channel.ts'
import type { Current } from './connection.ts'
import { ACCESS_REFUSED, codeOf, NOT_FOUND, textOf } from './failure.ts'
import { publishOptionsOf } from './properties.ts'

export interface PublisherOptions extends ChannelDeps {
  readonly telemetry: Telemetry
  /** Longest wait (ms) for a confirm; then the channel is given up with all that is outstanding on it. */
  readonly confirmTimeoutMs: number
  /** Longest wait (ms) of a message that cannot be sent yet. */
  readonly sendTimeoutMs: number
  readonly reopen: Backoff
  /** Told when an exchange that was published to is not there, or may not be published to. */
  readonly onRefusal: (met: 'missing' | 'refused') => void
}

type Result = 'routed' | 'unroutable'

interface Entry {
  readonly message: Outgoing
  readonly resolve: (result: Result) => void
  readonly reject: (cause: Error) => void
  /** Monotonic ms since when it waits, or was sent. */
  sinceMs: number
  returned: boolean
}

const STEADY_MS = 5_000

export class ConfirmingPublisher implements Publisher {
  readonly #options: PublisherOptions
  readonly #unlisten: () => void
  #channel: ConfirmChannel | null = null
  #writable = false
  /** Sent and not confirmed, oldest first; all on the present channel. */
  readonly #outstanding = new Set<Entry>()
  /** Not sent yet, oldest first. */
  readonly #waiting = new Set<Entry>()
  #failures = 0
  #trouble = 'publish channel is not open yet'
  #timing = false
  #stopped = false
  readonly #closing = new AbortController()
  #onIdle: (() => void) | null = null

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#unlisten = options.link.listen({
      up: (current) => {
        this.#failures = 0
        void this.#open(current)
      },
      down: () => undefined,
      unblocked: () => this.#flush(),
    })
  }

  /** One phrase while the channel is not open, else null. */
  get trouble(): string | null {
    return this.#channel === null ? this.#trouble : null
  }

  publish(message: Outgoing): Promise<Result> {
    if (this.#stopped) return Promise.reject(new Unavailable('publishing has been stopped'))
    return new Promise((resolve, reject) => {
      const sinceMs = this.#options.clock.monotonicMs()
      const entry: Entry = { message, resolve, reject, sinceMs, returned: false }
      if (this.#channel !== null && this.#writable && !this.#options.link.blocked && this.#waiting.size === 0) {
        this.#send(this.#channel, entry)
      } else {
        this.#waiting.add(entry)
      }
      this.#watch()
    })
  }

  /** Waits at most `limitMs` until nothing is outstanding, then refuses all that is left. May be called twice. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true
    if (this.#outstanding.size + this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.timer(limitMs, resolve)
        this.#onIdle = () => {
          cancel()
          resolve()
        }
      })
    }
    this.#unlisten()
    this.#closing.abort()
    for (const entry of this.#waiting)
      entry.reject(new Unavailable('publishing was stopped before the message was sent'))
    this.#waiting.clear()
    this.#retire('publishing was stopped')
  }

  async #open(current: Current): Promise<void> {
    const { link, clock, reopen } = this.#options
    const { signal } = this.#closing
    while (link.current === current && this.#channel === null) {
      if (this.#failures > 0)
        await clock.sleep(backoffMs(this.#failures, reopen, clock.random()), signal).catch(() => undefined)
      if (link.current !== current || signal.aborted) return
      try {
        const opened = await openChannel(this.#options, current, ({ model }) => model.createConfirmChannel())
        return this.#adopt(opened, current)
      } catch (cause) {
        this.#failures += 1
        this.#trouble = `publish channel cannot be opened: ${textOf(cause)}`
      }
    }
  }

  #adopt(opened: Opened<ConfirmChannel>, current: Current): void {
    const { channel } = opened
    if (this.#closing.signal.aborted) return closeQuietly(channel)
    const openedMs = this.#options.clock.monotonicMs()
    channel.on('return', (returned) => this.#onReturn(returned))
    channel.on('drain', () => {
      if (this.#channel !== channel) return
      this.#writable = true
      this.#flush()
    })
    channel.on('error', (cause) => {
      if (codeOf(cause) === NOT_FOUND) this.#options.onRefusal('missing')
      if (codeOf(cause) === ACCESS_REFUSED) this.#options.onRefusal('refused')
    })
    opened.onClosed((why, alone) => {
      if (this.#channel !== channel) return
      this.#failures = this.#options.clock.monotonicMs() - openedMs >= STEADY_MS ? 1 : this.#failures + 1
      this.#retire(why)
      if (alone) void this.#open(current)
    })
    this.#channel = channel
    this.#writable = true
    this.#flush()
  }

  #send(channel: ConfirmChannel, entry: Entry): void {
    const { message } = entry
    const confirmed = (cause: Error | null): void => this.#onConfirm(entry, cause)
    try {
      this.#writable = channel.publish(
        message.exchange,
        message.routingKey,
        message.body,
        publishOptionsOf(message),
        confirmed,
      )
      this.#outstanding.add(entry)
    } catch (cause) {
      // n.b. Thrown before anything was written: a closed channel, or a message that cannot be encoded, which is a bug.
      const closed = cause instanceof Error && cause.name === 'IllegalOperationError'
      entry.reject(
        closed ? new Unavailable(`the publish channel is closed: ${textOf(cause)}`, { cause }) : (cause as Error),
      )
    }
  }

  #onConfirm(entry: Entry, cause: Error | null): void {
    if (!this.#outstanding.delete(entry)) return
    if (cause === null) {
      entry.resolve(entry.returned ? 'unroutable' : 'routed')
    } else if (cause.message === 'message nacked') {
      entry.reject(new Unavailable('the broker refused the message (nack): a queue is full or failing', { cause }))
    } else {
      entry.reject(new Unanswered(`no confirm came: ${cause.message}`, { cause }))
    }
    this.#idle()
  }

  /**
   * A return names no delivery tag and comes before the confirm of its message. Where several copies of one message are
   * under way it marks them all: to tell twice is harmless, to take a lost copy for a routed one is not.
   */
  #onReturn(returned: Message): void {
    const { exchange, routingKey } = returned.fields
    const messageId: unknown = returned.properties.messageId
    for (const entry of this.#outstanding) {
      const { message } = entry
      if (
        message.exchange === exchange &&
        message.routingKey === routingKey &&
        message.properties.messageId === messageId
      ) {
        entry.returned = true
      }
    }
    this.#options.telemetry.emit('broker.returned', {
      messageId: typeof messageId === 'string' ? messageId : '',
      routingKey,
    })
    this.#options.onRefusal('missing')
  }

  #flush(): void {
    for (const entry of this.#waiting) {
      if (this.#channel === null || !this.#writable || this.#options.link.blocked) return
      this.#waiting.delete(entry)
      entry.sinceMs = this.#options.clock.monotonicMs()
      this.#send(this.#channel, entry)
    }
    this.#idle()
  }

  /** Gives the channel up with all that is outstanding on it. */
  #retire(why: string): void {
    const channel = this.#channel
    this.#channel = null
    this.#writable = false
    this.#trouble = `publish channel is closed: ${why}`
    this.#refuse(() => true, why)
    if (channel !== null) closeQuietly(channel)
  }

  #refuse(which: (entry: Entry) => boolean, why: string): void {
    for (const entry of this.#outstanding) {
      if (!which(entry)) break
      this.#outstanding.delete(entry)
      entry.reject(new Unanswered(`no confirm came: ${why}`))
    }
    this.#idle()
  }

  /** One timer for all: both sets are in order of age, and each has one limit. */
  #watch(): void {
    if (this.#timing) return
    const { clock, confirmTimeoutMs, sendTimeoutMs } = this.#options
    const nowMs = clock.monotonicMs()
    const dues = [
      [this.#outstanding, confirmTimeoutMs],
      [this.#waiting, sendTimeoutMs],
    ] as const
    const nextMs = Math.min(
      ...dues.map(([entries, limitMs]) => {
        const [oldest] = entries
        return oldest === undefined ? Infinity : oldest.sinceMs + limitMs - nowMs
      }),
    )
    if (nextMs === Infinity) return
    this.#timing = true
    clock.timer(Math.max(1, Math.ceil(nextMs)), () => {
      this.#timing = false
      this.#expire(clock.monotonicMs())
      this.#watch()
    })
  }

  #expire(nowMs: number): void {
    const { confirmTimeoutMs, sendTimeoutMs, link } = this.#options
    for (const entry of this.#waiting) {
      if (entry.sinceMs + sendTimeoutMs > nowMs) break
      this.#waiting.delete(entry)
      const why = link.trouble ?? this.trouble ?? 'the connection takes nothing more'
      entry.reject(new Unavailable(`not sent within ${sendTimeoutMs} ms: ${why}`))
    }
    const late = (entry: Entry): boolean => entry.sinceMs + confirmTimeoutMs <= nowMs
    const [oldest] = this.#outstanding
    if (oldest === undefined || !late(oldest)) return this.#idle()
    const why = `nothing within ${confirmTimeoutMs} ms`
    // A blocked broker confirms later, and would not answer to a new channel either.
    if (link.blocked) return this.#refuse(late, `${why}, since ${link.trouble}`)
    const { current } = link
    this.#retire(why)
    if (current !== null) void this.#open(current)
  }

  #idle(): void {
    if (this.#outstanding.size + this.#waiting.size > 0) return
    this.#onIdle?.()
    this.#onIdle = null
  }
}
