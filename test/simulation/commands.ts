// The store's ports as one process has them: each call is known by what it asks, to be judged, shown and broken.
import type { Journal, Processing } from '../../src/journal/journal.ts'
import type { Attempt, Ledger } from '../../src/ledger/ledger.ts'
import type { LockStore } from '../../src/locks/locks.ts'
import type { Decision } from '../../src/transfer/event.ts'
import type { Write } from '../../src/transfer/plan.ts'
import { memoryJournal, memoryLedger, memoryLocks, type Call, type Ways } from '../support/memory/ports.ts'
import type { MemorySlot } from '../support/memory/slot.ts'

export interface Command {
  readonly name: string
  /** The request it is about, where it is about one. */
  readonly request: string | null
  readonly apply: { readonly write: Write; readonly attempt: Attempt } | null
  readonly details: () => string
  /** The consumer of which it takes all, without a guard. */
  readonly takes?: string
}

/** Carries a command to the store and its answer back. */
export type Send = <T>(command: Command, run: () => T) => Promise<T>

export interface StorePorts {
  readonly journal: Journal
  readonly ledger: Ledger
  readonly locks: LockStore
}

/** `behind`: whether the replicas lack what was written last; without it there are none to wait for. */
export function storePorts(slot: MemorySlot, send: Send, ways: Ways, behind?: () => boolean): StorePorts {
  return {
    journal: commanding((call) => memoryJournal(slot, call, behind), send),
    ledger: commanding((call) => memoryLedger(slot, call), send),
    locks: commanding((call) => memoryLocks(slot, call, ways), send),
  }
}

/** n.b. A port makes its call before its method returns, so the arguments seen last are those of the call. */
function commanding<Port extends object>(make: (call: Call) => Port, send: Send): Port {
  let given: readonly unknown[] = []
  const port = make((name, run) => {
    const command = commandOf(name, given)
    given = []
    return send(command, run)
  })
  const methods = Object.entries(port).map(([name, method]) => {
    if (typeof method !== 'function') return [name, method] as const
    const remembering = (...args: unknown[]): unknown => {
      given = args
      return (method as (...args: unknown[]) => unknown)(...args)
    }
    return [name, remembering] as const
  })
  return Object.fromEntries(methods) as Port
}

export function commandOf(name: string, args: readonly unknown[]): Command {
  const plain = { name, apply: null }
  switch (name) {
    case 'journal.begin': {
      const [entry, , token, mine] = args as Parameters<Journal['begin']>
      return { ...plain, request: entry.id, details: () => `${entry.id} as ${token}${mine ? '' : ', not mine'}` }
    }
    case 'journal.decide': {
      const [processing, decision] = args as [Processing, Decision]
      return {
        ...plain,
        request: processing.request,
        details: () => `${decision.request} ${decision.code} by ${processing.token}`,
      }
    }
    case 'journal.aside':
    case 'journal.sending': {
      const [{ request, token }, how] = args as [Processing, unknown]
      return { ...plain, request, details: () => `${request} by ${token} ${JSON.stringify(how)}` }
    }
    case 'journal.told': {
      const [[request = null]] = args as Parameters<Journal['told']>
      return { ...plain, request, details: () => String(request) }
    }
    case 'journal.kept': {
      const [{ request, what, value }] = args as Parameters<Journal['kept']>
      return { ...plain, request, details: () => `${what} ${value} of ${request}` }
    }
    case 'journal.restore': {
      const [run, { decision }] = args as Parameters<Journal['restore']>
      return { ...plain, request: decision.request, details: () => `${decision.request} ${decision.code} under ${run}` }
    }
    case 'ledger.apply': {
      const [write, attempt] = args as Parameters<Ledger['apply']>
      return { name, request: attempt.request, apply: { write, attempt }, details: () => textOfWrite(write, attempt) }
    }
    case 'ledger.close':
    case 'ledger.find': {
      const [{ request, token, number }] = args as [Attempt]
      return { ...plain, request, details: () => `${request} n=${number} by ${token}` }
    }
    default:
      return {
        ...plain,
        request: null,
        details: () =>
          args
            .filter((arg) => typeof arg !== 'function')
            .map(textOf)
            .join(' '),
      }
  }
}

export function textOfWrite({ changes }: Write, { request, token, ticket, number }: Attempt): string {
  const texts = changes.map(({ before, after }) => {
    const generations = `g${before.generation ?? '-'}→${after.generation}`
    return `${before.id} ${generations} ${holding(before.allocations)}→${holding(after.allocations)}`
  })
  return `${request} n=${number} by ${token} ticket ${ticket}: ${texts.join('; ')}`
}

/** Allocations, short. */
function holding(allocations: Readonly<Record<string, Readonly<Record<string, number>>>>): string {
  const parts = Object.entries(allocations).map(
    ([provider, amounts]) => `${provider}:${Object.values(amounts).join('/')}`,
  )
  return parts.length === 0 ? 'nothing' : parts.join('+')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** An answer, short. */
export function answerText(answer: unknown): string {
  if (answer instanceof Error) return `${answer.name}: ${answer.message}`
  if (typeof answer !== 'object' || answer === null) return String(answer)
  const { kind, ticket, reason, decision, processing } = answer as Readonly<Record<string, unknown>>
  if (typeof kind !== 'string') return JSON.stringify(answer)
  const parts = [kind]
  if (typeof reason === 'string') parts.push(reason)
  if (decision !== undefined) parts.push((decision as Decision).code)
  if (processing !== undefined)
    parts.push(`attempts ${(processing as Processing).attempts}, n ${(processing as Processing).attempt}`)
  if (ticket !== undefined) parts.push(`ticket ${JSON.stringify(ticket)}`)
  return parts.join(' ')
}
