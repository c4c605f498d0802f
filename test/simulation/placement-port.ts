// Placement's ledger as one process of a simulated life has it: the real code, and each of its requests may fail.
import type { Clock } from '../../src/clock/clock.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { Attempt, Ledger } from '../../src/ledger/ledger.ts'
import { placementLedgerOver } from '../../src/ledger/placement/placement-ledger.ts'
import { markerOf } from '../../src/ledger/placement/markers.ts'
import type { Write } from '../../src/transfer/plan.ts'
import { memoryPlacementHttp, type Asked, type MemoryPlacement, type Row } from '../support/memory/placement.ts'
import type { MemorySlot } from '../support/memory/slot.ts'
import { textOfWrite, type Command, type Send } from './commands.ts'

export interface PlacementParts {
  readonly placement: MemoryPlacement
  readonly slot: MemorySlot
  readonly journal: Journal
  readonly send: Send
  readonly clock: Clock
  /** It is known that a write that was sent has not been carried out. */
  readonly onRefused: (command: Command) => void
}

/** What is known of a marker: whose it is, and what was last to be written with it. */
interface Known {
  readonly attempt: Pick<Attempt, 'request' | 'number'>
  readonly write: { readonly write: Write; readonly attempt: Attempt } | null
}

const MARKERS = 4

export function placementPort({ placement, slot, journal, send, clock, onRefused }: PlacementParts): Ledger {
  const markers = new Map<string, Known>()
  const know = (attempt: Known['attempt'], write: Known['write'] = null): void => {
    const k = markerOf(attempt)
    markers.set(k, { attempt, write: write ?? markers.get(k)?.write ?? null })
  }
  const http = memoryPlacementHttp(placement, async (asked, run) => {
    const command = commandOf(asked, markers, slot)
    const answer = await send(command, run)
    if (command.apply !== null && answer.status >= 300) onRefused(command)
    return answer
  })
  const moves: Journal['moves'] = (consumers) => journal.moves(consumers)
  const ledger = placementLedgerOver(http, { clock, namespace: 'sim', markers: MARKERS, moves })
  return {
    ...ledger,
    apply: (write, attempt, decision) => {
      know(attempt, { write, attempt })
      return ledger.apply(write, attempt, decision)
    },
    find: (attempt) => {
      know(attempt)
      return ledger.find(attempt)
    },
    close: (attempt) => {
      know(attempt)
      return ledger.close(attempt)
    },
  }
}

/** Begun on a store without books: whoever begins reads the ledger by himself. */
export function withoutBooks(journal: Journal): Journal {
  return {
    ...journal,
    begin: async (...args) => {
      const begun = await journal.begin(...args)
      return begun.kind === 'begun' ? { ...begun, snapshot: null } : begun
    },
  }
}

/** A request to Placement, known by what it does. */
function commandOf({ method, path, body }: Asked, markers: ReadonlyMap<string, Known>, slot: MemorySlot): Command {
  const id = path.split('/')[2] ?? ''
  const attempt = markers.get(id)?.attempt
  const details = (): string => `${path}${attempt === undefined ? '' : ` of ${attempt.request} n=${attempt.number}`}`
  const plain = { request: attempt?.request ?? null, apply: null, details }
  switch (method) {
    case 'GET':
      return { ...plain, name: 'ledger.read' }
    case 'PUT': {
      const { consumer_generation: generation, allocations } = body as Row
      const closes = Object.keys(allocations).length > 0
      return { ...plain, name: closes ? 'ledger.close' : generation === null ? 'ledger.reserve' : 'ledger.forget' }
    }
    case 'DELETE':
      return { ...plain, name: 'ledger.delete', request: slot.intents.get(id) ?? null, takes: id }
    case 'POST': {
      const rows = Object.entries(body as Record<string, Row>)
      const written = rows.find(([k, { allocations }]) => markers.has(k) && Object.keys(allocations).length > 0)
      const apply = written === undefined ? null : markers.get(written[0])!.write
      if (apply === null)
        return { ...plain, name: 'ledger.forget', request: null, details: () => `${rows.length} markers` }
      const { write, attempt: current } = apply
      return { name: 'ledger.apply', request: current.request, apply, details: () => textOfWrite(write, current) }
    }
  }
}
