// One worker process of a simulated life: the real worker over a store and a broker that may fail it, and its ends.
import type { Delivery, Outgoing } from '../../src/broker/broker.ts'
import { effectsOf } from '../../src/flow/effects.ts'
import { lockSession, type LockSession } from '../../src/locks/session.ts'
import { Breaker } from '../../src/ledger/breaker.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { Telemetry, type Events } from '../../src/telemetry/events.ts'
import { Restorer, type EventsJournal } from '../../src/worker/restore.ts'
import type { EventBody } from '../../src/transfer/event.ts'
import { Worker } from '../../src/worker/worker.ts'
import { connection, type Connection, type Stage, type Watch } from '../support/memory/weather.ts'
import { VirtualProcess } from '../support/virtual-process.ts'
import { BrokerConnection } from './broker-connection.ts'
import { answerText, commandOf, storePorts, type Command, type Send, type StorePorts } from './commands.ts'
import { BYTES_MAX } from './judge-tellings.ts'
import { placementPort, withoutBooks } from './placement-port.ts'
import type { World } from './world.ts'

const SEND_TIMEOUT_MS = 1_000
const LOOK_EVERY_MS = 400
const RESTORE_EVERY_MS = 900
/** Events not older than a life may be missing, however soon its records are packed. */
const EVENTS_MS = 3_600_000
const NOT_AS_TOLD = 'is not as its event tells'
const NOTE_EVERY_MS = 4_000
const SWEEP_EVERY_MS = 2_000
/** Part of the time for which records are kept after which some are looked for. */
const PACK_SHARE = 0.4
const MARGIN_SHARE = 0.05
const CONFLICTS_MAX = 3
/** More deaths than a life deals: each is a blow of the seed, and no request kills. */
const POISON_AFTER = 20

export class Member {
  readonly name: string
  readonly process: VirtualProcess
  readonly store: Connection
  readonly link: Connection
  /** The way to the ledger: that to the store, unless it is apart. */
  readonly ledger: Connection
  readonly broker: BrokerConnection
  readonly locks: LockSession
  readonly breaker: Breaker<Ledger>
  readonly worker: Worker
  readonly #world: World
  /** What the broker confirmed to this process, with the number of deliveries it had got by then. */
  readonly #confirmed: { readonly message: Outgoing; readonly after: number }[] = []
  readonly #numbers = new WeakMap<Delivery, number>()
  readonly #ended = new AbortController()
  #deliveries = 0
  /** What the next call asks, told right before it is made. */
  #sending: Command | null = null

  constructor(world: World, name: string) {
    const { climate, clock, slot, mutant } = world
    this.#world = world
    this.name = name
    this.process = new VirtualProcess(clock)
    this.store = connection(clock, { ...climate.store }, this.process, this.#watching())
    this.ledger =
      world.placement === null ? this.store : connection(clock, { ...climate.store }, this.process, this.#watching())
    this.link = connection(clock, { ...climate.broker }, this.process, this.#watching())
    const send = this.#sendingOver(this.store)
    const watched = this.#portsOf(send)
    this.broker = this.#connectBroker()
    const broken = mutant.breakPorts({ ...watched, publisher: this.broker }, { slot, send, names: world.names })
    const { journal, publisher } = broken
    this.breaker = new Breaker(broken.ledger, this.process)
    const { ledger } = this.breaker
    const telemetry = this.#telemetry()
    const { leaseMs, holdMs, waitMs } = climate
    const marginMs = Math.ceil(leaseMs * MARGIN_SHARE) - leaseMs * ((mutant.trusts ?? 1) - 1)
    const options = { leaseMs, holdMs, waitMs, marginMs, waitersMax: Math.max(1, Math.ceil(climate.concurrency / 4)) }
    this.locks = lockSession({ store: watched.locks, clock: this.process, telemetry, name, options })
    const effects = effectsOf(journal, ledger, publisher)
    this.worker = new Worker(
      {
        broker: this.broker,
        restorer: new Restorer(
          { effects, journal, ledger, telemetry, clock: this.process, events: this.#eventsJournal() },
          { holder: name, journalMs: Math.max(climate.journalMs, EVENTS_MS), noteEveryMs: NOTE_EVERY_MS },
        ),
        troubles: () => this.#troubles(),
        deps: {
          effects,
          journal,
          ledger,
          locks: world.judge.locks.listening(name, this.locks),
          clock: this.process,
          telemetry,
          names: world.names,
          settings: {
            prefix: 'ferryman',
            bytesMax: BYTES_MAX,
            ladder: climate.ladder,
            conflictsMax: CONFLICTS_MAX,
            poisonAfter: POISON_AFTER,
            retry: { attemptsMax: climate.sendsMax, baseMs: climate.baseMs, capMs: climate.baseMs * 4 },
            worker: name,
            workerVersion: '0',
          },
        },
      },
      {
        concurrency: climate.concurrency,
        drainMs: leaseMs,
        lookEveryMs: LOOK_EVERY_MS,
        sweepEveryMs: SWEEP_EVERY_MS,
        restoreEveryMs: RESTORE_EVERY_MS,
        packEveryMs: climate.journalMs * PACK_SHARE,
      },
    )
  }

  start(): void {
    this.#world.trace.note(this.name, 'starts')
    this.locks.start().then(
      () => {
        void this.breaker.run(this.#ended.signal)
        this.worker.start()
      },
      () => undefined,
    )
  }

  /** Dies between two steps: nothing of it runs again. The broker notices after `noticeMs`. */
  kill(noticeMs: number): void {
    this.#world.trace.note(this.name, 'DIES')
    this.process.kill()
    this.#world.judge.locks.died(this.name)
    this.#world.slot.listeners.delete(this.locks.session) // the store notices that its connection is gone
    this.#world.clock.timer(noticeMs, () => this.broker.drop())
  }

  /** Stands still for `ms`, and then goes on as if nothing had been. */
  freeze(ms: number, brokerNotices: boolean): void {
    if (this.process.state !== 'running') return
    const { clock, trace } = this.#world
    trace.note(this.name, 'FREEZES', `for ${ms} ms`)
    this.process.freeze()
    if (brokerNotices) clock.timer(ms / 2, () => this.broker.break(0, 200))
    clock.timer(ms, () => {
      trace.note(this.name, 'WAKES')
      this.process.thaw()
    })
  }

  /** Ends as it should: what is in hand is finished or handed back. */
  async stop(): Promise<void> {
    await this.worker.drain()
    this.#ended.abort(new Error('stopped'))
    await this.locks.stop()
    await this.broker.stop()
    this.#world.trace.note(this.name, 'stopped', `${this.worker.inHand} in hand`)
  }

  #sendingOver(way: Connection): Send {
    const { judge, parking } = this.#world
    return <T>(command: Command, run: () => T): Promise<T> => {
      judge.sending(command)
      if (parking.takes(command)) return this.#heldUp(command, run)
      this.#sending = command
      return way.call(command.name, () => judge.ran(command, this.name, run))
    }
  }

  #portsOf(send: Send): StorePorts {
    const { slot, placement, judge, behind } = this.#world
    const ports = storePorts(slot, send, this.store.ways, behind ?? undefined)
    if (placement === null) return ports
    const parts = { placement, slot, clock: this.process, onRefused: (command: Command) => judge.refused(command) }
    const journal = withoutBooks(ports.journal)
    return { ...ports, journal, ledger: placementPort({ ...parts, journal, send: this.#sendingOver(this.ledger) }) }
  }

  #troubles(): readonly string[] {
    const found = [...this.broker.troubles, ...this.breaker.troubles()]
    if (this.store.weather.state === 'refusing') found.push('the store is not connected')
    if (!this.locks.trusted) found.push('the lease is not trusted')
    return found
  }

  /** The broker's list of events, over this process's own line. */
  #eventsJournal(): EventsJournal {
    const { server } = this.#world
    return {
      read: async (from, onEvent) => {
        const all = await this.link.call('events.read', () => [...server.events])
        for (const { body } of all.slice(from ?? 0)) await onEvent(JSON.parse(body.toString()) as EventBody)
        return Math.max(0, all.length - 1)
      },
      last: () => this.link.call('events.last', () => (server.events.length === 0 ? null : server.events.length - 1)),
    }
  }

  #connectBroker(): BrokerConnection {
    const { server, clock, judge, trace } = this.#world
    return new BrokerConnection({
      server,
      clock,
      process: this.process,
      link: this.link,
      sendTimeoutMs: SEND_TIMEOUT_MS,
      watch: {
        delivered: (delivery, message) => {
          this.#numbers.set(delivery, ++this.#deliveries)
          trace.note(this.name, 'gets', `message ${message.number}`, () => judge.tellings.describe(delivery.body))
        },
        settled: (delivery, how) => {
          const number = this.#numbers.get(delivery)!
          trace.note(this.name, how === 'ack' ? 'acknowledges' : 'hands back', () =>
            judge.tellings.describe(delivery.body),
          )
          const since = this.#confirmed.filter(({ after }) => after >= number).map(({ message }) => message)
          if (how === 'ack') judge.tellings.acked(delivery, since)
        },
        publishing: ({ exchange, routingKey, body, properties: { messageId } }) => {
          const details = (): string => `${exchange}/${routingKey} ${messageId ?? judge.tellings.describe(body)}`
          this.#sending = { name: 'broker.publish', request: null, apply: null, details }
        },
        confirmed: (message) => {
          this.#confirmed.push({ message, after: this.#deliveries })
        },
      },
    })
  }

  /** The command arrives when nobody waits for it any more. */
  #heldUp<T>(command: Command, run: () => T): Promise<T> {
    const { trace, parking, judge } = this.#world
    trace.note(this.name, `→ ${command.name}`, command.details)
    trace.note(this.name, `~ ${command.name}`, 'held up')
    this.#world.struck(this, 'request_late', command)
    const arrive = (): void => {
      const answer = answerOf(() => judge.ran(command, this.name, run))
      trace.note(this.name, `! ${command.name}`, command.details, () => `= ${answerText(answer)}, held up until now`)
    }
    return parking.park(command, arrive, this.process.timer, this.store.weather.timeoutMs)
  }

  /** Knows each call of a connection by what it asks. */
  #watching(): Watch {
    const calls = new Map<number, Command>()
    return (stage, call, name, value) => {
      if (stage === 'sent') {
        calls.set(call, this.#sending ?? commandOf(name, []))
        this.#sending = null
      }
      this.#noted(stage, calls.get(call)!, value)
    }
  }

  #noted(stage: Stage, command: Command, value: unknown): void {
    const { trace } = this.#world
    const isBeat = command.name === 'locks.heartbeat' || command.name === 'ledger.probe'
    switch (stage) {
      case 'sent':
        if (!isBeat) trace.note(this.name, `→ ${command.name}`, command.details)
        break
      case 'ran':
        if (!isBeat) trace.note(this.name, `! ${command.name}`, command.details, () => `= ${answerText(value)}`)
        break
      case 'answered':
        if (!isBeat) trace.note(this.name, `← ${command.name}`, () => answerText(value))
        break
      default:
        trace.note(this.name, `~ ${command.name}`, stage.replace('_', ' '), command.details)
    }
    this.#world.struck(this, stage, command)
  }

  #found({ request, consumer, what }: Events['restore.finding']): void {
    if (what === NOT_AS_TOLD && consumer !== null) this.#world.judge.found(request, consumer)
  }

  #telemetry(): Telemetry {
    const telemetry = new Telemetry()
    telemetry.listen((name, fields) => {
      if (name === 'restore.finding') this.#found(fields as Events['restore.finding'])
      if (name === 'warning') this.#world.judge.broken('I5 no bug', `${this.name} warns: ${JSON.stringify(fields)}`)
      if (
        name.startsWith('request.') ||
        name.startsWith('session.') ||
        name.startsWith('worker.') ||
        name.startsWith('restore.') ||
        name === 'fence.rejected'
      ) {
        this.#world.trace.note(this.name, `(${name})`, () => JSON.stringify(fields))
      }
    })
    return telemetry
  }
}

/** What a command that nobody waits for has come to, its failure included. */
function answerOf(run: () => unknown): unknown {
  try {
    return run()
  } catch (failure) {
    return failure
  }
}
