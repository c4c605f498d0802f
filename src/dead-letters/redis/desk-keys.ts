// Every key of the desk, in the namespace's slot: name, type, life.
import type { State } from '../desk.ts'

export interface DeskKeys {
  /** Hash, one a letter: all of it, with its body. Until it is forgotten. */
  readonly letter: (id: string) => string
  /** Sorted set: id → when it first failed (ms; of told ones: when it was taken in). */
  readonly ofState: (state: State | 'all') => string
  /** Sorted set of the open ones of a class: id → when it first failed (ms). */
  readonly openOf: (letterClass: string) => string
  /** Sorted set, score 0: `<request>\x1f<id>`. */
  readonly requests: string
  /** Hash: `<state>/<class>/<code>` → how many. */
  readonly counts: string
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
    taker: `${slot}letters:taker`,
  }
}
