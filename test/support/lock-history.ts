// What clients saw of a lock, judged without knowing how it works: exclusion, order of arrival, and rising tokens.

/** One answer about one ticket. `askedAt` and `answeredAt` are places in one order of all calls and answers. */
export interface Seen {
  readonly ticket: number
  readonly resources: readonly string[]
  readonly says: 'waiting' | 'granted' | 'gone'
  readonly askedAt: number
  readonly answeredAt: number
}

/**
 * Every sentence names one thing that no correct lock can have answered; empty where all is well. A ticket is taken
 * when it is first seen, stands from its taking until it is gone, and stays granted once it is.
 */
export function faultsOf(history: readonly Seen[]): string[] {
  const pairs = rivals(history)
  return [
    ...tokenFaults(history),
    ...returned(history),
    ...pairs.flatMap(([older, newer]) => faultsBetween(older, newer)),
  ]
}

/** Records what is asked and answered, of however many clients at once. */
export class LockHistory {
  readonly seen: Seen[] = []
  #place = 0

  /** Asks by `ask`; what it answers is noted, unless it answers null and no `known` ticket was asked for. */
  async note<T extends { readonly number: number; readonly state: 'waiting' | 'granted' }>(
    resources: readonly string[],
    known: number | null,
    ask: () => Promise<T | null>,
  ): Promise<T | null> {
    const askedAt = this.#place++
    const answer = await ask()
    const ticket = answer?.number ?? known
    if (ticket !== null) {
      this.seen.push({ ticket, resources, says: answer?.state ?? 'gone', askedAt, answeredAt: this.#place++ })
    }
    return answer
  }
}

/** A number that was taken after another had been answered is greater. */
function tokenFaults(history: readonly Seen[]): string[] {
  const taken = [...byTicket(history).values()].map((seen) => seen[0]!)
  return taken.flatMap((later) =>
    taken
      .filter((earlier) => earlier.answeredAt < later.askedAt && earlier.ticket >= later.ticket)
      .map((earlier) => `ticket ${later.ticket} was taken after ${earlier.ticket}, which is not smaller`),
  )
}

const STAGE = { waiting: 0, granted: 1, gone: 2 }

/** A ticket waits, is granted, is gone, and never goes back. */
function returned(history: readonly Seen[]): string[] {
  return [...byTicket(history).values()].flatMap((seen) =>
    seen.flatMap((late) =>
      seen.some((early) => early.answeredAt < late.askedAt && STAGE[early.says] > STAGE[late.says])
        ? [`ticket ${late.ticket} is ${late.says} again`]
        : [],
    ),
  )
}

function faultsBetween(older: readonly Seen[], newer: readonly Seen[]): string[] {
  const [first, second] = [older[0]!.ticket, newer[0]!.ticket]
  const overtaken = newer.some(
    (grant) =>
      grant.says === 'granted' && older.some(({ says, askedAt }) => says !== 'gone' && askedAt > grant.answeredAt),
  )
  const both = within(older, newer) || within(newer, older)
  return [
    ...(overtaken ? [`ticket ${second} was granted while ${first}, which came first, still stood`] : []),
    ...(both ? [`tickets ${first} and ${second} were granted at one time`] : []),
  ]
}

/** Whether `inner` was seen granted between two moments at which `outer` was. */
function within(outer: readonly Seen[], inner: readonly Seen[]): boolean {
  const grants = outer.filter(({ says }) => says === 'granted')
  return inner.some(
    ({ says, askedAt, answeredAt }) =>
      says === 'granted' &&
      grants.some((before) => before.answeredAt < askedAt) &&
      grants.some((after) => answeredAt < after.askedAt),
  )
}

/** Pairs of tickets that share a resource, the smaller number first. */
function rivals(history: readonly Seen[]): (readonly [readonly Seen[], readonly Seen[]])[] {
  const tickets = [...byTicket(history)].toSorted(([left], [right]) => left - right).map(([, seen]) => seen)
  return tickets.flatMap((older, n) =>
    tickets
      .slice(n + 1)
      .filter((newer) => newer[0]!.resources.some((resource) => older[0]!.resources.includes(resource)))
      .map((newer) => [older, newer] as const),
  )
}

/** What was seen of each ticket, in the order in which it was asked. */
function byTicket(history: readonly Seen[]): Map<number, Seen[]> {
  const tickets = new Map<number, Seen[]>()
  for (const seen of history.toSorted((left, right) => left.askedAt - right.askedAt)) {
    tickets.set(seen.ticket, [...(tickets.get(seen.ticket) ?? []), seen])
  }
  return tickets
}
