// Rules taken away, each with those that stand behind it: a simulation that notices none proves nothing.
import type { Outgoing, Publisher } from '../../src/broker/broker.ts'
import type { Names } from '../../src/broker/names.ts'
import type { Journal, Standing } from '../../src/journal/journal.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { begin } from '../support/memory/records.ts'
import type { PlacementRules } from '../support/memory/placement.ts'
import type { MemorySlot, SlotRules } from '../support/memory/slot.ts'
import { commandOf, type Send } from './commands.ts'

export interface Ports {
  readonly journal: Journal
  readonly ledger: Ledger
  readonly publisher: Publisher
}

export interface Ground {
  readonly slot: MemorySlot
  readonly send: Send
  readonly names: Names
}

export interface Mutant {
  readonly name: string
  /** What it does wrong. */
  readonly what: string
  /** Rules that the store no longer keeps. */
  readonly rules: Partial<SlotRules>
  /** Rules that Placement no longer keeps. */
  readonly placement?: Partial<PlacementRules>
  /** For how many leases a lock is trusted (1). */
  readonly trusts?: number
  /** A seed that noticed it. */
  readonly seed: number
  readonly breakPorts: (ports: Ports, ground: Ground) => Ports
}

const whole = (ports: Ports): Ports => ports

export const NONE: Mutant = { name: 'none', what: 'nothing', rules: {}, seed: 1, breakPorts: whole }

/** Seeds that noticed a mutant, where it is not the first. */
const NOTICED: Readonly<Record<string, number>> = {
  refusalAfterUnclearSend: 339,
  frozenWorkerRefuses: 92,
  applyChecksProcessing: 345,
  oldProcessingWrites: 334,
  writtenIsPerRequest: 11,
  generationsChecked: 133,
  capacityChecked: 63,
  dueChecked: 20,
  tombsChecked: 9,
  packsOnlyWhatIsOver: 13,
  reuseUnnoticed: 5,
  sweepForgotten: 2,
  cancelForgotten: 2,
  repeatsForbidden: 37,
  sendingForgotten: 88,
  restoredFirst: 610,
  restoreSkipped: 67,
  toldBeforeKept: 4,
}

export const store = (name: string, what: string, ...rules: (keyof SlotRules)[]): Mutant => ({
  name,
  what,
  seed: NOTICED[name] ?? 1,
  breakPorts: whole,
  rules: Object.fromEntries(rules.map((rule) => [rule, false])),
})

export const ports = (
  name: string,
  what: string,
  breakPorts: Mutant['breakPorts'],
  ...rules: (keyof SlotRules)[]
): Mutant => ({
  ...store(name, what, ...rules),
  breakPorts,
})

/**
 * Of the store's guards on a write most are enough by themselves (`COVERED`), so they are taken away together until
 * nothing stands behind. What only locks promise is judged by the properties of lock sessions.
 */
export const MUTANTS: readonly Mutant[] = [
  ports(
    'refusalAfterUnclearSend',
    'after an unclear send, its door open, a refusal is decided; then the send arrives',
    (given) => unclearIsConflict(doorLeftOpen(given)),
    'applyChecksDecision',
    'fenceChecked',
  ),
  store(
    'frozenWorkerRefuses',
    'a worker that slept decides on what it saw before, and its successor writes all the same',
    'decideChecksProcessing',
    'applyChecksDecision',
  ),
  store(
    'applyChecksProcessing',
    'a worker that slept is answered as if its write had been done',
    'applyChecksProcessing',
  ),
  store(
    'oldProcessingWrites',
    'a write of a processing that is over is carried out',
    'applyChecksProcessing',
    'fenceChecked',
  ),
  store('writtenIsPerRequest', 'a write is credited by how the books look', 'writtenIsPerRequest'),
  store('generationsChecked', 'a write is carried out over what its plan has not seen', 'generationsChecked'),
  store('capacityChecked', 'a write is carried out where there is no room', 'capacityChecked'),
  store('queuesKept', 'a lock is granted whoever waits in front', 'queuesKept'),
  { ...store('leaseOutlived', 'a lock is trusted longer than its lease'), trusts: 3 },
  store('dueChecked', 'a copy is processed before its time', 'dueChecked'),
  store('tombsChecked', 'a copy that comes after its record was packed is a new request', 'tombsChecked'),
  store('packsOnlyWhatIsOver', 'a record is packed while its move is open', 'packsOnlyWhatIsOver'),
  ports('ackBeforeConfirm', 'a message is acknowledged before its event is confirmed', ackBeforeConfirm),
  ports('copyNotStored', 'a message is acknowledged although its copy was never stored', copyNotStored),
  ports('letterNotStored', 'a message is acknowledged although its letter was never stored', letterNotStored),
  ports('toldBeforeDecided', 'an event is told before its decision is written down', toldBeforeDecided),
  ports('decisionForgotten', 'begin does not answer with the decision that stands', decisionForgotten),
  ports('reuseUnnoticed', 'other content under an id that is taken is not noticed', reuseUnnoticed),
  ports('sweepForgotten', 'what nobody holds is never published again', sweepForgotten),
  ports('cancelForgotten', 'a cancel is told as done and not written down', cancelForgotten),
  ports('repeatsForbidden', 'a write whose sender forbids repeating is sent again', repeatsForbidden),
  store('restoredFirst', 'a request is begun before what was told is restored', 'restoredFirst'),
  ports('restoreSkipped', 'what was told and lost is not taken from the journal of events', restoreSkipped),
  ports('toldBeforeKept', 'a decision is told before a replica has it', (given) => notKept(given, 'decision')),
  ports('sendingForgotten', 'that such a write is about to be sent is not noted', sendingForgotten),
]

/** Guards behind which others stand: without one of these nothing goes wrong. */
export const COVERED: readonly Mutant[] = [
  store('applyChecksDecision', 'a decision gives the ticket up', 'applyChecksDecision'),
  store('decideChecksProcessing', 'no write is carried out after a decision', 'decideChecksProcessing'),
  store('fenceChecked', 'only the current processing writes', 'fenceChecked'),
  ports('doorLeftOpen', 'what is given up may not write any more', doorLeftOpen),
]

export function doorLeftOpen({ ledger, ...others }: Ports): Ports {
  return { ...others, ledger: { ...ledger, close: () => Promise.resolve('closed' as const) } }
}

/** After a send without an answer it is planned anew at once, as after a lost race. */
function unclearIsConflict({ ledger, ...others }: Ports): Ports {
  const apply: Ledger['apply'] = (...args) =>
    ledger.apply(...args).catch(() => ({ kind: 'conflict', reason: 'unclear' }) as const)
  return { ...others, ledger: { ...ledger, apply } }
}

function ackBeforeConfirm(given: Ports, { names }: Ground): Ports {
  return inBackground(given, ({ exchange }) => exchange === names.events)
}

function inBackground({ publisher, ...others }: Ports, chosen: (message: Outgoing) => boolean): Ports {
  const publish = async (message: Outgoing): Promise<'routed' | 'unroutable'> => {
    if (!chosen(message)) return publisher.publish(message)
    publisher.publish(message).catch(() => undefined)
    return 'routed'
  }
  return { ...others, publisher: { publish } }
}

function copyNotStored(given: Ports, { names }: Ground): Ports {
  return notStored(given, ({ exchange, routingKey }) => exchange === '' && routingKey !== names.requests)
}

function letterNotStored(given: Ports, { names }: Ground): Ports {
  return notStored(given, ({ exchange }) => exchange === names.deadLetters)
}

function notStored({ publisher, ...others }: Ports, chosen: (message: Outgoing) => boolean): Ports {
  const publish = async (message: Outgoing): Promise<'routed' | 'unroutable'> =>
    chosen(message) ? 'routed' : publisher.publish(message)
  return { ...others, publisher: { publish } }
}

function toldBeforeDecided({ journal, ...others }: Ports): Ports {
  const decide: Journal['decide'] = async (...args) => {
    journal.decide(...args).catch(() => undefined)
    return 'decided'
  }
  return { ...others, journal: { ...journal, decide } }
}

function decisionForgotten({ journal, ...others }: Ports, { slot, send }: Ground): Ports {
  const forgetful: Journal['begin'] = (...args) =>
    send(commandOf('journal.begin', args), () => {
      const [{ id }] = args
      const record = slot.records.get(id)
      if (record === undefined || record.decision === null) return begin(slot, ...args)
      slot.records.set(id, { ...record, decision: null })
      const answer = begin(slot, ...args)
      slot.records.set(id, { ...slot.records.get(id)!, decision: record.decision })
      return answer
    })
  return { ...others, journal: { ...journal, begin: forgetful } }
}

function reuseUnnoticed({ journal, ...others }: Ports, { slot, send }: Ground): Ports {
  const trusting: Journal['begin'] = (...args) =>
    send(commandOf('journal.begin', args), () => {
      const [entry, ...rest] = args
      return begin(slot, { ...entry, digest: slot.records.get(entry.id)?.digest ?? entry.digest }, ...rest)
    })
  return { ...others, journal: { ...journal, begin: trusting } }
}

function sweepForgotten({ journal, ...others }: Ports): Ports {
  return { ...others, journal: { ...journal, sweep: () => Promise.resolve([]) } }
}

function cancelForgotten({ journal, ...others }: Ports): Ports {
  return { ...others, journal: { ...journal, cancel: () => Promise.resolve({ kind: 'cancelled' as const }) } }
}

function repeatsForbidden({ ledger, ...others }: Ports): Ports {
  const apply: Ledger['apply'] = (...args) => ledger.apply(...args).catch(() => ledger.apply(...args))
  return { ...others, ledger: { ...ledger, apply } }
}

function restoreSkipped({ journal, ...others }: Ports): Ports {
  return { ...others, journal: { ...journal, restore: () => Promise.resolve('restored' as const) } }
}

/** It is not waited until a replica has what stands. */
export function notKept({ journal, ...others }: Ports, chosen: Standing['what']): Ports {
  const kept: Journal['kept'] = async (standing) => (standing.what === chosen ? undefined : journal.kept(standing))
  return { ...others, journal: { ...journal, kept } }
}

export function sendingForgotten({ journal, ...others }: Ports): Ports {
  return { ...others, journal: { ...journal, sending: () => Promise.resolve('noted' as const) } }
}
