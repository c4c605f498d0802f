// A request as a scheduler sends it: one place for its exchange, routing key and properties.
import type { Outgoing } from './broker.ts'
import type { Names } from './names.ts'

export interface RequestParts {
  /** Id of the request; null where its bytes hold none. */
  readonly id: string | null
  readonly operation: string
  readonly body: Buffer
  /** Ms since 1970. */
  readonly sentAtMs: number
  readonly headers?: Outgoing['properties']['headers']
}

/** The message for the exchange of requests. */
export function requestMessage(
  { id, operation, body, sentAtMs, headers = {} }: RequestParts,
  names: Pick<Names, 'requests'>,
): Outgoing {
  return {
    exchange: names.requests,
    routingKey: `transfer.${operation}`,
    body,
    properties: {
      contentType: 'application/json',
      type: 'ferryman.request',
      timestamp: Math.floor(sentAtMs / 1_000),
      headers,
      ...(id === null ? {} : { messageId: id, correlationId: id }),
    },
  }
}
