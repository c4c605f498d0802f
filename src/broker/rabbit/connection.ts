// One connection to RabbitMQ that comes back: several hosts, backoff with jitter for ever, every wait bounded.
import type { Duplex } from 'node:stream'
import type { ChannelModel } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { gather } from '../../clock/gather.ts'
import { backoffMs, type Backoff } from '../../retry/backoff.ts'
import { Refused, Unavailable } from '../../retry/failures.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import { destroy, dial, streamOf, type TlsOptions } from './dial.ts'
import { textOf, within } from './failure.ts'

export type Role = 'consume' | 'publish'

export interface LinkOptions {
  readonly role: Role
  readonly urls: readonly string[]
  readonly clientName: string
  readonly heartbeatS: number
  readonly connectTimeoutMs: number
  readonly pulseMs: number
  readonly reconnect: Backoff
  readonly tls: TlsOptions
}

/** A connection that stands now. `epoch` rises with each one. */
export interface Current {
  readonly model: ChannelModel
  readonly epoch: number
}

export interface LinkListener {
  readonly up: (current: Current) => void
  readonly down: () => void
  readonly unblocked?: () => void
}

/** Connections that lived longer (ms) than this were good: the backoff begins anew. */
const STEADY_MS = 5_000
/** Longest wait (ms) for the broker's goodbye. */
const CLOSE_MS = 2_000
/** What a closed connection may still take (ms) to send its last frame. */
const FAREWELL_MS = 500

export class Link {
  readonly #options: LinkOptions
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #listeners = new Set<LinkListener>()
  readonly #stopping = new AbortController()
  #current: Current | null = null
  #epoch = 0
  #blocked: string | null = null
  #silent = false
  #down = 'not connected yet'
  #running: Promise<void> | null = null

  constructor(options: LinkOptions, clock: Clock, telemetry: Telemetry) {
    this.#options = options
    this.#clock = clock
    this.#telemetry = telemetry
  }

  get current(): Current | null {
    return this.#current
  }

  /** Whether the broker has told that it reads nothing from this connection (memory or disk alarm). */
  get blocked(): boolean {
    return this.#blocked !== null
  }

  get stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** What is wrong, one phrase; null when nothing is. */
  get trouble(): string | null {
    const { role } = this.#options
    if (this.#current === null) return `${role} connection is down: ${this.#down}`
    if (this.#blocked !== null) return `${role} connection is blocked by the broker: ${this.#blocked}`
    return this.#silent ? `${role} connection gets no answer from the broker` : null
  }

  /** Version of the server it is connected to. */
  get serverVersion(): string | null {
    return this.#current?.model.connection.serverProperties.version ?? null
  }

  /** Registers for ups and downs, and is told at once when it is up; the returned function ends it. */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener)
    if (this.#current !== null) listener.up(this.#current)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Resolves at the first connection; rejects with `Refused` at once. Keeps trying otherwise, until `close`. */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(resolve, reject)
    })
  }

  /** Gives the connection up, if it is still the one of `epoch`; the next one is tried after a short wait. */
  abandon(epoch: number, why: string): void {
    if (this.#current?.epoch === epoch) destroy(this.#current.model, why)
  }

  /** Closes within the bound, whether the broker answers or not. */
  async close(): Promise<void> {
    this.#stopping.abort(new Unavailable('the connection is being closed'))
    const current = this.#current
    if (current !== null) {
      try {
        await within(current.model.close(), CLOSE_MS, 'closing the connection', this.#clock)
      } catch {
        /* it was closed by the other side, or is not answering: destroyed in either case */
      }
      destroy(current.model, 'closed')
    }
    await this.#running
  }

  async #run(opened: () => void, refused: (cause: Error) => void): Promise<void> {
    const { urls, reconnect } = this.#options
    const { signal } = this.#stopping
    let failures = 0
    for (let turn = Math.floor(this.#clock.random() * urls.length); !signal.aborted; turn++) {
      try {
        const model = await this.#dial(urls[turn % urls.length] as string)
        const lived = this.#live(model)
        opened()
        failures = (await lived) >= STEADY_MS ? 0 : failures + 1
      } catch (cause) {
        failures += 1
        this.#down = textOf(cause)
        if (cause instanceof Refused && this.#epoch === 0) return refused(cause)
      }
      if (failures % urls.length !== 0) continue // the next host first
      const round = Math.max(1, Math.ceil(failures / urls.length))
      await this.#clock.sleep(backoffMs(round, reconnect, this.#clock.random()), signal).catch(() => undefined)
    }
    refused(new Unavailable(`the ${this.#options.role} connection was closed before it was open`))
  }

  async #dial(url: string): Promise<ChannelModel> {
    const { heartbeatS, connectTimeoutMs: timeoutMs, clientName, role, tls } = this.#options
    const options = { heartbeatS, timeoutMs, tls, name: `${clientName} ${role}` }
    const model = await dial(url, options, this.#clock, this.#stopping.signal)
    gatherWrites(streamOf(model))
    return model
  }

  /** From open to closed; resolves with the ms it lived. Listeners stand before the first await: amqplib needs it. */
  async #live(model: ChannelModel): Promise<number> {
    const openedMs = this.#clock.monotonicMs()
    const { role } = this.#options
    const current: Current = { model, epoch: ++this.#epoch }
    let why = 'the connection was closed'
    model.on('error', (cause) => {
      why = textOf(cause)
    })
    model.on('blocked', (reason) => {
      this.#blocked = reason
      this.#telemetry.emit('broker.blocked', { role, why: reason })
    })
    model.on('unblocked', () => {
      this.#blocked = null
      this.#telemetry.emit('broker.unblocked', { role })
      for (const listener of this.#listeners) listener.unblocked?.()
    })
    const closed = new Promise<void>((resolve) => {
      model.once('close', (cause) => {
        this.#fell(model, cause === undefined ? why : textOf(cause))
        resolve()
      })
    })
    this.#current = current
    this.#telemetry.emit('broker.connected', { role })
    for (const listener of [...this.#listeners]) listener.up(current)
    void this.#pulse(current)
    // n.b. What was closed in the same packet that opened it has had its `close` event, and gets no other.
    if (this.stopped || streamOf(model).writableEnded) model.emit('close')
    await closed
    return this.#clock.monotonicMs() - openedMs
  }

  #fell(model: ChannelModel, why: string): void {
    this.#current = null
    this.#blocked = null
    this.#silent = false
    this.#down = why
    this.#clock.timer(FAREWELL_MS, () => destroy(model, why))
    if (!this.stopped) this.#telemetry.emit('broker.disconnected', { role: this.#options.role, why })
    for (const listener of [...this.#listeners]) listener.down()
  }

  /** Asks something small now and then, so that a silent broker is known long before the heartbeat gives it up. */
  async #pulse(current: Current): Promise<void> {
    const { pulseMs } = this.#options
    const stands = (): boolean => this.#current === current && !this.stopped
    try {
      const channel = await current.model.createChannel()
      channel.on('error', () => undefined)
      while (stands()) {
        await this.#clock.sleep(pulseMs, this.#stopping.signal)
        if (!stands() || this.blocked) continue
        const cancel = this.#clock.timer(pulseMs, () => {
          this.#silent = stands()
        })
        await channel.prefetch(1)
        cancel()
        if (stands()) this.#silent = false
      }
    } catch {
      /* the connection fell, or is being closed: told elsewhere */
    }
  }
}

/** amqplib writes each frame by itself; all frames of a turn leave together instead. */
function gatherWrites(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
  stream.write = (...args: unknown[]): boolean => {
    gather(stream)
    return write(...args)
  }
}
