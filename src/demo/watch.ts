// Watches what the workers tell: every event and every dead letter, who told it, and whether all copies are equal.
import type { Names } from '../broker/names.ts'
import type { Received, Reader } from '../broker/reader.ts'
import type { EventBody } from '../transfer/event.ts'
import type { Code } from '../transfer/outcome.ts'

/** One event, however often it was told. */
export interface SeenEvent {
  readonly body: EventBody
  readonly bytes: string
  readonly copies: number
  /** Copies whose bytes were others than the first one's. */
  readonly differing: number
}

/** One dead letter, however often it was told. */
export interface SeenLetter {
  readonly id: string
  readonly request: string
  readonly code: string
  readonly class: string
  readonly description: string
  readonly copies: number
}

export interface Watch {
  /** By event id, in the order in which they were first told. */
  readonly events: ReadonlyMap<string, SeenEvent>
  /** By `dl-id`. */
  readonly letters: ReadonlyMap<string, SeenLetter>
  /** Resolves when something has answered the message, whatever the outcome. */
  answered(message: { readonly request: string; readonly foretold: Code; readonly eventId: string }): Promise<void>
  /** How many events were told, copies included. */
  readonly told: number
}

/** Begins to watch; what is told from the moment on that it resolves is seen. */
export async function watchOver(reader: Reader, names: Names): Promise<Watch> {
  const events = new Map<string, SeenEvent>()
  const letters = new Map<string, SeenLetter>()
  const waiting = new Map<string, () => void>()
  const answeredKeys = new Set<string>()
  let told = 0
  await reader.tap(names.events, 'transfer.#', ({ body }) => {
    const event = noteEvent(events, body)
    told += 1
    const key = keyOf(event.outcome.code, event.request, event.id)
    answeredKeys.add(key)
    waiting.get(key)?.()
    waiting.delete(key)
  })
  await reader.tap(names.deadLetters, '#', (letter) => {
    noteLetter(letters, letter)
  })
  return {
    events,
    letters,
    get told() {
      return told
    },
    answered: async ({ request, foretold, eventId }) => {
      const key = keyOf(foretold, request, eventId)
      if (!answeredKeys.has(key))
        await new Promise<void>((resolve) => {
          waiting.set(key, resolve)
        })
    },
  }
}

/** An id used again is answered beside the decision that the id has. */
export function keyOf(code: Code, request: string, eventId: string): string {
  return code === 'id_reused' ? eventId : request
}

function noteEvent(events: Map<string, SeenEvent>, bytes: Buffer): EventBody {
  const text = bytes.toString('utf8')
  const body = JSON.parse(text) as EventBody
  const seen = events.get(body.id)
  if (seen === undefined) events.set(body.id, { body, bytes: text, copies: 1, differing: 0 })
  else {
    const differing = seen.differing + (seen.bytes === text ? 0 : 1)
    events.set(body.id, { ...seen, copies: seen.copies + 1, differing })
  }
  return body
}

function noteLetter(letters: Map<string, SeenLetter>, { properties: { headers } }: Received): void {
  const text = (name: string): string => {
    const value = headers[name]
    return typeof value === 'string' ? value : ''
  }
  const id = text('dl-id')
  letters.set(id, {
    id,
    request: text('dl-request-id'),
    code: text('dl-reason'),
    class: text('dl-class'),
    description: text('dl-description'),
    copies: (letters.get(id)?.copies ?? 0) + 1,
  })
}
