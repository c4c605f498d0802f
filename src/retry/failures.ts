// The three ways in which asking can fail. Adapters throw these and nothing else for broken infrastructure.

/** No answer came: the request may have been carried out, or may yet be. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

/** It is known that nothing was carried out: the connection was refused, or the service itself said so. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/** It was not even asked: a breaker is open, since nobody is answered. Asking again at once would not help. */
export class Paused extends Unavailable {}

/** It will never be carried out as asked: wrong password, no permission, unknown vhost. */
export class Refused extends Error {
  override readonly name = 'Refused'
}
