// An intent as text, exactly as the journal keeps it: what is noted before a send, and what must stand of it.
import type { Intent } from './journal.ts'

/** n.b. The event stands in the decision as text already. */
export function noteOf({ decision, ...intent }: Intent): string {
  const { body: _body, ...written } = decision
  return JSON.stringify({ decision: written, ...intent })
}
