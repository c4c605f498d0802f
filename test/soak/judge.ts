// What may never be, however much went wrong meanwhile: each sentence is one violation.
import { faultsOfReplay, type Order } from '../support/crowd-check.ts'
import { decisionsInOrder, faultsOfBooks, faultsOfTelling, toldOf, type Books } from '../support/installation.ts'
import { isDecision, type Line, type Message } from '../support/installation-line.ts'
import type { Round } from './load.ts'

/** What readers got. */
export type Heard = Pick<Line, 'events' | 'letters'>

export interface Judged {
  readonly round: Round
  /** Books at rest, before the round and after it. */
  readonly from: Books
  readonly to: Books
  readonly order: Order
}

/** Classes that no fault may lead to: an outage is never an answer. */
const UNWANTED = ['exhausted', 'operator']

/** Every request has one decision and one event id, the books are what was told, and nothing had to be given up. */
export function violationsOf(heard: Heard, { round, from, to, order }: Judged): string[] {
  const told = round.requests.filter((id) => heard.events.of(id).some(isDecision))
  const events = decisionsInOrder(heard as Line, told)
  return [
    ...faultsOfTelling(heard as Line, round.requests),
    ...events.flatMap(({ request, outcome }) =>
      UNWANTED.includes(outcome.class) ? [`request ${request} ended ${outcome.code}: ${outcome.message}`] : [],
    ),
    ...round.reused.flatMap((id) => faultsOfAnswer(heard, id, 'id_reused')),
    ...[...round.malformed].flatMap(([id, code]) => faultsOfAnswer(heard, id, code)),
    ...faultsOfReplay(events, from, to, order),
    ...faultsOfBooks(to),
  ]
}

/** An answer to bytes, which no journal keeps: one event id with `code`, and one letter of class invalid. */
function faultsOfAnswer({ events, letters }: Heard, id: string, code: string): string[] {
  const answers = events.of(id).filter((message) => !isDecision(message))
  const [first] = answers
  if (first === undefined) return [`message ${id} (${code}) was never answered`]
  const found = toldOf(first).outcome.code
  const invalid = letters.of(id).filter(({ properties }) => properties.headers?.['dl-class'] === 'invalid')
  return [
    ...(found === code ? [] : [`message ${id} was answered ${found}, not ${code}`]),
    ...(idsOf(answers).size === 1 ? [] : [`message ${id} was answered as ${[...idsOf(answers)].join(' and ')}`]),
    ...(idsOf(invalid).size === 1 ? [] : [`message ${id} (${code}) has ${idsOf(invalid).size} letters`]),
  ]
}

function idsOf(messages: readonly Message[]): Set<unknown> {
  return new Set(messages.map(({ properties }) => properties.messageId as unknown))
}

/** The rounds as one, for the judgement of all of it. */
export function joined(rounds: readonly Round[]): Round {
  return {
    requests: rounds.flatMap(({ requests }) => requests),
    reused: rounds.flatMap(({ reused }) => reused),
    malformed: new Map(rounds.flatMap(({ malformed }) => [...malformed])),
  }
}
