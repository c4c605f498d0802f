// What a user of RabbitMQ must be allowed for a worker to run: object by object, and as patterns to grant. Pure.
import type { Patterns } from './commands.ts'
import type { Names } from './names.ts'
import type { Topology } from './topology.ts'

/** One right on one object. The default exchange is called `amq.default`. */
export interface Right {
  readonly right: 'configure' | 'write' | 'read'
  readonly kind: 'exchange' | 'queue'
  readonly name: string
  /** Of the right to bind to an exchange: the queue that is bound to it. */
  readonly queue?: string
}

export const DEFAULT_EXCHANGE = 'amq.default'

/** What a worker does in every mode: take requests and letters, read both journals, publish what it tells. */
export function workerRights(names: Names): readonly Right[] {
  const write = [DEFAULT_EXCHANGE, names.events, names.deadLetters]
  const read = [names.requests, names.deadLetters, names.eventsJournal, names.deadLettersJournal]
  return [
    ...write.map((name): Right => ({ right: 'write', kind: 'exchange', name })),
    ...read.map((name): Right => ({ right: 'read', kind: 'queue', name })),
  ]
}

/** What declaring needs besides, to bind included; policies need the tag policymaker. */
export function declaringRights({ exchanges, queues, bindings }: Topology): readonly Right[] {
  const sources = new Map(bindings.map(({ exchange, queue }) => [exchange, queue]))
  return [
    ...exchanges.map(({ name }): Right => ({ right: 'configure', kind: 'exchange', name })),
    ...queues.map(({ name }): Right => ({ right: 'configure', kind: 'queue', name })),
    ...bindings.map(({ queue }): Right => ({ right: 'write', kind: 'queue', name: queue })),
    ...[...sources].map(([name, queue]): Right => ({ right: 'read', kind: 'exchange', name, queue })),
  ]
}

/** The least that a worker runs with where it declares nothing (`verify`, `off`). */
export function workerPatterns(names: Names): Patterns {
  const of = (right: Right['right']): string => {
    const held = workerRights(names).filter((one) => one.right === right)
    return `^(${held.map(({ name }) => name.replaceAll('.', '\\.')).join('|')})$`
  }
  return { configure: '^$', write: of('write'), read: of('read') }
}

/** For whoever runs `topology apply`, and for workers in `create`: everything of this prefix, and nothing else. */
export function declaringPatterns(prefix: string): Patterns {
  const ours = `${prefix}\\.`
  return { configure: `^${ours}`, write: `^(amq\\.default$|${ours})`, read: `^${ours}` }
}
