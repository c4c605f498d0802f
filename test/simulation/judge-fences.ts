// Whether fencing tokens do their part: of each resource, no older ticket writes after a newer one.
interface Mark {
  /** Runs of the store that lost something count: the numbers go back with them. */
  readonly era: number
  readonly ticket: number
}

export class Fences {
  readonly #newest = new Map<string, Mark>()
  /** Resources of each ticket ever given: it may be gone from the store when it is used. */
  readonly #covers = new Map<number, { readonly era: number; readonly resources: readonly string[] }>()
  #era = 0

  /** The store has lost its newest numbers. */
  tailLost(): void {
    this.#era += 1
  }

  noted(ticket: number, resources: readonly string[]): void {
    const known = this.#covers.get(ticket)
    if (known?.resources !== resources) this.#covers.set(ticket, { era: this.#era, resources })
  }

  /** A write was carried out under `ticket`: what is wrong with it, or null. `skips`: resources that are not judged. */
  wrote(ticket: number, skips: (resource: string) => boolean): string | null {
    const { era, resources } = this.#covers.get(ticket) ?? { era: this.#era, resources: [] }
    let fault: string | null = null
    for (const resource of resources) {
      if (skips(resource)) continue
      const newest = this.#newest.get(resource)
      const isOlder = newest !== undefined && (era < newest.era || (era === newest.era && ticket < newest.ticket))
      if (isOlder) fault ??= `ticket ${ticket} wrote to ${resource} after ticket ${newest.ticket}`
      else this.#newest.set(resource, { era, ticket })
    }
    return fault
  }
}
