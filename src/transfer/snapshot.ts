// What a ledger said at one moment: providers with inventories and usages, consumers with allocations and generations.

/** Units by resource class by provider uuid; an empty object is "holds nothing". */
export type Allocations = Readonly<Record<string, Readonly<Record<string, number>>>>

export interface Inventory {
  readonly total: number
  readonly reserved: number
  readonly allocation_ratio: number
  readonly min_unit: number
  readonly max_unit: number
  readonly step_size: number
}

export interface Provider {
  readonly id: string
  readonly name: string
  readonly parent: string | null
  /** Changes when the definition (inventories, traits, aggregates, parent) changes, not with each allocation. */
  readonly generation: number
  readonly traits: readonly string[]
  readonly aggregates: readonly string[]
  readonly inventories: Readonly<Record<string, Inventory>>
  readonly usages: Readonly<Record<string, number>>
}

/**
 * A consumer at one moment. One that holds nothing has `allocations` {} and `generation`, `type`, `project`, `user`
 * null.
 */
export interface Consumer {
  readonly id: string
  readonly generation: number | null
  /**
   * The generation that the next write gives it. The Redis ledger never restarts it; Placement gives an absent
   * consumer 1.
   */
  readonly nextGeneration: number
  readonly type: string | null
  readonly project: string | null
  readonly user: string | null
  readonly allocations: Allocations
}

/**
 * Only what was asked for is in it: an asked-for provider that does not exist is null, a consumer always has an entry.
 */
export interface Snapshot {
  readonly providers: Readonly<Record<string, Provider | null>>
  readonly consumers: Readonly<Record<string, Consumer>>
}

/** State of a consumer after a write, as it is written: `allocations` {} removes it. */
export interface Target {
  readonly generation: number
  readonly type: string
  readonly project: string
  readonly user: string
  readonly allocations: Allocations
}

/** A consumer as events tell it. */
export interface View {
  readonly generation: number | null
  readonly type: string | null
  readonly allocations: Allocations
}

/** An open (or lately ended) move of a consumer, as the journal remembers it. */
export interface Move {
  /** Id of the request that opened it. */
  readonly request: string
  readonly consumer: string
  /** Null for a doubled claim or an in-place resize. */
  readonly migration: string | null
  readonly mode: 'migration' | 'doubled' | 'resize'
  readonly source: string
  readonly destination: string
  /** `released`: its consumers were emptied while it was open. */
  readonly state: 'open' | 'confirmed' | 'reverted' | 'released'
  /**
   * The states that end it, by consumer; generations in them are null, since an open move is compared by allocations.
   */
  readonly confirm: Readonly<Record<string, View>>
  readonly revert: Readonly<Record<string, View>>
}
