// The journal of events on RabbitMQ, read up to a mark of one's own, so that its end is known and never guessed.
import type { RabbitBroker } from '../broker/rabbit/rabbit-broker.ts'
import type { Names } from '../broker/names.ts'
import type { Clock } from '../clock/clock.ts'
import { Unavailable } from '../retry/failures.ts'
import { eventIn, JOURNAL_MARK, type EventBody } from '../transfer/event.ts'
import type { EventsJournal } from '../worker/restore.ts'

/** Longest silence (ms) before the mark has come. */
const SILENCE_MS = 15_000

export function eventsJournal(
  broker: Pick<RabbitBroker, 'publish' | 'readStream' | 'lastOffset'>,
  { eventsJournal: stream }: Names,
  clock: Clock,
): EventsJournal {
  return {
    read: (from, onEvent) => readToMark(broker, stream, from, onEvent, clock),
    last: () => broker.lastOffset(stream),
  }
}

async function readToMark(
  broker: Pick<RabbitBroker, 'publish' | 'readStream'>,
  stream: string,
  from: number | null,
  onEvent: (event: EventBody) => Promise<void>,
  clock: Clock,
): Promise<number> {
  const mark = `${JOURNAL_MARK}/${clock.nowMs()}/${clock.random()}`
  let heardMs = clock.monotonicMs()
  let end: number | null = null
  let failure: unknown = null
  const reading = await broker.readStream(
    stream,
    from ?? 'first',
    async ({ body, properties, offset }) => {
      heardMs = clock.monotonicMs()
      if (properties.messageId === mark) end = offset
      if (end !== null || properties.type === JOURNAL_MARK) return
      const event = eventIn(body)
      if (event !== null) await onEvent(event)
    },
    (cause) => {
      failure = cause
    },
  )
  try {
    const properties = { messageId: mark, type: JOURNAL_MARK, contentType: 'application/json', headers: {} }
    const routed = await broker.publish({ exchange: '', routingKey: stream, body: Buffer.from('{}'), properties })
    if (routed === 'unroutable') throw new Unavailable(`stream ${stream} is not there; run ferryman topology apply`)
    while (end === null && failure === null) {
      if (clock.monotonicMs() - heardMs > SILENCE_MS) throw new Unavailable(`${stream}: the mark did not come back`)
      await clock.sleep(20)
    }
    if (failure !== null) throw failure
    return end!
  } finally {
    await reading.cancel()
  }
}
