// Objects keyed by uuids, made so that the engine keeps them as tables.

/**
 * An empty record for keys that are data. An ordinary object gets a hidden class of its own for each new set of keys,
 * which made up a fifth of a worker's time; one without a prototype is a hash table from the start.
 */
export function dictionary<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>
}

/** A dictionary with one entry. */
export function only<Value>(key: string, value: Value): Record<string, Value> {
  const one = dictionary<Value>()
  one[key] = value
  return one
}
