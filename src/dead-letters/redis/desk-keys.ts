// Every key of the desk, in the namespace's slot: name, type, life.
import type { State } from '../desk.ts'

export interface DeskKeys {
  /** Hash, one a letter: all of it, with its body. Until it is forgotten. */
  readonly letter: (id: string) => string
  /** Sorted set: id → since when it is in this state (ms); for open ones and in `all`, when it first failed. */
  readonly ofState: (state: State | 'all') => string
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

export function deskKeysOf(namespace: string): DeskKeys {
  const slot = `{${namespace}}:`
  return {
    letter: (id) => `${slot}letter:${id}`,
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
