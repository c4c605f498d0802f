// The management API of the shared RabbitMQ as a test uses it, and users with few rights.
import { randomBytes } from 'node:crypto'
import { vhostOf } from '../../src/broker/rabbit/urls.ts'
import { sharedRabbit } from './servers.ts'

/** One call as guest; the parsed answer, null for an empty one. Rejects for a status that is no success. */
export async function rabbitApi(method: string, path: string, body?: object): Promise<unknown> {
  return managementApi((await sharedRabbit()).managementUrl as string, method, path, body)
}

/** The same of any node, by the URL of its management API. */
export async function managementApi(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const base = new URL(url)
  const authorization = `Basic ${Buffer.from(`${base.username}:${base.password}`).toString('base64')}`
  const response = await fetch(`${base.origin}/api/${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? null : JSON.parse(text)
}

/** The virtual host of `url` as a path of the API names it. */
export function vhostIn(url: string): string {
  return encodeURIComponent(vhostOf(url))
}

export interface Limited {
  readonly user: string
  /** AMQP URL with this user. */
  readonly url: string
  /** Management API with this user. */
  readonly managementUrl: string
}

/** A user of its own with `rights` in the virtual host of `url`; null: none at all. */
export async function limitedUser(
  url: string,
  rights: { readonly configure: string; readonly write: string; readonly read: string } | null,
  tags = '',
): Promise<Limited> {
  const user = `u-${randomBytes(6).toString('hex')}`
  await rabbitApi('PUT', `users/${user}`, { password: user, tags })
  if (rights !== null) await rabbitApi('PUT', `permissions/${vhostIn(url)}/${user}`, rights)
  const as = (of: string): string => {
    const made = new URL(of)
    made.username = user
    made.password = user
    return made.href
  }
  return { user, url: as(url), managementUrl: as((await sharedRabbit()).managementUrl as string) }
}
