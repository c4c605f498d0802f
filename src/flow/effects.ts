// Every effect of the flow, declared once: its name, whether it may be repeated after a timeout, and because of what.
import type { Delivery, Outgoing, Publisher } from '../broker/broker.ts'
import type {
  Aside,
  Begun,
  Cancelled,
  Entry,
  Journal,
  Processing,
  Restored,
  Restoring,
  Ripe,
  Sending,
  Standing,
} from '../journal/journal.ts'
import type { Applied, Attempt, Ledger, NotApplied, Sketch } from '../ledger/ledger.ts'
import { assertIdempotent } from '../retry/retry-on-timeout.ts'
import { idempotent, once, type Effect } from '../retry/effect.ts'
import type { Decision } from '../transfer/event.ts'
import type { MoveChange, Scope, Write } from '../transfer/plan.ts'
import type { Snapshot } from '../transfer/snapshot.ts'

type Repeatable<Input, Output> = Effect<Input, Output, 'idempotent'>

export interface Effects {
  readonly begin: Repeatable<{ entry: Entry; scope: Scope; token: string; mine: boolean; alone: boolean }, Begun>
  readonly read: Repeatable<Scope, Snapshot>
  readonly sketch: Repeatable<Scope, Sketch>
  readonly find: Repeatable<Attempt, Awaited<ReturnType<Ledger['find']>>>
  /** Null where nothing is to be made ready. */
  readonly reserve: Repeatable<Attempt, NotApplied | null> | null
  readonly apply: Repeatable<{ write: Write; attempt: Attempt; decision: Decision }, Applied>
  readonly close: Repeatable<Attempt, 'applied' | 'closed' | 'stale'>
  readonly decide: Repeatable<Deciding, 'decided' | 'stale'>
  readonly aside: Repeatable<{ processing: Pick<Processing, 'request' | 'token'>; aside: Aside }, 'aside' | 'stale'>
  readonly sending: Repeatable<{ processing: Processing; sending: Sending }, 'noted' | 'stale'>
  readonly cancel: Repeatable<{ target: string; by: string }, Cancelled>
  readonly kept: Repeatable<Standing, void>
  readonly told: Repeatable<string, void>
  readonly sweep: Repeatable<number, readonly Entry[]>
  readonly ripe: Repeatable<number, readonly Ripe[]>
  readonly forget: Repeatable<Parameters<Ledger['forget']>[0], void>
  readonly pack: Repeatable<readonly string[], number>
  readonly restoring: Repeatable<{ holder: string; keepMs: number }, Restoring>
  readonly restore: Repeatable<{ run: string; restored: Restored }, Awaited<ReturnType<Journal['restore']>>>
  readonly restored: Repeatable<{ run: string; offset: number; restores: boolean }, 'noted' | 'stale'>
  readonly publish: Repeatable<Outgoing, 'routed' | 'unroutable'>
  readonly acknowledge: Repeatable<Delivery, void>
  readonly handBack: Repeatable<Delivery, void>
  /** Null where the ledger has no write without a guard. */
  readonly deleteUnguarded: Effect<string, 'deleted' | 'absent', 'once'> | null
}

interface Deciding {
  readonly processing: Processing
  readonly decision: Decision
  readonly moves: MoveChange
}

/** One row of `ferryman operations`. */
export interface EffectRow {
  readonly name: string
  readonly ledger: string
  readonly idempotent: boolean
  readonly because: string
}

const APPLY_BECAUSE: Readonly<Record<Ledger['name'], string>> = {
  redis: "the script that writes sets the attempt's `written` mark in the same step, and answers a second send from it",
  placement:
    'the request marker, reserved before, is written in the same transaction, so that a second send is refused',
  memory: 'the write and its mark are one step',
}
const ONLY_READS = 'it only reads'
const RESERVED_ONCE = 'a marker that this process has is not made again, and one that it is not sure of is given up'
const UNGUARDED = [
  'ledger.delete',
  'nothing in the books says whose DELETE it was: a second one could take what was allocated since',
] as const
const SETTLED_ONCE = 'the first settlement of a delivery counts, later ones do nothing'

/**
 * Declares the effects over the given ports. Throws where one is not marked idempotent although the flow repeats it.
 */
export function effectsOf(journal: Journal, ledger: Ledger, publisher: Publisher): Effects {
  const effects: Omit<Effects, 'reserve' | 'deleteUnguarded'> = {
    begin: idempotent(
      'journal.begin',
      'a processing token is given once, and the same token is answered with what it began',
      ({ entry, scope, token, mine, alone }) => journal.begin(entry, scope, token, mine, alone),
    ),
    read: idempotent('ledger.read', ONLY_READS, (scope) => ledger.snapshot(scope)),
    sketch: idempotent('ledger.sketch', ONLY_READS, (scope) => ledger.sketch(scope)),
    find: idempotent('ledger.find', ONLY_READS, (attempt) => ledger.find(attempt)),
    apply: idempotent('ledger.apply', APPLY_BECAUSE[ledger.name], ({ write, attempt, decision }) =>
      ledger.apply(write, attempt, decision),
    ),
    close: idempotent('ledger.close', 'closing a closed door changes nothing', (attempt) => ledger.close(attempt)),
    decide: idempotent(
      'journal.decide',
      'the first decision stands; the same one again is answered as decided',
      ({ processing, decision, moves }) => journal.decide(processing, decision, moves),
    ),
    aside: idempotent('journal.aside', 'it ends a processing that a second send finds ended', ({ processing, aside }) =>
      journal.aside(processing, aside),
    ),
    sending: idempotent('journal.sending', 'it sets a mark to the value it has', ({ processing, sending }) =>
      journal.sending(processing, sending),
    ),
    cancel: idempotent(
      'journal.cancel',
      'the mark names the cancel, and the same cancel again finds it',
      ({ target, by }) => journal.cancel(target, by),
    ),
    kept: idempotent('journal.kept', 'it reads, and waits', (standing) => journal.kept(standing)),
    told: idempotent('journal.told', 'it sets a mark to the value it has', (request) => journal.told([request])),
    sweep: idempotent('journal.sweep', 'a request published twice is answered with what stands of it', (limit) =>
      journal.sweep(limit),
    ),
    ripe: idempotent('journal.ripe', 'it reads, and puts off what is needed still', (limit) => journal.ripe(limit)),
    forget: idempotent('ledger.forget', 'a proof that is gone stays gone', (attempts) => ledger.forget(attempts)),
    pack: idempotent('journal.pack', 'a record that is packed is not there to be packed again', (requests) =>
      journal.pack(requests),
    ),
    restoring: idempotent('journal.restoring', 'the same holder has the right again', ({ holder, keepMs }) =>
      journal.restoring(holder, keepMs),
    ),
    restore: idempotent(
      'journal.restore',
      'a decision that is there is not restored, nor its effect',
      ({ run, restored }) => journal.restore(run, restored),
    ),
    restored: idempotent('journal.restored', 'it sets a mark to the value it has', ({ run, offset, restores }) =>
      journal.restored(run, offset, restores),
    ),
    publish: idempotent(
      'broker.publish',
      'a second copy carries the same message id, by which readers drop it',
      (message) => publisher.publish(message),
    ),
    acknowledge: idempotent('broker.ack', SETTLED_ONCE, async (delivery) => delivery.ack()),
    handBack: idempotent('broker.hand_back', SETTLED_ONCE, async (delivery) => delivery.handBack()),
  }
  for (const effect of Object.values<{ name: string }>({ ...effects })) assertIdempotent(effect)
  const { reserve, deleteUnguarded } = ledger
  return {
    ...effects,
    reserve: reserve === null ? null : idempotent('ledger.reserve', RESERVED_ONCE, reserve),
    deleteUnguarded: deleteUnguarded === null ? null : once(...UNGUARDED, deleteUnguarded),
  }
}
