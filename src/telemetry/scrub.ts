// Makes foreign text fit to be shown: credentials in URLs masked, control characters spelled out. Pure.

/** Up to the last `@` before a space or the next scheme: a password that was not percent-encoded is masked whole. */
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)([^\s/@:]*):(?:(?![a-z][a-z0-9+.-]*:\/\/)\S)*@/gi

/** Control characters (C0, DEL, C1), line separators, and the marks that turn the direction of text round. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** `text` with passwords of URLs as `***` (the user name stays), and control characters as `\xNN` or `\uNNNN`. */
export function scrub(text: string): string {
  return maskUrls(text).replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
  })
}

/** `text` with passwords of URLs replaced by `***`. */
export function maskUrls(text: string): string {
  return text.replace(CREDENTIALS, '$1$2:***@')
}

/** What went wrong, in one scrubbed phrase: the message, or the code of an error that has no message. */
export function reasonOf(failure: unknown): string {
  if (failure instanceof AggregateError && failure.message === '') return scrub(failure.errors.map(reasonOf).join('; '))
  if (failure instanceof Error) {
    const { code = failure.name } = failure as { code?: unknown }
    return scrub(failure.message === '' ? String(code) : failure.message)
  }
  return scrub(String(failure))
}
