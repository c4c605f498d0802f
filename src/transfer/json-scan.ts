// One pass over raw JSON text before it is parsed: how deep it nests, and whether an object names a key twice.

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const LIST_OPENS = 0x5b
const LIST_CLOSES = 0x5d
const OBJECT_OPENS = 0x7b
const OBJECT_CLOSES = 0x7d

export interface Scan {
  /** Deepest nesting of objects and lists. The pass stops one level beyond `depthMax`. */
  readonly depth: number
  /** A key that one object has twice, compared after unescaping; null when there is none. */
  readonly duplicate: string | null
}

/**
 * Scans `text` in linear time and without recursion. It does not judge the grammar: `JSON.parse` does that afterwards,
 * on a text known to be shallow.
 */
export function scan(text: string, depthMax: number): Scan {
  const open: (Set<string> | null)[] = []
  let depth = 0
  let duplicate: string | null = null
  let keyIsNext = false
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at)
        const keys = open.at(-1)
        if (keyIsNext && keys) {
          const key = unescaped(text.slice(at, end + 1))
          if (keys.has(key)) duplicate ??= key
          keys.add(key)
          keyIsNext = false
        }
        at = end
        break
      }
      case OBJECT_OPENS:
      case LIST_OPENS:
        keyIsNext = text.charCodeAt(at) === OBJECT_OPENS
        open.push(keyIsNext ? new Set() : null)
        depth = Math.max(depth, open.length)
        if (depth > depthMax) return { depth, duplicate }
        break
      case OBJECT_CLOSES:
      case LIST_CLOSES:
        open.pop()
        keyIsNext = false
        break
      case COMMA:
        keyIsNext = open.at(-1) instanceof Set
        break
    }
  }
  return { depth, duplicate }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) return at
    if (unit === BACKSLASH) at++
  }
  return text.length
}

function unescaped(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1)
  try {
    return String(JSON.parse(literal))
  } catch {
    return literal // no string of JSON: the parser refuses the whole text
  }
}
