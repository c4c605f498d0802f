// A Redis URL into where to connect and how: redis://, rediss://, redis+sentinel://, rediss+sentinel://.

export interface Address {
  /** Where, without credentials: for messages. */
  readonly where: string
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** Name of the master that the sentinels watch; null without sentinels. */
  readonly master: string | null
  readonly tls: boolean
  readonly username: string | null
  readonly password: string | null
  readonly db: number
}

const SHAPE = /^(rediss?)(\+sentinel)?:\/\/(?:([^@/]*)@)?([^/?#]+)(?:\/([^?#]*))?$/

/** Reads a Redis URL. Throws a `RangeError` that names what is wrong, never the credentials in it. */
export function addressOf(url: string): Address {
  if (url.startsWith('redis+cluster:')) {
    throw new RangeError("redis+cluster:// is not supported: name the master of the namespace's slot, or sentinels")
  }
  const found = SHAPE.exec(url)
  if (found === null) {
    throw new RangeError(
      'the Redis URL must read redis://[user:password@]host[:port][/db], rediss://… with TLS, ' +
        'or redis+sentinel://host:port,host:port/master[/db]',
    )
  }
  const [, scheme, sentinel, credentials, places, path] = found
  const [first, second] = (path ?? '').split('/')
  const master = sentinel === undefined ? null : (first ?? '')
  if (master === '') throw new RangeError('a redis+sentinel:// URL must end in the name of the master: /mymaster')
  const hosts = places!.split(',').map((place) => hostOf(place, master === null ? 6379 : 26379))
  if (master === null && hosts.length > 1) throw new RangeError('several hosts need redis+sentinel://')
  const colon = credentials?.indexOf(':') ?? -1
  const user = credentials === undefined || colon === 0 ? '' : credentials.slice(0, colon < 0 ? undefined : colon)
  return {
    where: hosts.map(({ host, port }) => `${host}:${port}`).join(','),
    hosts,
    master,
    tls: scheme === 'rediss',
    username: user === '' ? null : decodeURIComponent(user),
    password: credentials === undefined || colon < 0 ? null : decodeURIComponent(credentials.slice(colon + 1)),
    db: dbOf(master === null ? first : second),
  }
}

function hostOf(place: string, defaultPort: number): { host: string; port: number } {
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(place)
  const port = Number(found?.[2] ?? defaultPort)
  if (found === null || port < 1 || port > 65535) throw new RangeError(`"${place}" is no host with port`)
  return { host: found[1]!.replace(/^\[|\]$/g, ''), port }
}

function dbOf(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,5}$/.test(text)) throw new RangeError(`"${text}" is no number of a Redis database`)
  return Number(text)
}
