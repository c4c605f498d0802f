// Every key of a namespace, all in one hash slot: name, type, life.
import { createHash } from 'node:crypto'

/** Name of a shared key, as the headers of `lua/*.lua` write it in capitals. */
export type KeyName =
  | 'meta'
  | 'heads'
  | 'q'
  | 't'
  | 's'
  | 'st'
  | 'dl'
  | 'rq'
  | 'open'
  | 'recent'
  | 'told'
  | 'moves'
  | 'ended'
  | 'intents'
  | 'consumers'
  | 'generations'
  | 'providers'
  | 'usages'
  | 'seeded'

/** Redis type of each shared key; what `checkServer` compares with what it finds. */
export const KEY_TYPES: Readonly<Record<KeyName, 'hash' | 'zset'>> = {
  // Locks: empty when nothing is under way, but for `meta`, which stays (it holds the last ticket number).
  meta: 'hash', // run, graceUntil, seq, schema, restoring, offset, keeper, keeperUntil
  heads: 'hash', // resource → first ticket of its queue, `+` behind it where others may stand there
  q: 'zset', // score 0, `<resource>\x1f<ticket>`: those behind
  t: 'hash', // ticket → state, time of grant, session, key, resources
  s: 'zset', // session → end of its lease (ms)
  st: 'zset', // score 0, `<session>\x1f<ticket>`: what a dead session leaves behind
  dl: 'zset', // ticket → when it ends by itself (ms)
  rq: 'hash', // key of a ticket → ticket
  // Journal.
  open: 'zset', // request → when the sweep may look at it (ms); until its event is confirmed
  recent: 'zset', // request → first begun (ms); while it has a record
  told: 'zset', // request whose event is confirmed → when its record may be packed (ms)
  moves: 'hash', // consumer, and its M → move, JSON; while open, then `journalMs`
  ended: 'zset', // consumer of a move that is no longer open → since (ms)
  intents: 'hash', // consumer → request that may have changed it in a ledger elsewhere; until that is settled
  // Books: for ever.
  consumers: 'hash', // consumer → JSON; only those that hold something
  generations: 'hash', // consumer that holds nothing any more → last generation, which never restarts
  providers: 'hash', // provider → JSON
  usages: 'hash', // provider → `CLASS=used,CLASS=used`; only those of which something is used
  seeded: 'hash', // consumer → SHA-1 of the allocations of its seeds, newest first, at most 8
}

export interface Keys extends Readonly<Record<KeyName, string>> {
  readonly namespace: string
  /** What every key of the namespace, and no other, begins with. */
  readonly slot: string
  /** Hash, one a request: what was asked, who is at it, what was decided. Until it is packed. */
  readonly record: (request: string) => string
  /** Hash: packed id → tombstone, of all requests that share it. Until the last of them is over. */
  readonly tomb: (request: string) => string
  /** Hash, one a dead letter: the desk's. */
  readonly letter: (id: string) => string
  /** Channel on which a session is told of its tickets. */
  readonly channel: (session: string) => string
  /** String, a minute: written by the health probe. */
  readonly probe: string
}

/** The keys of a namespace. Throws where its name could break the hash tag. */
export function keysOf(namespace: string): Keys {
  const slot = slotOf(namespace)
  const names = Object.keys(KEY_TYPES) as KeyName[]
  const shared = Object.fromEntries(names.map((name) => [name, slot + name])) as Record<KeyName, string>
  return Object.freeze({
    ...shared,
    namespace,
    slot,
    record: (request: string) => `${slot}r:${request}`,
    tomb: (request: string) => `${slot}z:${bucketOf(request)}`,
    letter: (id: string) => `${slot}letter:${id}`,
    channel: (session: string) => `${slot}ch:${session}`,
    probe: `${slot}probe`,
  })
}

/** Keys of the desk. */
export interface DeskKeys {
  /** Hash, one a letter: all of it, with its body. Until it is forgotten. */
  readonly letter: (id: string) => string
  /** Sorted set of a state, or `all`: id → since when it is in it (ms); in `open` and `all`, when it first failed. */
  readonly ofState: (state: string) => string
  /** Sorted set of the open ones of a class: id → when it first failed (ms). */
  readonly openOf: (letterClass: string) => string
  /** Sorted set, score 0: `<request>\x1f<id>`. */
  readonly requests: string
  /** Hash: `<state>/<class>/<code>` → how many. */
  readonly counts: string
  /** String: how many acts the chain that begins with `root` has seen lately; a week. */
  readonly chain: (root: string) => string
  /** Hash: message id → message that an act has to send, as JSON; until it is confirmed. */
  readonly outbox: string
  /** Sorted set: message id → when anybody may send it (ms). */
  readonly due: string
  /** Sorted set of the letters whose end is awaited: id → when it was last looked for (ms). */
  readonly watched: string
  /** String: who takes letters in. Until its lease ends. */
  readonly taker: string
}

/** The desk's keys of a namespace. Throws as `keysOf`. */
export function deskKeysOf(namespace: string): DeskKeys {
  const slot = slotOf(namespace)
  return {
    letter: letterIn(slot),
    ofState: (state) => `${slot}letters:${state}`,
    openOf: (letterClass) => `${slot}letters:open:${letterClass}`,
    requests: `${slot}letters:requests`,
    counts: `${slot}letters:counts`,
    chain: (root) => `${slot}letters:chain:${root}`,
    outbox: `${slot}letters:outbox`,
    due: `${slot}letters:due`,
    watched: `${slot}letters:watched`,
    taker: `${slot}letters:taker`,
  }
}

function slotOf(namespace: string): string {
  if (!/^[A-Za-z0-9._:-]{1,128}$/.test(namespace)) {
    throw new RangeError(`"${namespace}" is no Redis namespace: use 1 to 128 of A-Z a-z 0-9 . _ : -`)
  }
  return `{${namespace}}:`
}

function letterIn(slot: string): (id: string) => string {
  return (id) => `${slot}letter:${id}`
}

/** One of 65 536, whatever ids look like: those of one time may begin alike, and those of one machine end alike. */
function bucketOf(request: string): string {
  return createHash('sha1').update(request).digest('hex').slice(0, 4)
}
