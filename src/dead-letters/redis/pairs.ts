// A hash as Redis answers it, as names and values.
import type { Reply } from '../../redis/client.ts'

/** Names and values of a hash; RESP2 gives them in turn. */
export function pairsOf<Value>(reply: Reply<Value>): Record<string, Value> {
  const flat = Array.isArray(reply) ? (reply as readonly Value[]) : []
  const pairs: Record<string, Value> = {}
  for (let index = 0; index + 1 < flat.length; index += 2) pairs[String(flat[index])] = flat[index + 1]!
  return pairs
}
