// The rules of a simulated life: which invariant each belongs to, how it is looked at, and when.
export const INVARIANTS = {
  I1: 'what leaves one side of the books arrives at the other',
  I2: 'a consumer is on one side, wholly',
  I3: 'nothing is used that is not there',
  I4: 'each request ends in one decision, written down, then told, then acknowledged',
  I5: 'what is told is true, and stays true',
  I6: 'a request has at most one effect',
  I7: 'fencing tokens and generations only rise',
  I8: 'no two processes trust a lock of one resource at a time',
  I9: 'locks are granted first come, first served',
  I10: 'at rest nothing is left',
  I11: 'what is needed is up again: everything comes to its end',
  I12: 'what was told is remembered longer than any copy of the request lives',
} as const

interface Looking {
  readonly how: string
  readonly when: string
}

const COMMAND = 'after each command of the store'
const WRITE = 'after each write'
const EVENT = 'when the broker stores the event'
const REST = 'at rest'

/** `how` reads after "broken when". */
export const RULES = {
  'I1 conservation': {
    how: 'a write goes over other allocations than its plan has seen, or usages are not the sum of what is held',
    when: WRITE,
  },
  'I1 replay': { how: 'the events told do not lead, step by step, from the seed to the books', when: REST },
  'I2 whole': { how: 'a consumer does not stand exactly where its write was to put it', when: WRITE },
  'I3 capacity': { how: 'a write uses more where what is used then does not fit', when: WRITE },
  'I4 one decision': { how: 'a decision becomes another, or vanishes', when: COMMAND },
  'I4 one event': { how: 'two events of a request, or event and decision, differ in a byte', when: EVENT },
  'I4 one letter': {
    how: 'a letter is not that of the decision, or carries other bytes',
    when: 'when the broker stores it',
  },
  'I4 decided, then told': { how: 'an event comes whose request is not decided', when: EVENT },
  'I4 told, then noted': { how: 'a request is noted as told, and the broker has no event of it', when: COMMAND },
  'I4 told, then acknowledged': {
    how: 'a message is acknowledged before its event and letter, or its copy, are confirmed',
    when: 'at each acknowledgement',
  },
  'I4 accounting': {
    how: 'a request was not decided, told and noted, or something was told of what nobody sent',
    when: REST,
  },
  'I4 kept, then told': {
    how: 'what was told is lost with the tail of the store although a replica was waited for, or does not come back',
    when: 'at each failover',
  },
  'I4 due': { how: 'a copy is begun before its time', when: COMMAND },
  'I5 truth': {
    how: 'decision and effect do not agree: applied without a write, or written and told as not happened',
    when: `${COMMAND}, and at rest`,
  },
  'I5 no bug': { how: 'a request ends as a bug would end it, or a worker warns of one', when: COMMAND },
  'I6 one effect': { how: 'a second write of a request changes the books', when: WRITE },
  'I6 never repeated': {
    how: 'a write whose sender forbids repeating, or an unguarded DELETE, goes out twice',
    when: 'when it is sent',
  },
  'I7 fences': { how: 'an older ticket writes to a resource after a newer one', when: WRITE },
  'I7 generations': { how: 'a write leaves a consumer at a generation that is not new', when: WRITE },
  'I8 beliefs': {
    how: 'two workers trust locks of one resource',
    when: `${COMMAND}, while no clock was set`,
  },
  'I9 order': {
    how: 'a ticket is granted that does not head each of its queues, or a queue is not in order of arrival',
    when: COMMAND,
  },
  'I10 at rest': {
    how: 'tickets, queues, open requests, unsettled intents, listeners, deliveries or waits are left',
    when: 'when all workers have stopped',
  },
  'I11 liveness': { how: 'something is still under way 15 virtual minutes after the last fault', when: REST },
  'I12 remembered': { how: 'a request that was told is begun anew', when: COMMAND },
  'I12 packed': { how: 'a record is packed that was not told, or whose move is open', when: 'at each packing' },
} as const satisfies Readonly<Record<string, Looking>>

export type Rule = keyof typeof RULES

export interface Violation {
  readonly rule: Rule
  readonly what: string
}

/** What is broken first stands. */
export type Broken = (rule: Rule, what: string) => void
