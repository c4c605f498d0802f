// A broker under test on a virtual host of its own, with what it tells, and a bare amqplib channel beside it.
import { connect, type ConfirmChannel } from 'amqplib'
import type { Delivery, Outgoing } from '../../src/broker/broker.ts'
import { namesOf } from '../../src/broker/names.ts'
import { rabbitBroker, type RabbitBroker, type RabbitOptions } from '../../src/broker/rabbit/rabbit-broker.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import { Telemetry, type EventName, type Events } from '../../src/telemetry/events.ts'
import { sharedRabbit } from '../support/servers.ts'

export const names = namesOf('ferryman')

export interface Told {
  /** Everything told so far under `name`. */
  all<Name extends EventName>(name: Name): Events[Name][]
  /** The next (or first) event `name` that `which` accepts. */
  next<Name extends EventName>(name: Name, which?: (fields: Events[Name]) => boolean): Promise<Events[Name]>
}

export interface UnderTest {
  readonly broker: RabbitBroker
  readonly told: Told
}

/** Not started yet. Short waits, so that faults show quickly. */
export async function brokerOn(url: string, options: Partial<RabbitOptions> = {}): Promise<UnderTest> {
  const telemetry = new Telemetry()
  const broker = rabbitBroker(
    {
      urls: [url],
      prefix: 'ferryman',
      topology: 'create',
      managementUrl: (await sharedRabbit()).managementUrl,
      heartbeatS: 10,
      journalDays: 30,
      startTimeoutMs: 10_000,
      clientName: 'test',
      confirmTimeoutMs: 1_000,
      sendTimeoutMs: 3_000,
      answerTimeoutMs: 1_000,
      pulseMs: 300,
      reconnect: { baseMs: 50, capMs: 200 },
      ...options,
    },
    systemClock,
    telemetry,
  )
  return { broker, told: listen(telemetry) }
}

export function message(routingKey: string, messageId: string, exchange = names.requests, body = messageId): Outgoing {
  return {
    exchange,
    routingKey,
    body: Buffer.from(body),
    properties: { messageId, contentType: 'application/json', headers: {} },
  }
}

/** Deliveries as they come, to be awaited one by one. */
export function inbox(): {
  onDelivery: (delivery: Delivery) => void
  next: () => Promise<Delivery>
  waiting: () => number
} {
  const arrived: Delivery[] = []
  const wanted: ((delivery: Delivery) => void)[] = []
  return {
    onDelivery: (delivery) => {
      const taker = wanted.shift()
      if (taker === undefined) arrived.push(delivery)
      else taker(delivery)
    },
    next: () => {
      const first = arrived.shift()
      return first !== undefined
        ? Promise.resolve(first)
        : new Promise((resolve) => {
            wanted.push(resolve)
          })
    },
    waiting: () => arrived.length,
  }
}

/** Runs `act` on a plain channel of its own connection. */
export async function withChannel<T>(url: string, act: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(url)
  connection.on('error', () => undefined)
  try {
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => undefined)
    return await act(channel)
  } finally {
    await connection.close().catch(() => undefined)
  }
}

/** Resolves when `holds` does; asks every 20 ms, and mocha's limit ends it. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(20)
}

function listen(telemetry: Telemetry): Told {
  const told: { name: EventName; fields: Events[EventName] }[] = []
  const wanted = new Set<() => void>()
  telemetry.listen((name, fields) => {
    told.push({ name, fields })
    for (const look of wanted) look()
  })
  const all = <Name extends EventName>(name: Name): Events[Name][] =>
    told.filter((one) => one.name === name).map((one) => one.fields as Events[Name])
  return {
    all,
    next: (name, which = () => true) =>
      new Promise((resolve) => {
        const seen = all(name).length
        const look = (): void => {
          const found = all(name).slice(seen).find(which)
          if (found === undefined) return
          wanted.delete(look)
          resolve(found)
        }
        wanted.add(look)
      }),
  }
}
