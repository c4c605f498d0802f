// What amqplib throws, told apart: refused for good, known not to have happened, or without an answer.
import { Refused, Unanswered, Unavailable } from '../../retry/failures.ts'
import type { Clock } from '../../clock/clock.ts'

/** AMQP reply codes that are acted on. */
export const NOT_FOUND = 404
export const PRECONDITION_FAILED = 406
export const ACCESS_REFUSED = 403
const NOT_ALLOWED = 530

/** The AMQP reply code an error carries, or null. */
export function codeOf(cause: unknown): number | null {
  const code = cause instanceof Error ? (cause as Error & { code?: unknown }).code : null
  return typeof code === 'number' ? code : null
}

export function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Why a connection could not be opened. `where` is host, port and vhost, without secrets. */
export function connectFailure(cause: unknown, where: string): Refused | Unavailable {
  const text = textOf(cause)
  if (/^Handshake terminated by server: 403\b/.test(text)) {
    return new Refused(`${where} refuses user and password; correct them in FERRYMAN_RABBITMQ_URL`, { cause })
  }
  // n.b. amqplib hides the reason in this case: 530 for an unknown vhost as well as for one the user may not enter.
  if (/^Expected ConnectionOpenOk; got <ConnectionClose/.test(text)) {
    return new Refused(
      `${where}: the virtual host does not exist or the user may not enter it; create it with ` +
        'rabbitmqctl add_vhost, or give rights with rabbitmqctl set_permissions',
      { cause },
    )
  }
  if (isRefusal(codeOf(cause)) || /^Handshake terminated by server: 530\b|^SASL mechanism/.test(text)) {
    return new Refused(`${where}: ${text}`, { cause })
  }
  return new Unavailable(`${where}: ${text}`, { cause })
}

/** Why an operation on an open connection failed. What changes nothing, or may be asked again, is `Unavailable`. */
export function operationFailure(cause: unknown, what: string): Error {
  if (cause instanceof Refused || cause instanceof Unavailable || cause instanceof Unanswered) return cause
  const text = `${what}: ${textOf(cause)}`
  return isRefusal(codeOf(cause)) ? new Refused(text, { cause }) : new Unavailable(text, { cause })
}

/** The result of `promise`. Rejects with `Unavailable` after `limitMs`, with the signal's reason when it aborts. */
export function within<T>(
  promise: Promise<T>,
  limitMs: number,
  what: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.timer(limitMs, () =>
      end(() => reject(new Unavailable(`${what}: no answer within ${limitMs} ms`))),
    )
    const onAbort = (): void => end(() => reject(signal?.reason))
    const end = (settle: () => void): void => {
      cancel()
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (result) => end(() => resolve(result)),
      (cause: unknown) => end(() => reject(cause)),
    )
  })
}

/** The answer of an operation on an open connection, within `limitMs`; rejects as `operationFailure` says. */
export async function answered<T>(answer: Promise<T>, limitMs: number, what: string, clock: Clock): Promise<T> {
  try {
    return await within(answer, limitMs, what, clock)
  } catch (cause) {
    throw operationFailure(cause, what)
  }
}

function isRefusal(code: number | null): boolean {
  return code === ACCESS_REFUSED || code === NOT_ALLOWED
}
