// The ticket lock on Redis: one script a call, grants by PUBLISH.
import { idempotent, type Effect } from '../../retry/effect.ts'
import type { ScriptRunner } from '../../redis/scripts.ts'
import { listOf, ticketOf, unexpected, wholeOf } from '../../redis/replies.ts'
import type { Reply } from '../../redis/client.ts'
import type { LockStore, Notice, Resource, Ticket } from '../locks.ts'

type Effects = readonly Effect<never, unknown, 'idempotent'>[]

/** The port, and its calls as effects for `ferryman operations`. */
export function redisLocks(scripts: ScriptRunner): LockStore & { readonly effects: Effects } {
  const store: LockStore = {
    heartbeat: async (session, leaseMs, open) => {
      const args = { session: keyText(session), leaseMs, open: open ? 1 : 0 }
      const reply = await scripts.run('heartbeat', { args })
      const [word, now] = listOf('heartbeat', reply)
      if (word !== 'alive' && word !== 'lost') throw unexpected('heartbeat', reply)
      return { alive: word === 'alive', nowMs: wholeOf('heartbeat', now) }
    },
    acquire: async (session, key, resources, instead) =>
      ticketOrNull(
        'acquire',
        'over',
        await scripts.run('acquire', {
          args: { session, key: keyText(key), resources: resourcesText(resources), instead: instead ?? '' },
        }),
      ),
    poke: async (session, ticket) =>
      ticketOrNull(
        'poke',
        'gone',
        await scripts.run('poke', {
          args: { session, number: ticket },
        }),
      ),
    release: async (session, ticket) => {
      await scripts.run('release', { args: { session, number: ticket } })
    },
    close: async (session) => {
      await scripts.run('close-session', { args: { session } })
    },
    listen: (session, onNotice, onGap) =>
      scripts.redis.subscribe(
        scripts.keys.channel(session),
        (message) => {
          const notice = noticeOf(message)
          if (notice !== null) onNotice(notice)
        },
        onGap,
      ),
  }
  return { ...store, effects: effectsOf(store) }
}

function effectsOf(store: LockStore): Effects {
  type Heartbeat = { session: string; leaseMs: number; open: boolean }
  type Acquire = { session: string; key: string; resources: readonly Resource[]; instead: number | null }
  return [
    idempotent(
      'locks.heartbeat',
      'a lease is set to end so long after now, whatever it was before',
      ({ session, leaseMs, open }: Heartbeat) => store.heartbeat(session, leaseMs, open),
    ),
    idempotent(
      'locks.acquire',
      'a second send of the same key is answered with the ticket of the first',
      ({ session, key, resources, instead }: Acquire) => store.acquire(session, key, resources, instead),
    ),
    idempotent('locks.poke', 'it only moves on what is due', (input: { session: string; ticket: number }) =>
      store.poke(input.session, input.ticket),
    ),
    idempotent(
      'locks.release',
      'a ticket that is gone cannot be given up again, and no number is given twice',
      (input: { session: string; ticket: number }) => store.release(input.session, input.ticket),
    ),
    idempotent('locks.close', 'a session that has ended has nothing left to pass on', (session: string) =>
      store.close(session),
    ),
  ]
}

function ticketOrNull(script: string, none: string, reply: Reply): Ticket | null {
  return listOf(script, reply)[0] === none ? null : ticketOf(script, reply)
}

/** `G <ticket> <grantedAt>` or `L <ticket>`; null for anything else, which a later version may send. */
function noticeOf(message: string): Notice | null {
  const [word, ticket, grantedAt] = message.split(' ')
  if (word === 'G') return { kind: 'granted', ticket: Number(ticket), grantedAtMs: Number(grantedAt) }
  if (word === 'L') return { kind: 'lost', ticket: Number(ticket) }
  return null
}

const RESOURCE = /^[cp]:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function resourcesText(resources: readonly Resource[]): string {
  const wrong = resources.find((resource) => !RESOURCE.test(resource))
  if (wrong !== undefined) throw new RangeError(`"${wrong}" is no lock resource: c: or p: and a lower-case uuid`)
  return [...new Set(resources)].join(',')
}

/** Keys and sessions stand in packed values, where control characters would be taken for separators. */
function keyText(key: string): string {
  if (/^[\x21-\x7e]{1,256}$/.test(key)) return key
  throw new RangeError(`"${key}" is no session or key of a lock: use 1 to 256 visible ASCII characters`)
}
