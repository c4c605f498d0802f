// AMQP URLs: the host without secrets, the virtual host, the user, the heartbeat.

/** Host, port and virtual host, for messages: never user or password. */
export function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port === '' ? defaultPort(protocol) : port}/${vhostOf(url)}`
}

/** Virtual host as the broker knows it; none given is `/`. */
export function vhostOf(url: string): string {
  const path = decodeURIComponent(new URL(url).pathname.slice(1))
  return path === '' ? '/' : path
}

/** The user that an AMQP URL names; none given is `guest`. */
export function userOf(url: string): string {
  return decodeURIComponent(new URL(url).username) || 'guest'
}

/** Sets the heartbeat, unless the URL says its own. */
export function withHeartbeat(url: string, heartbeatS: number): string {
  const parsed = new URL(url)
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(heartbeatS))
  return parsed.href
}

function defaultPort(protocol: string): string {
  return protocol === 'amqps:' ? '5671' : '5672'
}
