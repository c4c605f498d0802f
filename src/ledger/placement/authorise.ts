// The port for credentials: which headers a request to Placement carries.

/**
 * Headers that prove who asks. `renew`: the last ones were refused (401), so a token that was kept must be fetched
 * anew. Rejects with `Unavailable` where whoever gives tokens does not answer, with `Refused` where none is given.
 */
export type Authorise = (renew: boolean) => Promise<Readonly<Record<string, string>>>

/** A token that is set once: for `noauth2` and an administrator's token. It cannot be renewed. */
export function tokenAuthorise(token: string): Authorise {
  return () => Promise.resolve({ 'x-auth-token': token })
}
