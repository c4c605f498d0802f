// How a tidy test fails: with the faults themselves, one a line.
const SHOWN_MAX = 50

/** Throws when there are faults, and names the first fifty. */
export function none(faults: readonly string[]): void {
  if (faults.length === 0) return
  const rest = faults.length > SHOWN_MAX ? [`and ${faults.length - SHOWN_MAX} more`] : []
  throw new Error([`${faults.length} faults`, ...faults.slice(0, SHOWN_MAX), ...rest].join('\n  '))
}
