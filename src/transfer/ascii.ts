// Foreign text as printable ASCII: nothing in it can break a line, a header or a terminal.

/** `text` with everything outside printable ASCII written as `\uXXXX`. */
export function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** `ascii`, and at most `charactersMax` of it. */
export function asciiCut(text: string, charactersMax: number): string {
  const whole = ascii(text)
  return whole.length > charactersMax ? `${whole.slice(0, charactersMax - 3)}...` : whole
}
