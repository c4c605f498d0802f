// Where the management API stands by default: beside the AMQP address. Pure.

/**
 * Same host, user and password, at RabbitMQ's usual port. What is encrypted for AMQP is encrypted here too: the
 * password is the same.
 */
export function managementUrlOf(amqpUrl: string): string {
  const { protocol, hostname, username, password } = new URL(amqpUrl)
  const credentials = username === '' && password === '' ? 'guest:guest' : `${username}:${password}`
  return protocol === 'amqps:' ? `https://${credentials}@${hostname}:15671` : `http://${credentials}@${hostname}:15672`
}
