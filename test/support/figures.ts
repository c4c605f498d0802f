// What a run has measured, printed under its test as one line of JSON.
/** To be read by a person, and to be copied into the docs. */
export function printFigures(figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`      ${JSON.stringify(figures)}\n`)
}
