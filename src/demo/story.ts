// What a scheduler asks for in the demo: stories, each the steps of one server, with the outcome foretold. Pure.
import { sha256Hex } from '../transfer/digest.ts'
import { eventId } from '../transfer/event.ts'
import { classOf, type Code } from '../transfer/outcome.ts'
import type { Operation } from '../transfer/request.ts'

/** One message, published `copies` times. */
export interface Step {
  readonly request: string
  readonly operation: string
  readonly body: Buffer
  readonly copies: number
  readonly foretold: Code
  /** Id of the one event that answers it. */
  readonly eventId: string
}

/** Steps that must wait for each other. */
export interface Story {
  readonly title: string
  readonly steps: readonly Step[]
}

/** A request under construction: what a story says of it. */
export interface Asked {
  readonly id: string
  readonly operation: Operation
  readonly fields: Readonly<Record<string, unknown>>
}

/** A step that sends a proper request. */
export function step({ id, operation, fields }: Asked, foretold: Code = 'applied', copies = 1): Step {
  return rawStep({ id, operation }, bodyOf({ version: 1, id, operation, ...fields, origin: 'demo' }), foretold, copies)
}

/** A step that sends these bytes, be they a request or not. */
export function rawStep(asked: Omit<Asked, 'fields'>, body: Buffer, foretold: Code, copies = 1): Step {
  const { id, operation } = asked
  const told = eventId(id, { code: foretold, class: classOf(foretold) }, sha256Hex(body))
  return { request: id, operation, body, copies, foretold, eventId: told }
}

export function bodyOf(document: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(JSON.stringify(document))
}

/** How many messages a story publishes. */
export function messagesOf(story: Story): number {
  return story.steps.reduce((sum, { copies }) => sum + copies, 0)
}
