// What must hold of a whole ledger at every moment: usages are the sums of allocations, and nobody holds nothing.
import type { Allocations } from '../../src/transfer/snapshot.ts'

interface DumpedBooks {
  readonly providers: readonly { readonly id: string; readonly usages?: Readonly<Record<string, number>> }[]
  readonly consumers: readonly { readonly id: string; readonly allocations: Allocations }[]
}

/** Every sentence names one thing that is out of balance; empty where all is well. */
export function checkBooks(dump: DumpedBooks): string[] {
  const faults: string[] = []
  const sums = new Map<string, number>()
  for (const { id, allocations } of dump.consumers) {
    if (Object.keys(allocations).length === 0) faults.push(`consumer ${id} stands in the books and holds nothing`)
    for (const [provider, units] of Object.entries(allocations)) {
      if (!dump.providers.some((one) => one.id === provider))
        faults.push(`consumer ${id} holds of ${provider}, which is not there`)
      for (const [name, amount] of Object.entries(units)) {
        if (!Number.isInteger(amount) || amount < 1)
          faults.push(`consumer ${id} holds ${amount} ${name} of ${provider}`)
        sums.set(`${provider} ${name}`, (sums.get(`${provider} ${name}`) ?? 0) + amount)
      }
    }
  }
  for (const { id, usages = {} } of dump.providers) {
    for (const [name, used] of Object.entries(usages)) {
      const sum = sums.get(`${id} ${name}`) ?? 0
      if (sum !== used || used === 0) faults.push(`${id} ${name}: ${used} used, ${sum} allocated`)
      sums.delete(`${id} ${name}`)
    }
  }
  for (const [place, sum] of sums) faults.push(`${place}: nothing used, ${sum} allocated`)
  return faults
}
