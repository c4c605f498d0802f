// Reading what scripts answered. A reply of another shape is a bug, told with what came.
import type { Ticket } from '../locks/locks.ts'
import type { Reply } from './client.ts'

export class UnexpectedReply extends Error {
  override readonly name = 'UnexpectedReply'
}

/** Thrown value for a reply that the header of the script does not list. */
export function unexpected(script: string, reply: unknown): UnexpectedReply {
  return new UnexpectedReply(`the script ${script} answered ${JSON.stringify(reply)?.slice(0, 200)}`)
}

const SEPARATOR = '\x1f'
const LIST = 0x1e

/** A list, or what `joined` of `lua/lib/joined.lua` made of one: one text, numbers as digits. */
export function listOfJoined(script: string, reply: Reply | undefined): readonly Reply[] {
  if (typeof reply !== 'string') return listOf(script, reply ?? null)
  const parts = reply.split(SEPARATOR)
  let at = 0
  const begins = (): boolean => parts[at]?.charCodeAt(0) === LIST
  const list = (): Reply[] => {
    const items: Reply[] = []
    for (let left = Number(parts[at++]?.slice(1)); left > 0; left--) {
      if (at >= parts.length) throw unexpected(script, reply)
      items.push(begins() ? list() : (parts[at++] as string))
    }
    return items
  }
  if (!begins()) throw unexpected(script, reply)
  return list()
}

export function listOf<T = string>(script: string, reply: Reply<T>): readonly Reply<T>[] {
  if (!Array.isArray(reply)) throw unexpected(script, reply)
  return reply as readonly Reply<T>[]
}

export function textOf(script: string, reply: Reply | undefined): string {
  if (typeof reply !== 'string') throw unexpected(script, reply)
  return reply
}

/** A whole number given as an integer reply or as digits. */
export function wholeOf(script: string, reply: Reply | undefined): number {
  const number = typeof reply === 'string' && /^\d+$/.test(reply) ? Number(reply) : reply
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw unexpected(script, reply)
  return number
}

/** `''` and nil are null. */
export function wholeOrNull(script: string, reply: Reply | undefined): number | null {
  return reply === '' || reply === null || reply === undefined ? null : wholeOf(script, reply)
}

export function textOrNull(reply: Reply | undefined): string | null {
  return typeof reply === 'string' && reply !== '' ? reply : null
}

/** `granted` and `waiting` as the queue library answers them. */
export function ticketOf(script: string, reply: Reply | undefined): Ticket {
  const [state, number, grantedAt, eta, ahead] = listOf(script, reply ?? null)
  if (state !== 'granted' && state !== 'waiting') throw unexpected(script, reply)
  return {
    number: wholeOf(script, number),
    state,
    grantedAtMs: wholeOf(script, grantedAt),
    etaMs: wholeOf(script, eta),
    ahead: wholeOf(script, ahead),
  }
}
