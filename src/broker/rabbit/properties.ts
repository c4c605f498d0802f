// AMQP properties between amqplib's form and the port's.
import type { MessageProperties, Options } from 'amqplib'
import type { Outgoing, Properties } from '../broker.ts'

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** What the port knows of a message's properties; absent ones are not set. */
export function propertiesOf(found: MessageProperties): Properties {
  const properties: Writable<Properties> = { headers: found.headers ?? {} }
  if (found.messageId !== undefined) properties.messageId = found.messageId
  if (found.correlationId !== undefined) properties.correlationId = found.correlationId
  if (found.contentType !== undefined) properties.contentType = found.contentType
  if (found.contentEncoding !== undefined) properties.contentEncoding = found.contentEncoding
  if (found.type !== undefined) properties.type = found.type
  if (found.appId !== undefined) properties.appId = found.appId
  if (found.userId !== undefined) properties.userId = found.userId
  if (found.timestamp !== undefined) properties.timestamp = found.timestamp
  return properties
}

/** Persistent and mandatory, always. `userId` is left out: another user's name would close the channel with 406. */
export function publishOptionsOf({ properties }: Outgoing): Options.Publish {
  const options: Options.Publish = { persistent: true, mandatory: true, headers: properties.headers }
  if (properties.messageId !== undefined) options.messageId = properties.messageId
  if (properties.correlationId !== undefined) options.correlationId = properties.correlationId
  if (properties.contentType !== undefined) options.contentType = properties.contentType
  if (properties.contentEncoding !== undefined) options.contentEncoding = properties.contentEncoding
  if (properties.type !== undefined) options.type = properties.type
  if (properties.appId !== undefined) options.appId = properties.appId
  if (properties.timestamp !== undefined) options.timestamp = properties.timestamp
  return options
}
