// The port to the books as a whole: seed, dump, and what one consumer or provider looks like.
import type { Consumer, Provider } from '../transfer/snapshot.ts'
import type { SeedViolation } from './seed-document.ts'

/** How many providers and consumers a seed wrote or left. */
export interface SeedCounts {
  readonly providersAdded: number
  readonly providersChanged: number
  readonly providersUnchanged: number
  readonly consumersAdded: number
  readonly consumersReplaced: number
  readonly consumersLeft: number
}

export interface Seeded {
  /** Null when something was wrong: nothing was written then. */
  readonly written: SeedCounts | null
  readonly violations: readonly SeedViolation[]
}

export type DumpedConsumer = Omit<Consumer, 'nextGeneration'>

/** The seed format with generations and usages, sorted by id. */
export interface Dump {
  readonly providers: readonly Provider[]
  readonly consumers: readonly DumpedConsumer[]
}

export interface ProviderView {
  readonly provider: Provider
  readonly consumers: readonly DumpedConsumer[]
}

export interface Books {
  /**
   * Checks `document` (parsed JSON) as a whole, then writes it; on Redis in one step. `replace`: also over other
   * allocations.
   */
  seed(document: unknown, options: { readonly replace: boolean }): Promise<Seeded>
  /** All of it; on Redis at one moment, on Placement while others may write. */
  dump(): Promise<Dump>
  /** Null: it holds nothing. */
  consumer(id: string): Promise<DumpedConsumer | null>
  /** Null: there is none. With the consumers that hold something of it. */
  provider(id: string): Promise<ProviderView | null>
}
