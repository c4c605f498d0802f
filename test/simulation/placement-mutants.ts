// Rules of a ledger apart from the journal, taken away one by one: a simulation that notices none proves nothing.
import type { Journal } from '../../src/journal/journal.ts'
import { doorLeftOpen, notKept, ports, sendingForgotten, store, type Mutant, type Ports } from './mutants.ts'

/** Each by itself must be noticed: Placement keeps no guard behind these. */
export const PLACEMENT_MUTANTS: readonly Mutant[] = [
  on(2, ports('intentForgotten', 'a write goes out without a note of what it may do', sendingForgotten)),
  on(7, ports('intentNotSettled', 'who begins a request anew does not ask what became of its send', intentNotSettled)),
  on(58, ports('unsettledIgnored', 'it is planned on consumers that a send under way may change', unsettledIgnored)),
  on(7, ports('doorLeftOpen', 'what is given up may still be carried out', doorLeftOpen)),
  on(16, ports('deleteSentAgain', 'a DELETE that was not answered is sent again', deleteSentAgain)),
  on(77, {
    ...ports('markerNotReserved', 'a marker is made by the write, over one that is closed', (given) => given),
    placement: { markersCompared: false },
  }),
  on(
    4,
    ports('toldBeforeKept', 'a decision is told before a replica has it', (given) => notKept(given, 'decision')),
  ),
  on(
    4,
    ports('sentBeforeKept', 'a write goes out before a replica has its note', (given) => notKept(given, 'intent')),
  ),
  on(211, store('generationsChecked', 'a write is carried out over what its plan has not seen', 'generationsChecked')),
  on(26, store('capacityChecked', 'a write is carried out where there is no room', 'capacityChecked')),
]

/** `seed`: one that noticed it. */
function on(seed: number, mutant: Mutant): Mutant {
  return { ...mutant, seed }
}

function intentNotSettled({ journal, ...others }: Ports): Ports {
  const begin: Journal['begin'] = async (...args) => {
    const begun = await journal.begin(...args)
    return begun.kind === 'begun' ? { ...begun, processing: { ...begun.processing, intent: null } } : begun
  }
  return { ...others, journal: { ...journal, begin } }
}

function unsettledIgnored({ journal, ...others }: Ports): Ports {
  return { ...others, journal: { ...journal, unsettled: () => Promise.resolve({}) } }
}

function deleteSentAgain({ ledger, ...others }: Ports): Ports {
  const remove = ledger.deleteUnguarded!
  const deleteUnguarded = (consumer: string): Promise<'deleted' | 'absent'> =>
    remove(consumer).catch(() => remove(consumer))
  return { ...others, ledger: { ...ledger, deleteUnguarded } }
}
