// What a scheduler asks for: one operation on the allocations of one consumer.

/** The operations, in the order of the contract's table. */
export const OPERATIONS = [
  'claim',
  'transfer',
  'retarget',
  'confirm',
  'revert',
  'acquire',
  'release',
  'resize',
  'adjust',
  'swap-consumer',
  'cancel',
] as const

export type Operation = (typeof OPERATIONS)[number]

/** Units by resource class, each an integer 1 … 2147483647. */
export type Amounts = Readonly<Record<string, number>>

export interface Owner {
  readonly project: string
  readonly user: string
  readonly type: string
}

/** Guards on the state before; each one given must hold. */
export interface Expect {
  readonly consumerGeneration?: number
  readonly project?: string
  readonly user?: string
  readonly type?: string
}

/** What the destination must offer. */
export interface Requires {
  readonly traits: readonly string[]
  readonly forbiddenTraits: readonly string[]
  readonly aggregates: readonly string[]
}

/**
 * A request as validated: uuids lower-case, defaults filled in, `null` where a field was not given.
 * The shape is the same for every operation; `message.ts` refuses fields an operation does not take.
 */
export interface Request {
  readonly version: 1
  readonly id: string
  readonly operation: Operation
  /** Null only for `cancel`, where it is optional. */
  readonly consumer: string | null
  readonly source: string | null
  readonly destination: string | null
  /** As given; the default (claim: derived from `id`; else the open move's) is applied by the plan. */
  readonly migration: string | null
  readonly mode: 'migration' | 'doubled'
  readonly resources: Amounts | null
  readonly destinationResources: Amounts | null
  readonly requires: Requires
  readonly alternates: readonly string[]
  readonly expect: Expect
  /** RFC 3339 with offset, as given. */
  readonly notAfter: string | null
  /** False: the sender forbids repeating after a timeout. It can forbid, never permit. */
  readonly idempotent: boolean
  readonly origin: string
  readonly context: Readonly<Record<string, unknown>>
  readonly replayOf: string | null
  readonly owner: Owner | null
  readonly force: boolean
  readonly policy: 'max' | 'sum' | 'replace'
  /** `adjust`: integer ≠ 0 by provider and class. */
  readonly deltas: Readonly<Record<string, Readonly<Record<string, number>>>> | null
  readonly newConsumer: string | null
  /** `cancel`: the request to cancel. */
  readonly request: string | null
}

/** Namespace of every uuid v5 that Ferryman derives. */
export const NAMESPACE_UUID = '2b594a08-ae0e-52e1-b5c5-6aa33692950d'
