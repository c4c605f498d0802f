// The operations as data: which fields each takes, and how it stands to an open move. Schema and plan follow it.
import type { Operation, Request } from './request.ts'

/** Whether an operation takes a field. A field that is not named in its row is refused. */
export type Presence = 'required' | 'optional'

/** Fields that only some operations take. */
export type OwnField =
  | 'consumer'
  | 'source'
  | 'destination'
  | 'migration'
  | 'mode'
  | 'resources'
  | 'destinationResources'
  | 'requires'
  | 'alternates'
  | 'expect'
  | 'owner'
  | 'force'
  | 'policy'
  | 'deltas'
  | 'newConsumer'
  | 'request'

/** Fields that every operation takes. */
export const COMMON_FIELDS = {
  version: 'required',
  id: 'required',
  operation: 'required',
  notAfter: 'optional',
  idempotent: 'optional',
  origin: 'optional',
  context: 'optional',
  replayOf: 'optional',
} as const satisfies Partial<Record<keyof Request, Presence>>

export interface OperationRow {
  readonly fields: Readonly<Partial<Record<OwnField, Presence>>>
  /** `blocked`: refused while the consumer or M has an open move. `acts`: works on that move. */
  readonly openMove: 'blocked' | 'acts' | 'none'
  /** Whether `destination` is where resources go (else it is a guard, or not taken). */
  readonly goesToDestination: boolean
  /** Whether the providers now held, and the M of a recorded move, must be read too. */
  readonly readsHeld: boolean
}

const R = 'required'
const o = 'optional'

/** The contract's table of operations. */
export const OPERATION_TABLE: Readonly<Record<Operation, OperationRow>> = {
  claim: {
    fields: {
      consumer: R,
      source: R,
      destination: R,
      migration: o,
      mode: o,
      resources: o,
      destinationResources: o,
      requires: o,
      alternates: o,
      expect: o,
    },
    openMove: 'blocked',
    goesToDestination: true,
    readsHeld: false,
  },
  transfer: {
    fields: {
      consumer: R,
      source: R,
      destination: R,
      resources: o,
      destinationResources: o,
      requires: o,
      alternates: o,
      expect: o,
    },
    openMove: 'blocked',
    goesToDestination: true,
    readsHeld: false,
  },
  retarget: {
    fields: {
      consumer: R,
      source: R,
      destination: R,
      migration: o,
      resources: o,
      destinationResources: o,
      requires: o,
      alternates: o,
      expect: o,
    },
    openMove: 'acts',
    goesToDestination: true,
    readsHeld: true,
  },
  confirm: {
    fields: { consumer: R, source: o, destination: o, migration: o, expect: o },
    openMove: 'acts',
    goesToDestination: false,
    readsHeld: true,
  },
  revert: {
    fields: { consumer: R, source: o, destination: o, migration: o, expect: o },
    openMove: 'acts',
    goesToDestination: false,
    readsHeld: true,
  },
  acquire: {
    fields: { consumer: R, destination: R, resources: R, requires: o, alternates: o, owner: R },
    openMove: 'blocked',
    goesToDestination: true,
    readsHeld: false,
  },
  release: {
    fields: { consumer: R, source: o, migration: o, expect: o, force: o },
    openMove: 'acts',
    goesToDestination: false,
    readsHeld: true,
  },
  resize: {
    fields: { consumer: R, source: R, resources: R, requires: o, expect: o, policy: o },
    openMove: 'blocked',
    goesToDestination: false,
    readsHeld: false,
  },
  adjust: {
    fields: { consumer: R, expect: o, deltas: R },
    openMove: 'blocked',
    goesToDestination: false,
    readsHeld: false,
  },
  'swap-consumer': {
    fields: { consumer: R, expect: o, newConsumer: R },
    openMove: 'blocked',
    goesToDestination: false,
    readsHeld: true,
  },
  cancel: {
    fields: { consumer: o, request: R },
    openMove: 'none',
    goesToDestination: false,
    readsHeld: false,
  },
}
