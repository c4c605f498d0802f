// The name that a mistyped one most likely meant.

/** The nearest of `names` by edit distance, or null when none is near enough to be meant. */
export function nearestOf(name: string, names: Iterable<string>): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of names) {
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Ends a sentence with the nearest of `names`, or with a full stop. */
export function meant(name: string, names: Iterable<string>): string {
  const nearest = nearestOf(name, names)
  return nearest === null ? '.' : `; did you mean ${nearest}?`
}

function distanceOf(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const swap = left[row - 1] === right[column - 1] ? 0 : 1
      current.push(Math.min(current[column - 1]! + 1, previous[column]! + 1, previous[column - 1]! + swap))
    }
    previous = current
  }
  return previous[right.length]!
}
